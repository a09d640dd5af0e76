// Hands on the plane: zoom, pan, pinch, lasso, box, keys, and the mark under the pointer.

import { SCALE, stretch } from "./columns.js";
import { fromX, fromY, toX, toY, wholeOf } from "./figure.js";
import { words } from "./words.js";

const SMALLEST = 0.004; // the narrowest view: 240 grid units
const MOST_CORNERS = 200;
const NEAR = 14; // px within which a mark is pointed at

/** Zoom by `factor` about a point in data coordinates that stays where it is. */
export function zoomAt(p, x, y, factor) {
  const v = p.view(), f = Math.max(factor, SMALLEST / (v.x1 - v.x0));
  setView(p, { x0: x - (x - v.x0) * f, x1: x + (v.x1 - x) * f, y0: y - (y - v.y0) * f, y1: y + (v.y1 - y) * f });
}

/** Show this part, moved inside the whole plane; the whole plane is null. */
export function setView(p, v) {
  const all = wholeOf(p.columns, p.box), inside = (low, high, least, most) => {
    const span = Math.min(high - low, most - least), start = Math.min(Math.max(low, least), most - span);
    return [start, start + span];
  };
  const [x0, x1] = inside(v.x0, v.x1, all.x0, all.x1), [y0, y1] = inside(v.y0, v.y1, all.y0, all.y1);
  const whole = x1 - x0 > 0.999 * (all.x1 - all.x0) && y1 - y0 > 0.999 * (all.y1 - all.y0);
  p.changeLook({ zoom: whole ? null : { x0, x1, y0, y1 } });
}

export function pan(p, dx, dy) {
  const v = p.view();
  setView(p, { x0: v.x0 + dx, x1: v.x1 + dx, y0: v.y0 + dy, y1: v.y1 + dy });
}

export function listenToHands(p, signal) {
  const { canvas } = p, stage = p.$(".stage"), fingers = new Map();
  let start = null; // {at, view} of a drag, {apart, centre, view} of a pinch
  const data = (at) => [fromX(p.box, p.view(), at.x), fromY(p.box, p.view(), at.y)];
  const on = (target, name, act, options = {}) => target.addEventListener(name, act, { signal, ...options });
  const pinch = () => {
    const [a, b] = [...fingers.values()];
    return { apart: Math.hypot(a.x - b.x, a.y - b.y) || 1, centre: { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 } };
  };

  on(canvas, "pointerdown", (event) => {
    if (event.button || !p.columns) return;
    canvas.dataset.pointed = "";
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    const at = p.pointer(event);
    fingers.set(event.pointerId, at);
    p.cross = null;
    if (fingers.size === 2) {
      p.drawing = null;
      start = { ...pinch(), view: p.view() };
    } else {
      start = { at, view: p.view(), moved: false };
      if (p.mode !== "pan") p.drawing = [data(at)];
    }
  });
  on(canvas, "pointermove", (event) => {
    if (!p.columns) return;
    const at = p.pointer(event);
    if (!fingers.has(event.pointerId)) return point(p, at);
    fingers.set(event.pointerId, at);
    if (start?.apart && fingers.size === 2) {
      const now = pinch(), v = start.view, f = start.apart / now.apart;
      const x = fromX(p.box, v, start.centre.x), y = fromY(p.box, v, start.centre.y);
      const sx = (v.x1 - v.x0) * f, sy = (v.y1 - v.y0) * f;
      const x0 = x - ((now.centre.x - p.box.left) / p.box.w) * sx, y1 = y + ((now.centre.y - p.box.top) / p.box.h) * sy;
      if (sx >= SMALLEST) setView(p, { x0, x1: x0 + sx, y0: y1 - sy, y1 });
      return;
    }
    if (!start?.at) return;
    start.moved ||= Math.hypot(at.x - start.at.x, at.y - start.at.y) > 4;
    if (!start.moved) return;
    if (p.mode === "pan") {
      const v = start.view, dx = ((start.at.x - at.x) / p.box.w) * (v.x1 - v.x0), dy = ((at.y - start.at.y) / p.box.h) * (v.y1 - v.y0);
      setView(p, { x0: v.x0 + dx, x1: v.x1 + dx, y0: v.y0 + dy, y1: v.y1 + dy });
    } else if (p.mode === "box") p.drawing = corners(data(start.at), data(at));
    else p.drawing.push(data(at));
    p.redraw();
  });
  const end = (event) => {
    if (!fingers.delete(event.pointerId)) return;
    const tapped = start?.at && !start.moved, drawn = p.drawing;
    p.drawing = null;
    if (fingers.size === 0 && event.type === "pointerup") {
      if (drawn && !tapped) selectRegion(p, drawn);
      else if (tapped) tap(p, start.at, drawn);
    }
    start = fingers.size === 1 && p.mode === "pan" ? { at: [...fingers.values()][0], view: p.view(), moved: true } : null;
    p.redraw();
  };
  on(canvas, "pointerup", end);
  on(canvas, "pointercancel", end);
  on(canvas, "pointerleave", (event) => { if (event.pointerType === "mouse") p.hover(-1); });
  // The wheel scrolls the page until the plane has been clicked: a plane that swallows it is a trap.
  on(stage, "wheel", (event) => {
    if (!p.columns) return;
    if (!event.ctrlKey && !event.metaKey && !stage.contains(p.shadow.activeElement)) {
      return p.hint(`Click the ${words(p).name} first, or hold Ctrl, to zoom with the wheel`);
    }
    if (event.deltaY > 0 && !p.look.zoom) return;
    event.preventDefault();
    const [x, y] = data(p.pointer(event)), lines = event.deltaMode ? 30 : 1;
    zoomAt(p, x, y, Math.exp(Math.max(-60, Math.min(60, event.deltaY * lines)) * (event.ctrlKey ? 0.01 : 0.003)));
  }, { passive: false });
  on(canvas, "keydown", (event) => { delete canvas.dataset.pointed; keys(p, event); });
  on(canvas, "blur", () => { delete canvas.dataset.pointed; p.cross = p.corner = null; p.redraw(); });
}

