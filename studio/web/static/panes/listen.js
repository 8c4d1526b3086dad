// The pane Listen: blind tests. Sounds of a page play together in step, and one of them is heard.
import { address, get, post, upload } from "../api.js";
import { glyph, h } from "../dom.js";
import { channelsOf, clipNode } from "../sound/clips.js";

const RATE_HZ = 48000;
const MOS_WORDS = ["", "bad", "poor", "fair", "good", "excellent"];
const MUSHRA_WORDS = ["excellent", "good", "fair", "poor", "bad"];

export async function mount(root, studio) {
  const pane = new ListenPane(root, studio);
  pane.home();
  return { keys: pane.keys(), show: () => !pane.page && pane.home(), hide: () => pane.play(false) };
}

class ListenPane {
  constructor(root, studio) {
    Object.assign(this, { root, studio, page: null, test: "", rater: localStorage.getItem("pisada.rater") || "", chosen: 0, playing: false, loop: true });
    root.classList.add("listen");
  }

  async home() {
    this.page = null;
    const listing = await this.studio.attempt(() => get("/listen"));
    if (!listing || this.page) return; // a page was opened meanwhile
    const rater = h("input.field", { "aria-label": "Your name", placeholder: "Your name", set: { value: this.rater } });
    rater.addEventListener("input", () => { this.rater = rater.value.trim(); localStorage.setItem("pisada.rater", this.rater); });
    this.root.replaceChildren(h("div.ls-home", {},
      h("div.ls-head", {}, h("h2", {}, "Listening tests"), h("label.row", {}, h("span.quiet", {}, "You are"), rater)),
      listing.tests.length ? h("ul.ls-tests", {}, listing.tests.map((test) => this.card(test))) : h("p.note", {}, "There is no test yet. Make one of a folder of the project that holds a folder for each version."),
      this.form(listing)));
  }

  card({ name, kind, items, conditions, raters }) {
    return h("li.card.ls-card", {}, h("div.grow", {}, h("h2", {}, name), h("p.quiet", {}, `${kind === "mos" ? "MOS, 1 to 5" : "MUSHRA, 0 to 100"} · ${items} sounds · ${conditions} versions · ${raters} listeners`)),
      h("button.button", { onclick: () => this.results(name) }, "Results"),
      h("button.button.main", { onclick: () => this.begin(name) }, "Listen"));
  }

  form({ sources }) {
    const field = (label, input) => h("label.tl-field", {}, h("span", {}, label), input);
    const name = h("input.field", { "aria-label": "Name", required: true });
    const kind = h("select.field", { "aria-label": "Kind" }, h("option", { value: "mushra" }, "MUSHRA: all versions beside the reference"), h("option", { value: "mos" }, "MOS: one sound at a time"));
    const source = h("select.field", { "aria-label": "Folder" }, sources.map((each) => h("option", { value: each }, each)));
    const question = h("input.field", { "aria-label": "Question", placeholder: "How natural is the sound?" });
    const make = async (event) => {
      event.preventDefault();
      const done = await this.studio.attempt(() => post("/listen/new", { name: name.value.trim(), kind: kind.value, source: source.value, question: question.value }));
      if (done) this.home();
    };
    return h("form.card.ls-form", { onsubmit: make }, h("h2", {}, "New test"),
      sources.length ? h("div.ls-fields", {}, field("Name", name), field("Kind", kind), field("Folder of versions", source), field("Question", question))
        : h("p.quiet", {}, "The project's folder holds no folder of versions: put the sounds of each version into a folder of its own, with equal file names, and the originals into one called reference."),
      sources.length > 0 && h("div.row", {}, h("button.button.main", {}, "Make the test")));
  }

  async begin(test) {
    this.test = test;
    if (!this.rater) {
      this.studio.notify("Write your name first: it tells listeners apart.", true);
      this.root.querySelector("input")?.focus();
      return;
    }
    const next = await this.studio.attempt(() => post("/listen/start", { test, rater: this.rater }));
    if (next) this.open(next.page);
  }

