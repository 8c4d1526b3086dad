// The pane Instrument: shape a preset while it sounds.
import { download, get, post } from "../api.js";
import { glyph, h } from "../dom.js";
import { Midi } from "../parts/midi.js";
import { choosePreset } from "../parts/picker.js";
import { drawPlot, presetPlot } from "../parts/plot.js";
import { presetOf } from "../parts/presets.js";
import { askToSave } from "../parts/save_dialog.js";
import { slider } from "../parts/slider.js";
import { Effects } from "./instrument_effects.js";
import { Latents } from "./instrument_latents.js";
import { Recordings } from "./instrument_recordings.js";
import { Source } from "./instrument_source.js";

const KEY = 2;
const EMPTY = { preset: "", second: "", values: {}, effects: [], locked: [] };

export async function mount(root, studio) {
  return new Instrument(root, studio).begin();
}

export class Instrument {
  constructor(root, studio) {
    Object.assign(this, { root, studio, patch: { ...EMPTY }, sliders: new Map(), slots: { a: null, b: null }, midi: new Midi(), canUndo: false, canRedo: false });
  }

  async begin() {
    this.root.classList.add("instrument");
    this.latents = new Latents(this);
    this.effects = new Effects(this);
    this.source = new Source(this);
    this.recordings = new Recordings(this);
    this.build();
    this.listenToMidi();
    await this.studio.attempt(async () => this.adopt(await get("/instrument"), false));
    if (!this.patch.preset) await this.firstPreset();
    window.addEventListener("theme", () => requestAnimationFrame(() => this.draw()));
    window.addEventListener("resize", () => this.draw());
    return {
      show: () => this.draw(),
      hide: () => this.let(),
      take: ({ preset, file }) => (file ? this.source.send(file) : this.use(preset)),
      keys: [
        { key: " ", does: "Strike", run: (event) => this.pressKey(event, 1) },
        ...["a", "s", "d", "f"].map((key, index) => ({ key, does: `Strike at ${25 * (index + 1)} %`, run: (event) => this.pressKey(event, 0.25 * (index + 1)) })),
        { key: "z", control: true, does: "Undo", run: () => this.step("undo") },
        { key: "y", control: true, does: "Redo", run: () => this.step("redo") },
        { key: "p", does: "Choose the preset", run: () => this.choose() },
        { key: "r", does: "Record, or end the recording", run: () => this.recordings.toggle() },
        { key: "0", does: "Bring all controls back", run: () => this.reset() },
      ],
    };
  }

