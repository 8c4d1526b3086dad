// The pane Mix pad: mix two to four presets by hand, and make the line between two.
import { download, get, post } from "../api.js";
import { glyph, h } from "../dom.js";
import { choosePreset } from "../parts/picker.js";
import { drawPlot, presetPlot, unpack } from "../parts/plot.js";
import { presetOf } from "../parts/presets.js";
import { askToSave } from "../parts/save_dialog.js";
import { corners, drawPad, placeOf, weightsAt } from "./mix_geometry.js";

const MOST = 4;
const STEPS = 11;
const METHODS = [["linear", "Linear"], ["spherical", "Spherical"], ["sum", "Sum"], ["dominance", "Balanced"]];
const WORDS = {
  linear: "A weighted mean of the latents.",
  spherical: "The latents rotate from the first preset to the second.",
  sum: "The sounds are added in the latents.",
  dominance: "Dominance-aware: every frame is weighted so that each preset stays audible. The pad does not act.",
};
export const HUES = ["hit", "warm", "good", "texture"];

export async function mount(root, studio) {
  return new Mix(root, studio).begin();
}

class Mix {
  constructor(root, studio) {
    Object.assign(this, { root, studio, rows: [], place: [0.5, 0.5], effort: 1, xy: false, method: "linear", take: 0, busy: false, again: false, generated: null });
  }

  async begin() {
    this.root.classList.add("mix");
    this.slots = h("div.slots");
    this.pad = h("canvas.pad", { tabindex: 0, role: "application", "aria-label": "Pad. Arrow keys move the point, Space plays it." });
    for (const kind of ["pointerdown", "pointermove", "pointerup", "pointercancel"]) this.pad.addEventListener(kind, (event) => this.point(event));
    this.pad.addEventListener("keydown", (event) => this.arrow(event));
    this.shares = h("ul.shares", { "aria-live": "polite" });
    this.methods = h("div.chips", { role: "group", "aria-label": "Method" }, ...METHODS.map(([method, title]) =>
      h("button.chip", { type: "button", "data-method": method, onclick: () => this.setMethod(method) }, title)));
    this.methodWords = h("p.quiet");
    this.xyButton = h("button.chip", { type: "button", "aria-pressed": "false", onclick: () => this.setXy(!this.xy) }, "Effort up and down");
    this.plot = h("canvas.mix-plot", { role: "img", "aria-label": "Waveform of the mixture" });
    this.line = h("div.line", { role: "group", "aria-label": "Steps from the first preset to the second" });
    this.zip = h("button.button", { type: "button", disabled: true, onclick: () => download("/download") }, glyph("down"), "Zip");
    this.all = h("button.button", { type: "button", disabled: true, onclick: () => this.hear(this.generated.whole) }, glyph("play"), "All steps");
    this.make = h("button.button", { type: "button", onclick: () => this.generate() }, `Generate ${STEPS} steps`);
    this.save = h("button.button.main", { type: "button", onclick: () => this.askSave() }, glyph("save"), "Save as preset");
    this.root.append(
      h("div.mix-body", {},
        h("div.column", {},
          h("div.card.mix-card", {}, h("div.row", {}, h("h2.grow", {}, "Sounds"), h("button.button.small", { type: "button", onclick: () => this.random() }, "Random pair")), this.slots),
          h("div.card.mix-card", {}, h("h3", {}, "Method"), this.methods, this.methodWords, this.xyButton),
          h("div.card.mix-card", {}, h("h3", {}, "Weights"), this.shares)),
        h("div.card.pad-card", {}, this.pad, h("p.quiet", {}, "Drag the point to hear the mixture there. Press again for the next take."),
          h("div.row.wrap", {}, h("button.button", { type: "button", onclick: () => this.play(true) }, glyph("play"), "Play"), this.save)),
        h("div.card.mix-card.heard", {}, h("h3", {}, "Heard"), this.plot)),
      h("div.card.mix-card", {}, h("div.row.wrap", {}, h("h2.grow", {}, "Line"), this.make, this.all, this.zip), this.line));
    window.addEventListener("theme", () => requestAnimationFrame(() => this.draw()));
    window.addEventListener("resize", () => this.draw());
    await this.studio.attempt(async () => this.adopt((await get("/choose")).presets));
    return {
      show: () => this.draw(),
      take: ({ preset }) => this.add(preset),
      keys: [
        { key: " ", does: "Play the mixture; again for the next take", run: (event) => (event.target.closest("button, input, select") ? false : this.play(true)) },
        { key: "g", does: "Generate the line of 11 steps", run: () => this.generate() },
        { key: "n", does: "A random pair", run: () => this.random() },
        { key: "b", does: "Balanced, or linear again", run: () => this.setMethod(this.method === "dominance" ? "linear" : "dominance") },
      ],
    };
  }

