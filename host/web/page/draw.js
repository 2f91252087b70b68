// Pictures on canvases: levels over two axes, and points in the complex plane. They are drawn again when their size or
// the colours of the page change.

const drawings = new Map(); // canvas -> what draws it
const observer = new ResizeObserver((entries) => entries.forEach(({ target }) => redraw(target)));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => [...drawings.keys()].forEach(redraw));

// Magma, as Matplotlib has it, by some of its colours.
const MAGMA = ["#000004", "#140e36", "#3b0f70", "#641a80", "#8c2981", "#b73779", "#de4968", "#f7705c", "#fe9f6d", "#fecf92", "#fcfdbf"];
const COLOURS = palette(MAGMA);
export const PARTS = { preamble: "#d99a1e", header: "#4a8fdc", payload: "#2f9e88" };

const LEFT = 40, BOTTOM = 36, TOP = 8, RIGHT = 10, BAND = 18;

// levels: rows, columns, extent [x0, x1, y0, y1] and pixels, as `views.py` makes them. x: [from, to, name] of the axis.
export function levels(canvas, picture, axesAndLabel) {
  const bytes = Uint8Array.from(atob(picture.pixels), (c) => c.charCodeAt(0));
  image(canvas, { ...picture, bytes }, axesAndLabel);
}

// The same of bytes that the page has made itself.
export function image(canvas, picture, { x, y, label }) {
  const image = asImage(picture);
  show(canvas, label, (context, width, height, colour) => {
    const top = picture.parts ? TOP + BAND : TOP;
    const box = { x: LEFT, y: top, width: width - LEFT - RIGHT, height: height - top - BOTTOM };
    const [x0, x1, y0, y1] = picture.extent;
    const place = axis(box.x, box.x + box.width, x[0], x[1]), up = axis(box.y + box.height, box.y, y[0], y[1]);
    context.fillStyle = COLOURS.css[0];
    context.fillRect(box.x, box.y, box.width, box.height);
    context.save();
    context.beginPath();
    context.rect(box.x, box.y, box.width, box.height);
    context.clip();
    context.drawImage(image, place(x0), up(y1), place(x1) - place(x0), up(y0) - up(y1));
    context.restore();
    if (picture.parts) parts(context, picture.parts, place, box, colour);
    axes(context, box, x, y, place, up, colour);
  });
}

// values: of equal stretches of the x axis, as a filled line.
export function outline(canvas, values, { x, y, label }) {
  show(canvas, label, (context, width, height, colour) => {
    const box = { x: LEFT, y: TOP, width: width - LEFT - RIGHT, height: height - TOP - BOTTOM };
    const place = axis(box.x, box.x + box.width, x[0], x[1]), up = axis(box.y + box.height, box.y, y[0], y[1]);
    context.strokeStyle = colour("--line");
    for (const value of ticks(y[0], y[1], box.height / 26)) line(context, box.x, up(value), box.x + box.width, up(value));
    const step = box.width / values.length, at = (value) => up(Math.min(y[1], Math.max(y[0], value)));
    context.beginPath();
    values.forEach((value, k) => context.lineTo(box.x + (k + 0.5) * step, at(value)));
    context.strokeStyle = colour("--accent");
    context.lineWidth = 1.5;
    context.stroke();
    context.lineTo(box.x + box.width, box.y + box.height);
    context.lineTo(box.x, box.y + box.height);
    context.fillStyle = colour("--tint");
    context.globalAlpha = 0.6;
    context.fill();
    context.globalAlpha = 1;
    context.lineWidth = 1;
    axes(context, box, x, y, place, up, colour);
  });
}

// points: [re, im] each, angles in turns.
export function points(canvas, points, angles, label) {
  const sizes = points.map(([re, im]) => Math.max(Math.abs(re), Math.abs(im))).sort((a, b) => a - b);
  const most = Math.max(1.3, 1.1 * sizes[Math.floor(0.995 * (sizes.length - 1))]);
  show(canvas, label, (context, width, height, colour) => {
    const half = Math.min(width, height) / 2 - 2, cx = width / 2, cy = height / 2, scale = half / most;
    context.strokeStyle = colour("--line");
    context.fillStyle = colour("--soft");
    context.font = font(11);
    for (let r = 1; r <= most; r++) {
      context.beginPath();
      context.arc(cx, cy, r * scale, 0, 2 * Math.PI);
      context.stroke();
      context.fillText(String(r), cx + r * scale + 3, cy - 4);
    }
    line(context, cx - half, cy, cx + half, cy);
    line(context, cx, cy - half, cx, cy + half);
    points.forEach(([re, im], n) => {
      context.fillStyle = `hsl(${360 * angles[n]} 70% 52% / 0.75)`;
      context.beginPath();
      context.arc(cx + re * scale, cy - im * scale, Math.max(1.4, half / 95), 0, 2 * Math.PI);
      context.fill();
    });
  });
}

