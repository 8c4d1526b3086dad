// The pane Timeline: cues against the film, edited, heard as they will be rendered, and rendered.
import { get, post, upload } from "../api.js";
import { glyph, h } from "../dom.js";
import { Inspector } from "../timeline/inspector.js";
import { Model } from "../timeline/model.js";
import { FindingsPanel, RenderPanel, SuggestionsPanel } from "../timeline/panels.js";
import { Pointer } from "../timeline/pointer.js";
import { FilmFollower, Transport } from "../timeline/transport.js";
import { LanesView } from "../timeline/view.js";

const FILM = /\.(mp4|m4v|mov|webm|mkv)$/i;
const SOUND = /\.(wav|flac|aiff?|ogg|mp3)$/i;

export async function mount(root, studio) {
  const pane = new TimelinePane(root, studio);
  pane.load();
  return { keys: pane.keys(), take: (given) => pane.takeGiven(given), show: () => pane.view.draw(), hide: () => pane.transport.playing && pane.transport.pause() };
}

class TimelinePane {
  constructor(root, studio) {
    Object.assign(this, { root, studio });
    root.classList.add("timeline");
    this.model = new Model();
    this.transport = new Transport(studio, this.model);
    this.act = (edit) => studio.attempt(() => this.model.edit(edit));
    this.build();
    this.model.addEventListener("problem", ({ detail }) => studio.notify(detail, true));
    for (const kind of ["sheet", "rows"]) this.model.addEventListener(kind, () => this.refresh());
    this.model.addEventListener("selection", () => this.announce());
    this.model.addEventListener("details", () => this.countFindings());
    this.transport.addEventListener("state", () => this.tick());
    this.transport.addEventListener("moved", () => this.tick());
  }

  build() {
    this.canvas = h("canvas.tl-canvas", { tabindex: 0, role: "img", "aria-label": "Lanes of the stems; the arrow keys move the selected cues" });
    this.heads = h("div.tl-heads");
    this.video = h("video.tl-video", { playsinline: true, preload: "auto", set: { muted: true } });
    this.timecode = h("output.tl-timecode", { "aria-label": "Position", "aria-live": "off" });
    this.said = h("p.visually-hidden", { "aria-live": "polite" });
    this.view = new LanesView(this.canvas, this.model, this.transport);
    this.view.dispatch = () => this.placeHeads();
    this.pointer = new Pointer(this.view, this.model, this.transport, this.act);
    this.pointer.dispatchAudition = (id) => this.audition(id);
    this.pointer.addAt = (stem, at) => this.add(stem, at);
    this.follower = new FilmFollower(this.video, this.transport);
    this.filmBox = h("div.tl-film", {}, this.video, h("p.tl-nofilm.quiet", {}, "No film"), this.timecode, this.filmTools());
    this.tabs = this.buildTabs();
    this.body = h("div.tl-body", {}, this.heads, h("div.tl-lanes", {}, this.canvas, this.emptyNote()), h("aside.tl-side", {}, this.filmBox, this.tabs));
    this.root.append(this.toolbar(), this.body, this.said);
    this.root.addEventListener("dragover", (event) => event.preventDefault());
    this.root.addEventListener("drop", (event) => this.dropped(event));
  }

  emptyNote() {
    this.note = h("div.tl-empty", {},
      h("h2", {}, "No sheet is open"),
      h("p.quiet", {}, "Drop a cue sheet here: CSV, XLSX, MIDI, EDL, XML, OTIO, REAPER or AAF."),
      h("div.row.wrap", {}, h("button.button.main", { onclick: () => this.chooseSheet() }, "Open a sheet"), h("button.button", { onclick: () => this.newSheet() }, "New sheet")),
      (this.projectSheets = h("div.tl-choices")));
    return this.note;
  }

