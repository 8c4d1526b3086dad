// A dialog to choose a preset: words to search, and a list that is heard as it is walked.
import { h } from "../dom.js";
import { fits, listing } from "./presets.js";

/** Ask for a preset; return its row, or null. `wanted` narrows the list: { kind }. */
export async function choosePreset(studio, title, wanted = {}) {
  const { presets } = await listing();
  return new Promise((resolve) => {
    let chosen = null;
    const list = h("ul.picker-list", { role: "listbox", "aria-label": "Presets" });
    const search = h("input.field", { type: "search", placeholder: "Search", "aria-label": "Search presets", oninput: () => fill() });
    const dialog = h("dialog.picker", { "aria-label": title }, h("h2", {}, title), search, list,
      h("p", { class: "row dialog-end" }, h("button.button", { type: "button", onclick: () => dialog.close() }, "Cancel")));
    const take = (preset) => {
      chosen = preset;
      dialog.close();
    };
    const fill = () => {
      const rows = presets.filter((preset) => preset.usable && fits(preset, { ...wanted, text: search.value }));
      list.replaceChildren(...rows.map((preset) => h("li", {}, h("button.picker-row", {
        type: "button", "data-key": preset.key, onclick: () => take(preset),
      }, h("span.dot", { "data-kind": preset.kind }), h("span.grow", {}, preset.name), h("span.quiet", {}, preset.bank)))));
      if (!rows.length) list.append(h("li.note", {}, "No preset fits."));
    };
    dialog.addEventListener("keydown", (event) => {
      const rows = [...list.querySelectorAll("button")];
      const at = rows.indexOf(document.activeElement);
      const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (by) {
        event.preventDefault();
        (rows[at + by] || (by < 0 ? search : rows[rows.length - 1]))?.focus();
      } else if (event.key === "Enter" && event.target === search && rows.length) {
        event.preventDefault();
        rows[0].click();
      } else if (event.key === " " && at >= 0) {
        event.preventDefault();
        studio.attempt(() => studio.sound.strike("bank", rows[at].dataset.key, 1, 1));
      }
    });
    dialog.addEventListener("close", () => {
      studio.sound.release("bank").catch(() => {});
      dialog.remove();
      resolve(chosen);
    });
    document.body.append(dialog);
    fill();
    dialog.showModal();
    search.focus();
  });
}
