// The pane Map: every take as a point; press a point or an empty place to hear what lies there.
import { download, get, post } from "../api.js";
import { glyph, h } from "../dom.js";
import { listing, changed } from "../parts/presets.js";
import { askToSave } from "../parts/save_dialog.js";
import { Points, scaleName } from "./map_points.js";

const TOOLS = [["hear", "Hear", "play"], ["path", "Path", "pen"], ["lasso", "Lasso", "lasso"]];
const WORDS = {
  hear: "Press a point to hear the take, or an empty place to hear what lies there. Drag to move the map, scroll to zoom.",
  path: "Draw a path to hear the sounds along it.",
  lasso: "Draw around points to send up to four of their presets to the mix pad.",
};
const MOST_PLACES = 24;
const MOST_MIXED = 4;

export async function mount(root, studio) {
  return new SoundMap(root, studio).begin();
}

class SoundMap {
  constructor(root, studio) {
    Object.assign(this, { root, studio, tool: "hear", map: null, drawn: [], chosen: -1, place: null });
  }

  async begin() {
    this.root.classList.add("map");
    this.canvas = h("canvas.map-canvas", { tabindex: 0, role: "application", "aria-label": "Map of the takes. Arrow keys go to the next point, Space plays it." });
    this.points = new Points(this.canvas);
    this.model = h("select.field", { "aria-label": "Model", onchange: () => this.load() });
    this.x = h("select.field", { "aria-label": "Across", onchange: () => this.load() });
    this.y = h("select.field", { "aria-label": "Up", onchange: () => this.load() });
    this.colours = h("select.field", { "aria-label": "Colour", onchange: () => this.colour() },
      ...[["material", "Colour: material"], ["kind", "Colour: kind"], ["tag", "Colour: first tag"], ["bank", "Colour: bank"]].map(([value, title]) => h("option", { value }, title)));
    this.tools = h("div.chips", { role: "group", "aria-label": "Tool" }, ...TOOLS.map(([tool, title, symbol]) =>
      h("button.chip", { type: "button", "data-tool": tool, "aria-pressed": String(tool === this.tool), onclick: () => this.use(tool) }, title)));
    this.words = h("p.quiet.map-words", {}, WORDS.hear);
    this.legend = h("ul.legend", { "aria-label": "Colours" });
    this.name = h("p.map-name", { "aria-live": "polite" });
    this.pathButton = h("button.button.small", { type: "button", hidden: true, onclick: () => download("/map/path.wav") }, glyph("down"), "Path");
    this.saveButton = h("button.button.small", { type: "button", hidden: true, onclick: () => this.save() }, glyph("save"), "Save this place");
    this.root.append(
      h("div.map-tools", {}, this.model, this.x, this.y, this.colours, this.tools, h("button.button.small", { type: "button", onclick: () => this.fit() }, "Whole map"), h("span.grow"), this.saveButton, this.pathButton),
      h("div.map-body.card", {}, this.canvas, this.legend, h("div.map-foot", {}, this.name, this.words)));
    for (const kind of ["pointerdown", "pointermove", "pointerup", "pointercancel", "pointerleave"]) this.canvas.addEventListener(kind, (event) => this.point(event));
    this.canvas.addEventListener("wheel", (event) => this.zoom(event), { passive: false });
    this.canvas.addEventListener("keydown", (event) => this.arrow(event));
    window.addEventListener("resize", () => this.points.draw());
    window.addEventListener("theme", () => requestAnimationFrame(() => this.colour()));
    changed.addEventListener("change", () => this.load());
    await this.studio.attempt(async () => {
      const { models } = await get("/map/models");
      this.model.replaceChildren(...models.map(({ fingerprint, name, points }) => h("option", { value: fingerprint }, `${name}, ${points} takes`)));
      this.model.hidden = models.length < 2;
      await this.load();
    });
    return {
      show: () => (this.points.fitted ? this.points.draw() : this.fit()),
      take: ({ preset }) => this.find(preset),
      keys: [
        { key: " ", does: "Hear the point, or the place", run: (event) => (event.target.closest("button, input, select") ? false : this.again()) },
        { key: "h", does: "Hear", run: () => this.use("hear") },
        { key: "p", does: "Draw a path", run: () => this.use("path") },
        { key: "l", does: "Draw a lasso", run: () => this.use("lasso") },
        { key: "0", does: "The whole map", run: () => this.fit() },
        { key: "+", does: "Nearer", run: () => this.points.zoom(1.3) },
        { key: "-", does: "Farther", run: () => this.points.zoom(1 / 1.3) },
      ],
    };
  }

