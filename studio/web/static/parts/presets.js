// The list of presets, shared by all panes: it is asked for once, and again after one was saved.
import { get } from "../api.js";

let asked = null;
export const changed = new EventTarget();

/** Return { banks, presets, problems }. */
export function listing() {
  asked ??= get("/bank/presets");
  asked.catch(() => {
    asked = null;
  });
  return asked;
}

/** Ask again: a preset was saved. */
export function refresh() {
  asked = null;
  changed.dispatchEvent(new Event("change"));
}

/** Return a preset's row by its key. */
export async function presetOf(key) {
  return (await listing()).presets.find((preset) => preset.key === key);
}

/** Return whether a row fits words and choices: { text, kind, bank, material }. */
export function fits(preset, { text = "", kind = "", bank = "", material = "" }) {
  if ((kind && preset.kind !== kind) || (bank && preset.bank !== bank) || (material && preset.material !== material)) return false;
  const held = [preset.name, preset.material, preset.description, preset.model, ...preset.tags].join(" ").toLowerCase();
  return text.toLowerCase().split(/\s+/).filter(Boolean).every((word) => held.includes(word));
}
