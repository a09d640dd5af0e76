// The picture on the canvas: frame, ticks, density or marks, names, the region selected. Sizes in CSS px.

import { SCALE, isKept, placeOf } from "./columns.js";
import { css, rgb } from "./colours.js";
import { FAINT } from "./grid.js";
import { showNames } from "./names.js";

const WHOLE = { x0: -0.015, x1: 1.015, y0: -0.02, y1: 1.02 }; // room for marks on the border
const MOST_MARKS = 5000, MARK_AREA = 60; // square px that a mark needs, or they hide each other
const MARGIN = { left: 50, right: 52, top: 30, bottom: 46 }; // for ticks and the grips of the lines
const BARE = { left: 2, right: 2, top: 2, bottom: 2 }; // a map has neither
const CROWD = 400; // so many dots have no rim on a map
const ROOM = 0.02; // round a map, in its own units

/** Size the canvas to the stage and the screen; returns where the plot stands in it. */
export function fit(canvas, stage, map) {
  const ratio = globalThis.devicePixelRatio || 1, width = stage.clientWidth, height = stage.clientHeight;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const margin = map ? BARE : MARGIN;
  return {
    ratio, width, height, left: margin.left, top: margin.top,
    w: Math.max(40, width - margin.left - margin.right), h: Math.max(40, height - margin.top - margin.bottom),
  };
}

/** All that there is to see. A map is as long as it is high, so more of one side of it is empty. */
export function wholeOf(c, box) {
  return c.map ? fitted({ x0: -ROOM, x1: 1 + ROOM, y0: -ROOM, y1: 1 + ROOM }, box) : WHOLE;
}

/** The least view that holds this one and shows a step to the right as long as one upwards. */
export function fitted(view, box) {
  const each = Math.max((view.x1 - view.x0) / box.w, (view.y1 - view.y0) / box.h) / 2;
  const x = (view.x0 + view.x1) / 2, y = (view.y0 + view.y1) / 2;
  return { x0: x - each * box.w, x1: x + each * box.w, y0: y - each * box.h, y1: y + each * box.h };
}

export const toX = (box, view, x) => box.left + ((x - view.x0) / (view.x1 - view.x0)) * box.w;
export const toY = (box, view, y) => box.top + ((view.y1 - y) / (view.y1 - view.y0)) * box.h;
export const fromX = (box, view, px) => view.x0 + ((px - box.left) / box.w) * (view.x1 - view.x0);
export const fromY = (box, view, py) => view.y1 - ((py - box.top) / box.h) * (view.y1 - view.y0);

/** Cells of the density picture: fine for many rows, never finer than the grid of the signals. */
export function cellsOf(box, view, rows) {
  const size = rows > 150000 ? 2 : rows > 30000 ? 3 : 4;
  return [
    Math.max(1, Math.round(Math.min(box.w / size, (view.x1 - view.x0) * SCALE))),
    Math.max(1, Math.round(Math.min(box.h / size, (view.y1 - view.y0) * SCALE))),
  ];
}

/** As how many rows are drawn one by one. */
export const mostMarks = (box) => Math.min(MOST_MARKS, (box.w * box.h) / MARK_AREA);

/** Round values between low and high, about one each `apart` px, inside 0 to 1. */
export function ticks(low, high, pixels, apart) {
  const raw = ((high - low) * apart) / pixels, ten = 10 ** Math.floor(Math.log10(raw));
  const step = ten * [1, 2, 5, 10].find((f) => f * ten >= raw), digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const found = [];
  for (let k = Math.ceil(Math.max(0, low) / step - 1e-9); k * step <= Math.min(1, high) + 1e-9; k++) {
    found.push([k * step, (k * step).toFixed(digits)]);
  }
  return found;
}

