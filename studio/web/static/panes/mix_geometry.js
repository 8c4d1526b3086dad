// The shapes of the pad: a line for two sounds, a triangle for three, a square for four.
import { colour, sharp } from "../parts/canvas.js";

const HUES = ["hit", "warm", "good", "texture"];
const INSET = 0.12;
const PLACES = {
  2: [[0, 0.5], [1, 0.5]],
  3: [[0.5, 0], [0, 1], [1, 1]],
  4: [[0, 0], [1, 0], [0, 1], [1, 1]],
};
const STEPS = 11;

/** Return the corners of the shape, 0..1, and where they lie on the pad. */
export function corners(count) {
  return { places: PLACES[count] || [], inset: (value) => INSET + value * (1 - 2 * INSET) };
}

/** Return the place 0..1 of a point of the pad, inside the shape. */
export function placeOf([padX, padY], count, xy) {
  const within = (value) => Math.max(0, Math.min(1, (value - INSET) / (1 - 2 * INSET)));
  const [x, y] = [within(padX), within(padY)];
  if (count === 2) return [Math.round(x * (STEPS - 1)) / (STEPS - 1), xy ? y : 0.5];
  if (count === 3) {
    const weights = barycentric([x, y]).map((weight) => Math.max(0, weight));
    const sum = weights.reduce((a, b) => a + b, 0);
    return [0, 1].map((axis) => weights.reduce((at, weight, index) => at + (weight / sum) * PLACES[3][index][axis], 0));
  }
  return [x, y];
}

function barycentric([x, y]) {
  const top = 1 - y;
  const right = x - top / 2;
  return [top, 1 - top - right, right];
}

/** Return the weight of each sound at a place; their sum is 1. */
export function weightsAt([x, y], count) {
  const weights = count === 2 ? [1 - x, x] : count === 3 ? barycentric([x, y]) : [(1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y];
  return weights.map((weight) => Math.round(1e4 * Math.max(0, weight)) / 1e4);
}

/** Draw the pad with its sounds, and the point. */
export function drawPad(canvas, { rows, place, weights, xy, effort, still }) {
  const { context, width, height } = sharp(canvas);
  context.clearRect(0, 0, width, height);
  const count = rows.length;
  const { places, inset } = corners(count);
  const at = ([x, y]) => [inset(x) * width, inset(y) * height];
  context.font = `13px ${getComputedStyle(document.body).fontFamily}`;
  context.textAlign = "center";
  if (count < 2) {
    context.fillStyle = colour("faint");
    context.fillText("Choose two, three or four sounds", width / 2, height / 2);
    return;
  }
  const shape = count === 2 && xy ? [[0, 0], [1, 0], [1, 1], [0, 1]] : count === 4 ? [places[0], places[1], places[3], places[2]] : places;
  context.strokeStyle = colour("grid");
  context.fillStyle = colour("surface");
  context.lineWidth = 1;
  context.beginPath();
  shape.forEach((corner, index) => context[index ? "lineTo" : "moveTo"](...at(corner)));
  context.closePath();
  if (count > 2 || xy) context.fill();
  context.stroke();
  if (count === 2) {
    for (let step = 0; step < STEPS; step += 1) {
      const [x, y] = at([step / (STEPS - 1), 0.5]);
      context.fillStyle = colour("grid");
      context.fillRect(x - 0.5, y - (xy ? (height * (1 - 2 * 0.12)) / 2 : 7), 1, xy ? height * (1 - 2 * 0.12) : 14);
    }
  }
  const point = at(place);
  if (!still) {
    places.forEach((corner, index) => {
      const target = count === 2 && xy ? at([corner[0], place[1]]) : at(corner);
      context.strokeStyle = colour(HUES[index]);
      context.globalAlpha = 0.25 + 0.75 * weights[index];
      context.lineWidth = 1 + 5 * weights[index];
      context.beginPath();
      context.moveTo(...point);
      context.lineTo(...target);
      context.stroke();
    });
    context.globalAlpha = 1;
  }
  places.forEach((corner, index) => {
    const [x, y] = at(corner);
    context.fillStyle = colour(HUES[index]);
    context.beginPath();
    context.arc(x, y, 7 + 8 * (still ? 0.5 : weights[index]), 0, 2 * Math.PI);
    context.fill();
    context.fillStyle = colour("ink");
    const above = corner[1] < 0.5 || (count === 2 && !xy);
    const side = corner[0] === 0 ? "left" : corner[0] === 1 ? "right" : "center";
    context.textAlign = side;
    const edge = side === "left" ? Math.max(8, x - 24) : side === "right" ? Math.min(width - 8, x + 24) : x;
    const share = still ? "" : `  ${Math.round(100 * weights[index])} %`;
    context.fillText(rows[index].name + share, edge, above ? y - 24 : y + 34, width / 2 - 12);
  });
  if (xy && count === 2) {
    context.save();
    context.fillStyle = colour("faint");
    context.textAlign = "center";
    context.translate(16, height / 2);
    context.rotate(-Math.PI / 2);
    context.fillText(`effort ${Math.round(100 * effort)} %`, 0, 0);
    context.restore();
  }
  context.fillStyle = colour("ink");
  context.strokeStyle = colour("paper");
  context.lineWidth = 3;
  context.globalAlpha = still ? 0.3 : 1;
  context.beginPath();
  context.arc(...point, 9, 0, 2 * Math.PI);
  context.fill();
  context.stroke();
  context.globalAlpha = 1;
}
