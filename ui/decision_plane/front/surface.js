// What lies over the picture: the tip of the mark pointed at, and the tools as they stand.

import { SCALE, reason } from "./columns.js";
import { toX, toY } from "./figure.js";

export function showMode(plane) {
  const { look, mode } = plane;
  for (const button of plane.$(".bar").querySelectorAll("[data-mode]")) {
    button.setAttribute("aria-pressed", String(button.dataset.mode === mode && !look.compare));
  }
  for (const tool of plane.$(".bar").querySelectorAll("[data-do=in], [data-do=out], [data-do=reset], select")) tool.disabled = look.compare;
  plane.$("[data-do=compare]").setAttribute("aria-pressed", String(look.compare));
  plane.$("[data-do=compare]").hidden = plane.columns.C < 2;
  plane.$("[data-do=clear]").hidden = !plane.lasso.points && !plane.brush;
  const stage = plane.$(".stage");
  stage.dataset.mode = mode;
  // A finger scrolls the page over the whole plane, as there is nothing to move then.
  plane.canvas.style.touchAction = mode === "pan" && !look.zoom ? "pan-y" : "none";
}

export function showTip(plane) {
  const tip = plane.$(".tip"), i = plane.hovered, c = plane.columns;
  tip.hidden = i < 0 || plane.look.compare;
  if (tip.hidden) return;
  const { settings, box } = plane, view = plane.view();
  const x = toX(box, view, c.x[i] / SCALE), y = toY(box, view, c.y[i] / SCALE);
  const known = settings.hovered?.row === c.row[i];
  tip.querySelector(".head").textContent = settings.names[c.label[i]] ?? "no label";
  tip.querySelector(".facts").textContent =
    `confidence ${(c.confidence[i] / SCALE).toFixed(3)}` + (c.needKnown ? `, student uncertainty ${(c.need[i] / SCALE).toFixed(3)}` : "") +
    ` \u2013 ${reason(c, i, plane.teacher, plane.student)}`;
  tip.querySelector(".text").textContent = known ? settings.hovered.text : "";
  const width = Math.min(320, box.width - 16), left = Math.min(box.width - width - 8, Math.max(8, x - width / 2));
  const below = y < box.height / 2;
  tip.style.cssText = `left:${left}px;width:${width}px;` + (below ? `top:${y + 14}px` : `bottom:${box.height - y + 14}px`);
}
