// The latents of the instrument: for each one its bias, scale, value, switch, freeze and lock.
import { glyph, h } from "../dom.js";
import { slider } from "../parts/slider.js";

export class Latents {
  constructor(instrument) {
    this.instrument = instrument;
    this.rows = [];
    this.list = h("div.latents", { role: "list" });
    this.element = h("div", {},
      h("div.row.panel-head", {}, h("p.quiet.grow", {}, "Each latent of the model. Double press a slider to bring it back."),
        h("button.button.small", { type: "button", onclick: () => this.random() }, "Random"),
        h("button.button.small", { type: "button", onclick: () => this.clear() }, "Clear")),
      h("div.latent-head", { "aria-hidden": "true" }, h("span", {}, "#"), h("span", {}, "On"), h("span", {}, "Bias"), h("span", {}, "Scale"), h("span", {}, "Value"), h("span", {}, "Freeze"), h("span", {}, "Lock")),
      this.list);
  }

  build({ latents, latent }) {
    if (this.rows.length === latents) return;
    const named = Object.fromEntries(latent.map((row) => [row.name.split(".")[2], row]));
    this.rows = Array.from({ length: latents }, (_, number) => this.row(number, named));
    this.list.replaceChildren(...this.rows.map(({ element }) => element));
  }

  row(number, named) {
    const { instrument } = this;
    const name = (part) => `latent.${number}.${part}`;
    const moved = (part) => ({
      label: `Latent ${number}, ${part}`, compact: true,
      input: (value) => {
        instrument.move(name(part), value);
        this.mark(number);
      },
      change: () => instrument.keep(),
    });
    const toggle = (part, symbol, words) => h("button.toggle", {
      type: "button", "aria-pressed": "false", "aria-label": `Latent ${number}, ${words}`, title: words, onclick: () => this.toggle(number, part),
    }, glyph(symbol));
    const row = {
      bias: slider({ ...named.bias, low: -4, high: 4 }, moved("bias")),
      scale: slider({ ...named.scale, low: -2, high: 4 }, moved("scale")),
      value: slider({ ...named.value, low: -4, high: 4, default: 0 }, moved("value")),
      on: toggle("on", "power", "on"),
      hold: h("button.toggle", { type: "button", "aria-pressed": "false", "aria-label": `Latent ${number}, replace by a value`, title: "Replace the latent by this value", onclick: () => this.toggle(number, "value") }, "="),
      freeze: toggle("freeze", "freeze", "freeze"),
      lock: toggle("lock", "lock", "lock"),
    };
    row.element = h("div.latent", { role: "listitem" }, h("span.number.quiet", {}, String(number)), row.on, row.bias.element, row.scale.element,
      h("div.row", {}, row.hold, row.value.element), row.freeze, row.lock);
    return row;
  }

  toggle(number, part) {
    const { instrument } = this;
    const name = `latent.${number}.${part}`;
    if (part === "lock") {
      const names = ["bias", "scale", "value", "on", "freeze"].map((each) => `latent.${number}.${each}`);
      const locked = instrument.patch.locked.includes(names[0]);
      instrument.patch.locked = locked ? instrument.patch.locked.filter((each) => !names.includes(each)) : [...instrument.patch.locked, ...names];
    } else if (part === "value") {
      instrument.move(name, instrument.value(name) === null ? this.rows[number].value.value : null);
    } else {
      instrument.move(name, instrument.value(name) >= 0.5 ? 0 : 1);
    }
    this.mark(number);
    instrument.keep();
  }

  mark(number) {
    const { instrument } = this;
    const row = this.rows[number];
    const value = (part) => instrument.value(`latent.${number}.${part}`);
    const fixed = value("value") !== null;
    row.on.setAttribute("aria-pressed", String(value("on") >= 0.5));
    row.freeze.setAttribute("aria-pressed", String(value("freeze") >= 0.5));
    row.hold.setAttribute("aria-pressed", String(fixed));
    row.value.range.disabled = !fixed;
    row.lock.setAttribute("aria-pressed", String(instrument.patch.locked.includes(`latent.${number}.bias`)));
    row.element.classList.toggle("off", value("on") < 0.5);
    row.element.classList.toggle("moved", Object.keys(instrument.patch.values).some((name) => name.startsWith(`latent.${number}.`)));
  }

  show() {
    const { instrument } = this;
    this.rows.forEach((row, number) => {
      row.bias.set(instrument.value(`latent.${number}.bias`));
      row.scale.set(instrument.value(`latent.${number}.scale`));
      row.value.set(instrument.value(`latent.${number}.value`) ?? row.value.value);
      this.mark(number);
    });
  }

  /** Give every latent that is not locked a small random bias. */
  random() {
    const { instrument } = this;
    const values = { ...instrument.patch.values };
    this.rows.forEach((_, number) => {
      const name = `latent.${number}.bias`;
      if (!instrument.patch.locked.includes(name)) values[name] = Math.round(100 * (Math.random() + Math.random() + Math.random() - 1.5)) / 100;
    });
    instrument.set({ ...instrument.patch, values });
  }

  clear() {
    const { instrument } = this;
    const kept = Object.entries(instrument.patch.values).filter(([name]) => !name.startsWith("latent.") || instrument.patch.locked.includes(name));
    instrument.set({ ...instrument.patch, values: Object.fromEntries(kept) });
  }
}
