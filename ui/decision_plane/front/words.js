// What is shown: the plane of two signals, or a map on which near texts are alike.

const PLANE = {
  name: "the plane", role: "decision plane", tools: "Tools of the decision plane", wait: "Drawing the plane \u2026",
  reset: "Show the whole plane", drag: "What dragging on the plane does", compare: "One small plane for each class",
  about: "Texts by teacher confidence and student uncertainty.", missing: "are not drawn, filtered out or without one of their signals; they are counted.",
};
const MAP = {
  name: "the map", role: "map of meaning", tools: "Tools of the map of meaning", wait: "Drawing the map \u2026",
  reset: "Show the whole map", drag: "What dragging on the map does", compare: "One small map for each class",
  about: "Texts by meaning: near ones are alike.", missing: "have no place on the map yet, or are filtered out; they are counted.",
};

export const words = (p) => (p.columns?.map ? MAP : PLANE);

/** Say it wherever the page says what it is, and let the style sheet know. */
export function showKind(p) {
  const said = words(p), root = p.$(".plane");
  root.dataset.kind = p.columns.map ? "map" : "plane";
  p.canvas.setAttribute("aria-roledescription", said.role);
  p.$(".bar").setAttribute("aria-label", said.tools);
  p.$(".modes").setAttribute("aria-label", said.drag);
  p.$("[data-do=reset]").title = said.reset;
  p.$("[data-do=compare]").title = said.compare;
  p.$("#keys .whole").textContent = said.name;
  p.$(".wait").textContent = said.wait;
}
