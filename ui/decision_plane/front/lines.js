// The two threshold lines: dragged by mouse or touch, moved by keys, typed as numbers.

import { SCALE } from "./columns.js";
import { fromX, fromY, toX, toY } from "./figure.js";

export const SIDES = ["teacher", "student"];
const COMMIT_AFTER = 350; // ms after the last key, so that a held key asks the server once

export function listenToLines(p, signal) {
  for (const side of SIDES) {
    const line = p.$(`.line.${side}`), input = p.$(`input.${side}`);
    let grip = 0; // how far from the line it was taken hold of, so that it does not jump
    const value = (event) => {
      const at = p.pointer(event), view = p.view();
      return side === "teacher" ? fromX(p.box, view, at.x) : fromY(p.box, view, at.y);
    };
    line.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      event.preventDefault();
      line.focus({ preventScroll: true });
      line.setPointerCapture(event.pointerId);
      grip = value(event) - onScreen(p, side, p.shared(side).units / SCALE);
      p.dragging = side;
    }, { signal });
    line.addEventListener("pointermove", (event) => {
      if (p.dragging === side) p.setThreshold(side, stepped(p, value(event) - grip));
    }, { signal });
    const release = () => {
      if (p.dragging !== side) return;
      p.dragging = null;
      p.commitThresholds();
    };
    line.addEventListener("pointerup", release, { signal });
    line.addEventListener("pointercancel", release, { signal });
    line.addEventListener("lostpointercapture", release, { signal });
    line.addEventListener("keydown", (event) => {
      const now = p.shared(side).units, step = stepUnits(p) * 5 * (event.shiftKey ? 10 : 1);
      const moved = {
        ArrowRight: now + step, ArrowUp: now + step, ArrowLeft: now - step, ArrowDown: now - step,
        PageUp: now + SCALE / 10, PageDown: now - SCALE / 10, Home: 0, End: SCALE,
      }[event.key];
      if (moved === undefined) return;
      event.preventDefault();
      p.setThreshold(side, moved);
      p.commitLater(COMMIT_AFTER);
    }, { signal });
    line.addEventListener("blur", () => p.commitNow(), { signal });

    // A number that is being typed moves the line at once; it is settled on Enter or on leaving.
    input.addEventListener("input", () => {
      const typed = input.valueAsNumber;
      if (typed >= 0 && typed <= 1) p.setThreshold(side, typed > 0 ? Math.max(1, typed * SCALE) : 0);
      input.toggleAttribute("aria-invalid", !(typed >= 0 && typed <= 1));
      if (typed >= 0 && typed <= 1) p.commitLater(2 * COMMIT_AFTER);
    }, { signal });
    input.addEventListener("change", () => {
      input.removeAttribute("aria-invalid");
      p.commitNow();
      showNumber(p, side, true);
    }, { signal });
  }
}

/** One step in grid units: 0.001, or 0.0001 where the view is so near that a pixel is less. */
function stepUnits(p) {
  const view = p.view();
  return (view.x1 - view.x0) / p.box.w < 0.0004 ? SCALE / 10000 : SCALE / 1000;
}

function stepped(p, value) {
  const step = stepUnits(p);
  return Math.round((value * SCALE) / step) * step;
}

/** A threshold out of view rests on the border: dragging starts from where it is seen. */
function onScreen(p, side, value) {
  const view = p.view(), [low, high] = side === "teacher" ? [view.x0, view.x1] : [view.y0, view.y1];
  return Math.min(high, Math.max(low, value));
}

export function showLines(p) {
  const { box } = p, view = p.view();
  for (const side of SIDES) {
    const line = p.$(`.line.${side}`), { units, mixed, low, high } = p.shared(side), value = units / SCALE;
    const seen = onScreen(p, side, value);
    if (side === "teacher") line.style.cssText = `left:${toX(box, view, seen)}px;top:0;height:${box.top + box.h}px`;
    else line.style.cssText = `top:${toY(box, view, seen)}px;left:${box.left}px;width:${box.width - box.left}px`;
    line.classList.toggle("mixed", mixed);
    line.classList.toggle("away", seen !== value);
    line.hidden = p.locked(side) || Boolean(p.columns.map);
    const text = value.toFixed(units % (SCALE / 1000) ? 4 : 3);
    line.lastElementChild.textContent = mixed ? "by class" : text;
    line.setAttribute("aria-valuenow", text);
    line.setAttribute("aria-valuetext", mixed
      ? `differs by class, from ${(low / SCALE).toFixed(3)} to ${(high / SCALE).toFixed(3)}; moving it sets all classes`
      : `${text} for ${p.look.picked < 0 ? "all classes" : p.settings.names[p.look.picked]}, ${p.counts()}`);
  }
}

export function showNumbers(p) {
  for (const side of SIDES) showNumber(p, side, false);
}

function showNumber(p, side, evenIfTyping) {
  const input = p.$(`input.${side}`), { units, mixed } = p.shared(side);
  input.disabled = !p.columns.C;
  if (p.shadow.activeElement === input && !evenIfTyping) return;
  input.placeholder = mixed ? "by class" : "";
  const text = mixed || input.disabled ? "" : (units / SCALE).toFixed(units % (SCALE / 1000) ? 4 : 3);
  if (input.value !== text) input.value = text;
}
