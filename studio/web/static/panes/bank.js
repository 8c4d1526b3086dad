// The pane Bank: find presets, hear their takes, and hand them to the other panes.
import { download, get } from "../api.js";
import { glyph, h } from "../dom.js";
import { drawPlot, presetPlot } from "../parts/plot.js";
import { changed, fits, listing } from "../parts/presets.js";

const WALK_MS = 520;
const HOLD_MS = 350;
const HELD_KEY = 1;

export async function mount(root, studio) {
  return new Bank(root, studio).begin();
}

class Bank {
  constructor(root, studio) {
    Object.assign(this, { root, studio, cards: new Map(), shown: [], at: 0, wanted: {}, effort: 1, playing: null });
  }

  async begin() {
    this.root.classList.add("bank");
    this.search = h("input.field.grow", {
      type: "search", placeholder: "Search by name, tag or material", "aria-label": "Search presets",
      oninput: () => this.filter({ text: this.search.value }),
      onkeydown: (event) => {
        if (event.key === "ArrowDown") this.focus(0, event);
        else if (event.key === "Enter") this.find();
      },
    });
    this.meaning = h("button.button.small", { type: "button", title: "Find sounds by what the words mean, nearest first  (Enter)", onclick: () => this.find() }, "By meaning");
    this.kinds = h("div.chips", { role: "group", "aria-label": "Kind" });
    this.banks = h("select.field", { "aria-label": "Bank", onchange: () => this.filter({ bank: this.banks.value }) });
    this.materials = h("select.field", { "aria-label": "Material", onchange: () => this.filter({ material: this.materials.value }) });
    this.effortRange = h("input.range", {
      type: "range", min: 0.25, max: 1, step: 0.25, value: 1, "aria-label": "Effort",
      oninput: () => this.setEffort(Number(this.effortRange.value)),
    });
    this.effortText = h("span.number.quiet", {}, "100 %");
    this.count = h("span.quiet.number", { role: "status" });
    this.list = h("ul.cards", { "aria-label": "Presets" });
    this.detail = h("aside.detail.card", { "aria-label": "Preset" });
    this.root.append(
      h("div.bank-tools", {}, this.search, this.meaning, this.kinds, this.banks, this.materials,
        h("label.row.effort", {}, h("span.quiet", {}, "Effort"), this.effortRange, this.effortText), this.count),
      h("div.bank-body", {}, h("div.bank-list", {}, this.list), this.detail),
    );
    this.watcher = new IntersectionObserver((entries) => this.seen(entries), { root: this.list.parentElement, rootMargin: "200px" });
    changed.addEventListener("change", () => this.studio.attempt(() => this.fill()));
    window.addEventListener("theme", () => requestAnimationFrame(() => this.redraw()));
    window.addEventListener("resize", () => this.redraw());
    window.addEventListener("blur", () => this.let());
    await this.fill();
    requestAnimationFrame(() => this.frame());
    return {
      show: () => this.redraw(),
      keys: [
        { key: " ", does: "Hear a take; again for the next; hold to walk", run: (event) => this.pressKey(event) },
        { key: "Enter", does: "Shape the preset", run: () => this.hand("instrument") },
        { key: "ArrowRight", does: "Next preset", run: (event) => this.focus(this.at + 1, event) },
        { key: "ArrowLeft", does: "Previous preset", run: (event) => this.focus(this.at - 1, event) },
        { key: "ArrowDown", does: "One row down", run: (event) => this.focus(this.at + this.perRow(), event) },
        { key: "ArrowUp", does: "One row up", run: (event) => this.focus(this.at - this.perRow(), event) },
        { key: "m", does: "Add the preset to the mix pad", run: () => this.hand("mix") },
        { key: "d", does: "Download eight takes", run: () => this.download() },
        { key: "/", does: "Search", run: () => this.search.focus() },
      ],
    };
  }

  async fill() {
    const { banks, presets, problems } = await listing();
    problems.forEach((problem) => this.studio.notify(problem, true));
    this.presets = presets;
    const present = new Set(presets.map(({ bank }) => bank));
    options(this.banks, "All banks", banks.map(({ label }) => label).filter((label) => present.has(label)));
    this.banks.hidden = present.size < 2;
    options(this.materials, "All materials", [...new Set(presets.map(({ material }) => material).filter(Boolean))].sort());
    this.kinds.replaceChildren(...[["", "All"], ["hit", "Hits"], ["texture", "Textures"]].map(([kind, title]) =>
      h("button.chip", { type: "button", "aria-pressed": String((this.wanted.kind || "") === kind), onclick: (event) => {
        for (const chip of this.kinds.children) chip.setAttribute("aria-pressed", String(chip === event.currentTarget));
        this.filter({ kind });
      } }, title)));
    this.cards.clear();
    this.filter({});
  }