function keys(p, event) {
  const v = p.view(), step = event.shiftKey ? 0.25 : 0.05, sx = (v.x1 - v.x0) * step, sy = (v.y1 - v.y0) * step;
  const move = { ArrowLeft: [-sx, 0], ArrowRight: [sx, 0], ArrowUp: [0, sy], ArrowDown: [0, -sy] }[event.key];
  const middle = p.cross ?? [(v.x0 + v.x1) / 2, (v.y0 + v.y1) / 2];
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Enter" && p.mode === "pan") p.open(nearestRow(p, pixelsOf(p, middle), Infinity));
  else if (move && p.mode === "pan") pan(p, ...move);
  else if (move) {
    p.cross = [Math.min(v.x1, Math.max(v.x0, middle[0] + move[0] / 2)), Math.min(v.y1, Math.max(v.y0, middle[1] + move[1] / 2))];
    if (p.corner) p.drawing = corners(p.corner, p.cross);
    else point(p, pixelsOf(p, p.cross));
  } else if ((event.key === "Enter" || event.key === " ") && p.mode !== "pan") {
    p.cross = middle;
    if (!p.corner) {
      p.corner = middle;
      p.hover(-1);
      p.say("First corner set. Move to the opposite corner and press Enter.");
    } else {
      p.drawing = null;
      selectRegion(p, corners(p.corner, middle));
      p.corner = null;
    }
  } else if (event.key === "+" || event.key === "=") zoomAt(p, ...middle, 0.7);
  else if (event.key === "-") zoomAt(p, ...middle, 1 / 0.7);
  else if (event.key === "0") p.changeLook({ zoom: null });
  else if (event.key === "Escape") {
    if (!p.drawing && !p.corner && !p.lasso.points && !p.brush) return;
    p.drawing = p.corner = p.cross = null;
    p.setLasso(null);
  } else return;
  event.preventDefault();
  p.redraw();
}

const corners = ([x0, y0], [x1, y1]) => [[x0, y0], [x1, y0], [x1, y1], [x0, y1]];

function selectRegion(p, points) {
  const each = Math.ceil(points.length / MOST_CORNERS), v = p.view();
  const clamp = ([x, y]) => [Math.min(v.x1, Math.max(v.x0, x)), Math.min(v.y1, Math.max(v.y0, y))].map((n) => Math.round(n * 1e6) / 1e6);
  const kept = points.filter((_, i) => i % each === 0).map(clamp);
  const wide = (axis) => Math.max(...kept.map((q) => q[axis])) - Math.min(...kept.map((q) => q[axis]));
  p.setLasso(kept.length > 2 && wide(0) > 0 && wide(1) > 0 ? kept : null);
}

const pixelsOf = (p, [x, y]) => ({ x: toX(p.box, p.view(), x), y: toY(p.box, p.view(), y) });

/** A click opens the text it meets; where it meets none it clears what was drawn before. */
function tap(p, at, drawn) {
  const i = nearestRow(p, at, p.marks ? 1.4 * NEAR : NEAR);
  if (i >= 0) p.open(i);
  else if (drawn) p.setLasso(null);
  // Where the text opens elsewhere the tip would only cover other marks.
  p.hover(p.marks && !p.settings.reports.open ? i : -1);
}

/** The row that is drawn nearest to a place, at most `far` px from it; -1 where none is. */
function nearestRow(p, at, far) {
  let best = -1, nearest = far * far;
  const v = p.view(), c = p.columns, [from, to] = stretch(c, p.look.picked);
  const kx = p.box.w / ((v.x1 - v.x0) * SCALE), ky = p.box.h / ((v.y1 - v.y0) * SCALE);
  const x = (at.x - p.box.left) / kx + v.x0 * SCALE, y = v.y1 * SCALE - (at.y - p.box.top) / ky;
  for (let i = from; i < to; i++) {
    if (c.flags[i] & c.missing) continue;
    const dx = (c.x[i] - x) * kx, dy = (c.y[i] - y) * ky, d = dx * dx + dy * dy;
    if (d < nearest) { nearest = d; best = i; }
  }
  return best;
}

/** Show the nearest mark's facts, if marks are drawn and one is near. */
function point(p, at) {
  p.hover(p.marks ? nearestRow(p, at, NEAR) : -1);
}
