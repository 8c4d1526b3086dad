// What goes through the preset: nothing, a recording that the person sends, or the microphone.
import { upload } from "../api.js";
import { glyph, h } from "../dom.js";
import { drawPlot, unpack } from "../parts/plot.js";

export class Source {
  constructor(instrument) {
    this.instrument = instrument;
    this.sound = null;
    this.running = "";
    this.mode = "transfer";
    this.sliders = h("div.sliders.two");
    this.file = h("input", { type: "file", accept: "audio/*,.wav,.flac,.aif,.aiff,.ogg,.mp3", hidden: true, "aria-label": "Recording", onchange: () => this.file.files[0] && this.send(this.file.files[0]) });
    this.name = h("p.quiet.grow", {}, "Send a recording, or drop one here. It is moved toward the preset.");
    this.plot = h("canvas.source-plot", { role: "img", "aria-label": "Waveform of the recording", hidden: true });
    this.playButton = h("button.button", { type: "button", disabled: true, "aria-pressed": "false", onclick: () => this.toggle("clip") }, glyph("play"), "Play through");
    this.micButton = h("button.button", { type: "button", "aria-pressed": "false", onclick: () => this.toggle("mic") }, glyph("mic"), "Microphone");
    this.modes = h("div.chips", { role: "group", "aria-label": "What the input does" }, ...[["transfer", "Move the sound"], ["hits", "Play at its hits"]].map(([mode, title]) =>
      h("button.chip", { type: "button", "aria-pressed": String(mode === this.mode), onclick: (event) => this.setMode(mode, event.currentTarget) }, title)));
    this.element = h("div", { ondragover: (event) => event.preventDefault(), ondrop: (event) => this.drop(event) },
      h("div.row.wrap.panel-head", {}, h("button.button", { type: "button", onclick: () => this.file.click() }, glyph("up"), "Send a recording"), this.playButton, this.micButton, this.modes, this.file),
      this.name, this.plot, this.sliders);
  }

  drop(event) {
    event.preventDefault();
    if (event.dataTransfer.files.length) this.send(event.dataTransfer.files[0]);
  }

  /** Send a recording to the server. */
  async send(file) {
    const { studio } = this.instrument;
    this.name.textContent = `Sending ${file.name} …`;
    const sound = await studio.attempt(() => upload("/instrument/sound", { name: file.name }, file));
    if (!sound) {
      this.name.textContent = "Send a recording, or drop one here.";
      return;
    }
    this.sound = { ...sound, plot: unpack(sound.plot) };
    this.name.textContent = `${sound.title}, ${sound.seconds.toFixed(2)} s`;
    this.playButton.disabled = false;
    this.plot.hidden = false;
    this.draw();
  }

  setMode(mode, button) {
    this.mode = mode;
    for (const chip of this.modes.children) chip.setAttribute("aria-pressed", String(chip === button));
    if (this.running) this.start(this.running);
  }

  toggle(kind) {
    return this.running === kind ? this.end() : this.start(kind);
  }

  async start(kind) {
    const { studio, patch } = this.instrument;
    await studio.attempt(async () => {
      if (kind === "mic") this.endMic ??= await studio.sound.microphone();
      const text = JSON.stringify({ preset: patch.preset, clip: kind === "clip" ? this.sound.clip : "", mode: this.mode });
      await studio.sound.act({ to: "input", control: "source", text });
      this.running = kind;
      studio.heard(kind === "mic" ? "Microphone" : this.sound.title);
    });
    if (kind !== "mic" || this.running !== "mic") this.letMic();
    this.mark();
  }

  async end() {
    await this.instrument.studio.attempt(() => this.instrument.studio.sound.act({ to: "input", control: "source" }));
    this.running = "";
    this.letMic();
    this.mark();
  }

  letMic() {
    this.endMic?.();
    this.endMic = null;
  }

  mark() {
    this.playButton.setAttribute("aria-pressed", String(this.running === "clip"));
    this.micButton.setAttribute("aria-pressed", String(this.running === "mic"));
  }

  show() {
    const { patch } = this.instrument;
    if (this.running && this.shown !== patch.preset) this.start(this.running);
    this.shown = patch.preset;
  }

  draw() {
    if (this.sound && this.plot.clientWidth) drawPlot(this.plot, this.sound.plot, { hue: "warm" });
  }
}