  toolbar() {
    const button = (name, title, run, label = "") => h("button.button.icon", { title, "aria-label": title, onclick: run }, glyph(name), label);
    this.play = button("play", "Play or pause  (Space)", () => this.transport.toggle());
    this.loop = h("button.button.small", { title: "Repeat the marked range  (L)", "aria-pressed": "false", onclick: () => this.toggleLoop() }, "Loop");
    this.undo = button("undo", "Undo", () => this.step("undo"));
    this.redo = button("redo", "Redo", () => this.step("redo"));
    this.snap = h("select.field", { "aria-label": "Snap to" }, [["frames", "Snap: frames"], ["hits", "Snap: hits"], ["off", "Snap: off"]].map(([value, text]) => h("option", { value }, text)));
    this.snap.addEventListener("change", () => { this.pointer.snap = this.snap.value; });
    this.name = h("button.button.plain.tl-name", { onclick: () => this.chooseSheet(), title: "Open a sheet" }, "Open…");
    return h("div.tl-tools", {}, this.name, h("div.row", {}, this.play, this.loop), h("div.row", {}, this.undo, this.redo), this.snap,
      h("div.row.tl-zoom", {},
        h("button.button.icon", { title: "Zoom out  (-)", "aria-label": "Zoom out", onclick: () => this.view.zoom(1.6) }, "−"),
        h("button.button.icon", { title: "Zoom in  (+)", "aria-label": "Zoom in", onclick: () => this.view.zoom(1 / 1.6) }, "+"),
        h("button.button.small", { title: "Show the whole programme  (F)", onclick: () => this.view.fit() }, "Fit")),
      h("button.button.main.tl-render", { onclick: () => { this.showTab("render"); this.renders.begin(); } }, "Render"));
  }

  filmTools() {
    this.filmSound = h("button.button.small", { "aria-pressed": "false", title: "Hear the film's own sound", onclick: () => {
      this.video.muted = !this.video.muted;
      this.filmSound.setAttribute("aria-pressed", String(!this.video.muted));
    } }, "Film sound");
    return h("div.tl-filmtools", {},
      h("button.button.small", { onclick: () => this.chooseMedia("film") }, "Film…"),
      h("button.button.small", { onclick: () => this.chooseMedia("guide") }, "Guide…"), this.filmSound);
  }

  buildTabs() {
    const panels = ["cue", "findings", "suggestions", "render"].map((name) => [name, h("div.tl-panel", { role: "tabpanel", id: `tl-panel-${name}`, tabindex: 0 })]);
    const titles = { cue: "Cue", findings: "Findings", suggestions: "Spot", render: "Render" };
    this.tabButtons = new Map(panels.map(([name]) => [name, h("button.tl-tab", { role: "tab", "aria-controls": `tl-panel-${name}`, onclick: () => this.showTab(name) }, titles[name])]));
    this.panels = new Map(panels);
    this.inspector = new Inspector(this.panels.get("cue"), this.model, this.act);
    this.findings = new FindingsPanel(this.panels.get("findings"), this.model, (id) => this.reveal(id));
    this.spots = new SuggestionsPanel(this.panels.get("suggestions"), this.studio, this.model, this.act);
    this.spots.range = () => this.transport.range;
    this.renders = new RenderPanel(this.panels.get("render"), this.studio, this.model);
    const box = h("div.tl-tabs", {}, h("div.tl-tablist", { role: "tablist", "aria-label": "Side" }, [...this.tabButtons.values()]), [...this.panels.values()]);
    this.inspector.show();
    this.spots.show();
    this.renders.show();
    this.showTab("cue");
    return box;
  }

  showTab(name) {
    for (const [each, panel] of this.panels) {
      panel.hidden = each !== name;
      this.tabButtons.get(each).setAttribute("aria-selected", String(each === name));
    }
  }

  async load() {
    const view = await this.studio.attempt(() => get("/timeline"));
    if (view) this.take(view);
  }

  take(view) {
    this.transport.at = 0;
    this.transport.range = null;
    this.model.take(view);
    this.setFilm();
    this.tick();
  }

  refresh() {
    const { view, isOpen } = this.model;
    this.note.hidden = isOpen;
    this.name.textContent = isOpen ? view.name : "Open…";
    this.undo.disabled = !view.undo;
    this.redo.disabled = !view.redo;
    this.undo.title = view.undo ? `Undo: ${view.undo}` : "Nothing to undo";
    this.redo.title = view.redo ? `Redo: ${view.redo}` : "Nothing to redo";
    this.projectSheets.replaceChildren(...view.sheets.slice(0, 12).map((name) => h("button.button.small", { onclick: () => this.open(() => post("/timeline/open", { name })) }, name)));
    this.drawHeads();
  }

  drawHeads() {
    const rows = this.model.isOpen ? this.model.stems : [];
    this.heads.replaceChildren(...rows.map((stem) => this.head(stem)));
    this.placeHeads();
  }

