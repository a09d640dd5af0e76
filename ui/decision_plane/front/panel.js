// Beside the plane: sums over all rows, the classes with what each keeps, the legend.

import { css } from "./colours.js";
import { SIDES } from "./lines.js";
import { words } from "./words.js";

const SEARCH_FROM = 11, LEGEND_MOST = 12;
export const count = (n) => n.toLocaleString("en-GB");
export const share = (a, b) => (b ? `${((100 * a) / b).toFixed(1)}\u00a0%` : "\u2013");

export function make(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text; // names are data: never markup
  return made;
}

/** One row a class, and one for all; made anew only when the names or colours change. */
export function buildClasses(p) {
  const { names, colours } = p.settings, identity = JSON.stringify([names, colours]);
  if (p.classesBuilt === identity) return;
  p.classesBuilt = identity;
  p.rows = [-1, ...names.keys()].map((k) => {
    const row = make("button", k < 0 ? "one all" : "one");
    row.type = "button";
    row.setAttribute("role", "radio");
    row.dataset.k = k;
    const bar = make("span", "bar"), fill = bar.appendChild(make("i"));
    const figures = make("span", "n"), name = make("span", "label", k < 0 ? "All classes" : names[k]);
    name.dir = "auto";
    if (k >= 0) {
      row.title = names[k];
      row.style.setProperty("--own", colours[k]);
    }
    row.append(make("span", "dot"), name, figures, bar);
    return { row, fill, figures, shown: "", k };
  });
  p.$(".classes").replaceChildren(...p.rows.map((one) => one.row));
  p.$(".search").hidden = names.length < SEARCH_FROM;
}

export function listenToPanel(p, signal) {
  const list = p.$(".classes"), search = p.$(".search");
  const pick = (row) => p.changeLook({ picked: Number(row.dataset.k), compare: false });
  list.addEventListener("click", (event) => {
    const row = event.target.closest(".one");
    if (row) pick(row);
  }, { signal });
  list.addEventListener("keydown", (event) => {
    const seen = p.rows.map((one) => one.row).filter((row) => !row.hidden), at = seen.indexOf(event.target);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: seen.length - 1 }[event.key];
    if (to === undefined || !seen[to]) return;
    event.preventDefault();
    pick(seen[to]);
    seen[to].focus();
  }, { signal });
  search.addEventListener("input", () => {
    const wanted = search.value.trim().toLowerCase();
    for (const { row, k } of p.rows) row.hidden = k >= 0 && !p.settings.names[k].toLowerCase().includes(wanted);
    rove(p);
    p.say(`${count(p.rows.filter((one) => !one.row.hidden).length - 1)} classes found.`);
  }, { signal });
  search.addEventListener("keydown", (event) => {
    const first = p.rows.find((one) => one.k >= 0 && !one.row.hidden);
    if (event.key === "Enter" && first) pick(first.row);
  }, { signal });
}

/** One row of the list is in the tab order: the chosen one, else the first that is seen. */
function rove(p) {
  const seen = p.rows.filter((one) => !one.row.hidden);
  const stop = seen.find((one) => one.k === p.look.picked) ?? seen[0];
  for (const one of p.rows) one.row.tabIndex = one === stop ? 0 : -1;
}

export function showPicked(p) {
  for (const { row, k } of p.rows) row.setAttribute("aria-checked", String(k === p.look.picked));
  rove(p);
}

/** All figures, at every frame of a drag: only texts that changed are written. */
export function showCounts(p) {
  const { counter, columns: c } = p, { kept, known, right } = counter.sum;
  write(p.$(".kept"), count(kept));
  write(p.$(".of"), `${share(kept, c.n)} of ${count(c.n)} texts`);
  write(p.$(".right"), share(right, known));
  write(p.$(".checked"), `of ${count(known)} with gold`);
  p.$(".accuracy").hidden = !c.goldKnown;
  const away = c.n - c.placed, blocked = !c.needKnown && p.student.some((v) => v > 0);
  write(p.$(".note"), blocked ? "Student uncertainty is not known yet: with a threshold above 0 for it, only texts labelled by a person are kept." : away ? `${count(away)} of the ${count(c.n)} texts ${words(p).missing}` : "");
  for (const one of p.rows) {
    const n = one.k < 0 ? kept : counter.kept[one.k], of = one.k < 0 ? c.n : counter.labelled[one.k];
    const text = `${count(n)} / ${count(of)}`;
    if (one.shown === text) continue;
    one.shown = one.figures.textContent = text;
    one.fill.style.transform = `scaleX(${of ? n / of : 0})`;
  }
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** What the screen reader is told when a line is released. */
export function sentence(p) {
  const { sum } = p.counter, c = p.columns, picked = p.look.picked;
  const parts = [`Kept ${count(sum.kept)} of ${count(c.n)} texts, ${share(sum.kept, c.n)}.`];
  if (picked >= 0) parts.push(`Of ${p.settings.names[picked]}: ${p.counts()}.`);
  if (c.goldKnown) parts.push(`${share(sum.right, sum.known)} of the ${count(sum.known)} kept with gold are right.`);
  for (const side of SIDES) if (!p.locked(side)) {
    const { units, mixed } = p.shared(side);
    parts.push(`${side === "teacher" ? "Teacher" : "Student"} threshold ${mixed ? "differs by class" : (units / 60000).toFixed(3)}.`);
  }
  return parts.join(" ");
}

export function showLegend(p) {
  const { columns: c, groups, theme, look } = p, entries = [];
  const entry = (colour, text, className = "") => {
    const made = make("span", `entry ${className}`), dot = made.appendChild(make("i"));
    dot.style.setProperty("--own", css(colour));
    const name = made.appendChild(make("span", "", text));
    name.dir = "auto";
    entries.push(made);
  };
  let more = "";
  if (!groups) {
    entry(theme.kept, "kept");
    entry(theme.notKept, "not kept", p.marks ? "hollow" : "");
  } else {
    let shown = groups.names.map((name, g) => g);
    if (look.colour === "label") {
      shown = shown.filter((g) => (look.picked < 0 ? g < c.C || c.start[3 * c.C] < c.n : g === look.picked));
      if (shown.length > LEGEND_MOST) {
        const size = (g) => (g < c.C ? p.counter.labelled[g] : 0);
        shown = shown.sort((a, b) => size(b) - size(a)).slice(0, LEGEND_MOST);
        more = `and ${count(c.C - shown.length)} more. With so many classes, shades of one colour are different classes: pick one to see it alone.`;
      }
    }
    for (const g of shown) entry(groups.colours[g], groups.names[g]);
    entries.push(make("span", "entry plain", p.marks ? "hollow: not kept" : "faint: not kept"));
  }
  if (p.marks) {
    if (c.people) entries.push(make("span", "entry plain", "\u25a0 labelled by a person, \u2715 excluded"));
  } else {
    const ramp = make("span", "entry plain");
    ramp.append(make("span", "", "1"), make("i", "ramp"), make("span", "", `${count(p.grid.most)} texts in one spot`));
    ramp.style.setProperty("--from", css(groups ? theme.ink : theme.kept, 0.25));
    ramp.style.setProperty("--to", css(groups ? theme.ink : theme.kept));
    entries.push(ramp);
  }
  if (p.brush) entries.push(make("span", "entry plain", `strong: ${count(p.brush.count)} ${p.brush.count === 1 ? "text" : "texts"} ${p.brush.words}`));
  if (more) entries.push(make("span", "entry plain", more));
  p.$(".legend").replaceChildren(...entries);
}
