// A level meter: peak of left and right, with a line that holds the highest peak for a moment.
import { colour, sharp } from "./canvas.js";

const LOWEST_DB = -60;
const FALL_DB = 0.7;
const HOLD_FRAMES = 60;

export class Meter {
  constructor(canvas, sound) {
    Object.assign(this, { canvas, sound, level: LOWEST_DB, held: LOWEST_DB, since: 0, data: new Float32Array(2048) });
    requestAnimationFrame(() => this.draw());
  }

  draw() {
    requestAnimationFrame(() => this.draw());
    let peak = 0;
    if (this.sound.analyser) {
      this.sound.analyser.getFloatTimeDomainData(this.data);
      for (const sample of this.data) peak = Math.max(peak, Math.abs(sample));
    }
    const db = peak > 0 ? Math.max(LOWEST_DB, 20 * Math.log10(peak)) : LOWEST_DB;
    this.level = Math.max(db, this.level - FALL_DB);
    this.since += 1;
    if (db >= this.held || this.since > HOLD_FRAMES) [this.held, this.since] = [this.level, 0];
    const { context, width, height } = sharp(this.canvas);
    const at = (value) => ((value - LOWEST_DB) / -LOWEST_DB) * width;
    context.clearRect(0, 0, width, height);
    const top = height / 2 - 3;
    context.fillStyle = colour("line");
    context.fillRect(0, top, width, 6);
    context.fillStyle = colour("good");
    context.fillRect(0, top, Math.min(at(this.level), at(-12)), 6);
    context.fillStyle = colour("warm");
    if (this.level > -12) context.fillRect(at(-12), top, Math.min(at(this.level), at(-3)) - at(-12), 6);
    context.fillStyle = colour("bad");
    if (this.level > -3) context.fillRect(at(-3), top, at(this.level) - at(-3), 6);
    context.fillStyle = colour("ink");
    if (this.held > LOWEST_DB) context.fillRect(at(this.held) - 1, top - 2, 1.5, 10);
  }
}
