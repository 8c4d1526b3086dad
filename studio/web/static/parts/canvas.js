// What all drawings share: sharp canvases, colours of the theme, and the colours of a spectrogram.

/** Fit a canvas to its size on the screen, and return its context in CSS pixels, with width and height. */
export function sharp(canvas) {
  const scale = window.devicePixelRatio || 1;
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  return { context, width, height };
}

let cached = {};
window.addEventListener("theme", () => {
  cached = {};
});

/** Return a colour of the theme: `colour("accent")`. */
export function colour(name) {
  cached[name] ??= getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  return cached[name];
}

function channels(hex) {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

/** Return 256 colours [r, g, b] from the background over a colour to the ink. */
export function ramp(name = "accent") {
  const key = `ramp ${name}`;
  if (!cached[key]) {
    const [from, middle, to] = [colour("surface"), colour(name), colour("ink")].map(channels);
    cached[key] = Array.from({ length: 256 }, (_, level) => {
      const at = (level / 255) ** 1.15;
      const [low, high, share] = at < 0.75 ? [from, middle, at / 0.75] : [middle, to, (at - 0.75) / 0.5];
      return low.map((value, index) => Math.round(value + (high[index] - value) * share));
    });
  }
  return cached[key];
}

/** Return the bytes of base64 text. */
export function bytes(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
