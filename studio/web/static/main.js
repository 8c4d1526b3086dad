// Opens the session, builds the frame, and shows one pane at a time.
import { openSession, panes as listPanes } from "./api.js";
import { glyph, h } from "./dom.js";
import { Keys } from "./keys.js";
import { bar } from "./parts/bar.js";
import { Monitor } from "./parts/monitor.js";
import { notify } from "./parts/notices.js";
import { Sound } from "./sound/sound.js";

/**
 * What a pane gets. A pane's module exports `mount(root, studio)`, which returns
 * { show, hide, keys, take }, all optional: called when it is shown or hidden; its keys; takes what was dragged to it.
 */
class Studio extends EventTarget {
  constructor(session) {
    super();
    this.session = session;
    this.sound = new Sound();
    this.keys = new Keys();
    this.mounted = new Map();
    this.current = null;
  }

  /** Show a line for a moment; `bad` for what went wrong. */
  notify(text, bad = false) {
    notify(text, bad);
  }

  /** Run work, and show its error as a notice. */
  async attempt(work) {
    try {
      return await work();
    } catch (problem) {
      this.notify(problem.message, true);
      return undefined;
    }
  }

  /** Show a pane, and hand something to it: { preset } or { clip }. */
  async open(name, given = null) {
    location.hash = name;
    const pane = await this.pane(name);
    if (given) await pane.take?.(given);
  }

  async pane(name) {
    if (!this.mounted.has(name)) this.mounted.set(name, this.mount(name));
    return this.mounted.get(name);
  }

  async mount(name) {
    const module = await import(`./panes/${name}.js`);
    const title = this.panes.find((pane) => pane.name === name).title;
    const root = h("section", { id: `pane-${name}`, "aria-label": title, hidden: true });
    document.querySelector("#pane").append(root);
    const pane = (await module.mount(root, this)) || {};
    return { root, ...pane };
  }

  async show(name) {
    this.wanted = name;
    const pane = await this.pane(name);
    if (this.current === pane || this.wanted !== name) return; // another pane was asked for while this one was built
    if (this.current) {
      this.current.root.hidden = true;
      this.current.hide?.();
    }
    this.current = pane;
    pane.root.hidden = false;
    this.keys.use(pane.keys || []);
    for (const link of document.querySelectorAll("#rail a")) {
      const here = link.dataset.pane === name;
      if (here) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    document.title = `${this.panes.find((each) => each.name === name).title} · Pisada`;
    pane.show?.();
  }

  /** A preset or clip that is heard now, for the monitor. */
  heard(text) {
    this.dispatchEvent(new CustomEvent("heard", { detail: text }));
  }
}

function rail(studio) {
  const links = studio.panes.map(({ name, title, doc }, index) => {
    const link = h("a", { href: `#${name}`, title: `${doc}  (${index + 1})`, "data-pane": name }, glyph(name), title);
    link.addEventListener("dragover", (event) => {
      event.preventDefault();
      link.classList.add("over");
    });
    link.addEventListener("dragleave", () => link.classList.remove("over"));
    link.addEventListener("drop", (event) => {
      event.preventDefault();
      link.classList.remove("over");
      const preset = event.dataTransfer.getData("text/pisada-preset");
      if (preset) studio.open(name, { preset });
      else if (event.dataTransfer.files.length) studio.open(name, { file: event.dataTransfer.files[0] });
    });
    return link;
  });
  document.querySelector("#rail").append(...links);
  studio.panes.forEach(({ name, title }, index) =>
    studio.keys.always({ key: String(index + 1), does: `Show ${title}`, run: () => studio.open(name) }));
}

async function begin() {
  const [session, panes] = await Promise.all([openSession(), listPanes()]);
  const studio = new Studio(session);
  studio.panes = panes;
  window.studio = studio;
  document.querySelector("#title").textContent = session.title;
  bar(document.querySelector("#tools"), studio);
  new Monitor(document.querySelector("#monitor"), studio);
  rail(studio);
  studio.keys.always({ key: "Escape", shown: "Esc", does: "Stop all sounds", run: () => studio.sound.release() });
  const shown = () => {
    const wanted = location.hash.slice(1);
    const known = panes.some(({ name }) => name === wanted) ? wanted : panes[0].name;
    studio.attempt(() => studio.show(known));
  };
  window.addEventListener("hashchange", shown);
  const gesture = () => studio.attempt(() => studio.sound.start());
  for (const kind of ["pointerdown", "keydown"]) window.addEventListener(kind, gesture, { once: true });
  await shown();
}

begin().catch((problem) => notify(problem.message, true));
