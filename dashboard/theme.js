// The colours of theme.css, for what is drawn on a canvas.

export const darkScheme = matchMedia("(prefers-color-scheme: dark)");
export const onPaper = matchMedia("print");

export function colours() {
  const style = getComputedStyle(document.documentElement);
  return (name) => style.getPropertyValue(`--${name}`).trim();
}

export const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";

// Diagonal stripes over what was not measured.
export function stripes(context, colour) {
  const tile = document.createElement("canvas");
  const scale = window.devicePixelRatio || 1;
  tile.width = tile.height = 8 * scale;
  const pen = tile.getContext("2d");
  pen.scale(scale, scale);
  pen.fillStyle = colour("sunken");
  pen.fillRect(0, 0, 8, 8);
  pen.strokeStyle = colour("hatch");
  pen.lineWidth = 1;
  pen.beginPath();
  for (const start of [-8, 0, 8]) {
    pen.moveTo(start - 1, 9);
    pen.lineTo(start + 9, -1);
  }
  pen.stroke();
  const pattern = context.createPattern(tile, "repeat");
  pattern.setTransform(new DOMMatrix().scale(1 / scale));
  return pattern;
}
