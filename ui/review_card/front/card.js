// One text at a time, decided with single keys. The next texts are held here, so that a decision
// shows the next one at once; each press carries the number of the text that was on the screen when
// the key went down, and one that came before its text was painted is dropped, and said to be.

import { Queue } from "./queue.js";
import { actOf, blindActOf, focused, isTypedInto, leads, takesKeys } from "./keys.js";
import { Bounces, NumberEntry, showGoal } from "./audit.js";
import { Leaving, linkAway } from "../../shell/front/leaving.js";
import { SAID_LETTERS, count, decidedWords, factsOf, holdsOf, insteadOf, ringOnPlane, savingWords, showGives } from "./texts.js";

const cards = new WeakMap();
const active = (globalThis[Symbol.for("llkd.review-card.active")] ??= new Map());
const places = (globalThis[Symbol.for("llkd.review-card")] ??= new Map());
// How many presses a card dropped, and its last words on that: a page drawn anew may make another.
const drops = (globalThis[Symbol.for("llkd.review-card.drops")] ??= new Map());
const LOOK_FOR = 2000, CLASSES_CHANGED = "The classes were changed: a key may mean another one now. Look at them, then go on.";
const againstShown = (globalThis[Symbol.for("llkd.review-card.against")] ??= new Set());
const AHEAD = 25, REST_AFTER = 700, TELL_AFTER = 400, SLOW_AFTER = 2500, DROP_SAID_FOR = 4000, HELD_AT_MOST = 1500;
class Card {
  constructor(host) {
    this.host = host;
    this.root = host.querySelector(".llkd-card");
    this.stopper = new AbortController();
    this.queue = new Queue((presses, attempt) => this.#tell(presses, attempt));
    this.data = null;
    this.at = 0;
    this.painted = null; // the text on the screen, and since when
    this.undoing = null; // a press whose answer says where to go
    this.own = new Map(); // what this tab decided of a text since the server said what holds
    this.dropped = 0;
    this.entry = new NumberEntry();
    this.bounces = new Bounces();
    this.timers = {};
    this.channel = new MessageChannel();
    this.channel.port1.onmessage = ({ data: token }) => this.#paintedNow(token);
    this.token = 0;
    const { signal } = this.stopper;
    document.addEventListener("keydown", (event) => this.#key(event), { signal });
    this.root.addEventListener("click", (event) => this.#click(event), { signal });
    this.held = []; // clicks elsewhere that wait until all is stored
    this.leaving = new Leaving(() => this.#fallSilent(), () => this.#speakAgain(), signal);
    document.addEventListener("click", (event) => this.#clickedElsewhere(event), { signal, capture: true });
    this.timers.slow = setInterval(() => this.#showSaving(), 500);
  }

  $(selector) {
    return this.root.querySelector(selector);
  }

  // ---- what the server says

  apply(data) {
    const again = this.#takeOver(data.key);
    this.root.hidden = !!data.hidden;
    if (data.hidden) {
      // Only to send what an earlier page left unsent.
      if (!this.data?.hidden) ringOnPlane(-1);
      this.data = data;
      this.queue.keepAt(data.place, again);
      this.#confirm(data.confirmed);
      return;
    }
    const first = !this.data, before = this.data?.list;
    const keys = data.keys.join("\n"), otherClasses = this.keysShown !== undefined && this.keysShown !== keys;
    this.keysShown = keys;
    this.data = data;
    if (first) this.#rememberDrops();
    if (otherClasses) this.#classesChanged();
    this.queue.keepAt(data.place, again);
    const remembered = places.get(data.key);
    if (data.list !== before) {
      this.at = remembered?.list === data.list ? remembered.at : data.at;
      showGives(this);
    }
    this.#confirm(data.confirmed);
    const waiting = new Set(this.queue.waiting.map((press) => press.row));
    for (const row of [...this.own.keys()]) if (!waiting.has(row)) this.own.delete(row);
    for (const id of data.confirmed) {
      const refusal = data.refused[id], told = data.messages[id], against = data.contradicted?.[id];
      if (against) this.#contradicted(id, against);
      if (refusal) this.#say(refusal, "dropped");
      else if (this.lastDecision?.id === id) {
        this.#say(this.lastDecision.words);
        this.lastDecision = null;
      } else if (told && (this.undoing === id || this.lastUndo === id)) this.#say(told);
    }
    if (this.undoing && data.confirmed.includes(this.undoing)) {
      const to = data.to[this.undoing];
      this.undoing = null;
      if (to !== undefined && to !== null) this.at = to;
    }
    const shown = this.shownRow;
    this.#show();
    this.root.dataset.tall = data.tall ? "yes" : "no";
    const wanted = data.focus != null && this.focusGiven !== data.focus;
    this.focusGiven = data.focus;
    if (first || wanted || data.list !== before || shown !== this.shownRow) this.#takeFocus(wanted);
  }

  /** Somebody changed the classes: a key may mean another one now, so none counts for a moment. */
  #classesChanged() {
    this.changed = performance.now();
    this.bounces = new Bounces();
    this.entry = new NumberEntry();
    showGives(this);
    this.#say(CLASSES_CHANGED, "dropped");
  }

  /** One card at a time: while the page is drawn anew, an older one may stand beside it. */
  #takeOver(key) {
    const older = active.get(key);
    const again = !!this.retired;
    this.retired = false;
    if (older === this) return again;
    active.set(key, this);
    if (!older) return again;
    this.own = older.own;
    this.decided = older.decided;
    this.lastUndo = older.lastUndo;
    this.lastDecision = older.lastDecision;
    this.keysShown = older.keysShown;
    this.changed = older.changed;
    for (const pressed of older.held) this.#hold(pressed);
    older.retire();
    if (this.decided) this.#soonRest();
    return again;
  }

  /** Another card took over: this one hears no key, sends nothing and is not seen. */
  retire() {
    this.retired = true;
    this.held = [];
    this.queue.stop();
    this.root.hidden = true;
    for (const name of ["rest", "tell", "held"]) clearTimeout(this.timers[name]);
  }

  card(at = this.at) {
    return this.data?.cards[at - this.data.start];
  }

  /** What people say of a text: this tab's own unconfirmed word, else the server's. */
  state(card) {
    return this.own.get(card.row) ?? card.state;
  }

  // ---- what a person does

  #key(event) {
    if (!this.data || this.retired || this.data.hidden || takesKeys(event.composedPath()[0])) return;
    const act = this.data.blind ? blindActOf(event) : actOf(event, this.data.names);
    if (!act) return;
    event.preventDefault();
    if (event.repeat && act.do !== "next" && act.do !== "back") return;
    this.#act(act, event.timeStamp);
  }

  #click(event) {
    const button = event.target.closest("button");
    if (!button || button.disabled) return;
    if (button.dataset.do === "dismiss") {
      this.$(".llkd-against").hidden = true;
      return this.root.focus({ preventScroll: true });
    }
    this.#act({ do: button.dataset.do, label: button.dataset.label }, event.timeStamp, "click");
  }

  /** A click on a link or a button right after a key is let through when the key is stored. */
  #clickedElsewhere(event) {
    if (this.retired || !this.data || this.root.contains(event.target)) return;
    const link = linkAway(event), pressed = link ?? event.target.closest?.("button");
    if (!pressed) return;
    if (this.queue.waiting.length && pressed !== this.letThrough) {
      event.preventDefault();
      event.stopImmediatePropagation();
      return this.#hold(pressed);
    }
    if (link) this.leaving.now();
  }

  #hold(pressed) {
    this.held.push(pressed);
    clearTimeout(this.timers.held);
    // What a slow server has not stored by then stays in the tab, and is sent when the page is back.
    this.timers.held = setTimeout(() => this.#letGo(), HELD_AT_MOST);
  }

  #letGo() {
    const held = this.held;
    clearTimeout(this.timers.held);
    this.held = [];
    for (const pressed of held) {
      this.letThrough = pressed;
      pressed.click();
    }
    this.letThrough = null;
  }

