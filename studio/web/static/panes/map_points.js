// Draws the points of the map, and knows which point is where. 10,000 points are one picture that is moved.
import { colour, sharp } from "../parts/canvas.js";

const NAMES = ["hit", "warm", "good", "texture", "hot", "bad", "accent", "quiet"];
const SHIFTS = [0, 24, -24, 48, -48];
const NEAR_PIXELS = 9;
const MANY = 1500;
const DISC = 7;
const MARGIN = 48;

/** Return a scale's name for people. */
export function scaleName(scale) {
  return scale.replace(/^pca\.(\d)$/, (_, number) => `PCA ${Number(number) + 1}`).replace("axis.", "").replace("latent.", "latent ");
}

export class Points {
  constructor(canvas) {
    Object.assign(this, { canvas, x: [], y: [], groups: [], of: [], view: { cx: 0, cy: 0, scale: 1 }, chosen: -1, marked: null, drawn: [], closed: false, wanted: false });
  }

  set(x, y) {
    Object.assign(this, { x, y, chosen: -1, marked: null, drawn: [] });
  }

  /** Colour each point by its word; return the groups, the largest first. */
  colour(words) {
    const counts = new Map();
    for (const word of words) counts.set(word, (counts.get(word) || 0) + 1);
    const names = [...counts.keys()].sort((a, b) => counts.get(b) - counts.get(a) || a.localeCompare(b));
    this.groups = names.map((name, index) => ({ name, colour: hue(index) }));
    const numbers = new Map(names.map((name, index) => [name, index]));
    this.of = words.map((word) => numbers.get(word));
    this.draw();
    return this.groups;
  }

  /** Show all points. One point, or equal points, lie in the middle. */
  fit() {
    this.fitted = this.canvas.clientWidth > 0; // a pane that is not shown has no size yet
    const { width, height } = this.size();
    const [left, right] = ends(this.x);
    const [low, high] = ends(this.y);
    this.stretch = (width - 2 * MARGIN) / (right - left) / ((height - 2 * MARGIN) / (high - low));
    this.view = { cx: (left + right) / 2, cy: (low + high) / 2, scale: Math.max(1, height - 2 * MARGIN) / (high - low) };
    this.draw();
  }

  size() {
    return { width: this.canvas.clientWidth || 600, height: this.canvas.clientHeight || 400 };
  }

  toScreen(x, y) {
    const { width, height } = this.size();
    const { cx, cy, scale } = this.view;
    return [width / 2 + (x - cx) * scale * this.stretch, height / 2 - (y - cy) * scale];
  }

  toMap([left, top]) {
    const { width, height } = this.size();
    const { cx, cy, scale } = this.view;
    return [cx + (left - width / 2) / (scale * this.stretch), cy - (top - height / 2) / scale];
  }

  pan(byX, byY) {
    const { scale } = this.view;
    this.view.cx -= byX / (scale * this.stretch);
    this.view.cy += byY / scale;
    this.draw();
  }

  zoom(by, at = null) {
    const { width, height } = this.size();
    const place = at || [width / 2, height / 2];
    const before = this.toMap(place);
    this.view.scale *= by;
    const after = this.toMap(place);
    this.view.cx += before[0] - after[0];
    this.view.cy += before[1] - after[1];
    this.draw();
  }

  highlight(point) {
    if (point !== this.chosen) {
      this.chosen = point;
      this.draw();
    }
  }

  mark(place) {
    this.marked = place;
    this.draw();
  }

  line(drawn, closed = false) {
    Object.assign(this, { drawn, closed });
    this.draw();
  }

  /** Return the point under a place of the canvas; −1 if there is none. */
  near([left, top]) {
    let [best, least] = [-1, NEAR_PIXELS];
    for (let index = 0; index < this.x.length; index += 1) {
      const [x, y] = this.toScreen(this.x[index], this.y[index]);
      const distance = Math.hypot(x - left, y - top);
      if (distance < least) [best, least] = [index, distance];
    }
    return best;
  }

  /** Return the nearest point in a direction; −1 if there is none. */
  towards(from, [byX, byY]) {
    const [fromX, fromY] = this.toScreen(this.x[from], this.y[from]);
    let [best, least] = [-1, Infinity];
    for (let index = 0; index < this.x.length; index += 1) {
      const [x, y] = this.toScreen(this.x[index], this.y[index]);
      const ahead = (x - fromX) * byX + (y - fromY) * byY;
      const aside = Math.abs((x - fromX) * byY) + Math.abs((y - fromY) * byX);
      const distance = ahead + 2 * aside;
      if (ahead > 0.5 && aside <= 2 * ahead && distance < least) [best, least] = [index, distance];
    }
    return best;
  }

