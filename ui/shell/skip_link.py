"""A link that only the keyboard meets, past what stands before the thing that is worked with."""

from __future__ import annotations

import streamlit as st

_HTML = '<a class="llkd-skip" href="#"></a>'
_CSS = """
.llkd-skip {
  position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  white-space: nowrap;
}
.llkd-skip:focus {
  z-index: 10; width: auto; height: auto; clip-path: none; padding: 6px 12px;
  color: var(--st-link-color); background: var(--st-background-color);
  border: 2px solid var(--st-primary-color); border-radius: var(--st-base-radius, 0.5rem);
}
"""
_SCRIPT = """
export default function ({ data, parentElement }) {
  const link = parentElement.querySelector("a");
  link.textContent = data.words;
  link.onclick = (event) => {
    event.preventDefault();
    const target = document.querySelector(data.target);
    target?.scrollIntoView({ block: "center" });
    target?.focus({ preventScroll: true });
  };
}
"""
_link = st.components.v2.component(
    "llkd_skip", html=_HTML, css=_CSS, js=_SCRIPT, isolate_styles=False
)


def link(words: str, target: str) -> None:
    """A link of these words to what the selector ``target`` finds; seen while it has the focus."""
    _link(key=f"skip_{words}", data={"words": words, "target": target})