/** Draw everything. p: the plane; its grid is filled, and painted where marks are not shown. */
export function draw(p) {
  const { box, theme } = p, view = p.view(), { map } = p.columns, g = p.canvas.getContext("2d");
  g.setTransform(box.ratio, 0, 0, box.ratio, 0, 0);
  g.clearRect(0, 0, box.width, box.height);
  if (map) frame(g, box, theme);
  else axes(g, box, view, theme, p.columns.needKnown);
  g.save();
  g.beginPath();
  g.rect(box.left, box.top, box.w, box.h);
  g.clip();
  if (!map) keptCorner(g, p, view);
  if (p.marks) marks(g, p, view);
  else {
    g.imageSmoothingEnabled = false;
    g.drawImage(p.grid.canvas, box.left, box.top, box.w, box.h);
  }
  if (map) showNames(g, p, view);
  else classTicks(g, p, view);
  shownRing(g, p, view);
  region(g, p, view);
  g.restore();
}

function axes(g, box, view, theme, needKnown) {
  const { left, top, w, h } = box;
  g.font = `12px ${theme.font}`;
  g.lineWidth = 1;
  g.textBaseline = "top";
  g.textAlign = "center";
  for (const [value, text] of ticks(view.x0, view.x1, w, 80)) {
    const x = Math.round(toX(box, view, value)) + 0.5;
    rule(g, x, top, x, top + h, theme.net);
    rule(g, x, top + h, x, top + h + 5, theme.frame);
    g.fillStyle = css(theme.soft);
    g.fillText(text, x, top + h + 8);
  }
  g.textBaseline = "middle";
  g.textAlign = "right";
  for (const [value, text] of needKnown ? ticks(view.y0, view.y1, h, 56) : []) {
    const y = Math.round(toY(box, view, value)) + 0.5;
    rule(g, left, y, left + w, y, theme.net);
    rule(g, left - 5, y, left, y, theme.frame);
    g.fillStyle = css(theme.soft);
    g.fillText(text, left - 8, y);
  }
  frame(g, box, theme);
  g.fillStyle = css(theme.ink);
  g.font = `600 12px ${theme.font}`;
  g.textAlign = "center";
  g.textBaseline = "bottom";
  g.fillText("Teacher confidence", left + w / 2, top + h + 44);
  g.translate(11, top + h / 2);
  g.rotate(-Math.PI / 2);
  g.textBaseline = "middle";
  g.fillText(needKnown ? "Student uncertainty" : "Student uncertainty is not known yet", 0, 0);
  g.setTransform(box.ratio, 0, 0, box.ratio, 0, 0);
}

function frame(g, { left, top, w, h }, theme) {
  g.lineWidth = 1;
  g.strokeStyle = css(theme.frame);
  g.strokeRect(left + 0.5, top + 0.5, w - 1, h - 1);
}

function rule(g, x0, y0, x1, y1, colour) {
  g.strokeStyle = css(colour);
  g.beginPath();
  g.moveTo(x0, y0);
  g.lineTo(x1, y1);
  g.stroke();
}

/** The part that is kept, tinted, where one pair of thresholds holds for all that is shown. */
function keptCorner(g, p, view) {
  const teacher = p.shared("teacher"), student = p.shared("student");
  if (teacher.mixed || student.mixed) return;
  const x = toX(p.box, view, teacher.units / SCALE), y = toY(p.box, view, student.units / SCALE);
  g.fillStyle = css(p.theme.kept, p.theme.dark ? 0.1 : 0.06);
  const top = toY(p.box, view, 1), right = toX(p.box, view, 1);
  g.fillRect(x, p.columns.needKnown ? top : 0, right - x, p.columns.needKnown ? y - top : p.box.height);
}