  #fallSilent() {
    for (const name of ["rest", "tell"]) clearTimeout(this.timers[name]);
    this.queue.pause();
  }

  #speakAgain() {
    this.queue.resume();
    if (this.decided) this.#soonRest();
  }

  #confirm(ids) {
    this.queue.confirm(ids);
    if (this.held.length && !this.queue.waiting.length) this.#letGo();
  }

  #act(act, stamp, kind = "key") {
    clearTimeout(this.timers.rest);
    if (this.data.blind && this.bounces.again(act, stamp, kind)) {
      this.#drop("Pressed twice within a moment: counted once.");
      return this.#soonRest();
    }
    if (act.do !== "next" && act.do !== "back" && stamp < (this.changed ?? -LOOK_FOR) + LOOK_FOR) {
      this.#drop(CLASSES_CHANGED);
      return this.#soonRest();
    }
    // What is on the screen while the key goes down counts, not what has been made ready since.
    const seen = this.painted;
    if (!seen || stamp < seen.since || this.undoing) {
      this.#drop(this.undoing ? "Not done: the undo is not finished yet. Press again." : "Too quick: the text was not on the screen yet, so nothing was done. Press again.");
      this.#soonRest();
      return;
    }
    if (act.do === "digit") {
      const entry = this.entry.add(act.digit, seen, this.data.names);
      if (entry.refused) this.#drop(entry.says);
      else if (entry.says) this.#say(entry.says);
      if (!(act = entry.act)) return;
    }
    if (act.do === "next" || act.do === "back") this.#go(this.at + (act.do === "next" ? 1 : -1));
    else if (act.do === "undo") this.#undo(seen);
    else this.#decide(act.do === "chosen" ? { do: "label", label: this.$("select").value } : act, seen);
    this.#soonRest();
  }

  #drop(words) {
    drops.set(this.data.key, { count: ++this.dropped, words, at: Date.now() });
    this.root.dataset.dropped = this.dropped;
    this.#say(words, "dropped");
  }

  /** What a card of before dropped is still said for a moment, and still counted. */
  #rememberDrops() {
    const known = drops.get(this.data.key);
    if (!known) return;
    this.root.dataset.dropped = this.dropped = known.count;
    if (Date.now() - known.at < DROP_SAID_FOR) this.#say(known.words, "dropped");
  }

  #decide(act, seen) {
    if (seen.row === null) return this.#drop("No text is shown, so nothing was done.");
    const card = this.card(), state = this.state(card);
    const label = act.do === "label" ? act.label : null, words = decidedWords(this.at + 1, act.do, label);
    // Which class it is, whatever it will be called when the press arrives.
    const key = label === null ? null : this.data.keys[this.data.names.indexOf(label)] ?? null;
    this.own.set(seen.row, holdsOf(state, act.do, label));
    this.decided = true;
    this.at++;
    this.#remember();
    const id = this.queue.nextId();
    // Said as done only when the server has stored it.
    this.lastDecision = { id, words: words.done };
    this.#say(words.sent);
    this.queue.add({ id, row: seen.row, do: act.do, label, key });
    this.#show();
  }

  #undo(seen) {
    const last = this.queue.undoable(this.data.own).pop();
    if (!last) {
      this.#say(this.data.nothing, "dropped");
      return;
    }
    if (last.row === null) return this.#say(`Before that you changed ${count(last.rows)} texts at once: undo this in the table.`, "dropped");
    const id = this.queue.nextId(), there = this.data.cards.findIndex((card) => card.row === last.row);
    this.lastUndo = id;
    this.lastDecision = null;
    this.decided = true;
    this.own.delete(last.row);
    if (there >= 0) {
      const card = this.data.cards[there];
      this.at = this.data.start + there;
      this.#remember();
      this.#say(`Undone: \u201c${card.text.slice(0, SAID_LETTERS)}\u201d`);
    } else {
      this.undoing = id;
      this.#say("Undoing \u2026");
    }
    this.#show();
    this.queue.add({ id, row: last.row, do: "undo", label: null, target: last.target });
  }

  #go(at) {
    if (at < 0 || at > this.data.total || (at === this.data.total && !this.data.total)) return;
    this.at = at;
    this.#say("");
    this.#remember();
    this.#show();
    const { start, cards, total } = this.data, end = start + cards.length;
    const short = (at < start + 2 && start > 0) || (at > end - AHEAD && end < total);
    clearTimeout(this.timers.tell);
    if (short) this.queue.tell();
    else this.timers.tell = setTimeout(() => this.queue.tell(), TELL_AFTER);
  }

  #remember() {
    places.set(this.data.key, { list: this.data.list, at: this.at });
  }

  #tell(presses, attempt) {
    this.setStateValue?.("told", this.#report(presses, attempt));
  }

  #report(presses, attempt) {
    return { list: this.data?.list ?? null, at: this.at, presses, attempt };
  }

  /** When nothing was pressed for a while and all is stored, the page's figures may follow. */
  #soonRest() {
    clearTimeout(this.timers.rest);
    this.timers.rest = setTimeout(() => {
      if (!this.decided || this.leaving.silent) return;
      if (this.queue.waiting.length) return this.#soonRest();
      this.decided = false;
      this.setTriggerValue?.("rest", Date.now());
    }, REST_AFTER);
  }

  // ---- what is shown

  #show() {
    const { data } = this, card = this.card(), text = this.$(".llkd-text"), rest = this.$(".llkd-rest");
    const row = card && this.at < data.total && !this.undoing ? card.row : null;
    const key = [data.list, this.at, row].join();
    const says = row === null ? insteadOf(this) : card.text;
    if (this.shownKey !== key || text.textContent !== says) {
      this.shownKey = key;
      this.shownRow = row;
      this.painted = null;
      text.textContent = says;
      text.dataset.state = row === null ? "none" : "text";
      text.scrollTop = 0;
      this.root.dataset.row = row ?? "";
      ringOnPlane(row === null ? -1 : card.position ?? -1);
      const token = ++this.token;
      // A message sent in a frame arrives when that frame has been handed over to be shown.
      requestAnimationFrame(() => this.channel.port2.postMessage(token));
    }
    this.$(".llkd-facts").textContent = factsOf(this, card, row);
    rest.hidden = row === null || !card.cut;
    if (!rest.hidden) rest.textContent = `These are the first ${count(card.text.length)} of ${count(card.text.length + card.cut)} characters.`;
    showGoal(this);
    this.$("[data-do=back]").disabled = this.at <= 0;
    this.$("[data-do=next]").disabled = this.at >= data.total;
    const holds = row === null ? {} : this.state(card);
    for (const button of this.root.querySelectorAll(".llkd-gives button")) {
      const on = { exclude: !!holds.excluded, none: !!holds.none }[button.dataset.do] ?? (row !== null && holds.label === button.dataset.label);
      button.setAttribute("aria-pressed", String(!!on));
      button.disabled = row === null;
    }
    this.root.dataset.ready = "yes";
  }

  #say(text, kind = "done") {
    if (kind === "dropped") this.lastDecision = null; // what was not done stays in view
    const said = this.$(".llkd-said");
    said.textContent = text;
    said.dataset.kind = kind;
    this.root.dataset.refused = kind === "dropped" ? "yes" : "no";
  }

  /** What others had said stays in view while one goes on, until the next such word or a click. */
  #contradicted(id, words) {
    if (againstShown.has(id)) return;
    againstShown.add(id);
    const line = this.$(".llkd-against");
    line.querySelector("span").textContent = words;
    line.hidden = false;
  }

  #showSaving() {
    const line = this.$(".llkd-saving");
    line.hidden = this.queue.age() < SLOW_AFTER;
    if (!line.hidden) line.textContent = savingWords(this.queue.waiting.length);
  }

  #paintedNow(token) {
    if (token !== this.token) return;
    this.painted = { row: this.shownRow, since: performance.now() };
  }

  /** The card takes the keys, but never from somebody who types elsewhere. */
  #takeFocus(wanted) {
    const at = focused();
    if (this.root.contains(at) || (wanted ? isTypedInto(at) : takesKeys(at))) return;
    this.root.focus({ preventScroll: !this.data.blind && !leads(at) });
  }

  stop() {
    if (this.data && active.get(this.data.key) === this) active.delete(this.data.key);
    this.stopper.abort();
    this.#letGo();
    this.queue.stop();
    this.channel.port1.close();
    clearInterval(this.timers.slow);
    for (const timer of Object.values(this.timers)) clearTimeout(timer);
  }
}

/** Called by Streamlit at the first mount and at each new `data`. */
export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  let card = cards.get(parentElement);
  if (!card) cards.set(parentElement, (card = new Card(parentElement)));
  card.setStateValue = setStateValue;
  card.setTriggerValue = setTriggerValue;
  if (data) card.apply(data);
  return () => {
    card.stop();
    cards.delete(parentElement);
  };
}