  build() {
    this.name = h("h2.grow", {}, "No preset");
    this.about = h("p.quiet");
    this.pad = h("button.strike-pad", {
      type: "button", "aria-label": "Strike. Higher is harder.",
      onpointerdown: (event) => this.pressPad(event), onpointerup: () => this.let(), onpointercancel: () => this.let(), onpointerleave: () => this.let(),
      onclick: (event) => event.detail === 0 && this.strike(1),
    }, this.plot = h("canvas", { "aria-hidden": "true" }), h("span.pad-word", { "aria-hidden": "true" }, "Strike. Higher is harder."));
    this.secondName = h("button.button.small.grow", { type: "button", onclick: () => this.chooseSecond() }, "Morph to …");
    this.noSecond = h("button.button.small.plain.icon", { type: "button", "aria-label": "Morph to nothing", onclick: () => this.setSecond("") }, glyph("close"));
    this.axes = h("div.sliders");
    this.notes = h("div.sliders");
    this.modes = h("div.sliders");
    this.modesTitle = h("h3", {}, "Modes");
    const tabs = [["Latents", this.latents.element], ["Effects", this.effects.element], ["Source", this.source.element], ["Recordings", this.recordings.element]];
    this.tabs = h("div.tabs", { role: "tablist" }, ...tabs.map(([title, panel], index) => {
      panel.id = `instrument-${title.toLowerCase()}`;
      panel.setAttribute("role", "tabpanel");
      panel.hidden = index > 0;
      return h("button.tab", {
        type: "button", role: "tab", "aria-selected": String(!index), "aria-controls": panel.id, onclick: (event) => {
          for (const tab of this.tabs.children) tab.setAttribute("aria-selected", String(tab === event.currentTarget));
          for (const [, each] of tabs) each.hidden = each !== panel;
          this.draw();
        },
      }, title);
    }));
    this.undoButton = h("button.button.icon", { type: "button", "aria-label": "Undo", title: "Undo  (Ctrl Z)", onclick: () => this.step("undo") }, glyph("undo"));
    this.redoButton = h("button.button.icon", { type: "button", "aria-label": "Redo", title: "Redo  (Ctrl Y)", onclick: () => this.step("redo") }, glyph("redo"));
    this.between = slider({ name: "A to B", low: 0, high: 1, default: 0, unit: "", doc: "Morph from A to B" }, {
      label: "A to B", compact: true, input: (part) => this.morphSlots(part), change: () => this.keep(),
    });
    this.between.range.disabled = true;
    this.slotButtons = Object.fromEntries(["a", "b"].map((slot) => [slot, h("button.button.small", {
      type: "button", title: `Press to go to ${slot.toUpperCase()}; hold Shift to keep the current state there`, onclick: (event) => this.slot(slot, event.shiftKey),
    }, slot.toUpperCase())]));
    this.midiButton = h("button.button.small", { type: "button", "aria-pressed": "false", onclick: () => this.beginMidi() }, "MIDI");
    this.root.append(
      h("div.instrument-bar", {}, this.undoButton, this.redoButton,
        h("button.button", { type: "button", onclick: () => this.reset() }, "Reset"),
        h("div.row.between", {}, this.slotButtons.a, this.between.element, this.slotButtons.b),
        this.midiButton,
        h("span.grow"),
        this.recordings.button,
        h("button.button", { type: "button", title: "Four takes as they sound", onclick: () => this.download() }, glyph("down"), "WAV"),
        h("button.button.main", { type: "button", onclick: () => this.save() }, glyph("save"), "Save as preset")),
      h("div.instrument-body", {},
        h("div.column.voice", {},
          h("div.card.voice-card", {}, h("div.row", {}, this.name, h("button.button.small", { type: "button", onclick: () => this.choose() }, "Change")), this.about, this.pad),
          h("div.card.voice-card", {}, h("h3", {}, "Axes"), this.axes),
          h("div.card.voice-card", {}, h("h3", {}, "Morph"), h("div.row", {}, this.secondName, this.noSecond), this.notes, this.modesTitle, this.modes)),
        h("div.column.deep", {}, this.tabs, h("div.panels.card", {}, ...tabs.map(([, panel]) => panel)))),
    );
  }

  async firstPreset() {
    const row = (await presetOf("factory/step-gravel")) || (await import("../parts/presets.js").then(({ listing }) => listing())).presets.find(({ usable }) => usable);
    if (row) await this.use(row.key);
  }

  /** Play another preset with the same controls. */
  async use(key) {
    this.patch = { ...this.patch, preset: key };
    await this.showPatch();
    await this.keep();
  }

  async showPatch() {
    const row = this.patch.preset ? await presetOf(this.patch.preset) : null;
    this.row = row;
    this.name.textContent = row ? row.name : "No preset";
    this.about.textContent = row ? row.description || row.kind : "Choose a preset to shape.";
    if (row && this.controlsOf !== row.key) {
      this.controls = await get("/instrument/controls", { key: row.key });
      this.controlsOf = row.key;
      this.buildControls();
      this.sound = null;
      presetPlot(row.key).then((plot) => {
        this.sound = plot;
        this.draw();
      }).catch((problem) => this.studio.notify(problem.message, true));
    }
    const second = this.patch.second ? await presetOf(this.patch.second) : null;
    this.secondName.textContent = second ? second.name : "Morph to …";
    this.noSecond.hidden = !second;
    for (const [name, made] of this.sliders) made.set(this.value(name));
    this.sliders.get("morph")?.range.toggleAttribute("disabled", !second);
    this.latents.show();
    this.effects.show();
    this.source.show();
    this.undoButton.disabled = !this.canUndo;
    this.redoButton.disabled = !this.canRedo;
    this.draw();
  }