  head(stem) {
    const state = this.model.view.listening[stem] || { muted: false, solo: false };
    const button = (name, title, label) => h("button.tl-ms", {
      "aria-pressed": String(state[name]), title, "aria-label": `${title}: ${stem}`, class: `tl-ms ${name}`,
      onclick: () => this.act({ type: "listen", stem, ...state, [name]: !state[name] }),
    }, label);
    return h("div.tl-head", { "data-stem": stem }, h("b", {}, stem), h("div.row", {}, button("muted", "Mute", "M"), button("solo", "Solo", "S")));
  }

  placeHeads() {
    for (const head of this.heads.children) {
      const y = this.view.laneY(head.dataset.stem);
      head.style.transform = `translateY(${y}px)`;
      head.style.height = `${this.view.laneHeight - 1}px`;
      head.style.setProperty("--tint", this.view.stemColour(head.dataset.stem));
      head.hidden = y + this.view.laneHeight < this.view.lanesTop;
    }
  }

  setFilm() {
    const { film } = this.model.view;
    this.filmBox.classList.toggle("has-film", Boolean(film?.name));
    this.follower.start = film?.start || 0;
    const wanted = film?.name ? `/api/sessions/${this.studio.session.session}/timeline/film/file?name=${encodeURIComponent(film.name)}` : "";
    if (this.video.getAttribute("src") !== wanted) {
      if (wanted) this.video.src = wanted;
      else this.video.removeAttribute("src");
      this.video.addEventListener("loadeddata", () => this.tick(), { once: true });
    }
    this.model.dispatchEvent(new Event("media"));
    this.drawHeads();
  }

  /** Show where it is; go on while it plays. */
  tick() {
    const { transport, model } = this;
    if (model.clock) this.timecode.textContent = model.clock.label(transport.position);
    this.follower.follow();
    this.play.replaceChildren(glyph(transport.playing ? "stop" : "play"));
    if (!transport.playing) return;
    if (this.ticking) return;
    this.ticking = true;
    requestAnimationFrame(() => {
      this.ticking = false;
      const { position } = transport;
      const right = this.view.samples(this.view.width);
      if (position > right || position < this.view.start) this.view.scrollTo(position - this.view.perPixel * 40);
      this.view.draw();
      this.tick();
    });
  }

  announce() {
    const [row] = this.model.chosen;
    if (row) this.said.textContent = `${row.id}, ${row.preset || "no preset"} on ${row.stem}, ${this.model.clock.exactLabel(row.start)}`;
    if (row && this.panels.get("findings").hidden && this.panels.get("cue").hidden) this.showTab("cue");
  }

  countFindings() {
    const { count } = this.findings;
    this.tabButtons.get("findings").textContent = count ? `Findings ${count}` : "Findings";
    this.view.draw();
  }

  reveal(id) {
    const row = this.model.rows.get(id);
    if (!row) return;
    this.model.select([id]);
    this.view.reveal(row.start, row.start + this.model.lengthOf(row));
  }

  async step(which) {
    await this.studio.attempt(() => this.model[which]());
  }

  audition(id) {
    return this.studio.attempt(() => this.transport.audition(id));
  }

  async add(stem, at, cells = {}) {
    const preset = cells.preset || this.model.chosen[0]?.preset || this.lastPreset || this.model.view.presets.find((name) => name.startsWith("step-")) || this.model.view.presets[0];
    this.lastPreset = preset;
    const added = await this.act({ type: "add", start: Math.max(0, at), cells: { stem, preset, ...cells } });
    if (added?.length) this.model.select(added);
  }

  toggleLoop() {
    this.transport.loop = !this.transport.loop;
    this.loop.setAttribute("aria-pressed", String(this.transport.loop));
    this.view.draw();
  }

  async open(work) {
    const view = await this.studio.attempt(work);
    if (view) this.take(view);
  }

  newSheet() {
    return this.open(() => post("/timeline/new"));
  }

