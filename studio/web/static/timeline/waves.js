// Waveforms of cues and of the guide: asked for when they are visible, kept, and drawn.
import { get, post } from "../api.js";
import { bytes, colour } from "../parts/canvas.js";
import { channelsOf } from "../sound/clips.js";

const AT_ONCE = 16;
const MOST_KEPT = 4000;
const FULL_SCALE = 32767;
const MOST_EXACT = 480000;

const pairsOf = (wave) => ({ ...wave, pairs: new Int16Array(bytes(wave.pairs).buffer) });

/** Return what decides a cue's sound in this sheet. */
function signature(row) {
  const { note, id, ...sound } = row.cells;
  return JSON.stringify([row.duration, sound]);
}

export class Waves {
  constructor(model, changed) {
    Object.assign(this, { model, changed, kept: new Map(), wanted: new Map(), guide: null, busy: false, guideBusy: false });
    model.addEventListener("sheet", () => this.kept.clear());
    model.addEventListener("media", () => {
      this.guide = null;
    });
  }

  paint(context, row, left, middle, half, tint, view) {
    const mark = signature(row);
    const kept = this.kept.get(row.id);
    if (!kept || kept.mark !== mark) this.wanted.set(row.id, mark);
    if (!kept?.wave) return;
    if (kept.wave.step > 2 * view.perPixel && kept.wave.step > 1 && !kept.exact) this.loadExact(row.id, kept);
    this.paintPairs(context, kept.wave, (samples) => left + samples / view.perPixel, middle, half, tint, view.width);
  }

  paintPairs(context, { start, step, pairs }, x, middle, half, tint, width) {
    context.fillStyle = tint;
    const count = pairs.length / 2;
    const size = x(step) - x(0);
    const first = Math.max(0, Math.floor((0 - x(start)) / size));
    const skip = Math.max(1, Math.floor(1 / size));
    context.beginPath();
    for (let index = first; index < count; index += skip) {
      const at = x(start + index * step);
      if (at > width) break;
      let [low, high] = [pairs[2 * index], pairs[2 * index + 1]];
      for (let other = index + 1; other < Math.min(index + skip, count); other += 1) {
        low = Math.min(low, pairs[2 * other]);
        high = Math.max(high, pairs[2 * other + 1]);
      }
      const top = middle - shape(high) * half;
      const bottom = middle - shape(low) * half;
      context.rect(at, top, Math.max(1, size * skip), Math.max(1, bottom - top));
    }
    context.fill();
  }

  paintGuide(context, view, middle, half) {
    const { guide } = this.model.view;
    const scale = guide.rate_hz / 48000;
    const from = Math.floor((view.samples(0) - guide.start) * scale);
    const to = Math.ceil((view.samples(view.width) - guide.start) * scale);
    if (!this.guide || this.guide.from > from || this.guide.to < to || this.guide.detail > 3 * (to - from) || this.guide.coarse > to - from) {
      this.loadGuide(from, to);
    }
    if (!this.guide) return;
    const x = (samples) => view.x(guide.start + samples / scale);
    this.paintPairs(context, this.guide, x, middle, half, colour("quiet"), view.width);
  }

  /** Ask for every sample of a short cue, to draw it at the finest zoom. */
  async loadExact(id, kept) {
    kept.exact = true;
    if ((kept.wave.pairs.length / 2) * kept.wave.step > MOST_EXACT) return;
    const [left, right] = channelsOf(await get("/timeline/hear-cue", { id }));
    const pairs = new Int16Array(left.length * 2);
    for (let index = 0; index < left.length; index += 1) {
      pairs[2 * index] = Math.round(Math.min(left[index], right[index]) * FULL_SCALE);
      pairs[2 * index + 1] = Math.round(Math.max(left[index], right[index]) * FULL_SCALE);
    }
    kept.wave = { start: 0, step: 1, pairs };
    this.changed();
  }

  async loadGuide(from, to) {
    if (this.guideBusy) return;
    this.guideBusy = true;
    const span = to - from;
    try {
      const wave = await get("/timeline/peaks", { of: "guide", start: from - span, stop: to + span, bins: 6000 });
      this.guide = { ...pairsOf(wave), from: from - span, to: to + span, detail: 3 * span, coarse: span / 3 };
      this.changed();
    } catch (problem) {
      this.model.fail(problem);
    } finally {
      setTimeout(() => {
        this.guideBusy = false;
      }, 120);
    }
  }

  /** Ask for the waveforms that were wanted while drawing. */
  async load() {
    if (this.busy || !this.wanted.size) return;
    this.busy = true;
    const batch = [...this.wanted].slice(0, AT_ONCE);
    this.wanted.clear();
    try {
      const { waves } = await post("/timeline/waves", { ids: batch.map(([id]) => id) });
      if (this.kept.size > MOST_KEPT) this.kept.clear();
      for (const [id, mark] of batch) this.kept.set(id, { mark, wave: waves[id] ? pairsOf(waves[id]) : null });
      this.changed();
    } catch {
      for (const [id, mark] of batch) this.kept.set(id, { mark, wave: null }); // the findings say what is wrong
    } finally {
      this.busy = false;
      if (this.wanted.size) setTimeout(() => this.load(), 0);
    }
  }
}

/** Soft sounds stay visible: half scale is drawn at 0.7. */
function shape(value) {
  const level = value / FULL_SCALE;
  return Math.sign(level) * Math.sqrt(Math.abs(level));
}