  buildControls() {
    const { axes, notes, modes, input, has_modes: hasModes } = this.controls;
    this.sliders.clear();
    const fill = (place, rows, words = (name) => name) => place.replaceChildren(...rows.map((control) => {
      const made = slider(control, { label: words(control.name), input: (value) => this.move(control.name, value), change: () => this.keep() });
      made.element.addEventListener("contextmenu", (event) => {
        event.preventDefault();
        this.learn(control.name, made.element);
      });
      this.sliders.set(control.name, made);
      return made.element;
    }));
    fill(this.axes, axes, (name) => name.replace("axis.", ""));
    if (!axes.length) this.axes.append(h("p.quiet", {}, "This model has no named axes."));
    fill(this.notes, notes, (name) => name.replace("smooth_ms", "smoothing"));
    fill(this.modes, hasModes ? modes : [], (name) => name.replace("ring_", "").replace("_db", "").replace("_semitones", ""));
    this.modesTitle.hidden = !hasModes;
    fill(this.source.sliders, input, (name) => name.replace("_db", "").replace("_ms", " time"));
    this.latents.build(this.controls);
  }

  control(name) {
    const latent = /^latent\.\d+\.(\w+)$/.exec(name);
    if (latent) return this.controls.latent.find((row) => row.name === `latent.0.${latent[1]}`);
    return [...this.controls.axes, ...this.controls.notes, ...this.controls.modes, ...this.controls.input].find((row) => row.name === name);
  }

  /** Return the value of a control; null is left out. */
  value(name) {
    return this.patch.values[name] ?? this.control(name)?.default ?? null;
  }

  /** Move a control while it sounds. */
  move(name, value) {
    this.patch.values = { ...this.patch.values, [name]: value };
    if (value === this.control(name)?.default) delete this.patch.values[name];
    if (this.studio.sound.state === "on") this.studio.attempt(() => this.studio.sound.act({ to: "shaped", control: name, value }));
  }

  /** Keep the state as a step that can be undone. */
  async keep() {
    const shaped = await this.studio.attempt(() => post("/instrument", { patch: this.patch }));
    if (shaped) [this.canUndo, this.canRedo] = [shaped.can_undo, shaped.can_redo];
    this.undoButton.disabled = !this.canUndo;
    this.redoButton.disabled = !this.canRedo;
  }

  /** Take a state of the server, and bring the engine there. */
  async adopt({ patch, can_undo: canUndo, can_redo: canRedo }, send = true) {
    const before = this.patch;
    Object.assign(this, { patch, canUndo, canRedo });
    await this.showPatch();
    if (send || this.studio.sound.state === "on") this.sendPatch(before);
    else this.studio.sound.addEventListener("state", () => this.studio.sound.state === "on" && this.sendPatch(EMPTY));
  }

  sendPatch(before) {
    if (!this.controls) return;
    const act = (more) => this.studio.attempt(() => this.studio.sound.act({ to: "shaped", ...more }));
    if (before.second !== this.patch.second) act({ control: "second", text: this.patch.second });
    if (JSON.stringify(before.effects) !== JSON.stringify(this.patch.effects)) act({ control: "effects", text: this.effects.text() });
    for (const name of new Set([...Object.keys(before.values), ...Object.keys(this.patch.values)])) {
      if (before.values[name] !== this.patch.values[name]) act({ control: name, value: this.value(name) });
    }
  }

  async step(way) {
    const shaped = await this.studio.attempt(() => post(`/instrument/${way}`));
    if (shaped) await this.adopt(shaped);
  }

  async set(patch) {
    const before = this.patch;
    this.patch = patch;
    await this.showPatch();
    this.sendPatch(before);
    await this.keep();
  }

  reset() {
    const kept = Object.fromEntries(Object.entries(this.patch.values).filter(([name]) => this.patch.locked.includes(name)));
    return this.set({ ...this.patch, values: kept });
  }

  /** Go to A or B; the first press keeps the state there, and Shift keeps it again. */
  slot(slot, again) {
    if (!this.slots[slot] || again) {
      this.slots[slot] = structuredClone(this.patch);
      this.studio.notify(`${slot.toUpperCase()} holds this state. Shift and press keeps another.`);
    } else {
      this.set(this.unlocked(structuredClone(this.slots[slot])));
      this.between.set(slot === "a" ? 0 : 1);
    }
    for (const each of ["a", "b"]) this.slotButtons[each].setAttribute("aria-pressed", String(each === slot));
    this.between.range.disabled = !(this.slots.a && this.slots.b);
  }