  chooseSheet() {
    const { view } = this.model;
    const choose = (label, list, run) => list.length > 0 && h("div.column", {}, h("h3", {}, label), h("div.tl-choices", {}, list.map(([value, text]) => h("button.button.small", { onclick: () => { dialog.close(); run(value); } }, text))));
    const file = h("input", { type: "file", hidden: true, onchange: () => { dialog.close(); this.openFile(file.files[0]); } });
    const documents = Object.entries(view?.documents || {}).filter(([number]) => Number(number) !== view.document);
    const dialog = h("dialog.tl-dialog", { "aria-label": "Open a sheet" }, h("h2", {}, "Open a sheet"), h("div.column", {},
      h("div.row.wrap", {}, h("button.button.main", { onclick: () => file.click() }, "From a file…"), h("button.button", { onclick: () => { dialog.close(); this.newSheet(); } }, "New sheet")), file,
      choose("In the project", (view?.sheets || []).map((name) => [name, name]), (name) => this.open(() => post("/timeline/open", { name }))),
      choose("Edited in this tab before", documents.map(([number, name]) => [number, `${name} (${number})`]), (number) => this.open(() => post("/timeline/reopen", { document: Number(number) }))),
      h("div.row.dialog-end", {}, h("button.button", { onclick: () => dialog.close() }, "Close"))));
    this.modal(dialog);
  }

  modal(dialog) {
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  }

  chooseMedia(what) {
    if (!this.model.isOpen) return this.studio.notify("Open a sheet first.", true);
    const { view, clock } = this.model;
    const list = what === "film" ? view.films : view.guides;
    const file = h("input", { type: "file", hidden: true, onchange: () => { dialog.close(); this.openFile(file.files[0]); } });
    const start = h("input.field.number", { "aria-label": "Begins at", set: { value: clock.exactLabel(view[what].start) } });
    const place = async () => {
      const at = clock.parse(start.value);
      if (at === null) return this.studio.notify("Write a timecode, seconds (12.5) or samples (480smp).", true);
      await this.media(what, () => post(`/timeline/${what}-start`, { start: at }));
      return dialog.close();
    };
    const dialog = h("dialog.tl-dialog", { "aria-label": `Choose the ${what}` }, h("h2", {}, what === "film" ? "Film" : "Guide track"), h("div.column", {},
      h("div.tl-choices", {}, list.map((name) => h("button.button.small", { onclick: () => { dialog.close(); this.media(what, () => post(`/timeline/${what}`, { name })); } }, name))),
      h("button.button", { onclick: () => file.click() }, "From a file…"), file,
      view[what].name && h("label.tl-field", {}, h("span", {}, "Begins at"), h("div.row", {}, start, h("button.button", { onclick: place }, "Set"))),
      h("div.row.dialog-end", {}, h("button.button", { onclick: () => dialog.close() }, "Close"))));
    return this.modal(dialog);
  }

  async media(what, work) {
    const media = await this.studio.attempt(work);
    if (!media) return;
    this.model.view[what] = media;
    if (what === "guide") this.model.suggestions = [];
    this.setFilm();
    if (what === "guide") this.showTab("suggestions");
  }

  async openFile(file) {
    if (!file) return;
    if (FILM.test(file.name) || SOUND.test(file.name)) {
      const what = FILM.test(file.name) ? "film" : "guide";
      if (!this.model.isOpen) await this.newSheet();
      await this.media(what, () => upload(`/timeline/${what}`, { name: file.name }, file));
      return;
    }
    await this.open(() => upload("/timeline/sheet", { name: file.name }, file));
  }

  async dropped(event) {
    event.preventDefault();
    const preset = event.dataTransfer.getData("text/pisada-preset");
    if (!preset) return this.openFile(event.dataTransfer.files[0]);
    const box = this.canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    return this.place(preset, this.view.stemAt(y), this.pointer.snapped(this.view.samples(Math.max(0, x))));
  }

  /** Take what another pane hands over: { preset: "BANK/NAME" } or { file }. */
  async takeGiven({ preset, file }) {
    if (file) return this.openFile(file);
    if (preset) return this.place(preset, null, this.transport.position);
    return undefined;
  }

  async place(preset, stem, at) {
    if (!this.model.view) await this.load();
    if (!this.model.isOpen) await this.newSheet();
    const name = preset.split("/").pop();
    if (!this.model.view.presets.includes(name)) this.model.view.presets = (await get("/timeline")).presets;
    const wanted = stem || this.model.chosen[0]?.stem || this.model.stems[0] || "FOLEY-1";
    await this.add(wanted, at, { preset: name });
  }

  nudge(event, direction) {
    const ids = [...this.model.selected];
    const { clock } = this.model;
    if (!this.model.isOpen) return false;
    const frames = direction * (event.shiftKey ? 10 : 1);
    if (ids.length && clock.hasFrames) this.act({ type: "nudge", ids, frames });
    else if (ids.length) this.act({ type: "nudge", ids, samples: frames * 480 });
    else this.transport.seek(clock.hasFrames ? clock.framesAway(this.transport.position, frames) : this.transport.position + frames * 4800);
    return true;
  }

