// Which presses of keys are meant for the card.

const TYPED_INTO = new Set(["textbox", "searchbox", "combobox", "spinbutton", "slider", "listbox", "menu", "grid", "application"]);
const PRESSED = new Set(["button", "checkbox", "radio", "submit", "reset", "file", "image", "color"]);

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

/** The act that a key stands for, or null. `names` are the classes that have a digit. */
export function actOf(event, names) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return null;
  const key = event.key.toLowerCase();
  if (/^[1-9]$/.test(key)) return +key <= names.length ? { do: "label", label: names[key - 1] } : null;
  return { x: { do: "exclude" }, n: { do: "next" }, b: { do: "back" }, u: { do: "undo" }, l: { do: "chosen" } }[key] ?? null;
}
