// The sheet as the page holds it: rows by stem and time, the selection, and edits that the server keeps.
import { get, post } from "../api.js";
import { Clock } from "./timecode.js";

const LONG_SAMPLES = 48000 * 30;
const NOMINAL_SAMPLES = 4800;
const DETAILS_MS = 250;

/** Tells: "sheet" another sheet, "rows" rows changed, "selection", "details" steps, lengths and findings. */
export class Model extends EventTarget {
  constructor() {
    super();
    this.view = null;
    this.clear();
  }

  clear() {
    this.rows = new Map();
    this.lanes = new Map();
    this.selected = new Set();
    this.details = { steps: {}, lengths: {}, findings: [], end: 0, can_render: false, revision: -1 };
    this.findingsOf = new Map();
    this.hits = [];
    this.suggestions = [];
  }

  /** Take the whole view from the server. */
  take(view) {
    this.clear();
    this.view = view;
    this.clock = new Clock(view.clock);
    for (const row of view.rows) this.rows.set(row.id, row);
    this.stems = view.stems;
    this.sort();
    this.dispatchEvent(new Event("sheet"));
    this.dispatchEvent(new Event("selection"));
    if (view.document) this.askDetails(0);
  }

  get isOpen() {
    return Boolean(this.view?.document);
  }

  /** Length of the programme in samples: its end, or where the last sound ends, and some room. */
  get length() {
    let last = Math.max(this.view?.end || 0, this.details.end);
    for (const lane of this.lanes.values()) last = Math.max(last, lane.end);
    return Math.max(last, 10 * 48000);
  }

  lengthOf(row) {
    return row.duration ?? this.details.lengths[row.id] ?? NOMINAL_SAMPLES;
  }

  sort() {
    for (const row of this.rows.values()) if (!this.stems.includes(row.stem)) this.stems.push(row.stem);
    this.lanes = new Map(this.stems.map((stem) => [stem, { short: [], long: [], most: 0, end: 0 }]));
    const sorted = [...this.rows.values()].sort((a, b) => a.start - b.start || (a.id < b.id ? -1 : 1));
    for (const row of sorted) {
      const lane = this.lanes.get(row.stem);
      const length = this.lengthOf(row);
      (length > LONG_SAMPLES ? lane.long : lane.short).push(row);
      if (length <= LONG_SAMPLES) lane.most = Math.max(lane.most, length);
      lane.end = Math.max(lane.end, row.start + length);
    }
    this.sorted = sorted;
  }

  /** Call a function with each row of a stem that reaches into a part of the programme, by start. */
  visit(stem, start, stop, call) {
    const lane = this.lanes.get(stem);
    if (!lane) return;
    for (const row of lane.long) if (row.start < stop && row.start + this.lengthOf(row) > start) call(row);
    const { short } = lane;
    let [low, high] = [0, short.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (short[middle].start < start - lane.most) low = middle + 1;
      else high = middle;
    }
    for (let index = low; index < short.length && short[index].start < stop; index += 1) {
      if (short[index].start + this.lengthOf(short[index]) > start) call(short[index]);
    }
  }

  select(ids, { add = false, toggle = false } = {}) {
    if (!add && !toggle) this.selected.clear();
    for (const id of ids) {
      if (toggle && this.selected.has(id)) this.selected.delete(id);
      else this.selected.add(id);
    }
    this.dispatchEvent(new Event("selection"));
  }

  get chosen() {
    return [...this.selected].map((id) => this.rows.get(id)).filter(Boolean);
  }

  /** Make an edit: { type, … } as in render/sheet_editing/edits.py. It is on disk when this returns. */
  async edit(edit) {
    const before = new Set(this.rows.keys());
    const change = await post("/timeline/edit", { edit });
    this.apply(change);
    return change.rows.filter((row) => !before.has(row.id)).map((row) => row.id);
  }

  async undo() {
    this.apply(await post("/timeline/undo"));
  }

  async redo() {
    this.apply(await post("/timeline/redo"));
  }

  apply(change) {
    for (const id of change.removed) {
      this.rows.delete(id);
      this.selected.delete(id);
    }
    for (const row of change.rows) this.rows.set(row.id, row);
    Object.assign(this.view.listening, change.listening);
    Object.assign(this.view, { undo: change.undo, redo: change.redo, revision: change.revision });
    this.sort();
    this.dispatchEvent(new Event("rows"));
    this.dispatchEvent(new Event("selection"));
    this.askDetails();
  }

  /** Ask for steps, lengths and findings, a moment after the last edit. */
  askDetails(after = DETAILS_MS) {
    clearTimeout(this.asking);
    this.asking = setTimeout(() => this.loadDetails().catch((problem) => this.fail(problem)), after);
  }

  async loadDetails() {
    const details = await get("/timeline/details");
    this.details = details;
    this.findingsOf = new Map();
    for (const finding of details.findings) {
      if (!this.findingsOf.has(finding.row)) this.findingsOf.set(finding.row, []);
      this.findingsOf.get(finding.row).push(finding);
    }
    this.sort();
    this.dispatchEvent(new Event("details"));
    if (details.revision < this.view.revision) this.askDetails();
  }

  fail(problem) {
    this.dispatchEvent(new CustomEvent("problem", { detail: problem.message }));
  }
}