  async open(number) {
    this.play(false);
    if (number < 0) return this.thanks();
    const of = { test: this.test, rater: this.rater, page: number };
    const page = await this.studio.attempt(() => get("/listen/page", of));
    if (!page) return undefined;
    this.page = page;
    this.scores = page.scores.length ? [...page.scores] : new Array(page.slots).fill(null);
    this.heard = new Set(page.scores.length ? this.scores.keys() : []);
    this.began = performance.now();
    this.chosen = page.reference ? -1 : 0;
    this.draw();
    const slots = [...(page.reference ? [-1] : []), ...Array.from({ length: page.slots }, (_, index) => index)];
    const sounds = await this.studio.attempt(() => Promise.all(slots.map((slot) => get("/listen/sound", { ...of, slot }))));
    if (!sounds || this.page !== page) return undefined;
    this.slots = slots;
    this.versions = sounds.map(channelsOf);
    this.length = this.versions[0][0].length;
    this.node = await this.switcher();
    this.node.port.postMessage({ versions: this.versions, chosen: 0, loop: this.loop });
    if (this.page !== page) return undefined;
    this.ready = true;
    this.root.querySelector(".ls-play").disabled = false;
    return undefined;
  }

  async switcher() {
    this.made ??= clipNode(this.studio.sound, "switcher").then((node) => {
      node.port.onmessage = ({ data }) => data.position !== undefined && this.moved(data);
      return node;
    });
    return this.made;
  }

  moved({ position, playing }) {
    if (this.playing !== playing) {
      this.playing = playing;
      this.root.querySelector(".ls-play")?.replaceChildren(glyph(playing ? "stop" : "play"), playing ? "Stop" : "Play");
    }
    this.root.querySelector(".ls-bar span")?.style.setProperty("width", `${(100 * position) / (this.length || 1)}%`);
  }

  async play(wanted = !this.playing) {
    if (!this.node || (!wanted && !this.playing)) return;
    this.node.port.postMessage({ playing: wanted });
    if (wanted) this.mark(this.chosen);
    this.studio.heard(this.test);
  }

  mark(slot) {
    if (slot >= 0) this.heard.add(slot);
    this.update();
  }

  /** Hear another sound of the page from the very same sample on. */
  choose(slot, play = true) {
    if (!this.page || !this.ready) return;
    const [low, high] = [this.page.reference ? -1 : 0, this.page.slots - 1];
    this.chosen = Math.max(low, Math.min(high, slot));
    this.node.port.postMessage({ chosen: this.slots.indexOf(this.chosen) });
    if (!this.playing && play) this.play(true);
    this.mark(this.chosen);
  }

  rate(slot, score) {
    if (slot < 0) return;
    const { low, high } = this.page;
    this.scores[slot] = Math.max(low, Math.min(high, Math.round(score)));
    this.update();
  }

  draw() {
    const { page } = this;
    this.ready = false;
    const letters = Array.from({ length: page.slots }, (_, index) => String.fromCharCode(65 + index));
    const bar = h("button.ls-bar", { title: "Go to a place", "aria-label": "Position", onclick: (event) => {
      const box = bar.getBoundingClientRect();
      this.node?.port.postMessage({ position: Math.floor((this.length * (event.clientX - box.left)) / box.width) });
    } }, h("span"));
    this.root.replaceChildren(h("div.ls-page", {},
      h("div.ls-head", {}, h("button.button.plain", { onclick: () => { this.play(false); this.home(); } }, "All tests"), h("p.quiet.number", {}, `Page ${page.page + 1} of ${page.pages} · ${this.rater}`)),
      h("progress.tl-progress", { max: page.pages, value: page.answered, "aria-label": "Answered pages" }),
      h("h2.ls-question", {}, page.question || (page.kind === "mos" ? "How good does it sound?" : "How close is each sound to the reference?")),
      h("div.row.ls-transport", {}, h("button.button.main.ls-play", { disabled: true, onclick: () => this.play() }, glyph("play"), "Play"), bar,
        (this.loopButton = h("button.button", { "aria-pressed": String(this.loop), onclick: () => this.setLoop() }, "Loop"))),
      page.kind === "mos" ? this.mos() : h("div.ls-columns", {}, page.reference && h("div.ls-column.reference", {}, this.letter(-1, "Reference")), h("div.ls-scale", { "aria-hidden": "true" }, MUSHRA_WORDS.map((word) => h("span", {}, word))), letters.map((letter, slot) => this.column(slot, letter))),
      h("div.row.ls-end", {}, page.page > 0 && h("button.button", { onclick: () => this.open(page.page - 1) }, "Back"), h("p.quiet.grow", { id: "ls-missing" }),
        h("button.button.main.ls-next", { onclick: () => this.next() }, "Keep and go on"))));
    this.update();
  }

