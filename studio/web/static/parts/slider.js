// A slider with its name, its value as a field, and a default that a double press brings back.
import { h } from "../dom.js";

/**
 * Return { element, set(value), value }.
 * @param {object} control as the server describes it: name, low, high, default, unit, doc.
 * @param {object} options label; input(value) while it moves; change(value) when it was moved; compact.
 */
export function slider(control, { label, input, change, compact = false }) {
  const { low, high, unit, doc } = control;
  const step = (high - low) / 400;
  const range = h("input.range.grow", { type: "range", min: low, max: high, step: "any", "aria-label": label || control.name, title: doc });
  const field = h("input.number-field", { type: "text", inputmode: "decimal", "aria-label": `${label || control.name}, number` });
  const made = {
    value: control.default ?? 0,
    set(value) {
      made.value = value;
      range.value = value;
      field.value = shown(value, high - low);
      const span = high - low;
      range.style.setProperty("--part", `${(100 * (value - low)) / span}%`);
      range.style.setProperty("--from", `${(100 * Math.max(0, Math.min(1, ((control.default ?? 0) - low) / span)))}%`);
    },
  };
  const move = (value) => {
    made.set(Math.max(low, Math.min(high, value)));
    input?.(made.value);
  };
  range.addEventListener("input", () => move(Number(range.value)));
  range.addEventListener("change", () => change?.(made.value));
  range.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 20, PageDown: -20 }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    move(made.value + by * step * (event.shiftKey ? 0.2 : 2));
    change?.(made.value);
  });
  const reset = () => {
    move(control.default ?? 0);
    change?.(made.value);
  };
  range.addEventListener("dblclick", reset);
  field.addEventListener("change", () => {
    const value = Number(field.value.replace(",", ".").replace("−", "-"));
    if (Number.isFinite(value)) move(value);
    else made.set(made.value);
    change?.(made.value);
  });
  made.set(made.value);
  made.element = h(compact ? "div.slider.compact" : "div.slider", { title: doc },
    label && !compact && h("span.slider-name", {}, label), range, field, unit && !compact ? h("span.unit", {}, unit) : null);
  made.range = range;
  return made;
}

function shown(value, span) {
  const places = span > 200 ? 0 : span > 20 ? 1 : 2;
  return value.toFixed(places).replace("-", "−").replace(/^−(0(\.0+)?)$/, "$1");
}