  async adopt(keys) {
    this.rows = (await Promise.all(keys.map(presetOf))).filter(Boolean);
    this.place = [0.5, this.rows.length === 3 ? 0.62 : 0.5];
    this.generated = null;
    if (this.method === "spherical" && this.rows.length > 2) this.method = "linear";
    this.build();
  }

  build() {
    this.slots.replaceChildren(...this.rows.map((row, index) => {
      const canvas = h("canvas", { "aria-hidden": "true" });
      presetPlot(row.key).then((plot) => canvas.isConnected && drawPlot(canvas, plot, { hue: HUES[index], spectrum: false })).catch(() => {});
      return h("div.slot", {}, h("span.dot", { "data-hue": HUES[index] }),
        h("button.slot-name", { type: "button", title: "Hear it", onclick: () => this.studio.attempt(() => this.studio.sound.strike("bank", row.key, 1, 3)) }, row.name), canvas,
        h("button.button.small.plain.icon", { type: "button", "aria-label": `Remove ${row.name}`, onclick: () => this.remove(index) }, glyph("close")));
    }), this.rows.length < MOST ? h("button.button.add", { type: "button", onclick: () => this.choose() }, glyph("plus"), this.rows.length ? "Add a sound" : "Choose a sound") : null);
    for (const chip of this.methods.children) {
      chip.setAttribute("aria-pressed", String(chip.dataset.method === this.method));
      chip.disabled = chip.dataset.method === "spherical" && this.rows.length > 2;
    }
    this.methodWords.textContent = WORDS[this.method];
    this.xyButton.hidden = this.rows.length !== 2;
    this.xyButton.setAttribute("aria-pressed", String(this.xy));
    const ready = this.ready();
    this.save.disabled = !ready;
    this.make.disabled = !ready || this.method === "dominance";
    this.showLine();
    this.draw();
  }

  ready() {
    return this.rows.length >= 2;
  }

  async add(key) {
    const keys = this.rows.map((row) => row.key).filter((each) => each !== key);
    if (keys.length >= MOST) keys.shift();
    await this.change([...keys, key]);
  }

  async change(keys) {
    if (keys.length >= 2) {
      const chosen = await this.studio.attempt(() => post("/choose", { presets: keys }));
      if (!chosen) return;
    }
    await this.adopt(keys);
  }

  remove(index) {
    return this.change(this.rows.map((row) => row.key).filter((_, at) => at !== index));
  }

  async choose() {
    const kind = this.rows[0]?.kind || "";
    const row = await choosePreset(this.studio, "Choose a sound to mix", { kind });
    if (row) await this.add(row.key);
  }

  async random() {
    const chosen = await this.studio.attempt(() => post("/choose", { presets: [], seed: Math.floor(Math.random() * 2 ** 31) }));
    if (chosen) {
      await this.adopt(chosen.presets);
      await this.play();
    }
  }

  setMethod(method) {
    this.method = method;
    this.build();
    if (this.ready()) this.play();
  }

  setXy(xy) {
    this.xy = xy;
    this.place = [this.place[0], 0.25];
    if (!xy) this.effort = 1;
    this.build();
  }

  weights() {
    return weightsAt(this.place, this.rows.length);
  }

