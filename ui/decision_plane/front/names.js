// Names of the groups on a map: the largest first, none over another, each with a halo to be read.

import { SCALE } from "./columns.js";
import { css } from "./colours.js";
import { toX, toY } from "./figure.js";

const LETTERS = 34, LINE = 15;

/** Draw the names that have room in this view; the largest group's comes first. */
export function showNames(g, p, view) {
  const { box, theme, settings } = p, taken = [];
  g.font = `600 12px ${theme.font}`;
  g.textAlign = "center";
  g.textBaseline = "middle";
  g.lineJoin = "round";
  for (const { text, x, y } of settings.groups ?? []) {
    const at = [toX(box, view, x / SCALE), toY(box, view, y / SCALE)];
    if (at[0] < box.left || at[0] > box.left + box.w || at[1] < box.top || at[1] > box.top + box.h) continue;
    const shown = shortened(text), half = g.measureText(shown).width / 2 + 4;
    // Whole in the picture, though the middle of the group be at its border.
    const px = Math.min(box.left + box.w - half, Math.max(box.left + half, at[0]));
    const py = Math.min(box.top + box.h - LINE / 2, Math.max(box.top + LINE / 2, at[1]));
    const place = { x0: px - half, x1: px + half, y0: py - LINE / 2, y1: py + LINE / 2 };
    if (taken.some((other) => place.x0 < other.x1 && place.x1 > other.x0 && place.y0 < other.y1 && place.y1 > other.y0)) continue;
    taken.push(place);
    g.strokeStyle = css(theme.paper, 0.9);
    g.lineWidth = 4;
    g.strokeText(shown, px, py);
    g.fillStyle = css(theme.ink);
    g.fillText(shown, px, py);
  }
  p.namesShown = taken.length;
}

function shortened(text) {
  const letters = [...text];
  return letters.length > LETTERS ? `${letters.slice(0, LETTERS - 1).join("")}\u2026` : text;
}