  nudgeSamples(samples) {
    if (this.model.selected.size) this.act({ type: "nudge", ids: [...this.model.selected], samples });
  }

  next(direction) {
    const { sorted, selected } = this.model;
    if (!sorted?.length) return false;
    const at = sorted.findIndex((row) => selected.has(row.id));
    const index = at < 0 ? sorted.findIndex((row) => row.start >= this.transport.position) : at + direction;
    const row = sorted[Math.max(0, Math.min(sorted.length - 1, index < 0 ? sorted.length - 1 : index))];
    this.reveal(row.id);
    return true;
  }

  chosenDo(edit) {
    const ids = [...this.model.selected];
    return ids.length ? this.act({ ids, ...edit }) : undefined;
  }

  keys() {
    const own = (event) => event.target.closest?.("input, select, textarea"); // a slider keeps its own keys
    const key = (shown, name, does, run, more = {}) => ({ key: name, shown, does, run: (event) => (own(event) ? false : run(event)), ...more });
    const muted = () => this.model.chosen.every((row) => row.muted);
    return [
      key("Space", " ", "Play or pause", (event) => (event.target.closest("button, a, input, select") ? false : this.transport.toggle())),
      key("←", "ArrowLeft", "Nudge by a frame (Shift: ten), or move the position", (event) => this.nudge(event, -1)),
      key("→", "ArrowRight", "Nudge by a frame (Shift: ten), or move the position", (event) => this.nudge(event, 1)),
      key(",", ",", "Nudge by a sample, earlier", () => this.nudgeSamples(-1)),
      key(".", ".", "Nudge by a sample, later", () => this.nudgeSamples(1)),
      key("↑", "ArrowUp", "Select the cue before", () => this.next(-1)),
      key("↓", "ArrowDown", "Select the next cue", () => this.next(1)),
      key("A", "a", "Hear the selected cue", () => this.model.chosen[0] && this.audition(this.model.chosen[0].id)),
      key("N", "n", "Add a cue at the position", () => this.model.isOpen && this.add(this.model.chosen[0]?.stem || this.model.stems[0] || "FOLEY-1", this.transport.position)),
      key("S", "s", "Split at the position", () => this.chosenDo({ type: "split", at: this.transport.position })),
      key("M", "m", "Mute or unmute", () => this.chosenDo({ type: "mute", muted: !muted() })),
      key("P", "p", "Move to the position", () => this.chosenDo({ type: "put", start: this.transport.position })),
      key("W", "w", "Write a walk as steps", () => this.model.chosen[0] && this.act({ type: "to_steps", id: this.model.chosen[0].id })),
      key("Del", "Delete", "Delete the selected cues", () => this.chosenDo({ type: "delete" })),
      key("Backspace", "Backspace", "Delete the selected cues", () => this.chosenDo({ type: "delete" })),
      key("Esc", "Escape", "Stop", () => { this.studio.sound.release(); if (this.transport.playing) this.transport.pause(); }),
      key("L", "l", "Repeat the marked range", () => this.toggleLoop()),
      key("F", "f", "Show the whole programme", () => this.view.fit()),
      key("+", "+", "Zoom in", () => this.view.zoom(1 / 1.6, this.view.x(this.transport.position))),
      key("=", "=", "Zoom in", () => this.view.zoom(1 / 1.6, this.view.x(this.transport.position))),
      key("-", "-", "Zoom out", () => this.view.zoom(1.6, this.view.x(this.transport.position))),
      key("Home", "Home", "Go to the start", () => { this.transport.seek(0); this.view.scrollTo(0); }),
      key("End", "End", "Go to the end", () => { this.transport.seek(this.model.length); this.view.reveal(this.model.length); }),
      key("Ctrl A", "a", "Select all cues", () => this.model.select([...this.model.rows.keys()]), { control: true }),
      key("Ctrl Z", "z", "Undo", () => this.step("undo"), { control: true }),
      key("Ctrl Shift Z", "Z", "Redo", () => this.step("redo"), { control: true }),
      key("Ctrl Y", "y", "Redo", () => this.step("redo"), { control: true }),
    ];
  }
}