function show(canvas, label, draw) {
  canvas.setAttribute("aria-label", label);
  drawings.set(canvas, draw);
  observer.observe(canvas);
  redraw(canvas);
}

function redraw(canvas) {
  const { width, height } = canvas.getBoundingClientRect(), ratio = devicePixelRatio || 1;
  if (!width || !drawings.has(canvas)) return;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d"), style = getComputedStyle(canvas);
  context.scale(ratio, ratio);
  drawings.get(canvas)(context, width, height, (name) => style.getPropertyValue(name));
}

function asImage({ rows, columns, bytes }) {
  const canvas = new OffscreenCanvas(columns, rows), context = canvas.getContext("2d");
  const image = context.createImageData(columns, rows), words = new Uint32Array(image.data.buffer);
  for (let row = 0; row < rows; row++) // the lowest frequency comes first, and is drawn last
    for (let column = 0; column < columns; column++)
      words[(rows - 1 - row) * columns + column] = COLOURS.words[bytes[row * columns + column]];
  context.putImageData(image, 0, 0);
  return canvas;
}

function parts(context, places, place, box, colour) {
  context.font = font(12, 600);
  context.textBaseline = "middle";
  context.textAlign = "center";
  for (const [name, [from, to]] of Object.entries(places)) {
    const left = place(from), right = place(to), shown = name.split(" ")[0];
    context.fillStyle = PARTS[shown];
    context.fillRect(left + 0.5, box.y - BAND, Math.max(1, right - left - 1), BAND - 3);
    if (context.measureText(shown).width < right - left - 6) {
      context.fillStyle = "#fff";
      context.fillText(shown, (left + right) / 2, box.y - BAND / 2 - 1);
    }
    context.strokeStyle = "#ffffff70";
    for (const at of [left, right]) line(context, at, box.y, at, box.y + box.height);
  }
}

function axes(context, box, x, y, place, up, colour) {
  context.font = font(11);
  context.fillStyle = colour("--soft");
  context.strokeStyle = colour("--line");
  context.textBaseline = "top";
  context.textAlign = "center";
  for (const value of ticks(x[0], x[1], box.width / 70)) {
    line(context, place(value), box.y + box.height, place(value), box.y + box.height + 4);
    context.fillText(number(value), place(value), box.y + box.height + 6);
  }
  context.fillText(x[2], box.x + box.width / 2, box.y + box.height + 21);
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const value of ticks(y[0], y[1], box.height / 26)) context.fillText(number(value), box.x - 5, up(value));
  context.save();
  context.translate(8, box.y + box.height / 2);
  context.rotate(-Math.PI / 2);
  context.textAlign = "center";
  context.fillText(y[2], 0, 0);
  context.restore();
}

export function ticks(low, high, count) {
  const rough = (high - low) / Math.max(1, count), power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((each) => each * power >= rough);
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) found.push(k * step);
  return found;
}

export function axis(from, to, low, high) {
  return (value) => from + ((value - low) / (high - low)) * (to - from);
}

export function number(value) {
  return String(Math.round(value * 1e6) / 1e6).replace("-", "\u2212");
}

function line(context, x0, y0, x1, y1) {
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
}

function font(size, weight = 400) {
  return `${weight} ${size}px system-ui, "Noto Sans", "DejaVu Sans", sans-serif`;
}

function palette(anchors) {
  const rgb = anchors.map((hex) => [1, 3, 5].map((k) => parseInt(hex.slice(k, k + 2), 16)));
  const words = new Uint32Array(256), css = [];
  for (let v = 0; v < 256; v++) {
    const at = (v / 255) * (rgb.length - 1), k = Math.min(rgb.length - 2, Math.floor(at));
    const [r, g, b] = rgb[k].map((a, c) => Math.round(a + (at - k) * (rgb[k + 1][c] - a)));
    words[v] = (255 << 24) | (b << 16) | (g << 8) | r;
    css.push(`rgb(${r} ${g} ${b})`);
  }
  return { words, css };
}
