// The card of an audit: nothing of what the teacher says, a key for every class, how far it is.

const BOUNCE_KEY = 50, BOUNCE_CLICK = 250; // milliseconds in which the same press again is no other

/** Whether a press is the one before once more: a key that bounced, a finger that tapped twice. */
export class Bounces {
  again(act, stamp, kind) {
    const what = [act.do, act.label, act.digit].join("\n"), before = this.last;
    this.last = { what, stamp };
    if (act.do === "next" || act.do === "back" || before?.what !== what) return false;
    return stamp - before.stamp < (kind === "click" ? BOUNCE_CLICK : BOUNCE_KEY);
  }
}

/** How many digits name a class: one up to nine classes. */
export const widthOf = (names) => String(names.length).length;

/** What is typed for a class: `01` and on, `00` for none. */
export const numberOf = (k, names) => String(k).padStart(widthOf(names), "0");

/** Digits that together name a class; they hold for the text they were typed under, and no other. */
export class NumberEntry {
  constructor() {
    this.typed = "";
    this.seen = null;
  }

  /** The act that a digit completes (null where more is awaited), and what to say of it.
   *
   * An empty digit is Enter: what was typed is all; null is Backspace: nothing was typed.
   */
  add(digit, seen, names) {
    const before = this.seen === seen ? this.typed : "";
    this.seen = seen;
    this.typed = digit === null ? "" : before + digit;
    if (digit === null || (digit === "" && !before)) return { act: null, says: null };
    if (digit !== "" && this.typed.length < widthOf(names)) return { act: null, says: `Class ${this.typed.padEnd(widthOf(names), "_")}` };
    const number = +this.typed;
    this.typed = "";
    if (number > names.length) return { act: null, says: `Not done: there is no class ${number}.`, refused: true };
    return { act: number ? { do: "label", label: names[number - 1] } : { do: "none" }, says: null };
  }
}

/** How many texts are answered: what the server has stored and what is on its way. */
export function answered(card) {
  const stored = new Map(card.data.cards.map((entry) => [entry.row, entry.state.label !== null || entry.state.none]));
  const rows = new Map();
  for (const press of card.queue.waiting) rows.set(press.row, press.do !== "undo");
  let number = card.data.goal.answered;
  for (const [row, holds] of rows) if (stored.has(row)) number += Number(holds) - Number(!!stored.get(row));
  return number;
}

export function showGoal(card) {
  const { goal } = card.data, box = card.$(".llkd-goal");
  box.hidden = !goal;
  if (!goal) return;
  const number = answered(card), of = Math.max(goal.of, number);
  box.querySelector("p").textContent = `${number} of ${of} ${goal.words}`;
  Object.assign(box.querySelector("progress"), { max: of, value: number });
  box.querySelector(".llkd-classes").textContent = goal.classes;
}
