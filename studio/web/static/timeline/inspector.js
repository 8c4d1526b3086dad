// The side of the timeline that shows and changes the selected cues.
import { h } from "../dom.js";

const NUMBERS = [
  ["gain_db", "Gain", "dB", -60, 24, 0.5, 0],
  ["pan", "Pan", "", -1, 1, 0.05, 0],
  ["velocity", "Velocity", "", 0, 1, 0.01, 1],
  ["pitch_semitones", "Pitch", "st", -24, 24, 0.5, 0],
];
const WALK = [
  ["gait", "Gait", ["walk", "run", "stairs", "sneak", "typing", "fingers"]],
  ["cadence", "Cadence", null],
  ["surface", "Surfaces", null],
  ["slope", "Slope", null],
  ["end_pan", "Pan at end", null],
];

export class Inspector {
  constructor(root, model, act) {
    Object.assign(this, { root, model, act });
    for (const kind of ["selection", "details", "sheet"]) model.addEventListener(kind, () => this.show());
  }

  /** Return the cell of all selected rows if it is equal, else null. */
  common(name) {
    const values = new Set(this.model.chosen.map((row) => row.cells[name] ?? ""));
    return values.size === 1 ? [...values][0] : null;
  }

  fill(cells) {
    return this.act({ type: "fill", ids: [...this.model.selected], cells });
  }

  show() {
    if (this.root.contains(document.activeElement) && document.activeElement.matches("input[type=range]")) return;
    const rows = this.model.chosen;
    if (!this.model.isOpen || !rows.length) {
      this.root.replaceChildren(this.empty());
      return;
    }
    const kinds = new Set(rows.map((row) => row.kind));
    const parts = [this.heading(rows), this.times(rows), this.sound(), ...NUMBERS.map((each) => this.number(...each))];
    if (kinds.size === 1 && kinds.has("walk")) parts.push(h("h3", {}, "Walk"), ...WALK.map((each) => this.walk(...each)));
    parts.push(this.field("note", "Note"));
    const found = rows.flatMap((row) => this.model.findingsOf.get(row.id) || []);
    if (found.length) parts.push(h("ul.tl-found", {}, found.slice(0, 6).map((one) => h(one.stops ? "li.stops" : "li", {}, one.message))));
    this.root.replaceChildren(...parts);
  }

  empty() {
    const open = this.model.isOpen;
    return h("div.tl-hint", {},
      h("p", {}, open ? "No cue is selected." : "Open a cue sheet, or begin a new one."),
      open && h("p.quiet", {}, "Press a cue to select it. Press a lane twice to add one. ", h("kbd", {}, "?"), " shows all keys."));
  }

  heading(rows) {
    const many = rows.length > 1;
    const label = many ? `${rows.length} cues` : rows[0].id;
    return h("div.tl-heading", {}, h("h2", {}, label), !many && h("span.tag", {}, rows[0].kind), this.muteButton(rows));
  }

  muteButton(rows) {
    const muted = rows.every((row) => row.muted);
    return h("button.button.small", {
      "aria-pressed": String(muted),
      title: "Leave out of what is heard and rendered  (M)",
      onclick: () => this.act({ type: "mute", ids: rows.map((row) => row.id), muted: !muted }),
    }, "Mute");
  }

  times(rows) {
    if (rows.length > 1) return h("p.quiet", {}, `from ${this.model.clock.label(Math.min(...rows.map((row) => row.start)))}`);
    const [row] = rows;
    const { clock } = this.model;
    const start = this.time("Start", clock.exactLabel(row.start), (at) => this.act({ type: "put", ids: [row.id], start: at }));
    const length = row.duration === null ? "" : `${row.duration}smp`;
    const duration = this.time("Length", length, (value) => this.act({ type: "trim", id: row.id, start: row.start, duration: value }), {
      placeholder: `${(this.model.lengthOf(row) / 48000).toFixed(2)} s (own)`,
      empty: () => this.act({ type: "trim", id: row.id, start: row.start, duration: null }),
    });
    return h("div.tl-pair", {}, start, duration);
  }

  time(label, value, set, { placeholder = "", empty = null } = {}) {
    const input = h("input.field.number", { "aria-label": label, placeholder, set: { value } });
    input.addEventListener("change", () => {
      if (!input.value.trim() && empty) return empty();
      const samples = this.model.clock.parse(input.value);
      if (samples === null) {
        input.value = value;
        return this.model.fail(new Error(`${label}: write a timecode, seconds (12.5) or samples (480smp)`));
      }
      return set(samples);
    });
    return h("label.tl-field", {}, h("span", {}, label), input);
  }

  sound() {
    const { presets, characters } = this.model.view;
    return h("div.column", {},
      this.choice("preset", "Preset", presets),
      h("div.tl-pair", {}, this.choice("stem", "Stem", this.model.stems), this.choice("character", "Character", characters)));
  }

  /** A text field with suggestions. */
  choice(name, label, values) {
    const id = `tl-list-${name}`;
    const input = this.input(name, label);
    input.setAttribute("list", id);
    return h("label.tl-field", {}, h("span", {}, label), input, h("datalist", { id }, values.map((value) => h("option", { value }))));
  }

  field(name, label) {
    return h("label.tl-field", {}, h("span", {}, label), this.input(name, label));
  }

  input(name, label) {
    const value = this.common(name);
    const input = h("input.field", { "aria-label": label, name, placeholder: value === null ? "different" : "", set: { value: value ?? "" } });
    input.addEventListener("change", () => this.fill({ [name]: input.value }));
    return input;
  }

  walk(name, label, values) {
    if (!values) return this.field(name, label);
    const select = h("select.field", { "aria-label": label, name }, values.map((value) => h("option", { value }, value)));
    select.value = this.common(name) || values[0];
    select.addEventListener("change", () => this.fill({ [name]: select.value }));
    return h("label.tl-field", {}, h("span", {}, label), select);
  }

  number(name, label, unit, low, high, step, usual) {
    const given = this.common(name);
    const value = given === null || given === "" ? usual : Number(given);
    const shown = h("output.number", {}, given === null ? "…" : text(value, unit));
    const range = h("input.range", { type: "range", min: low, max: high, step, "aria-label": label, name, set: { value } });
    const paint = () => {
      const part = (at) => `${(100 * (Math.max(low, Math.min(high, at)) - low)) / (high - low)}%`;
      range.style.setProperty("--part", part(Number(range.value)));
      range.style.setProperty("--from", part(low < 0 ? 0 : low));
    };
    paint();
    range.addEventListener("input", () => {
      shown.textContent = text(Number(range.value), unit);
      paint();
    });
    range.addEventListener("change", () => this.fill({ [name]: Number(range.value) === usual ? "" : String(Number(range.value)) }));
    range.addEventListener("dblclick", () => this.fill({ [name]: "" }));
    return h("label.tl-number", {}, h("span", {}, label), range, shown);
  }
}

function text(value, unit) {
  const rounded = Math.round(value * 100) / 100;
  return `${rounded > 0 && unit ? "+" : ""}${rounded}${unit ? ` ${unit}` : ""}`;
}
