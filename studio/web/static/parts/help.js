// The dialog that lists the keys.
import { h } from "../dom.js";

/** Show the keys of the pane and those that always act. */
export function showKeys(studio) {
  const rows = (title, entries) =>
    entries.length
      ? [h("h3", {}, title), ...entries.flatMap((entry) => [h("span", {}, key(entry)), h("span", {}, entry.does)])]
      : [];
  const dialog = h("dialog", { "aria-labelledby": "keys-title" },
    h("h2", { id: "keys-title" }, "Keys"),
    h("div.keys", {}, ...rows("This pane", studio.keys.ofPane.filter((entry) => entry.does)), ...rows("Everywhere", studio.keys.general)),
    h("p.row", { class: "row dialog-end" }, h("button.button", { type: "button", onclick: () => dialog.close() }, "Close")));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

const NAMES = { " ": "Space", ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓" };

function key(entry) {
  const name = h("kbd", {}, entry.shown || NAMES[entry.key] || entry.key);
  return entry.control ? h("span", {}, h("kbd", {}, "Ctrl"), " ", name) : name;
}