  filter(change) {
    Object.assign(this.wanted, change);
    this.shown = this.presets.filter((preset) => fits(preset, this.wanted));
    this.list.replaceChildren(...this.shown.map((preset) => this.card(preset).element));
    this.count.textContent = `${this.shown.length} of ${this.presets.length}`;
    if (!this.shown.length) this.list.append(h("li.note", {}, "No preset fits. Remove a word or a choice."));
    this.choose(Math.min(this.at, this.shown.length - 1));
  }

  /** Show the presets whose sounds are nearest to the words, nearest first. */
  async find() {
    const words = this.search.value.trim();
    if (!words) return;
    this.meaning.disabled = true;
    const found = await this.studio.attempt(() => get("/bank/find", { words }));
    this.meaning.disabled = false;
    if (!found) return;
    const rows = new Map(this.presets.map((preset) => [preset.key, preset]));
    this.shown = found.presets.map(({ key }) => rows.get(key)).filter(Boolean);
    this.list.replaceChildren(...this.shown.map((preset) => this.card(preset).element));
    this.count.textContent = `${this.shown.length} nearest`;
    this.choose(0);
  }

  card(preset) {
    if (this.cards.has(preset.key)) return this.cards.get(preset.key);
    const canvas = h("canvas", { "aria-hidden": "true" });
    const button = h("button.sound-card", {
      type: "button", tabindex: -1, draggable: "true", "data-key": preset.key, "data-kind": preset.kind, disabled: !preset.usable,
      title: preset.usable ? preset.description : `Model ${preset.model} is not here`,
    }, canvas, h("span.name", {}, preset.name), h("span.facts.number", {}, facts(preset)));
    button.addEventListener("pointerdown", (event) => event.button === 0 && this.press(preset));
    for (const end of ["pointerup", "pointerleave", "pointercancel", "dragstart"]) button.addEventListener(end, () => this.let());
    button.addEventListener("focus", () => this.choose(this.shown.indexOf(preset)));
    button.addEventListener("click", (event) => event.detail === 0 && this.press(preset, true));
    button.addEventListener("dragstart", (event) => event.dataTransfer.setData("text/pisada-preset", preset.key));
    const card = { preset, element: h("li", {}, button), button, canvas, plot: null };
    this.watcher.observe(button);
    this.cards.set(preset.key, card);
    return card;
  }

  seen(entries) {
    for (const { target, isIntersecting } of entries) {
      const card = this.cards.get(target.dataset.key);
      if (!isIntersecting || !card || card.plot || !card.preset.usable) continue;
      presetPlot(card.preset.key).then((plot) => {
        card.plot = plot;
        this.draw(card);
        if (this.chosen === card.preset) this.drawDetail();
      }).catch((problem) => this.studio.notify(problem.message, true));
    }
  }

  draw(card, played = null) {
    if (card.plot && card.canvas.clientWidth) drawPlot(card.canvas, card.plot, { hue: card.preset.kind, played });
  }

  redraw() {
    for (const card of this.cards.values()) this.draw(card);
    this.drawDetail();
  }

  choose(at) {
    this.at = Math.max(0, at);
    const before = this.chosen;
    this.chosen = this.shown[this.at];
    for (const card of this.cards.values()) {
      const here = card.preset === this.chosen;
      card.button.tabIndex = here ? 0 : -1;
      if (here) card.button.setAttribute("aria-current", "true");
      else card.button.removeAttribute("aria-current");
    }
    if (before !== this.chosen || !this.detail.firstChild) this.describe();
  }

  focus(at, event) {
    event?.preventDefault();
    const preset = this.shown[Math.max(0, Math.min(this.shown.length - 1, at))];
    if (preset) this.cards.get(preset.key).button.focus();
  }

  perRow() {
    const tops = [...this.list.children].map((child) => child.offsetTop);
    const second = tops.findIndex((top) => top > tops[0]);
    return second < 0 ? tops.length : second;
  }

