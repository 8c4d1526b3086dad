// The mouse and the finger on the lanes: select, move, trim, slip, draw a range, scroll and zoom.
import { RULER } from "./view.js";

const START_PX = 4;
const SNAP_PX = 9;

export class Pointer {
  constructor(view, model, transport, act) {
    Object.assign(this, { view, model, transport, act, snap: "frames", drag: null });
    const { canvas } = view;
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerup", (event) => this.up(event));
    canvas.addEventListener("pointercancel", () => this.cancel());
    canvas.addEventListener("dblclick", (event) => this.twice(event));
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
  }

  place(event) {
    const box = this.view.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  down(event) {
    if (!this.model.isOpen || event.button > 1) return;
    const [x, y] = this.place(event);
    this.view.canvas.setPointerCapture(event.pointerId);
    this.drag = { x, y, from: this.view.samples(x), start: this.view.start, top: this.view.top, moved: false, kind: "pan" };
    if (event.button === 1) return;
    if (y < RULER) {
      this.drag.kind = "ruler";
      return;
    }
    const hit = this.view.rowAt(x, y);
    if (!hit) {
      if (event.pointerType !== "touch") this.drag.kind = event.shiftKey ? "range" : "empty";
      return;
    }
    const many = event.ctrlKey || event.metaKey || event.shiftKey;
    if (!this.model.selected.has(hit.row.id) || many) this.model.select([hit.row.id], { toggle: event.ctrlKey || event.metaKey, add: event.shiftKey });
    this.drag.row = hit.row;
    this.drag.kind = event.altKey ? "slip" : hit.part === "body" ? "move" : `trim-${hit.part}`;
  }

  move(event) {
    const [x, y] = this.place(event);
    if (!this.drag) {
      this.hover(x, y);
      return;
    }
    const { drag } = this;
    if (!drag.moved && Math.abs(x - drag.x) + Math.abs(y - drag.y) < START_PX) return;
    drag.moved = true;
    const distance = Math.round((x - drag.x) * this.view.perPixel);
    const free = event.altKey && drag.kind !== "slip";
    if (drag.kind === "pan") {
      this.view.top = drag.top;
      this.view.scrollLanes(drag.y - y);
      this.view.scrollTo(drag.start - distance);
    } else if (drag.kind === "ruler" || drag.kind === "range" || drag.kind === "empty") {
      const ends = [this.snapped(drag.from, free), this.snapped(this.view.samples(x), free)].sort((a, b) => a - b);
      this.transport.range = [Math.max(0, ends[0]), Math.max(0, ends[1])];
      this.view.draw();
    } else if (drag.row) {
      this.ghost(drag, distance, free, y);
    }
  }

  ghost(drag, distance, free, y) {
    const { row, kind } = drag;
    const length = this.model.lengthOf(row);
    if (kind === "move") {
      const target = Math.max(0, this.snapped(row.start + distance, free));
      drag.result = { start: target };
      drag.stem = this.view.stemAt(y);
      this.view.ghost = { start: target - row.start, line: target };
    } else if (kind === "slip") {
      drag.result = { slip: distance };
      this.view.ghost = { line: row.start + distance };
    } else if (kind === "trim-start") {
      const start = Math.min(Math.max(0, this.snapped(row.start + distance, free)), row.start + length - 1);
      drag.result = { start, duration: row.start + length - start };
      this.view.ghost = { start: start - row.start, end: 0, edge: true, line: start };
    } else {
      const end = Math.max(row.start + 1, this.snapped(row.start + length + distance, free));
      drag.result = { start: row.start, duration: end - row.start };
      this.view.ghost = { start: 0, end: end - row.start - length, edge: true, line: end };
    }
    this.view.draw();
  }

  up(event) {
    const { drag } = this;
    this.cancel();
    if (!drag) return;
    const [x] = this.place(event);
    if (!drag.moved) {
      if (drag.kind === "ruler" || drag.kind === "empty" || (drag.kind === "pan" && !drag.row)) {
        if (drag.kind !== "ruler") this.model.select([]);
        this.transport.range = null;
        this.transport.seek(this.snapped(this.view.samples(x), event.altKey));
      }
      return;
    }
    if (!drag.result) return;
    const ids = [...this.model.selected];
    if (drag.kind === "move") this.moveRows(drag, ids);
    else if (drag.kind === "slip") this.act({ type: "slip", ids, samples: drag.result.slip });
    else this.act({ type: "trim", id: drag.row.id, ...drag.result });
  }

  async moveRows(drag, ids) {
    const first = Math.min(...this.model.chosen.map((row) => row.start));
    const start = Math.max(0, drag.result.start - (drag.row.start - first));
    if (start !== first) await this.act({ type: "put", ids, start });
    if (drag.stem && drag.stem !== drag.row.stem) await this.act({ type: "fill", ids, cells: { stem: drag.stem } });
  }

  cancel() {
    this.drag = null;
    this.view.ghost = null;
    this.view.draw();
  }

  twice(event) {
    const [x, y] = this.place(event);
    const hit = this.view.rowAt(x, y);
    if (hit) this.dispatchAudition?.(hit.row.id);
    else if (this.view.stemAt(y)) this.addAt?.(this.view.stemAt(y), this.snapped(this.view.samples(x), event.altKey));
  }

  wheel(event) {
    event.preventDefault();
    const [x] = this.place(event);
    const unit = event.deltaMode === 1 ? 24 : 1;
    if (event.ctrlKey || event.metaKey) this.view.zoom(Math.exp(event.deltaY * unit * 0.004), x);
    else if (event.shiftKey) this.view.scrollLanes(event.deltaY * unit);
    else {
      const along = Math.abs(event.deltaX) > Math.abs(event.deltaY) ? event.deltaX : event.deltaY;
      this.view.scrollTo(this.view.start + along * unit * this.view.perPixel);
    }
  }

  hover(x, y) {
    const hit = y < RULER ? null : this.view.rowAt(x, y);
    this.view.canvas.style.cursor = y < RULER ? "text" : !hit ? "default" : hit.part === "body" ? "grab" : "ew-resize";
    this.view.canvas.title = hit ? (this.model.findingsOf.get(hit.row.id) || []).map((one) => one.message).join("\n") : "";
  }

  /** Return the sample to snap to: a hit of the guide or a frame, if one is near enough. */
  snapped(samples, free = false) {
    if (free || this.snap === "off") return samples;
    const { clock, suggestions } = this.model;
    let best = null;
    if (this.snap === "hits") {
      for (const { start } of suggestions) {
        if (best === null || Math.abs(start - samples) < Math.abs(best - samples)) best = start;
      }
      if (best !== null && Math.abs(best - samples) > SNAP_PX * this.view.perPixel) best = null;
      return best ?? samples;
    }
    if (!clock.hasFrames) return samples;
    return clock.nearestFrame(samples);
  }
}