  async load() {
    const map = await this.studio.attempt(() => get("/map", { model: this.model.value, x: this.x.value || undefined, y: this.y.value || undefined }));
    if (!map) return;
    const { presets } = await listing();
    const rows = new Map(presets.map((preset) => [preset.key, preset]));
    this.map = map;
    this.rows = map.keys.map((key) => rows.get(key) || { key, name: key, tags: [], material: "", kind: "hit", bank: "" });
    const title = (prefix) => (scale) => h("option", { value: scale }, `${prefix}: ${scaleName(scale)}`);
    this.x.replaceChildren(...map.scales.map(title("Across")));
    this.y.replaceChildren(...map.scales.map(title("Up")));
    [this.x.value, this.y.value] = [map.x, map.y];
    this.chosen = -1;
    this.points.set(map.across, map.up);
    this.colour();
    this.fit();
  }

  colour() {
    if (!this.map) return;
    const word = { material: (row) => row.material, kind: (row) => row.kind, tag: (row) => row.tags[0], bank: (row) => row.bank }[this.colours.value];
    const groups = this.points.colour(this.map.preset.map((index) => word(this.rows[index]) || "other"));
    this.legend.replaceChildren(...groups.map(({ name, colour }) => {
      const dot = h("span.dot");
      dot.style.background = colour;
      return h("li", {}, dot, name);
    }));
  }

  fit() {
    this.points.fit();
    this.drawn = [];
  }

  use(tool) {
    this.tool = tool;
    for (const chip of this.tools.children) chip.setAttribute("aria-pressed", String(chip.dataset.tool === tool));
    this.words.textContent = WORDS[tool];
    this.points.line([]);
  }

  point(event) {
    if (!this.map) return;
    const box = this.canvas.getBoundingClientRect();
    const at = [event.clientX - box.left, event.clientY - box.top];
    if (event.type === "pointerdown" && event.button === 0) {
      this.canvas.setPointerCapture(event.pointerId);
      this.down = at;
      this.drawn = [at];
      this.dragged = false;
    } else if (event.type === "pointermove" && this.down) {
      const by = [at[0] - this.drawn[this.drawn.length - 1][0], at[1] - this.drawn[this.drawn.length - 1][1]];
      if (Math.hypot(at[0] - this.down[0], at[1] - this.down[1]) > 4) this.dragged = true;
      this.drawn.push(at);
      if (this.tool === "hear") {
        if (this.dragged) this.points.pan(...by);
      } else {
        this.points.line(this.drawn, this.tool === "lasso");
      }
    } else if (event.type === "pointermove") {
      const near = this.points.near(at);
      this.points.highlight(near >= 0 ? near : this.chosen);
      this.name.textContent = near >= 0 ? this.title(near) : "";
    } else if (event.type === "pointerup" && this.down) {
      this.down = null;
      if (this.tool === "hear" && !this.dragged) this.press(at);
      else if (this.tool === "path") this.playPath();
      else if (this.tool === "lasso") this.mixInside();
    } else if (event.type !== "pointerleave") {
      this.down = null;
    }
  }

  title(point) {
    return `${this.rows[this.map.preset[point]].name}, take ${this.map.take[point] + 1}`;
  }

