// Makes elements.

/**
 * Return a new element.
 * @param {string} kind name of the element, with classes after dots: "button.button.main".
 * @param {object} props attributes; functions named on… are listeners; "set" holds properties.
 * @param {...(Node|string|null|false|Array)} children what it holds.
 */
export function h(kind, props = {}, ...children) {
  const [name, ...classes] = kind.split(".");
  const element = document.createElement(name);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2).toLowerCase(), value);
    else if (key === "set") Object.assign(element, value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

/** Return a drawn symbol. Its paths are on a grid of 24 by 24. */
export function glyph(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "glyph");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", GLYPHS[name] || GLYPHS.dot);
  svg.append(path);
  return svg;
}

const GLYPHS = {
  dot: "M12 11.900v.2",
  bank: "M4 14v-4M8 18V6M12 15V9M16 20V4M20 13v-2",
  instrument: "M6 4v9m0 4v3M12 4v3m0 4v9M18 4v11m0 4v1M4 15h4M10 9h4M16 17h4",
  map: "M5 6v.1M9 16v.1M12 9v.1M16 5v.1M18.500 12v.1M14 17v.1M6 12v.1M20 19v.1M4 20h16M4 20V4",
  mix: "M12 4 4 19h16zM12 13v.1",
  timeline: "M3 6h10M9 12h12M5 18h9M16 3v18",
  listen: "M4 15v-3a8 8 0 0 1 16 0v3M4 14h3v6H5a1 1 0 0 1-1-1zM20 14h-3v6h2a1 1 0 0 0 1-1z",
  batch: "M4 6h16M4 12h16M4 18h10M18 16v5l3-2.500z",
  play: "M8 5v14l11-7z",
  stop: "M7 7h10v10H7z",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 3v1M12 20v1M3 12h1M20 12h1M5.600 5.600l.7.7M17.700 17.700l.7.7M5.600 18.400l.7-.7M17.700 6.300l.7-.7",
  search: "M11 5a6 6 0 1 0 0 12 6 6 0 0 0 0-12M15.500 15.500 20 20",
  down: "M12 4v11M7 11l5 5 5-5M5 20h14",
  up: "M12 16V5M7 9l5-5 5 5M5 20h14",
  undo: "M9 7 5 11l4 4M5 11h9a5 5 0 0 1 0 10h-3",
  redo: "M15 7l4 4-4 4M19 11h-9a5 5 0 0 0 0 10h3",
  plus: "M12 5v14M5 12h14",
  close: "M6 6l12 12M18 6 6 18",
  lock: "M6 11h12v9H6zM8.500 11V8a3.500 3.500 0 0 1 7 0v3",
  freeze: "M12 3v18M4.200 7.500l15.600 9M19.800 7.500l-15.600 9",
  power: "M12 4v8M7.500 6.500a7 7 0 1 0 9 0",
  record: "M12 7a5 5 0 1 0 0 10 5 5 0 0 0 0-10",
  save: "M5 4h11l3 3v13H5zM8 4v5h7V4M8 20v-6h8v6",
  mic: "M12 3a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3M6 11a6 6 0 0 0 12 0M12 17v4",
  pen: "M4 20l1-4L16 5l3 3L8 19z",
  lasso: "M12 5c5 0 8 2 8 5s-3 5-8 5-8-2-8-5 3-5 8-5M8 14c-2 2-1 5 2 6",
};