  point(event) {
    if (!this.ready()) return;
    if (event.type === "pointerdown") this.pad.setPointerCapture(event.pointerId);
    if (event.type === "pointermove" && !this.pad.hasPointerCapture(event.pointerId)) return;
    const box = this.pad.getBoundingClientRect();
    this.move(placeOf([(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height], this.rows.length, this.xy));
    if (event.type !== "pointermove") {
      if (event.type === "pointerdown") this.play(true);
      else if (this.moved) this.play();
      this.moved = false;
    } else {
      this.moved = true;
    }
  }

  move(place) {
    this.place = place;
    this.effort = this.xy && this.rows.length === 2 ? Math.max(0.05, 1 - place[1]) : 1;
    this.draw();
  }

  arrow(event) {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!by || !this.ready()) return;
    event.preventDefault();
    const size = this.rows.length === 2 ? 0.1 : 0.05;
    const [x, y] = this.place;
    const fromPad = corners(this.rows.length).inset;
    this.move(placeOf([fromPad(x + by[0] * size), fromPad(y + by[1] * size)], this.rows.length, this.xy));
    this.play();
  }

  /** Hear the mixture at the point; with `next`, its next take. While one is made, only the last wish is kept. */
  async play(next = false) {
    if (!this.ready()) return;
    if (next) this.take += 1;
    if (this.busy) {
      this.again = true;
      return;
    }
    this.busy = true;
    await this.studio.attempt(async () => {
      const sound = await post("/mix/sound", { weights: this.weights(), method: this.method, effort: this.effort, take: this.take });
      await this.hear(sound);
    });
    this.busy = false;
    if (this.again) {
      this.again = false;
      await this.play();
    }
  }

  async hear(sound) {
    this.heardSound = { ...sound, plot: sound.plot.peaks instanceof Int8Array ? sound.plot : unpack(sound.plot) };
    this.draw();
    await this.studio.attempt(() => this.studio.sound.strike("clip", sound.clip));
    this.studio.heard(`Mixture: ${sound.title}`);
  }

  async generate() {
    if (!this.ready() || this.method === "dominance") return;
    this.make.disabled = true;
    this.make.textContent = "Generating …";
    const made = await this.studio.attempt(() => post("/generate", { steps: STEPS, method: this.method }));
    this.make.disabled = false;
    this.make.textContent = `Generate ${STEPS} steps`;
    if (!made) return;
    const ready = (sound) => ({ ...sound, plot: unpack(sound.plot) });
    this.generated = { originals: made.originals.map(ready), steps: made.steps.map(ready), whole: ready(made.whole) };
    this.showLine();
    await this.hear(this.generated.whole);
  }

  showLine() {
    const { generated } = this;
    this.zip.disabled = this.all.disabled = !generated;
    if (!generated) {
      this.line.replaceChildren(h("p.note", {}, this.ready() ? `Generate ${STEPS} steps from ${this.rows[0].name} to ${this.rows[1].name}.` : "Choose two sounds first."));
      return;
    }
    this.line.replaceChildren(...generated.steps.map((sound) => {
      const canvas = h("canvas", { "aria-hidden": "true" });
      requestAnimationFrame(() => drawPlot(canvas, sound.plot, { spectrum: true }));
      return h("button.step", { type: "button", onclick: () => this.hear(sound) }, canvas, h("span.number", {}, sound.title));
    }));
  }

  draw() {
    if (this.root.hidden) return;
    const weights = this.ready() ? this.weights() : [];
    drawPad(this.pad, { rows: this.rows, place: this.place, weights, xy: this.xy, effort: this.effort, still: this.method === "dominance" });
    this.shares.replaceChildren(...this.rows.map((row, index) => h("li.row", {}, h("span.dot", { "data-hue": HUES[index] }), h("span.grow", {}, row.name),
      h("span.number", {}, this.method === "dominance" ? "by frame" : weights.length ? `${Math.round(100 * weights[index])} %` : ""))));
    if (this.xy && this.rows.length === 2) this.shares.append(h("li.row", {}, h("span.grow", {}, "Effort"), h("span.number", {}, `${Math.round(100 * this.effort)} %`)));
    if (this.heardSound && this.plot.clientWidth) drawPlot(this.plot, this.heardSound.plot);
  }

  async askSave() {
    const name = this.rows.map((row) => row.name).join("_").slice(0, 60);
    const save = (chosen) => post("/mix/save", { weights: this.weights(), method: this.method, ...chosen });
    await askToSave(this.studio, { id: "mix", name, save });
  }
}
