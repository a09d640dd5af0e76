// Small multiples: one plane a class, twelve at a time. A click on one picks its class.

import { SCALE } from "./columns.js";
import { css } from "./colours.js";
import { toX, toY, wholeOf } from "./figure.js";
import { Grid } from "./grid.js";
import { count, make, share } from "./panel.js";

const PER_PAGE = 12;

export function listenToCompare(p, signal) {
  p.$(".panels").addEventListener("click", (event) => {
    const panel = event.target.closest(".panel");
    if (!panel) return;
    p.changeLook({ picked: Number(panel.dataset.k), compare: false });
    p.rows[p.look.picked + 1].row.focus();
  }, { signal });
  p.$(".pager").addEventListener("click", (event) => {
    const step = Number(event.target.dataset?.page ?? 0);
    if (!step) return;
    p.page += step;
    p.touch("cells");
  }, { signal });
}

/** Draw the page of panels; `anew` when rows, size or page changed and not only thresholds. */
export function showCompare(p, anew) {
  const c = p.columns, pages = Math.max(1, Math.ceil(c.C / PER_PAGE));
  p.page = Math.min(pages - 1, Math.max(0, p.page));
  const first = p.page * PER_PAGE, shown = Math.min(PER_PAGE, c.C - first);
  while (p.panels.length < shown) p.panels.push(panel());
  p.panels.length = Math.max(0, shown); // grids of panels no longer shown are let go
  if (anew) {
    p.$(".panels").replaceChildren(...p.panels.map((one) => one.button));
    p.$(".pager").hidden = pages < 2;
    p.$(".pager span").textContent = `Classes ${count(first + 1)} to ${count(first + shown)} of ${count(c.C)}`;
    for (const button of p.$(".pager").querySelectorAll("button")) {
      button.disabled = Number(button.dataset.page) < 0 ? p.page === 0 : p.page === pages - 1;
    }
  }
  p.panels.forEach((one, at) => showPanel(p, one, first + at, anew));
}

function panel() {
  const button = make("button", "panel"), canvas = make("canvas"), name = make("span", "label"), n = make("span", "n");
  button.type = "button";
  name.dir = "auto";
  button.append(name, n, canvas);
  return { button, canvas, name, n, grid: new Grid() };
}

function showPanel(p, { button, canvas, name, n, grid }, k, anew) {
  const c = p.columns, ratio = globalThis.devicePixelRatio || 1, { theme } = p;
  const width = canvas.clientWidth, height = canvas.clientHeight;
  if (!width) return;
  const box = { left: 0, top: 0, w: width, h: height }, view = wholeOf(c, box);
  if (anew) {
    button.dataset.k = k;
    button.title = `Set thresholds for ${p.settings.names[k]}`;
    name.textContent = p.settings.names[k];
    button.style.setProperty("--own", p.settings.colours[k]);
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const rows = p.counter.labelled[k], size = rows > 20000 ? 2 : rows > 1500 ? 3 : 4;
    grid.fill(c, k, view, Math.ceil(width / size), Math.ceil(height / size), null);
  }
  p.counter.cells(k, p.teacher[k], p.student[k], grid);
  grid.paint(theme, null);
  const g = canvas.getContext("2d");
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  g.clearRect(0, 0, width, height);
  g.imageSmoothingEnabled = false;
  g.drawImage(grid.canvas, 0, 0, width, height);
  if (!c.map) {
    g.strokeStyle = css(theme.ink);
    g.lineWidth = 1.5;
    const x = toX(box, view, p.teacher[k] / SCALE), y = toY(box, view, p.student[k] / SCALE);
    g.beginPath();
    g.moveTo(x, 0);
    g.lineTo(x, height);
    if (c.needKnown) { g.moveTo(0, y); g.lineTo(width, y); }
    g.stroke();
  }
  n.textContent = `${count(p.counter.kept[k])} / ${count(p.counter.labelled[k])} \u00b7 ${share(p.counter.kept[k], p.counter.labelled[k])}`;
}
