// The side panels of the timeline: findings, suggestions from the guide, and the render with its downloads.
import { address, get, post } from "../api.js";
import { h } from "../dom.js";

const POLL_MS = 400;
const MOST_SHOWN = 300;

export class FindingsPanel {
  constructor(root, model, reveal) {
    Object.assign(this, { root, model, reveal });
    for (const kind of ["details", "sheet"]) model.addEventListener(kind, () => this.show());
  }

  get count() {
    return this.model.details.findings.length;
  }

  show() {
    const { findings } = this.model.details;
    const notes = this.model.view?.notes || [];
    this.root.replaceChildren(
      findings.length ? h("ul.tl-list", {}, findings.slice(0, MOST_SHOWN).map((one) => this.item(one))) : h("p.tl-hint", {}, "Nothing is suspicious."),
      findings.length > MOST_SHOWN && h("p.quiet", {}, `and ${findings.length - MOST_SHOWN} more`),
      notes.length && h("details", {}, h("summary", {}, `${notes.length} notes of the sheet`), h("ul.tl-notes", {}, notes.slice(0, MOST_SHOWN).map((note) => h("li", {}, note)))));
  }

  item({ check, message, row, stops }) {
    const words = [h("span", { class: stops ? "tl-mark stops" : "tl-mark" }, check), h("span.grow", {}, row && h("b", {}, `${row} `), message)];
    return h("li", {}, row ? h("button.tl-item", { onclick: () => this.reveal(row) }, ...words) : h("div.tl-item", {}, ...words));
  }
}

export class SuggestionsPanel {
  constructor(root, studio, model, act) {
    Object.assign(this, { root, studio, model, act, sensitivity: 1, minGap: 150, stem: "", preset: "" });
    model.addEventListener("sheet", () => this.show());
    model.addEventListener("media", () => this.show());
  }

  show() {
    if (!this.model.isOpen) {
      this.root.replaceChildren(h("p.tl-hint", {}, "Open a sheet first."));
      return;
    }
    const { guide, presets } = this.model.view;
    if (!guide.name) {
      this.root.replaceChildren(h("p.tl-hint", {}, "Open a guide track: its hits become suggestions, and cues snap to them."));
      return;
    }
    this.stem ||= this.model.stems[0] || "FEET";
    this.preset ||= presets.find((name) => name.startsWith("step-")) || presets[0] || "";
    const free = this.model.suggestions.filter((one) => !one.taken);
    this.root.replaceChildren(
      this.slider("Sensitivity", 0.2, 5, 0.1, this.sensitivity, (value) => { this.sensitivity = value; }),
      this.slider("Least gap", 20, 500, 10, this.minGap, (value) => { this.minGap = value; }, "ms"),
      h("button.button", { onclick: () => this.find() }, "Find hits of the guide"),
      this.model.suggestions.length > 0 && h("div.column", {},
        h("p", {}, `${this.model.suggestions.length} hits, ${free.length} without a cue`),
        h("div.tl-pair", {}, this.named("Stem", "stem", this.model.stems), this.named("Preset", "preset", presets)),
        h("div.row.wrap", {},
          h("button.button.main", { disabled: !free.length, onclick: () => this.accept(free) }, `Accept ${free.length}`),
          h("button.button", { onclick: () => this.accept(free.filter((one) => this.inRange(one))), title: "Accept the hits in the marked range" }, "In the range")),
        h("ul.tl-list", {}, free.slice(0, 60).map((one) => h("li", {}, h("button.tl-item", { onclick: () => this.accept([one]), title: one.reason },
          h("span.number", {}, this.model.clock.label(one.start)), h("span.quiet", {}, `velocity ${one.velocity}`)))))));
  }

  inRange({ start }) {
    const range = this.range?.();
    return range && start >= range[0] && start < range[1];
  }

