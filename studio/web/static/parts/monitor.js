// The strip below: a spectrum of the output that moves, on a logarithmic scale, and the name of what is heard.
import { h } from "../dom.js";
import { colour, ramp } from "./canvas.js";

const [LOW_HZ, HIGH_HZ] = [60, 18000];
const [LOW_DB, HIGH_DB] = [-100, -28];
const MARKS = { 100: "100", 1000: "1k", 10000: "10k" };
const STILL_FRAMES = 240;

export class Monitor {
  constructor(place, studio) {
    this.sound = studio.sound;
    this.canvas = h("canvas", { role: "img", "aria-label": "Spectrum of the output" });
    this.now = h("p.now", {}, "Press a preset to hear it");
    place.append(this.canvas, this.now, ...Object.entries(MARKS).map(([hz, text]) => {
      const mark = h("span", { class: "scale wide", "aria-hidden": "true" }, text);
      mark.style.top = `${100 * (1 - at(Number(hz)))}%`;
      return mark;
    }));
    studio.addEventListener("heard", ({ detail }) => {
      this.now.textContent = detail;
    });
    window.addEventListener("theme", () => {
      this.canvas.width = 0;
    });
    this.data = new Float32Array(1024);
    this.still = STILL_FRAMES;
    requestAnimationFrame(() => this.draw());
  }

  draw() {
    requestAnimationFrame(() => this.draw());
    const { canvas } = this;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (canvas.width !== width || canvas.height !== height) {
      Object.assign(canvas, { width, height });
      const fresh = canvas.getContext("2d");
      fresh.fillStyle = colour("surface");
      fresh.fillRect(0, 0, width, height);
    }
    const { analyser } = this.sound;
    if (!analyser || document.hidden) return;
    analyser.getFloatFrequencyData(this.data);
    const loudest = this.data.reduce((most, value) => Math.max(most, value), -200);
    this.still = loudest > LOW_DB ? 0 : this.still + 1;
    if (this.still > STILL_FRAMES) return; // nothing to see: cost nothing
    const context = canvas.getContext("2d");
    context.drawImage(canvas, -2, 0);
    const colours = ramp();
    const column = context.createImageData(2, height);
    for (let y = 0; y < height; y += 1) {
      const hz = LOW_HZ * (HIGH_HZ / LOW_HZ) ** (1 - y / height);
      const bin = (hz / (this.sound.context.sampleRate / 2)) * this.data.length;
      const low = Math.floor(bin);
      const level = this.data[low] + (this.data[Math.min(low + 1, 1023)] - this.data[low]) * (bin - low);
      const index = Math.max(0, Math.min(255, Math.round((255 * (level - LOW_DB)) / (HIGH_DB - LOW_DB)) || 0));
      const [red, green, blue] = colours[index];
      for (const x of [0, 1]) column.data.set([red, green, blue, 255], 4 * (2 * y + x));
    }
    context.putImageData(column, width - 2, 0);
  }
}

function at(hz) {
  return Math.log(hz / LOW_HZ) / Math.log(HIGH_HZ / LOW_HZ);
}