/** Each row as a mark: kept filled, not kept hollow; a square by a person, a cross excluded. */
function marks(g, p, view) {
  const { columns: c, groups, theme, box } = p, few = p.marks.length;
  const r = few > 2000 ? 2.5 : few > 300 ? 3.2 : 4.5, paths = new Map();
  for (const i of p.marks) {
    const kept = isKept(c, i, p.teacher, p.student), group = groups ? groups.codes[i] : kept ? 1 : 0;
    const faint = p.brushed !== null && !p.brushed[i], id = `${group} ${kept} ${faint}`;
    if (!paths.has(id)) paths.set(id, { group, kept, faint, path: new Path2D() });
    const { path } = paths.get(id), x = toX(box, view, c.x[i] / SCALE), y = toY(box, view, c.y[i] / SCALE);
    if (c.flags[i] & 8) { path.moveTo(x - r, y - r); path.lineTo(x + r, y + r); path.moveTo(x - r, y + r); path.lineTo(x + r, y - r); }
    else if (c.flags[i] & 4) path.rect(x - r, y - r, 2 * r, 2 * r);
    else { path.moveTo(x + r, y); path.arc(x, y, r, 0, 2 * Math.PI); }
  }
  const order = (one) => 2 * !one.faint + one.kept;
  for (const { group, kept, faint, path } of [...paths.values()].sort((a, b) => order(a) - order(b))) {
    g.globalAlpha = faint ? FAINT : 1;
    const colour = groups ? groups.colours[group] : kept ? theme.kept : theme.notKept;
    g.strokeStyle = css(kept ? theme.paper : colour, kept ? 0.7 : 0.85);
    g.fillStyle = css(colour, 0.85);
    if (kept) g.fill(path);
    g.lineWidth = kept ? 0.6 : 1.3;
    // Where dots crowd, as alike texts do on a map, their rims would hide their colour.
    if (!kept || !p.columns.map || few <= CROWD) g.stroke(path);
  }
  g.globalAlpha = 1;
  if (p.hovered >= 0) ring(g, p, view, p.hovered, r + 3, theme.ink, 2);
}

function ring(g, p, view, i, radius, colour, width) {
  g.strokeStyle = css(colour);
  g.lineWidth = width;
  g.beginPath();
  g.arc(toX(p.box, view, p.columns.x[i] / SCALE), toY(p.box, view, p.columns.y[i] / SCALE), radius, 0, 2 * Math.PI);
  g.stroke();
}

/** The text that the card shows: a ring that is seen on any ground. */
function shownRing(g, p, view) {
  const i = placeOf(p.columns, p.shown);
  if (i < 0 || p.columns.flags[i] & p.columns.missing) return;
  ring(g, p, view, i, 9, p.theme.paper, 5);
  ring(g, p, view, i, 9, rgb("#d55e00"), 2.5);
}

/** Where classes have thresholds of their own: a notch for each on both borders. */
function classTicks(g, p, view) {
  if (p.look.picked >= 0) return;
  for (let k = 0; k < p.columns.C; k++) {
    g.fillStyle = p.settings.colours[k];
    if (p.shared("teacher").mixed) g.fillRect(toX(p.box, view, p.teacher[k] / SCALE) - 1.5, p.box.top, 3, 12);
    if (p.shared("student").mixed) g.fillRect(p.box.left + p.box.w - 12, toY(p.box, view, p.student[k] / SCALE) - 1.5, 12, 3);
  }
}

function region(g, p, view) {
  const points = p.drawing ?? p.lasso.points, at = p.cross;
  if (points?.length > 1) {
    g.beginPath();
    for (const [x, y] of points) g.lineTo(toX(p.box, view, x), toY(p.box, view, y));
    g.closePath();
    g.fillStyle = css(p.theme.ink, 0.07);
    g.fill();
    g.strokeStyle = css(p.theme.paper, 0.75); // seen on light and on dark ground
    g.lineWidth = 4;
    g.stroke();
    g.strokeStyle = css(p.theme.ink);
    g.lineWidth = 1.6;
    g.setLineDash([5, 4]);
    g.stroke();
    g.setLineDash([]);
  }
  if (at) {
    const x = toX(p.box, view, at[0]), y = toY(p.box, view, at[1]);
    rule(g, x - 12, y, x + 12, y, p.theme.ink);
    rule(g, x, y - 12, x, y + 12, p.theme.ink);
  }
}