  /** Return the points inside a drawn line. */
  inside(line) {
    const result = [];
    for (let index = 0; index < this.x.length; index += 1) {
      const [x, y] = this.toScreen(this.x[index], this.y[index]);
      let crossings = 0;
      for (let at = 0, before = line.length - 1; at < line.length; before = at, at += 1) {
        const [[x1, y1], [x2, y2]] = [line[at], line[before]];
        if (y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) crossings += 1;
      }
      if (crossings % 2) result.push(index);
    }
    return result;
  }

  draw() {
    if (this.wanted) return;
    this.wanted = true;
    requestAnimationFrame(() => {
      this.wanted = false;
      if (this.canvas.clientWidth) this.paint();
    });
  }

  paint() {
    const { context, width, height } = sharp(this.canvas);
    context.clearRect(0, 0, width, height);
    if (this.x.length > MANY) this.dots(context);
    else this.discs(context, width, height);
    context.globalCompositeOperation = "destination-over";
    this.grid(context, width, height);
    context.globalCompositeOperation = "source-over";
    context.globalAlpha = 1;
    context.lineWidth = 2;
    context.strokeStyle = colour("ink");
    if (this.chosen >= 0) ring(context, this.toScreen(this.x[this.chosen], this.y[this.chosen]), 8);
    if (this.marked) {
      const [x, y] = this.toScreen(...this.marked);
      context.strokeStyle = colour("accent");
      ring(context, [x, y], 6);
      context.fillStyle = colour("accent");
      context.fillRect(x - 1, y - 12, 2, 24);
      context.fillRect(x - 12, y - 1, 24, 2);
    }
    if (this.drawn.length > 1) {
      context.strokeStyle = colour("accent");
      context.beginPath();
      this.drawn.forEach((place, index) => context[index ? "lineTo" : "moveTo"](...place));
      if (this.closed) {
        context.closePath();
        context.fillStyle = colour("accent-soft");
        context.fill();
      }
      context.stroke();
    }
  }

  discs(context, width, height) {
    this.groups.forEach(({ colour: fill }, group) => {
      context.fillStyle = fill;
      context.beginPath();
      for (let index = 0; index < this.x.length; index += 1) {
        if (this.of[index] !== group) continue;
        const [x, y] = this.toScreen(this.x[index], this.y[index]);
        if (x < -8 || y < -8 || x > width + 8 || y > height + 8) continue;
        context.moveTo(x + DISC / 2, y);
        context.arc(x, y, DISC / 2, 0, 2 * Math.PI);
      }
      context.fill();
    });
  }

  /** Write many points as pixels: much faster than shapes. */
  dots(context) {
    const { width, height } = this.canvas;
    if (this.image?.width !== width || this.image?.height !== height) {
      this.image = context.createImageData(width, height);
      this.pixels = new Uint32Array(this.image.data.buffer);
    }
    const { image, pixels } = this;
    const across = width / this.size().width;
    const size = Math.max(2, Math.round(3 * across));
    const colours = this.groups.map(({ colour: fill }) => {
      const [red, green, blue] = fill.match(/\d+/g).map(Number);
      return (0xff000000 | (blue << 16) | (green << 8) | red) >>> 0;
    });
    const { cx, cy, scale } = this.view;
    const [byX, byY] = [scale * this.stretch * across, scale * across];
    pixels.fill(0);
    for (let index = 0; index < this.x.length; index += 1) {
      const left = Math.round(width / 2 + (this.x[index] - cx) * byX - size / 2);
      const top = Math.round(height / 2 - (this.y[index] - cy) * byY - size / 2);
      if (left < 0 || top < 0 || left + size > width || top + size > height) continue;
      for (let row = top; row < top + size; row += 1) pixels.fill(colours[this.of[index]], row * width + left, row * width + left + size);
    }
    context.putImageData(image, 0, 0);
  }

  grid(context, width, height) {
    context.strokeStyle = colour("line");
    context.lineWidth = 1;
    const [x, y] = this.toScreen(0, 0);
    context.beginPath();
    context.moveTo(Math.round(x) + 0.5, 0);
    context.lineTo(Math.round(x) + 0.5, height);
    context.moveTo(0, Math.round(y) + 0.5);
    context.lineTo(width, Math.round(y) + 0.5);
    context.stroke();
  }
}

function ring(context, [x, y], radius) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.stroke();
}

function ends(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
  if (!Number.isFinite(low)) return [-1, 1];
  return high - low > 1e-9 ? [low, high] : [low - 1, high + 1];
}

/** Return the colour of a group: the theme's colours, then the same with other lightness. */
function hue(index) {
  const base = colour(NAMES[index % NAMES.length]);
  const shift = SHIFTS[Math.floor(index / NAMES.length) % SHIFTS.length];
  const shifted = [1, 3, 5].map((at) => Math.max(0, Math.min(255, parseInt(base.slice(at, at + 2), 16) + shift)));
  return `rgb(${shifted.join(" ")})`;
}
