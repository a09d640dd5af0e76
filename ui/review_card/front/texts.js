// What the card says of the text it shows, and the buttons that give a class.

import { numberOf, widthOf } from "./audit.js";
import { DIGITS } from "./keys.js";

export const SAID_LETTERS = 60;
const NONE = "None of these, or cannot tell";
export const count = (n) => n.toLocaleString("en-US");
const make = (tag, name, text = "") => Object.assign(document.createElement(tag), { className: name, textContent: text });

/** Where there is a plane beside the card, it rings the text at this position of its rows. */
export const ringOnPlane = (position) => document.dispatchEvent(new CustomEvent("llkd-text", { detail: position }));

export function insteadOf(card) {
  if (card.undoing) return "Undoing \u2026";
  if (card.at >= card.data.total) return "That was the last text of this list.";
  return "The next text is on its way \u2026";
}

export function factsOf(card, entry, row) {
  const { data, at } = card, where = `Text ${count(Math.min(at + 1, data.total))} of ${count(data.total)}`;
  if (row === null) return at >= data.total ? `All ${count(data.total)} texts of this list` : where;
  const state = card.state(entry), label = state.label ?? entry.label;
  if (data.blind) {
    const mine = state.label !== null || state.none ? [`your answer: ${state.label ?? NONE}`] : [];
    return [where, ...(entry.facts ?? []), ...mine].join(" \u00b7 ");
  }
  const why = state.excluded ? "excluded by a person" : state.label !== null ? "labelled by a person" : entry.why;
  return [where, label, ...entry.figures, why].filter(Boolean).join(" \u00b7 ");
}

function giveButton(act, label, key) {
  const button = make("button", "");
  button.type = "button";
  button.dataset.do = act;
  if (label !== null) button.dataset.label = label;
  const words = label ?? { exclude: "Exclude", none: NONE }[act] ?? "Set label";
  button.append(make("span", "llkd-name", words), " ", make("span", "llkd-unseen", "Shortcut"), " ", make("kbd", "", key));
  return button;
}

/** What a person's word on a text makes of what holds. */
export function holdsOf(state, act, label) {
  if (act === "none") return { ...state, label: null, none: true };
  return label === null ? { ...state, excluded: true } : { ...state, label, none: false };
}

/** A decision in words: while it is on its way, and once it is stored. */
export function decidedWords(place, act, label) {
  const text = `Text ${count(place)}:`;
  if (label !== null) return { sent: `${text} ${label} \u2026`, done: `${text} Labelled as '${label}'.` };
  if (act === "none") return { sent: `${text} none of these \u2026`, done: `${text} None of these.` };
  return { sent: `${text} exclude \u2026`, done: `${text} Excluded.` };
}

export const savingWords = (number) => `${count(number)} of your decisions are not stored yet: the server is slow. They are kept in this tab and sent until they are.`;

/** In an audit every class has a number, whatever there are, and 0 is none of them. */
function showNumbers(box, names) {
  box.dataset.many = names.length > DIGITS ? "yes" : "no";
  const none = giveButton("none", null, widthOf(names) > 1 ? "?" : "0");
  const classes = names.map((name, k) => giveButton("label", name, numberOf(k + 1, names)));
  box.append(...(names.length > DIGITS ? [none, ...classes] : [...classes, none]));
}

export function showGives(card) {
  const box = card.$(".llkd-gives"), { names, blind } = card.data, shown = [blind, ...names].join("\n");
  if (card.givesShown === shown) return;
  card.givesShown = shown;
  box.replaceChildren();
  if (blind) return showNumbers(box, names);
  if (names.length <= DIGITS) box.append(...names.map((name, k) => giveButton("label", name, String(k + 1))));
  else {
    const select = make("select", "");
    select.setAttribute("aria-label", "Label to give");
    select.append(...names.map((name) => Object.assign(make("option", "", name), { value: name })));
    select.addEventListener("keydown", (event) => { if (event.key === "Enter") card.root.focus(); });
    box.append(select, giveButton("chosen", null, "L"));
  }
  box.append(giveButton("exclude", null, "X"));
}