  letter(slot, text) {
    return h("button.ls-letter", { "data-slot": slot, onclick: () => this.choose(slot) }, text);
  }

  column(slot, letter) {
    const range = h("input.ls-fader", { type: "range", min: 0, max: 100, "data-slot": slot, "aria-label": `Score of ${letter}`, set: { value: this.scores[slot] ?? 50 } });
    range.addEventListener("input", () => { this.choose(slot, false); this.rate(slot, Number(range.value)); });
    return h("div.ls-column", {}, h("output.number", { "data-score": slot }, "–"), range, this.letter(slot, letter));
  }

  mos() {
    return h("div.ls-mos", { role: "radiogroup", "aria-label": "Score" }, [1, 2, 3, 4, 5].map((score) =>
      h("button.ls-mark", { role: "radio", "data-mark": score, onclick: () => this.rate(0, score) }, h("b", {}, score), MOS_WORDS[score])));
  }

  update() {
    if (!this.page) return;
    for (const letter of this.root.querySelectorAll(".ls-letter")) {
      const slot = Number(letter.dataset.slot);
      letter.setAttribute("aria-pressed", String(slot === this.chosen));
      letter.classList.toggle("heard", this.heard.has(slot));
    }
    for (const shown of this.root.querySelectorAll("[data-score]")) shown.textContent = this.scores[shown.dataset.score] ?? "–";
    for (const fader of this.root.querySelectorAll(".ls-fader")) {
      const score = this.scores[fader.dataset.slot];
      fader.classList.toggle("unset", score === null);
      if (score !== null) fader.value = score;
    }
    for (const mark of this.root.querySelectorAll(".ls-mark")) mark.setAttribute("aria-checked", String(this.scores[0] === Number(mark.dataset.mark)));
    const unheard = this.page.slots - this.heard.size;
    const unrated = this.scores.filter((score) => score === null).length;
    const missing = unheard ? `${unheard} not heard yet` : unrated ? `${unrated} not rated yet` : "";
    this.root.querySelector("#ls-missing").textContent = missing;
    this.root.querySelector(".ls-next").disabled = Boolean(missing);
  }

  setLoop() {
    this.loop = !this.loop;
    this.loopButton.setAttribute("aria-pressed", String(this.loop));
    this.node?.port.postMessage({ loop: this.loop });
  }

  /** Keep the answer on disk, and only then show the next page. */
  async next() {
    if (!this.page || this.root.querySelector(".ls-next").disabled) return;
    const { page, test, rater, scores } = this;
    const seconds = (performance.now() - this.began) / 1000;
    const kept = await this.studio.attempt(() => post("/listen/answer", { test, rater, page: page.page, scores, seconds }));
    if (kept) this.open(kept.page);
  }

  thanks() {
    this.page = null;
    this.root.replaceChildren(h("div.ls-thanks", {}, h("h2", {}, "Thank you."), h("p.quiet", {}, "All pages are answered, and every answer is on disk."),
      h("div.row", {}, h("button.button", { onclick: () => this.home() }, "All tests"), h("button.button.main", { onclick: () => this.results(this.test) }, "Results"))));
  }

