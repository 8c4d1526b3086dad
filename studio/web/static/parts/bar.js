// The tools at the right of the top bar: the sound, its level, the theme, and the keys.
import { glyph, h } from "../dom.js";
import { Meter } from "./meter.js";
import { showKeys } from "./help.js";

const WORDS = { off: "Sound", wait: "Starting", on: "Sound", lost: "Sound lost" };

/** Fill the bar. */
export function bar(place, studio) {
  const state = h("span.sound-state", { "data-state": "off" }, WORDS.off);
  const figure = h("span.quiet.number.wide");
  const button = h("button.button.small", {
    type: "button", title: "Latency, and how often the sound was interrupted", onclick: () => studio.attempt(() => studio.sound.start()),
  }, state, figure);
  const meter = h("canvas.meter", { role: "img", "aria-label": "Level of the output" });
  const theme = h("button.button.plain.icon", { type: "button", "aria-label": "Dark or light", title: "Dark or light", onclick: changeTheme }, glyph("sun"));
  const keys = h("button.button.plain.icon", { type: "button", "aria-label": "Keys", title: "Keys  (?)", onclick: () => showKeys(studio) }, "?");
  place.append(meter, button, theme, keys);
  new Meter(meter, studio.sound);
  studio.keys.always({ key: "?", does: "Show the keys", run: () => showKeys(studio) });

  studio.sound.addEventListener("state", ({ detail }) => {
    state.dataset.state = detail.state;
    state.textContent = WORDS[detail.state];
    if (detail.problem) studio.notify(detail.problem, true);
  });
  studio.sound.addEventListener("level", () => {
    const { latencyS, underruns } = studio.sound;
    figure.textContent = `${Math.round(latencyS * 1000)} ms${underruns ? `, ${underruns} gaps` : ""}`;
  });
}

function changeTheme() {
  const root = document.documentElement;
  root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
  localStorage.setItem("pisada.theme", root.dataset.theme);
  window.dispatchEvent(new Event("theme"));
}
