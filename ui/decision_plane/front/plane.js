// The decision plane: what it holds, when it draws, and what it tells the server.
//
// Rows come as this component's `data`, once. All else (thresholds, names, colours, the text of the
// mark pointed at) comes through the small component of link.js, so that a moved line sends no rows.
// What both sides can change carries a number that grows with each change made here: what the
// server says is taken over unless something newer was done here since.

import { SCALE, decode, readHead } from "./columns.js";
import { colourings, css, groupsOf, readTheme } from "./colours.js";
import { brushed, readBrush } from "./brush.js";
import { listenToCompare, showCompare } from "./compare.js";
import { Counter } from "./counting.js";
import { cellsOf, draw, fit, fitted, mostMarks, wholeOf } from "./figure.js";
import { listenToHands, zoomAt } from "./gestures.js";
import { Grid } from "./grid.js";
import { Leaving, linkAway } from "../../shell/front/leaving.js";
import { listenToLines, showLines, showNumbers } from "./lines.js";
import { buildClasses, count, listenToPanel, sentence, share, showCounts, showLegend, showPicked } from "./panel.js";
import { showMode, showTip } from "./surface.js";
import { showKind, words } from "./words.js";

const LOOK_AFTER = 400, HOVER_AFTER = 220; // ms of rest before the server is told of a zoom, of a mark
const planes = new WeakMap(); // by the element that Streamlit gives: survives reruns
const links = (globalThis[Symbol.for("llkd.decision-plane")] ??= new Map());
class Plane {
  constructor(parent) {
    this.shadow = parent;
    this.$ = (selector) => parent.querySelector(selector);
    this.canvas = this.$("canvas");
    this.grid = new Grid();
    this.panels = [];
    this.rows = [];
    this.page = 0;
    this.hovered = -1;
    this.shown = -1; // the position of the text that the card shows
    this.mode = "pan";
    this.look = { picked: -1, colour: "kept", compare: false, zoom: null };
    this.lasso = { points: null, label: -1 };
    this.brushed = null; // which rows were marked elsewhere
    this.seq = { thresholds: 0, lasso: 0, look: 0 };
    this.timers = {};
    this.stale = { cells: true };
    const { signal } = (this.stopper = new AbortController());
    listenToLines(this, signal);
    listenToHands(this, signal);
    listenToPanel(this, signal);
    listenToCompare(this, signal);
    this.#listenToBar(signal);
    // A digit typed here is no shortcut of the page, which sees no field but this component.
    this.$(".plane").addEventListener("keydown", (event) => event.stopPropagation(), { signal });
    // What is still to be said is said while the button goes down, before the click.
    document.addEventListener("pointerdown", (event) => linkAway(event) && this.#sayAll(), { signal, capture: true });
    // Of a click that the card holds back nothing comes here.
    document.addEventListener("click", (event) => linkAway(event) && this.leaving.now(), { signal });
    this.leaving = new Leaving(() => this.#fallSilent(), () => this.#speakAgain(), signal);
    this.lookWaits = false; // a zoom that the server was not told of
    this.unsaid = new Map(); // by name: what was not to be said while another page was awaited
    document.addEventListener("llkd-text", ({ detail }) => this.show(detail), { signal });
    this.sizes = new ResizeObserver(() => this.touch("cells"));
    this.sizes.observe(this.$(".figure"));
    addEventListener("resize", () => this.touch("cells"), { signal }); // the zoom of the browser
  }

  #listenToBar(signal) {
    this.$(".bar").addEventListener("click", (event) => {
      const { mode, do: act } = event.target.closest("button")?.dataset ?? {}, v = this.view();
      const middle = [(v.x0 + v.x1) / 2, (v.y0 + v.y1) / 2];
      if (mode) this.setMode(mode);
      if (act === "in") zoomAt(this, ...middle, 0.6);
      if (act === "out") zoomAt(this, ...middle, 1 / 0.6);
      if (act === "reset") this.changeLook({ zoom: null });
      if (act === "compare") this.changeLook({ compare: !this.look.compare });
      if (act === "clear") this.setLasso(null);
    }, { signal });
    this.$("select").addEventListener("change", (event) => this.changeLook({ colour: event.target.value }), { signal });
  }

  // ---- what comes in

  /** Rows: decoded only when they are others than those here. */
  receive(bytes) {
    const head = readHead(bytes);
    if (head.version !== this.head?.version) {
      this.columns = decode(bytes, head);
      this.counter = new Counter(this.columns);
      this.hovered = -1;
      this.brush = this.brushed = null;
      this.touch("cells");
      showKind(this);
    }
    this.head = head;
    return head.key;
  }

  /** All else. Settings for other rows than those here wait for their rows. */
  apply(settings) {
    if (!settings || !this.columns || settings.version !== this.head.version) return;
    const before = this.#picture();
    this.settings = settings;
    buildClasses(this);
    const { thresholds, lasso, look } = settings, C = this.columns.C;
    if (!this.teacher || this.teacher.length !== C) {
      this.teacher = new Uint16Array(C);
      this.student = new Uint16Array(C);
      this.seq.thresholds = 0;
    }
    if (thresholds.seq >= this.seq.thresholds && !this.dragging) {
      this.teacher.set(thresholds.teacher);
      this.student.set(thresholds.student);
    }
    if (lasso.seq >= this.seq.lasso) this.lasso = { points: lasso.points, label: lasso.label };
    if (look.seq >= this.seq.look) {
      const { picked, colour, compare, zoom } = look;
      this.look = { picked, colour, compare, zoom };
    }
    if (this.look.picked >= C) this.look.picked = -1; // fewer classes than before
    const choices = colourings(this.columns), offered = JSON.stringify(choices);
    if (this.offered !== offered) this.$("select").replaceChildren(...choices.map(([value, text]) => new Option(text, value)));
    this.offered = offered;
    if (!choices.some(([value]) => value === this.look.colour)) this.look.colour = "kept";
    this.$(".plane").dataset.ready = "yes";
    if (this.#picture() === before) this.redraw();
    else this.touch("cells");
    showTip(this);
  }

  /** Rows that were marked elsewhere, as the server wrote them; null: none. */
  mark(bytes) {
    const brush = readBrush(bytes), now = brush?.version === this.head?.version ? brush : null;
    if (this.brush?.stamp === now?.stamp) return;
    this.brush = now;
    this.brushed = now && brushed(this.columns, now);
    this.touch("cells");
    if (now) this.say(`${count(now.count)} texts ${now.words} stand out.`);
  }

  /** The theme may have changed. */
  restyle() {
    const theme = readTheme(this.shadow.host ?? this.shadow);
    if (JSON.stringify(theme) === JSON.stringify(this.theme)) return;
    this.theme = theme;
    this.$(".plane").style.setProperty("--kept", css(theme.kept));
    this.touch("cells");
  }

  /** What, apart from thresholds, decides how the rows are drawn. */
  #picture() {
    const { head, look, settings } = this;
    return settings ? JSON.stringify([head.version, look, settings.names, settings.colours, settings.groups]) : "";
  }

  // ---- what is changed here

  setThreshold(side, units) {
    const value = Math.round(Math.min(SCALE, Math.max(0, units))), picked = this.look.picked;
    if (picked < 0) this[side].fill(value);
    else this[side][picked] = value;
    this.seq.thresholds = this.#next("thresholds");
    this.unsent = true;
    this.redraw();
  }

  commitThresholds() {
    clearTimeout(this.timers.commit);
    this.unsent = false;
    this.#send("thresholds", { seq: this.seq.thresholds, teacher: [...this.teacher], student: [...this.student] });
    requestAnimationFrame(() => this.counter && this.say(sentence(this))); // after the count
  }

  commitLater(ms) {
    clearTimeout(this.timers.commit);
    this.timers.commit = setTimeout(() => this.commitNow(), ms);
  }

  commitNow() {
    if (this.unsent && !this.dragging) this.commitThresholds();
  }

  setLasso(points) {
    if (!points && !this.lasso.points && !this.brush) return;
    this.lasso = { points, label: this.look.picked };
    this.seq.lasso = this.#next("lasso");
    this.#send("lasso", { seq: this.seq.lasso, ...this.lasso });
    this.say(points ? "Region selected." : "Selection cleared.");
    this.redraw();
  }

  changeLook(changes) {
    this.look = { ...this.look, ...changes };
    this.seq.look = this.#next("look");
    clearTimeout(this.timers.look);
    // A zoom comes in many small changes; any other is one act, and whoever leaves the page at once
    // finds it again.
    this.lookWaits = "zoom" in changes;
    if (this.lookWaits) this.timers.look = setTimeout(() => this.#tellLook(), LOOK_AFTER);
    else this.#tellLook();
    this.hover(-1);
    this.touch("cells");
  }

  #tellLook() {
    clearTimeout(this.timers.look);
    this.lookWaits = false;
    if (this.settings?.reports.look) this.#send("look", { ...this.look, seq: this.seq.look });
  }

  setMode(mode) {
    this.mode = mode;
    this.cross = this.corner = this.drawing = null;
    if (this.look.compare) this.changeLook({ compare: false });
    this.redraw();
  }

  hover(i) {
    if (i === this.hovered) return;
    this.hovered = i;
    clearTimeout(this.timers.hover);
    if (i >= 0 && this.settings.reports.hover) {
      this.timers.hover = setTimeout(() => this.#send("hover", { row: this.columns.row[i] }), HOVER_AFTER);
    }
    showTip(this);
    this.redraw();
  }

  /** Ask the page for the whole text of a row. */
  open(i) {
    if (i < 0 || !this.settings?.reports.open) return;
    this.show(this.columns.row[i]);
    this.setTriggerValue?.("open", { row: this.columns.row[i] });
  }

  /** Ring the text at this position, which the card shows. */
  show(position) {
    this.shown = position;
    clearTimeout(this.timers.show); // not at each press of a fast hand
    this.timers.show = setTimeout(() => this.redraw(), 120);
  }

  /** Grows with each change, also over a new mount: it is the time, if nothing else happened. */
  #next(part) {
    return Math.max(this.seq[part] + 1, Date.now());
  }

  #sayAll() {
    this.commitNow();
    if (this.lookWaits) this.#tellLook();
  }

