// Lines that are shown for a moment.
import { h } from "../dom.js";

const SHOWN_MS = 6000;
const MOST = 4;

/** Show a line; `bad` for what went wrong. Pressing it removes it. */
export function notify(text, bad = false) {
  const place = document.querySelector("#notices");
  const notice = h("div", { class: bad ? "notice bad" : "notice", onclick: () => notice.remove() }, text);
  place.append(notice);
  while (place.children.length > MOST) place.firstChild.remove();
  setTimeout(() => notice.remove(), bad ? 2 * SHOWN_MS : SHOWN_MS);
}