  slider(label, low, high, step, value, set, unit = "") {
    const shown = h("output.number", {}, `${value}${unit && ` ${unit}`}`);
    const range = h("input.range", { type: "range", min: low, max: high, step, "aria-label": label, set: { value } });
    const paint = () => range.style.setProperty("--part", `${(100 * (range.value - low)) / (high - low)}%`);
    paint();
    range.addEventListener("input", () => {
      set(Number(range.value));
      shown.textContent = `${range.value}${unit && ` ${unit}`}`;
      paint();
    });
    return h("label.tl-number", {}, h("span", {}, label), range, shown);
  }

  named(label, name, values) {
    const select = h("select.field", { "aria-label": label }, values.map((value) => h("option", { value }, value)));
    select.value = this[name];
    select.addEventListener("change", () => { this[name] = select.value; });
    return h("label.tl-field", {}, h("span", {}, label), select);
  }

  async find() {
    const found = await this.studio.attempt(() => post("/timeline/spot", { sensitivity: this.sensitivity, min_gap_ms: this.minGap }));
    if (!found) return;
    this.model.suggestions = found.suggestions;
    for (const note of found.notes) this.studio.notify(note);
    this.show();
    this.model.dispatchEvent(new Event("rows"));
  }

  async accept(hits) {
    if (!hits.length) return;
    const rows = hits.map(({ start, velocity, reason }) => ({
      start, cells: { stem: this.stem, preset: this.preset, velocity: String(velocity), note: reason },
    }));
    const done = await this.act({ type: "add_all", rows });
    if (!done) return;
    for (const hit of hits) hit.taken = true;
    this.show();
  }
}

export class RenderPanel {
  constructor(root, studio, model) {
    Object.assign(this, { root, studio, model, view: { state: "none", files: [], levels: {}, notes: [] } });
    for (const kind of ["sheet", "details", "rows"]) model.addEventListener(kind, () => this.show());
    model.addEventListener("sheet", () => this.poll());
  }

  async begin() {
    const view = await this.studio.attempt(() => post("/timeline/render"));
    if (view) this.take(view);
  }

  async poll() {
    if (!this.model.isOpen) return;
    const view = await this.studio.attempt(() => get("/timeline/render"));
    if (view) this.take(view);
  }

  take(view) {
    const before = this.view.state;
    this.view = view;
    this.show();
    if (view.state === "running") setTimeout(() => this.poll(), POLL_MS);
    else if (before === "running" && view.state === "failed") this.studio.notify(view.problem, true);
    else if (before === "running" && view.state === "done") this.studio.notify("The stems are rendered.");
  }

  show() {
    const { view } = this;
    const open = this.model.isOpen && this.model.rows.size > 0;
    const stops = this.model.details.findings.filter((one) => one.stops).length;
    const running = view.state === "running";
    const old = view.state === "done" && view.revision !== this.model.view?.revision;
    this.root.replaceChildren(
      running
        ? h("div.column", {}, h("progress.tl-progress", { max: 1, value: view.part, "aria-label": "Rendered" }),
          h("button.button", { onclick: () => fetch(address("/timeline/render"), { method: "DELETE" }) }, "Stop"))
        : h("button.button.main", { disabled: !open || stops > 0, onclick: () => this.begin() }, "Render all stems"),
      stops > 0 && h("p.tl-warn", {}, `${stops} findings keep it from being rendered.`),
      view.problem && h("p.tl-warn", {}, view.problem),
      view.state === "done" && h("div.column", {},
        h("p.quiet", {}, old ? "Edited since this render. A new render computes only what changed." : `${view.decoded} cues decoded, ${view.cached} from the cache.`),
        h("ul.tl-files", {}, view.files.map((name) => h("li", {}, this.link(name), h("span.quiet.number", {}, this.level(name)))))),
      open && h("h3", {}, "Cue sheet"),
      open && h("div.row.wrap", {}, [".csv", ".xlsx", ".otio", ".rpp", ".aaf"].map((suffix) =>
        h("a.button.small", { href: address("/timeline/written", { name: suffix }), download: "" }, suffix))));
  }

  link(name) {
    return h("a", { href: address(`/timeline/files/${encodeURIComponent(name)}`), download: name }, name);
  }

  level(name) {
    return this.view.levels[name] || "";
  }
}
