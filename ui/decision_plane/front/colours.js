// Colours of the theme and of what the rows are coloured by. Kept is blue, not kept grey.

import { FLAG } from "./columns.js";

export const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
export const mix = (a, b, share) => a.map((v, i) => Math.round(v + (b[i] - v) * share));
export const css = (colour, alpha = 1) => `rgb(${colour.join(" ")} / ${alpha})`;
/** As a pixel of a little-endian image, without its alpha. */
export const packColour = (c) => (c[2] << 16) | (c[1] << 8) | c[0];

/** What Streamlit's theme says now. The dark theme needs a lighter blue to be seen. */
export function readTheme(host) {
  const style = getComputedStyle(host), probe = document.createElement("canvas").getContext("2d");
  const read = (name, otherwise) => {
    probe.fillStyle = otherwise;
    probe.fillStyle = style.getPropertyValue(name).trim() || otherwise;
    probe.clearRect(0, 0, 1, 1);
    probe.fillRect(0, 0, 1, 1);
    return [...probe.getImageData(0, 0, 1, 1).data.slice(0, 3)];
  };
  const paper = read("--st-background-color", "#ffffff"), ink = read("--st-text-color", "#1b2430");
  const dark = paper[0] + paper[1] + paper[2] < 384;
  return {
    dark, paper, ink,
    soft: mix(paper, ink, 0.68), frame: mix(paper, ink, 0.28), net: mix(paper, ink, 0.09),
    kept: rgb(dark ? "#3fa0e0" : "#0072b2"), notKept: rgb(dark ? "#7d8792" : "#999999"),
    font: style.getPropertyValue("--st-font").trim() || "sans-serif",
  };
}

/** How rows are coloured: {codes, colours, names, last}; `last` is the group drawn under others. */
export function groupsOf(c, by, names, colours, spare, theme) {
  const grey = theme.notKept;
  if (by === "label") return { codes: c.label, colours: [...colours.map(rgb), grey], names: [...names, "no label"], last: c.C };
  if (by === "gold") {
    const code = (f) => (f & FLAG.right ? 0 : f & FLAG.known ? 1 : 2);
    return { codes: c.flags.map(code), colours: [rgb("#009e73"), rgb("#d55e00"), grey], names: ["right", "wrong", "no gold"], last: 2 };
  }
  if (by === "student") {
    const code = (f) => (f & FLAG.disagrees ? 1 : 0);
    return { codes: c.flags.map(code), colours: [grey, rgb("#cc79a7")], names: ["student agrees", "student disagrees"], last: -1 };
  }
  const index = c.categories.findIndex((one) => `category:${one.name}` === by);
  if (index < 0) return null; // by what is kept
  const values = c.categories[index].values, last = values.length;
  return {
    codes: c.codes[index].map((code) => Math.min(code, last)), last,
    colours: [...values.map((_, k) => rgb(spare[k])), grey], names: [...values, "none of these"],
  };
}

/** The choices of the colour menu: [value, text]. */
export function colourings(c) {
  const found = [["kept", "Kept or not"], ["label", "Label"]];
  if (c.goldKnown) found.push(["gold", "Right or wrong"]);
  if (c.needKnown) found.push(["student", "Student disagrees"]);
  return [...found, ...c.categories.map((one) => [`category:${one.name}`, one.name])];
}
