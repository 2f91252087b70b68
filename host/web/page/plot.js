// A curve through points, as a picture that scales.

import { axis, number, ticks } from "./draw.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 640, HEIGHT = 260, LEFT = 66, RIGHT = 14, TOP = 14, BOTTOM = 42;

// points: [x, y] each, x rising; x, y: [from, to, name] of the axes.
export function curve(target, points, { x, y }) {
  const along = axis(LEFT, WIDTH - RIGHT, x[0], x[1]), up = axis(HEIGHT - BOTTOM, TOP, y[0], y[1]);
  const label = `${y[2]} by ${x[2]}: ${points.map(([a, b]) => `${number(a)}: ${number(Math.round(100 * b) / 100)}`).join(", ")}`;
  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label });
  for (const value of ticks(y[0], y[1], 4)) {
    picture.append(svg("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: up(value), y2: up(value) }));
    picture.append(svg("text", { x: LEFT - 8, y: up(value) + 4, "text-anchor": "end" }, number(value)));
  }
  for (const value of ticks(x[0], x[1], 8))
    picture.append(svg("text", { x: along(value), y: HEIGHT - BOTTOM + 18, "text-anchor": "middle" }, number(value)));
  picture.append(svg("text", { x: (LEFT + WIDTH) / 2, y: HEIGHT - 4, "text-anchor": "middle" }, x[2]));
  const middle = (TOP + HEIGHT - BOTTOM) / 2;
  picture.append(svg("text", { x: 12, y: middle, "text-anchor": "middle", transform: `rotate(-90 12 ${middle})` }, y[2]));
  picture.append(svg("polyline", { class: "line", points: points.map(([a, b]) => `${along(a)},${up(b)}`).join(" ") }));
  for (const [a, b] of points) picture.append(svg("circle", { class: "dot", cx: along(a), cy: up(b), r: 5 }));
  target.replaceChildren(picture);
}

function svg(name, attributes, text = "") {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.textContent = text;
  return node;
}