  async results(test) {
    const found = await this.studio.attempt(() => get("/listen/results", { test }));
    if (!found) return;
    this.page = null;
    const file = h("input", { type: "file", accept: ".csv", hidden: true });
    const metrics = h("div");
    file.addEventListener("change", async () => {
      const answer = await this.studio.attempt(() => upload("/listen/metrics", { test }, file.files[0]));
      if (answer) metrics.replaceChildren(this.metricTable(answer.metrics));
    });
    const part = (value) => `${(100 * (value - found.low)) / (found.high - found.low)}%`;
    const row = (one) => {
      const bar = h("div.ls-interval", {}, h("i"), h("b"));
      bar.children[0].style.left = part(one.low);
      bar.children[0].style.width = `calc(${part(one.high)} - ${part(one.low)})`;
      bar.children[1].style.left = part(one.mean);
      return h("tr", {}, h("th", { scope: "row" }, one.condition), h("td.number", {}, one.mean.toFixed(2)), h("td", {}, bar), h("td.number.quiet", {}, `${one.low.toFixed(2)} – ${one.high.toFixed(2)}`), h("td.number.quiet", {}, one.count));
    };
    const raters = Object.entries(found.raters);
    this.root.replaceChildren(h("div.ls-home", {}, h("div.ls-head", {}, h("button.button.plain", { onclick: () => this.home() }, "All tests"), h("h2", {}, test)),
      found.conditions.length ? h("table.ls-table", {}, h("thead", {}, h("tr", {}, ["Version", "Mean", `${found.low} to ${found.high}`, "95 % interval", "Scores"].map((text) => h("th", { scope: "col" }, text)))), h("tbody", {}, found.conditions.map(row))) : h("p.note", {}, "Nobody has answered yet."),
      raters.length > 0 && h("p.quiet", {}, `Listeners: ${raters.map(([name, pages]) => `${name} (${pages})`).join(", ")}`),
      found.careless.length > 0 && h("p.tl-warn", {}, `Often scored the hidden reference below 90: ${found.careless.join(", ")}`),
      h("div.row.wrap", {}, h("a.button", { href: address("/listen/results.csv", { test }), download: "" }, glyph("down"), "All scores as CSV"), h("button.button", { onclick: () => file.click() }, "Compare with metrics (CSV)…"), file), metrics));
  }

  metricTable(metrics) {
    const shown = (values) => (values ? `${values[0].toFixed(3)}  (${values[1].toFixed(2)} – ${values[2].toFixed(2)})` : "–");
    return h("table.ls-table", {}, h("thead", {}, h("tr", {}, ["Metric", "Pearson", "Spearman", "Sounds"].map((text) => h("th", { scope: "col" }, text)))),
      h("tbody", {}, metrics.map((one) => h("tr", {}, h("th", { scope: "row" }, one.metric), h("td.number", {}, shown(one.pearson)), h("td.number", {}, shown(one.spearman)), h("td.number", {}, one.count)))));
  }

  keys() {
    const on = (key, shown, does, run) => ({ key, shown, does, run: (event) => (this.page ? run(event) : false) });
    const step = (event) => (event.shiftKey ? 10 : 1);
    const change = (direction) => (event) => {
      const slot = this.page.kind === "mos" ? 0 : this.chosen;
      const middle = this.page.kind === "mos" ? 3 : 50;
      if (slot >= 0) this.rate(slot, (this.scores[slot] ?? middle) + direction * (this.page.kind === "mos" ? 1 : step(event)));
    };
    const digits = Array.from({ length: 9 }, (_, index) => on(String(index + 1), String(index + 1), index ? "" : "Hear this sound; MOS: give this score", () => (this.page.kind === "mos" ? index < 5 && this.rate(0, index + 1) : this.choose(index))));
    return [
      on(" ", "Space", "Play or stop", (event) => (event.target.closest("button") ? false : this.play())),
      on("ArrowLeft", "←", "Hear the sound before", () => this.choose(this.chosen - 1)),
      on("ArrowRight", "→", "Hear the next sound", () => this.choose(this.chosen + 1)),
      on("ArrowUp", "↑", "Raise the score (Shift: by ten)", change(1)),
      on("ArrowDown", "↓", "Lower the score (Shift: by ten)", change(-1)),
      on("0", "0", "Hear the reference", () => this.choose(-1)),
      on("l", "L", "Loop on or off", () => this.setLoop()),
      on("Enter", "Enter", "Keep the answer and go on", (event) => (event.target.closest("button") ? false : this.next())),
      ...digits,
    ];
  }
}
