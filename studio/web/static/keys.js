// The keyboard: keys that always act, and those of the pane that is shown.

const TYPED = "input:not([type=range]):not([type=checkbox]), textarea, select, [contenteditable]";

export class Keys {
  constructor() {
    this.general = [];
    this.ofPane = [];
    window.addEventListener("keydown", (event) => this.press(event));
  }

  /** Add a key that always acts: { key, does, run, shown }. */
  always(entry) {
    this.general.push(entry);
  }

  /** Use the keys of a pane. */
  use(entries) {
    this.ofPane = entries;
  }

  press(event) {
    const dialog = document.querySelector("dialog[open]");
    if (event.defaultPrevented || event.altKey || dialog) return;
    const typed = event.target.closest?.(TYPED);
    if (typed && event.key !== "Escape") return;
    const withControl = event.ctrlKey || event.metaKey;
    for (const entry of [...this.ofPane, ...this.general]) {
      if (entry.key === event.key && Boolean(entry.control) === withControl) {
        if (entry.run(event) !== false) event.preventDefault();
        return;
      }
    }
  }
}
