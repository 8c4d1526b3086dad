// Draws the lanes: ruler, guide, cues. Only what is visible is drawn, and nothing while nothing changes.
import { colour, sharp } from "../parts/canvas.js";
import { Waves } from "./waves.js";

export const RULER = 30;
export const GUIDE = 46;
const LABEL_WIDTH = 34;
const EDGE = 7;
const STEM_COLOURS = ["hit", "texture", "warm", "good", "hot"];

export class LanesView {
  constructor(canvas, model, transport) {
    Object.assign(this, { canvas, model, transport, start: 0, perPixel: 4800, top: 0, laneHeight: 76, ghost: null, asked: false });
    this.waves = new Waves(model, () => this.draw());
    this.frames = [];
    for (const kind of ["sheet", "rows", "selection", "details", "media"]) model.addEventListener(kind, () => this.draw());
    model.addEventListener("sheet", () => this.fit());
    for (const kind of ["moved", "state"]) transport.addEventListener(kind, () => this.draw());
    window.addEventListener("theme", () => this.draw());
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  get lanesTop() {
    return RULER + (this.model.view?.guide?.name ? GUIDE : 0);
  }

  get width() {
    return this.canvas.clientWidth;
  }

  x(samples) {
    return (samples - this.start) / this.perPixel;
  }

  samples(x) {
    return Math.round(this.start + x * this.perPixel);
  }

  /** Show the whole programme. */
  fit() {
    this.start = 0;
    this.perPixel = Math.max(0.05, (this.model.length * 1.03) / Math.max(200, this.width));
    this.draw();
  }

  /** Zoom by a factor, keeping the sample at x where it is. */
  zoom(factor, x = this.width / 2) {
    const fixed = this.start + x * this.perPixel;
    const widest = (this.model.length * 1.2) / Math.max(200, this.width);
    this.perPixel = Math.min(Math.max(widest, 100), Math.max(1 / 24, this.perPixel * factor));
    this.scrollTo(fixed - x * this.perPixel);
  }

  scrollTo(start) {
    this.start = Math.max(-20 * this.perPixel, Math.min(start, this.model.length));
    this.draw();
  }

  scrollLanes(pixels) {
    const most = this.model.stems ? this.model.stems.length * this.laneHeight - (this.canvas.clientHeight - this.lanesTop) : 0;
    this.top = Math.max(0, Math.min(this.top + pixels, most));
    this.draw();
    this.dispatch?.();
  }

  /** Bring a part of the programme into view. */
  reveal(start, stop = start) {
    const span = this.width * this.perPixel;
    if (start < this.start || stop > this.start + span) this.scrollTo(start - span * 0.2);
  }

  /** Return the stem at y, or null. */
  stemAt(y) {
    const index = Math.floor((y - this.lanesTop + this.top) / this.laneHeight);
    return y >= this.lanesTop ? this.model.stems[index] ?? null : null;
  }

  laneY(stem) {
    return this.lanesTop - this.top + this.model.stems.indexOf(stem) * this.laneHeight;
  }

  /** Return { row, part } at a point: part is "start", "end" or "body"; null for none. The last drawn wins. */
  rowAt(x, y) {
    const stem = this.stemAt(y);
    if (!stem) return null;
    let found = null;
    const reach = EDGE * this.perPixel;
    this.model.visit(stem, this.samples(x) - reach, this.samples(x) + reach, (row) => {
      const left = this.x(row.start);
      const right = Math.max(left + 3, this.x(row.start + this.model.lengthOf(row)));
      if (x < left - 2 || x > right + 2) return;
      const wide = right - left > 4 * EDGE;
      const part = wide && x < left + EDGE ? "start" : wide && x > right - EDGE ? "end" : "body";
      if (!found || !this.model.selected.has(found.row.id)) found = { row, part };
    });
    return found;
  }

  /** Draw before the next frame is shown. */
  draw() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => {
      this.asked = false;
      this.paint();
    });
  }

  paint() {
    const { context, width, height } = sharp(this.canvas);
    if (!width || !height) return;
    context.clearRect(0, 0, width, height);
    if (!this.model.isOpen) return;
    this.paintLanes(context, width, height);
    this.paintGuide(context, width);
    this.paintRuler(context, width);
    this.paintOver(context, width, height);
    this.waves.load();
  }

  stemColour(stem) {
    return colour(STEM_COLOURS[this.model.stems.indexOf(stem) % STEM_COLOURS.length]);
  }

  paintLanes(context, width, height) {
    const [from, to] = [this.samples(0), this.samples(width)];
    const end = this.model.view.end;
    context.save();
    context.beginPath();
    context.rect(0, this.lanesTop, width, height - this.lanesTop);
    context.clip();
    for (const stem of this.model.stems) {
      const y = this.laneY(stem);
      if (y > height || y + this.laneHeight < this.lanesTop) continue;
      context.fillStyle = colour("line");
      context.fillRect(0, y + this.laneHeight - 1, width, 1);
      const quiet = !this.isHeard(stem);
      const tint = this.stemColour(stem);
      let last = -1;
      const selected = [];
      this.model.visit(stem, from, to, (row) => {
        const left = this.x(row.start);
        const right = this.x(row.start + this.model.lengthOf(row));
        if (this.model.selected.has(row.id)) selected.push(row);
        else if (right - left >= 3) this.paintRow(context, row, left, right, y, tint, quiet);
        else if (Math.floor(left) > last) {
          last = Math.floor(left);
          context.globalAlpha = row.muted || quiet ? 0.3 : 0.85;
          context.fillStyle = tint;
          context.fillRect(last, y + 8, 1.5, this.laneHeight - 16);
          context.globalAlpha = 1;
        }
      });
      for (const row of selected) {
        const left = this.x(row.start);
        this.paintRow(context, row, left, Math.max(left + 3, this.x(row.start + this.model.lengthOf(row))), y, tint, quiet);
      }
    }
    if (end !== null) {
      context.fillStyle = colour("paper");
      context.globalAlpha = 0.6;
      context.fillRect(this.x(end), this.lanesTop, width, height);
      context.globalAlpha = 1;
    }
    context.restore();
  }

  isHeard(stem) {
    const states = this.model.view.listening;
    const solo = Object.values(states).some((state) => state.solo);
    return solo ? Boolean(states[stem]?.solo) : !states[stem]?.muted;
  }

  paintRow(context, row, left, right, y, tint, quiet) {
    const selected = this.model.selected.has(row.id);
    const ghost = selected && this.ghost ? this.ghost : null;
    if (ghost) {
      const length = right - left;
      left = this.x(row.start + (ghost.start || 0));
      right = ghost.edge ? this.x(row.start + this.model.lengthOf(row) + (ghost.end || 0)) : left + length;
    }
    const [x0, x1] = [Math.max(-10, left), Math.min(this.width + 10, right)];
    const [top, size] = [y + 5, this.laneHeight - 11];
    const faint = row.muted || quiet;
    context.globalAlpha = faint ? 0.45 : 1;
    context.beginPath();
    context.roundRect(x0, top, Math.max(2, x1 - x0 - 0.5), size, 3);
    context.fillStyle = tint;
    context.globalAlpha *= selected ? 0.34 : 0.17;
    context.fill();
    context.globalAlpha = faint ? 0.45 : 1;
    context.save();
    context.clip();
    context.fillStyle = tint;
    context.globalAlpha *= selected ? 0.75 : 0.42;
    context.fillRect(x0, top, x1 - x0, 16);
    context.globalAlpha = faint ? 0.4 : 0.95;
    this.paintInside(context, row, left, right, top, size, tint);
    context.globalAlpha = faint ? 0.6 : 1;
    if (x1 - x0 > LABEL_WIDTH) {
      context.fillStyle = colour("ink");
      context.font = "600 11px Inter, system-ui, sans-serif";
      context.textBaseline = "middle";
      const words = row.kind === "cue" ? row.preset || row.id : `${row.cells.gait || row.kind} · ${row.preset || row.cells.follow || ""}`;
      context.fillText(words, Math.max(x0, 0) + 6, top + 8.5);
    }
    context.restore();
    context.globalAlpha = 1;
    if (selected) {
      context.strokeStyle = colour("ink");
      context.lineWidth = 1.5;
      context.stroke();
    } else {
      context.fillStyle = tint;
      context.fillRect(x0, top, 1.5, size);
    }
    if (row.muted) this.paintMuted(context, x0, x1, top, size);
    const findings = this.model.findingsOf.get(row.id);
    if (findings) this.paintFinding(context, Math.min(x1, this.width) - 9, top + 8, findings.some((one) => one.stops));
  }

  paintInside(context, row, left, right, top, size, tint) {
    const steps = this.model.details.steps[row.id];
    const middle = top + 16 + (size - 16) / 2;
    if (steps) {
      context.fillStyle = tint;
      const shift = left - this.x(row.start);
      let last = -9;
      for (const at of steps) {
        const x = this.x(at) + shift;
        if (x < -4 || x > this.width + 4 || x - last < 1.5) continue;
        last = x;
        const tall = (size - 16) * 0.62;
        context.fillRect(x, middle - tall / 2, 2, tall);
      }
      return;
    }
    if (row.kind === "cue" && right - left > 16) this.waves.paint(context, row, left, middle, (size - 20) / 2, tint, this);
  }

  paintMuted(context, x0, x1, top, size) {
    context.strokeStyle = colour("faint");
    context.lineWidth = 1;
    context.setLineDash([3, 3]);
    context.strokeRect(x0 + 0.5, top + 0.5, Math.max(2, x1 - x0 - 1), size - 1);
    context.setLineDash([]);
  }

  paintFinding(context, x, y, stops) {
    context.fillStyle = colour(stops ? "bad" : "warm");
    context.beginPath();
    context.moveTo(x, y - 5);
    context.lineTo(x + 5.5, y + 4.5);
    context.lineTo(x - 5.5, y + 4.5);
    context.closePath();
    context.fill();
    context.strokeStyle = colour("surface");
    context.lineWidth = 1;
    context.stroke();
  }

  paintGuide(context, width) {
    if (!this.model.view.guide?.name) return;
    context.fillStyle = colour("surface");
    context.fillRect(0, RULER, width, GUIDE);
    context.fillStyle = colour("line");
    context.fillRect(0, RULER + GUIDE - 1, width, 1);
    this.waves.paintGuide(context, this, RULER + GUIDE / 2, GUIDE / 2 - 5);
    for (const hit of this.model.suggestions) {
      const x = this.x(hit.start);
      if (x < 0 || x > width) continue;
      context.fillStyle = colour(hit.taken ? "faint" : "warm");
      context.fillRect(x, RULER + 2, 1.5, GUIDE - 5);
    }
  }

  paintRuler(context, width) {
    const { clock } = this.model;
    context.fillStyle = colour("surface");
    context.fillRect(0, 0, width, RULER);
    context.fillStyle = colour("line");
    context.fillRect(0, RULER - 1, width, 1);
    context.font = "500 11px ui-monospace, 'DejaVu Sans Mono', monospace";
    context.textBaseline = "middle";
    const { step, at } = clock.ruler(this.perPixel * 104);
    for (let index = Math.max(0, Math.floor(this.start / step) - 1); ; index += 1) {
      const [here, next] = [at(index), at(index + 1)];
      const x = this.x(here);
      if (x > width) break;
      context.fillStyle = colour("grid");
      context.fillRect(x, RULER - 11, 1, 10);
      for (let part = 1; part < 5; part += 1) context.fillRect(x + (part * (next - here)) / this.perPixel / 5, RULER - 6, 1, 5);
      context.fillStyle = colour("quiet");
      context.fillText(this.perPixel < 4 ? clock.exactLabel(here) : clock.label(here), x + 5, RULER / 2 - 2);
    }
  }

  paintOver(context, width, height) {
    const { range, position } = this.transport;
    if (range) {
      const [x0, x1] = range.map((at) => this.x(at));
      context.fillStyle = colour("accent");
      context.globalAlpha = 0.1;
      context.fillRect(x0, RULER, x1 - x0, height - RULER);
      context.globalAlpha = this.transport.loop ? 0.9 : 0.5;
      context.fillRect(x0, RULER - 4, x1 - x0, 4);
      context.globalAlpha = 1;
    }
    if (this.ghost?.line !== undefined) {
      context.fillStyle = colour("warm");
      context.fillRect(this.x(this.ghost.line), RULER, 1, height);
    }
    const x = this.x(position);
    if (x >= -8 && x <= width + 8) {
      context.fillStyle = colour("ink");
      context.fillRect(Math.round(x) - 0.5, RULER - 6, 1, height);
      context.beginPath();
      context.moveTo(x - 5.5, RULER - 13);
      context.lineTo(x + 5.5, RULER - 13);
      context.lineTo(x + 5.5, RULER - 8);
      context.lineTo(x, RULER - 2);
      context.lineTo(x - 5.5, RULER - 8);
      context.closePath();
      context.fill();
    }
  }
}
