// Draws a sound: its waveform over its spectrogram, with a line where it plays.
import { get } from "../api.js";
import { bytes, colour, ramp, sharp } from "./canvas.js";

const kept = new Map();

/** Return the plot of a preset; it is asked for once. */
export function presetPlot(key) {
  if (!kept.has(key)) {
    const plot = get("/bank/plot", { key }).then(unpack);
    plot.catch(() => kept.delete(key));
    kept.set(key, plot);
  }
  return kept.get(key);
}

/** Return a plot of the server with its numbers as arrays. */
export function unpack(plot) {
  return { ...plot, peaks: new Int8Array(bytes(plot.peaks).buffer), spectrum: bytes(plot.spectrum) };
}

/** Draw a plot; `played` is 0..1, or null when it does not sound. */
export function drawPlot(canvas, plot, { hue = "accent", played = null, spectrum = true } = {}) {
  const { context, width, height } = sharp(canvas);
  context.clearRect(0, 0, width, height);
  if (spectrum) {
    context.globalAlpha = 0.5;
    context.imageSmoothingEnabled = true;
    context.drawImage(image(plot, hue), 0, 0, width, height);
    context.globalAlpha = 1;
  }
  const { peaks, columns } = plot;
  let loudest = 1;
  for (const peak of peaks) loudest = Math.max(loudest, Math.abs(peak));
  const scale = (0.44 * height) / loudest;
  context.fillStyle = colour(hue);
  context.beginPath();
  const y = (value) => height / 2 - value * scale;
  context.moveTo(0, y(peaks[1]));
  for (let column = 0; column < columns; column += 1) {
    context.lineTo(((column + 0.5) / columns) * width, Math.min(y(peaks[2 * column + 1]), height / 2 - 0.5));
  }
  for (let column = columns - 1; column >= 0; column -= 1) {
    context.lineTo(((column + 0.5) / columns) * width, Math.max(y(peaks[2 * column]), height / 2 + 0.5));
  }
  context.closePath();
  context.fill();
  if (played !== null) {
    context.fillStyle = colour("ink");
    context.fillRect(Math.min(width - 2, played * width), 0, 1.5, height);
  }
}

const images = new WeakMap();
window.addEventListener("theme", () => {
  drawn += 1;
});
let drawn = 0;

function image(plot, hue) {
  const before = images.get(plot);
  if (before?.made === `${drawn} ${hue}`) return before.canvas;
  const { columns, rows, spectrum } = plot;
  const canvas = Object.assign(document.createElement("canvas"), { width: columns, height: rows });
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(columns, rows);
  const colours = ramp(hue);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const [red, green, blue] = colours[Math.round(0.75 * spectrum[row * columns + column])];
      pixels.data.set([red, green, blue, 255], 4 * ((rows - 1 - row) * columns + column));
    }
  }
  context.putImageData(pixels, 0, 0);
  images.set(plot, { canvas, made: `${drawn} ${hue}` });
  return canvas;
}