  press(at) {
    const near = this.points.near(at);
    if (near >= 0) return this.hear(near);
    this.chosen = -1;
    this.place = this.points.toMap(at);
    this.points.mark(this.place);
    return this.hearPlace();
  }

  /** Hear a take: the place where it lies is the take itself. */
  hear(point) {
    this.chosen = point;
    this.place = [this.map.across[point], this.map.up[point]];
    this.points.mark(null);
    this.points.highlight(point);
    this.name.textContent = this.title(point);
    return this.hearPlace();
  }

  hearPlace() {
    this.saveButton.hidden = false;
    return this.studio.attempt(async () => {
      const sound = await post("/map/sound", { ...this.where(), place: this.place });
      await this.studio.sound.strike("clip", sound.clip);
      this.studio.heard(this.chosen >= 0 ? this.title(this.chosen) : `Map, ${sound.title}`);
    });
  }

  again() {
    return this.place ? this.hearPlace() : this.map && this.hear(0);
  }

  where() {
    return { model: this.model.value, x: this.map.x, y: this.map.y };
  }

  async playPath() {
    if (this.drawn.length < 2) return;
    const places = along(this.drawn, MOST_PLACES).map((at) => this.points.toMap(at));
    await this.studio.attempt(async () => {
      const sound = await post("/map/path", { ...this.where(), places });
      this.pathButton.hidden = false;
      await this.studio.sound.strike("clip", sound.clip);
      this.studio.heard(`Map, ${sound.title}`);
    });
  }

  mixInside() {
    const inside = this.points.inside(this.drawn);
    const keys = [...new Set(inside.map((point) => this.map.keys[this.map.preset[point]]))];
    if (!keys.length) return this.studio.notify("No point lies inside.");
    const kind = this.rows.find(({ key }) => key === keys[0]).kind;
    const mixed = keys.filter((key) => this.rows.find((row) => row.key === key).kind === kind).slice(0, MOST_MIXED);
    return this.studio.attempt(async () => {
      for (const preset of mixed) await this.studio.open("mix", { preset });
      if (keys.length > mixed.length) this.studio.notify(`${mixed.length} of ${keys.length} presets were taken: at most four of one kind.`);
    });
  }

  find(key) {
    const point = this.map ? this.map.preset.findIndex((index) => this.map.keys[index] === key) : -1;
    if (point >= 0) this.hear(point);
    else this.studio.notify("This preset is of another model than the map.");
  }

  arrow(event) {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!by || !this.map) return;
    event.preventDefault();
    const next = this.chosen < 0 ? 0 : this.points.towards(this.chosen, by);
    if (next >= 0) this.hear(next);
  }

  zoom(event) {
    event.preventDefault();
    const box = this.canvas.getBoundingClientRect();
    this.points.zoom(Math.exp(-event.deltaY / 400), [event.clientX - box.left, event.clientY - box.top]);
  }

  save() {
    const save = ({ name }) => post("/map/save", { ...this.where(), place: this.place, name });
    return askToSave(this.studio, { id: "map", name: "from-the-map", save, title: "Save this place as a preset", asksBank: false });
  }
}

/** Return points at equal distances along a drawn line: about one every 36 pixels, `most` at most. */
function along(line, most) {
  const lengths = [0];
  for (let index = 1; index < line.length; index += 1) {
    lengths.push(lengths[index - 1] + Math.hypot(line[index][0] - line[index - 1][0], line[index][1] - line[index - 1][1]));
  }
  const whole = lengths[lengths.length - 1];
  const count = Math.max(2, Math.min(most, Math.round(whole / 36)));
  return Array.from({ length: count }, (_, number) => {
    const wanted = (whole * number) / (count - 1);
    const after = Math.max(1, lengths.findIndex((length) => length >= wanted - 1e-9));
    const part = (wanted - lengths[after - 1]) / (lengths[after] - lengths[after - 1] || 1);
    return [0, 1].map((axis) => line[after - 1][axis] + part * (line[after][axis] - line[after - 1][axis]));
  });
}