  unlocked(patch) {
    for (const name of this.patch.locked) {
      if (name in this.patch.values) patch.values[name] = this.patch.values[name];
      else delete patch.values[name];
    }
    return { ...patch, locked: this.patch.locked };
  }

  morphSlots(part) {
    const { a, b } = this.slots;
    for (const name of new Set([...Object.keys(a.values), ...Object.keys(b.values)])) {
      if (this.patch.locked.includes(name)) continue;
      const [from, to] = [a, b].map((slot) => slot.values[name] ?? this.control(name)?.default);
      const between = from === null || to === null ? (part < 0.5 ? from : to) : from + part * (to - from);
      this.move(name, between);
      this.sliders.get(name)?.set(between ?? 0);
    }
    this.latents.show();
  }

  async choose() {
    const row = await choosePreset(this.studio, "Choose a preset");
    if (row) await this.use(row.key);
  }

  async chooseSecond() {
    if (!this.row) return;
    const row = await choosePreset(this.studio, "Morph to");
    if (row) await this.setSecond(row.key);
  }

  setSecond(second) {
    return this.set({ ...this.patch, second });
  }

  pressPad(event) {
    if (event.button !== 0) return;
    const box = this.pad.getBoundingClientRect();
    this.strike(Math.max(0.05, Math.min(1, 1.1 - (event.clientY - box.top) / box.height)));
  }

  pressKey(event, velocity) {
    if (event.target.closest("button:not(.strike-pad):not(.tab), select, input:not([type=range])")) return false;
    if (!event.repeat) {
      this.strike(velocity);
      window.addEventListener("keyup", () => this.let(), { once: true });
    }
    return true;
  }

  strike(velocity, key = KEY) {
    if (!this.patch.preset) return;
    this.studio.attempt(async () => {
      const { at, number } = await this.studio.sound.strike("shaped", this.patch.preset, velocity, key);
      this.played = at;
      this.animate();
      this.studio.heard(`${this.row.name}, shaped, take ${number + 1}`);
    });
  }

  let(key = KEY) {
    this.studio.sound.release("shaped", key).catch(() => {});
  }

  animate() {
    const { sound, studio } = this;
    if (!sound || this.root.hidden) return;
    const done = (studio.sound.played - this.played) / sound.length_samples;
    this.draw(done >= 0 && done < 1 ? done : null);
    if (done < 1) requestAnimationFrame(() => this.animate());
  }

  draw(played = null) {
    if (this.sound && this.plot.clientWidth) drawPlot(this.plot, this.sound, { hue: this.row.kind, played });
    this.source.draw();
  }

  download() {
    if (this.patch.preset) download("/instrument/takes.wav", { takes: 4 });
  }

  async save() {
    if (!this.row) return;
    const save = (chosen) => post("/instrument/save", chosen);
    await askToSave(this.studio, { id: "save", name: `${this.row.name}-shaped`, save });
  }

  listenToMidi() {
    this.midi.addEventListener("strike", ({ detail }) => this.strike(detail.velocity, detail.key));
    this.midi.addEventListener("release", ({ detail }) => this.let(detail.key));
    this.midi.addEventListener("control", ({ detail: { control, part } }) => {
      const row = this.controls && this.control(control);
      if (!row) return;
      const value = row.low + part * (row.high - row.low);
      this.move(control, value);
      this.sliders.get(control)?.set(value);
      clearTimeout(this.midiKeep);
      this.midiKeep = setTimeout(() => this.keep(), 400);
    });
    this.midi.addEventListener("learning", () => {
      for (const each of this.root.querySelectorAll(".learning")) if (!this.midi.learning) each.classList.remove("learning");
    });
  }

  beginMidi() {
    this.studio.attempt(async () => {
      await this.midi.begin();
      this.midiButton.setAttribute("aria-pressed", "true");
      const ports = this.midi.ports.map(({ name }) => name).join(", ") || "no device is connected";
      this.studio.notify(`MIDI: ${ports}. Keys strike. To learn a controller, press a slider with the right button, then move the controller.`);
    });
  }

  learn(control, element) {
    this.midi.learn(control);
    element.classList.add("learning");
    this.studio.notify(`Move a MIDI controller to move ${control}.`);
  }
}
