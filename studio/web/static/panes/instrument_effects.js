// The rack: effects after the instrument, in order.
import { glyph, h } from "../dom.js";
import { slider } from "../parts/slider.js";

const NAMES = { eq: "EQ", lfo: "LFO", pulses: "Pulses", adsr: "Envelope", gain: "Gain", pan: "Pan", convolution: "Reverb" };

export class Effects {
  constructor(instrument) {
    this.instrument = instrument;
    this.list = h("div.rack");
    this.adders = h("div.chips");
    this.element = h("div", {}, h("div.row.panel-head", {}, h("p.quiet", {}, "Add"), this.adders), this.list);
  }

  text() {
    return JSON.stringify(this.instrument.patch.effects);
  }

  show() {
    const { controls, patch } = this.instrument;
    if (!controls) return;
    this.adders.replaceChildren(...Object.keys(controls.effects).map((name) =>
      h("button.chip", { type: "button", onclick: () => this.change([...patch.effects, { name, settings: {} }]) }, NAMES[name] || name)));
    this.list.replaceChildren(...patch.effects.map((effect, index) => this.effect(effect, index)));
    if (!patch.effects.length) this.list.append(h("p.note", {}, "No effect. They act after the model, in order."));
  }

  change(effects) {
    return this.instrument.set({ ...this.instrument.patch, effects });
  }

  effect({ name, settings }, index) {
    const { instrument } = this;
    const { effects } = instrument.patch;
    const setting = (control) => (value) => {
      const changed = instrument.patch.effects.map((each, at) => at === index ? { ...each, settings: { ...each.settings, [control.name]: value } } : each);
      instrument.patch = { ...instrument.patch, effects: changed };
      instrument.studio.attempt(() => instrument.studio.sound.act({ to: "shaped", control: `fx.${index}.${control.name}`, value }));
    };
    const rows = instrument.controls.effects[name].map((control) => {
      const set = setting(control);
      if (control.choices.length) {
        const select = h("select.field.grow", { "aria-label": control.name, onchange: () => {
          set(select.selectedIndex);
          instrument.keep();
        } }, ...control.choices.map((choice) => h("option", {}, choice)));
        select.selectedIndex = settings[control.name] ?? control.default;
        return h("div.slider", {}, h("span.slider-name", {}, control.name), select);
      }
      const made = slider(control, { label: control.name.replace(/_(db|hz|ms|q|deg)$/, "").replaceAll("_", " "), input: set, change: () => instrument.keep() });
      made.set(settings[control.name] ?? control.default);
      return made.element;
    });
    const swap = (to) => {
      const moved = [...effects];
      [moved[index], moved[to]] = [moved[to], moved[index]];
      this.change(moved);
    };
    return h("section.effect", { "aria-label": NAMES[name] || name },
      h("div.row", {}, h("h2.grow", {}, NAMES[name] || name),
        h("button.button.small.plain.icon", { type: "button", "aria-label": "Earlier", disabled: index === 0, onclick: () => swap(index - 1) }, "↑"),
        h("button.button.small.plain.icon", { type: "button", "aria-label": "Later", disabled: index === effects.length - 1, onclick: () => swap(index + 1) }, "↓"),
        h("button.button.small.plain.icon", { type: "button", "aria-label": "Remove", onclick: () => this.change(effects.filter((_, at) => at !== index)) }, glyph("close"))),
      h("div.sliders.two", {}, ...rows));
  }
}