  describe() {
    const preset = this.chosen;
    if (!preset) return this.detail.replaceChildren();
    this.detailPlot = h("canvas.detail-plot", { role: "img", "aria-label": `Waveform and spectrogram of ${preset.name}` });
    const line = (name, value) => value ? [h("dt", {}, name), h("dd", {}, value)] : [];
    this.detail.replaceChildren(
      this.detailPlot,
      h("h2", {}, preset.name),
      h("p.quiet", {}, preset.description),
      h("div.row.wrap", {}, ...preset.tags.map((tag) => h("button.chip", { type: "button", onclick: () => this.addWord(tag) }, tag))),
      h("div.detail-actions", {},
        h("button.button.main", { type: "button", onpointerdown: () => this.press(preset), onpointerup: () => this.let(), onpointerleave: () => this.let(), onclick: (event) => event.detail === 0 && this.press(preset, true) }, glyph("play"), "Hear"),
        this.has("instrument") && h("button.button", { type: "button", onclick: () => this.hand("instrument") }, "Shape"),
        this.has("mix") && h("button.button", { type: "button", onclick: () => this.hand("mix") }, "Mix"),
        h("button.button", { type: "button", onclick: () => this.download(), title: "Eight takes as one WAV file" }, glyph("down"), "WAV")),
      h("dl.facts-list", {}, ...line("Bank", preset.bank), ...line("Model", preset.model), ...line("Takes", String(preset.takes)),
        ...line("Length", `${preset.seconds.toFixed(2)} s`), ...line("Material", preset.material), ...line("Licence", preset.licence), ...line("Credit", preset.credit)),
    );
    this.drawDetail();
    return undefined;
  }

  has(pane) {
    return this.studio.panes.some(({ name }) => name === pane);
  }

  drawDetail(played = null) {
    const card = this.chosen && this.cards.get(this.chosen.key);
    if (card?.plot && this.detailPlot?.clientWidth) drawPlot(this.detailPlot, card.plot, { hue: card.preset.kind, played });
  }

  addWord(word) {
    this.search.value = `${this.search.value} ${word}`.trim();
    this.filter({ text: this.search.value });
  }

  setEffort(effort) {
    this.effort = effort;
    this.effortRange.style.setProperty("--part", `${((effort - 0.25) / 0.75) * 100}%`);
    this.effortText.textContent = `${Math.round(100 * effort)} %`;
  }

  /** Hear a take. While it is held, a hit is struck again and again, and a texture goes on. */
  press(preset, once = false) {
    this.let();
    if (!preset?.usable) return;
    this.choose(this.shown.indexOf(preset));
    const strike = () => this.studio.attempt(() => this.strike(preset));
    const released = { done: false };
    this.holding = { released };
    strike();
    if (preset.kind === "texture") {
      if (once) this.holding.timer = setTimeout(() => this.let(), 3000);
    } else if (!once) {
      const again = () => {
        strike();
        this.holding.timer = setTimeout(again, WALK_MS * (0.94 + 0.12 * Math.random()));
      };
      this.holding.timer = setTimeout(again, Math.max(HOLD_MS, WALK_MS));
    }
  }

  async strike(preset) {
    const { at, number } = await this.studio.sound.strike("bank", preset.key, this.effort, HELD_KEY);
    this.playing = { preset, at };
    this.studio.heard(preset.kind === "hit" ? `${preset.name}, take ${number + 1}` : preset.name);
  }

  let() {
    if (!this.holding) return;
    clearTimeout(this.holding.timer);
    this.holding = null;
    this.studio.sound.release("bank", HELD_KEY).catch(() => {});
  }

  pressKey(event) {
    if (event.target.closest("button:not(.sound-card), select, input")) return false;
    if (!event.repeat) {
      this.press(this.chosen);
      window.addEventListener("keyup", () => this.let(), { once: true });
    }
    return true;
  }

  hand(pane) {
    if (!this.chosen || !this.has(pane)) return false;
    return this.studio.open(pane, { preset: this.chosen.key });
  }

  download() {
    if (this.chosen) download("/bank/takes.wav", { key: this.chosen.key, takes: 8, effort: this.effort });
  }

  /** Draw where the chosen preset plays. */
  frame() {
    requestAnimationFrame(() => this.frame());
    if (!this.playing || this.root.hidden) return;
    const card = this.cards.get(this.playing.preset.key);
    if (!card?.plot) return;
    const done = (this.studio.sound.played - this.playing.at) / (card.plot.length_samples * (48000 / card.plot.rate_hz));
    const played = done >= 0 && done < 1 ? done : null;
    this.draw(card, played);
    if (card.preset === this.chosen) this.drawDetail(played);
    if (done >= 1) this.playing = null;
  }
}

function facts(preset) {
  if (preset.kind !== "hit") return "texture";
  return preset.takes === 1 ? "1 take" : `${preset.takes} takes`;
}

function options(select, all, values) {
  const before = select.value;
  select.replaceChildren(h("option", { value: "" }, all), ...values.map((value) => h("option", { value }, value)));
  select.value = values.includes(before) ? before : "";
}
