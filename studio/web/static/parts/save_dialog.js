// The dialog that saves a sound as a preset.
import { get } from "../api.js";
import { h } from "../dom.js";
import { refresh } from "./presets.js";

/**
 * Ask for a name and, if there are several banks to write to, for a bank; then save.
 *
 * @param studio the page: shows errors and notices.
 * @param id prefix of the fields' ids.
 * @param name the suggested name.
 * @param save async ({ name, bank }) => the reply with the new preset's key.
 * @param title the dialog's title.
 * @param asksBank whether the bank can be chosen.
 */
export async function askToSave(studio, { id, name, save, title = "Save as preset", asksBank = true }) {
  const field = h("input.field", { id: `${id}-name`, value: name, pattern: "[a-z0-9][a-z0-9_.\\-]*", maxlength: 64 });
  const banks = asksBank ? (await get("/bank/presets")).banks.filter(({ writable }) => writable) : [];
  const bank = h("select.field", { id: `${id}-bank` },
    ...banks.map(({ label }) => h("option", { value: label }, label === "own" ? "Own sounds of this tab" : label)));
  const rows = [h("label", { for: `${id}-name` }, "Name"), field];
  if (asksBank) rows.push(h("label", { for: `${id}-bank` }, "Bank"), bank);
  const dialog = h("dialog", { "aria-label": title }, h("h2", {}, title), h("div.column", {}, ...rows),
    h("p", { class: "row dialog-end" }, h("button.button", { type: "button", onclick: () => dialog.close() }, "Cancel"),
      h("button.button.main", { type: "button", onclick: () => studio.attempt(async () => {
        const { key } = await save({ name: field.value, bank: bank.value });
        dialog.close();
        refresh();
        studio.notify(`Saved as ${key}`);
      }) }, "Save")));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  field.select();
}
