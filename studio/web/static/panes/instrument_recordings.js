// What was played: recorded as acts, and rendered again to the sample.
import { download, get, post } from "../api.js";
import { glyph, h } from "../dom.js";

export class Recordings {
  constructor(instrument) {
    this.instrument = instrument;
    this.list = h("ul.recordings");
    this.button = h("button.button.record", { type: "button", "aria-pressed": "false", onclick: () => this.toggle() }, glyph("record"), h("span", {}, "Record"));
    this.element = h("div", {}, h("p.quiet.panel-head", {}, "A recording keeps what you do, not the sound. It is rendered again exactly as you heard it."), this.list);
    this.show();
  }

  async show() {
    const rows = await this.instrument.studio.attempt(() => get("/instrument/recordings"));
    if (rows) this.fill(rows);
  }

  fill(rows) {
    const { studio } = this.instrument;
    this.list.replaceChildren(...rows.map(({ number, seconds, acts }) => h("li.row", {}, h("span.grow", {}, `Recording ${number}`), h("span.quiet.number", {}, `${seconds.toFixed(1)} s, ${acts} acts`),
      h("button.button.small", { type: "button", onclick: () => studio.attempt(async () => {
        const sound = await post("/instrument/replay", { number });
        await studio.sound.strike("clip", sound.clip);
        studio.heard(sound.title);
      }) }, glyph("play"), "Replay"),
      h("button.button.small", { type: "button", onclick: () => download("/instrument/recording.wav", { number }) }, glyph("down"), "WAV"))));
    if (!rows.length) this.list.append(h("li.note", {}, "Nothing is recorded yet. Press Record, play, and press it again."));
  }

  async toggle() {
    const { studio } = this.instrument;
    await studio.attempt(async () => {
      await studio.sound.start();
      const ends = this.button.getAttribute("aria-pressed") === "true";
      const made = await post("/instrument/record", { do: ends ? "end" : "begin" });
      this.button.setAttribute("aria-pressed", String(!ends));
      this.button.lastChild.textContent = ends ? "Record" : "End";
      if (ends) {
        studio.notify(`Recording ${made.number}: ${made.seconds.toFixed(1)} s`);
        await this.show();
      }
    });
  }
}