  #fallSilent() {
    for (const name of ["commit", "hover"]) clearTimeout(this.timers[name]);
  }

  #speakAgain() {
    for (const [name, value] of this.unsaid) this.#send(name, value);
    this.unsaid.clear();
    this.#sayAll();
  }

  #send(name, value) {
    if (this.leaving.silent) this.unsaid.set(name, value);
    else this.setStateValue?.(name, value);
  }

  // ---- what is asked

  view() {
    const { zoom } = this.look, { map } = this.columns;
    if (!zoom) return wholeOf(this.columns, this.box);
    return map ? fitted(zoom, this.box) : zoom;
  }

  pointer(event) {
    const at = this.canvas.getBoundingClientRect();
    return { x: event.clientX - at.left, y: event.clientY - at.top };
  }

  /** Without classes there is no line to move; without a need no line of the student's. */
  locked(side) {
    return !this.columns || !this.columns.C || (side === "student" && !this.columns.needKnown);
  }

  /** The threshold of what is picked; where classes differ the middle one. */
  shared(side) {
    const all = this[side], picked = this.look.picked;
    if (picked >= 0) return { units: all[picked], mixed: false };
    if (all.every((v) => v === all[0])) return { units: all[0] ?? 0, mixed: false };
    const sorted = all.slice().sort();
    return { units: sorted[sorted.length >> 1], mixed: true, low: sorted[0], high: sorted[sorted.length - 1] };
  }

  counts() {
    const k = this.look.picked, { counter } = this;
    const [kept, of] = k < 0 ? [counter.sum.kept, this.columns.n] : [counter.kept[k], counter.labelled[k]];
    return `${count(kept)} of ${count(of)} kept, ${share(kept, of)}`;
  }

  // ---- drawing

  /** Draw in the next frame; "cells" also puts the rows into cells anew. */
  touch(what) {
    this.stale[what] = true;
    this.redraw();
  }

  redraw() {
    this.frame ||= requestAnimationFrame(() => { this.frame = 0; this.#draw(); });
  }

  #draw() {
    if (!this.settings || !this.columns || this.head.version !== this.settings.version) return;
    const started = performance.now(), { look, columns: c } = this, anew = this.stale.cells;
    this.stale = {};
    const stage = this.$(".stage");
    this.$(".compare").hidden = !look.compare;
    stage.hidden = look.compare;
    if (look.compare) {
      this.marks = this.groups = this.grouped = null;
      this.counter.count(this.teacher, this.student, null);
      showCompare(this, anew);
      this.grid.most = Math.max(0, ...this.panels.map((one) => one.grid.most ?? 0));
    } else {
      if (anew) {
        this.box = fit(this.canvas, stage, c.map);
        this.#group();
        const rows = look.picked < 0 ? c.n : this.counter.labelled[look.picked];
        this.grid.fill(c, look.picked, this.view(), ...cellsOf(this.box, this.view(), rows), this.groups);
        this.grid.light(this.brushed);
        this.marks = this.grid.inView <= mostMarks(this.box) ? this.grid.rowsInView() : null;
      }
      this.counter.count(this.teacher, this.student, this.marks ? null : this.grid);
      if (!this.marks) this.grid.paint(this.theme, this.groups);
      draw(this);
      showLines(this);
    }
    showNumbers(this);
    showCounts(this);
    if (anew) this.#showRest();
    showMode(this);
    this.$(".plane").dataset.frame = (performance.now() - started).toFixed(2);
  }

  /** The groups to colour by; the same ones while the view only moves. */
  #group() {
    const { settings, columns: c, look, theme } = this, id = [this.head.version, look.colour, settings.colours, theme.dark].join();
    if (this.grouped === id) return;
    this.grouped = id;
    this.groups = groupsOf(c, look.colour, settings.names, settings.colours, settings.spare, theme);
  }

  #showRest() {
    showLegend(this);
    showPicked(this);
    this.$("select").value = this.look.compare ? "kept" : this.look.colour;
    this.canvas.setAttribute("aria-label", `${words(this).about} ${sentence(this)}`);
  }

  hint(text) {
    const hint = this.$(".hint");
    hint.textContent = text;
    hint.classList.add("seen");
    clearTimeout(this.timers.hint);
    this.timers.hint = setTimeout(() => hint.classList.remove("seen"), 1400);
  }

  say(text) {
    this.$(".say").textContent = text;
  }

  stop() {
    this.stopper.abort();
    this.sizes.disconnect();
    cancelAnimationFrame(this.frame);
    for (const timer of Object.values(this.timers)) clearTimeout(timer);
  }
}

/** Called by Streamlit at the first mount, at each new `data` and at each change of the theme. */
export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  let plane = planes.get(parentElement);
  if (!plane) planes.set(parentElement, (plane = new Plane(parentElement)));
  plane.setStateValue = setStateValue;
  plane.setTriggerValue = setTriggerValue;
  if (!data) return;
  const key = plane.receive(data);
  const link = links.get(key) ?? {};
  link.plane = plane;
  links.set(key, link);
  plane.restyle();
  plane.apply(link.settings);
  plane.mark(link.brush);
  return () => {
    plane.stop();
    planes.delete(parentElement);
    if (link.plane === plane) link.plane = null;
  };
}
