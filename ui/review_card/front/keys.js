// Which presses of keys are meant for the card.

export const DIGITS = 9; // so many classes have a key each

const TYPED_INTO = new Set(["textbox", "searchbox", "combobox", "spinbutton", "slider", "listbox", "menu", "grid", "application"]);
const PRESSED = new Set(["button", "checkbox", "radio", "submit", "reset", "file", "image", "color"]);

/** Whether the page may scroll to the card: for whoever switched it on or opened a text on the plane. */
export const leads = (at) => !!at?.closest("[class*=curate_one_by_one]") || at?.getAttribute("role") === "application";

/** Whether what has the focus is a field that is being typed into. */
export function isTypedInto(element) {
  const tag = element?.tagName;
  return tag === "TEXTAREA" || tag === "SELECT" || !!element?.isContentEditable || (tag === "INPUT" && !PRESSED.has(element.type));
}

/** Whether what has the focus takes keys for itself: then no key is a decision. */
export function takesKeys(element) {
  if (!(element instanceof Element)) return false;
  const tag = element.tagName;
  if (tag === "INPUT") return !PRESSED.has(element.type);
  if (tag === "TEXTAREA" || tag === "SELECT" || tag === "IFRAME" || element.isContentEditable) return true;
  return TYPED_INTO.has(element.getAttribute("role")) || element.closest("[role=dialog], [role=menu], [role=listbox], .stDataFrame") !== null;
}

/** What really has the focus, also inside a component with a shadow of its own. */
export function focused() {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  return at;
}

/** The act that a key stands for in an audit, or null: any digit, and what is no class. */
export function blindActOf(event) {
  if (event.key === "Enter" && event.composedPath()[0].closest?.("button")) return null; // presses that
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return null;
  const key = event.key.toLowerCase();
  if (/^[0-9]$/.test(key)) return { do: "digit", digit: key };
  return { "?": { do: "none" }, n: { do: "next" }, b: { do: "back" }, u: { do: "undo" }, enter: { do: "digit", digit: "" }, backspace: { do: "digit", digit: null } }[key] ?? null;
}

/** The act that a key stands for, or null. `names` are the classes; up to nine have a digit each. */
export function actOf(event, names) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return null;
  const key = event.key.toLowerCase();
  const many = names.length > DIGITS;
  if (/^[1-9]$/.test(key)) return !many && +key <= names.length ? { do: "label", label: names[key - 1] } : null;
  if (key === "l" && !many) return null;
  return { x: { do: "exclude" }, n: { do: "next" }, b: { do: "back" }, u: { do: "undo" }, l: { do: "chosen" } }[key] ?? null;
}
