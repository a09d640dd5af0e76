"""What Streamlit's theme cannot say: contrast of buttons and captions, size and focus of links.

The names are those that Streamlit gives its parts for tests (``data-testid``). Where one is gone
the part looks as Streamlit has it; ``tests/browser/test_appearance.py`` measures them.
"""

from __future__ import annotations

import streamlit as st

# White on this blue has a contrast of 5.2 : 1. The theme's own accent stands as text on the dark
# background, and no one colour is readable both ways.
_BUTTON, _BUTTON_HOVER = "#0072B2", "#005F95"
_STYLE = f"""
[data-testid="stBaseButton-primary"] {{
  background-color: {_BUTTON}; border-color: {_BUTTON}; color: #FFFFFF;
}}
[data-testid="stBaseButton-primary"]:hover, [data-testid="stBaseButton-primary"]:active {{
  background-color: {_BUTTON_HOVER}; border-color: {_BUTTON_HOVER}; color: #FFFFFF;
}}
[data-testid="stBaseButton-primary"]:disabled {{
  background-color: transparent; color: inherit; opacity: 0.6;
}}
[data-testid="stCaptionContainer"] {{ opacity: 0.8; }}
[data-testid="stSidebar"] [data-testid="stPageLink"] a {{ min-height: 2.5rem; }}
[data-testid="stPageLink"] a:focus-visible, button:focus-visible, summary:focus-visible {{
  outline: 2px solid currentColor !important; outline-offset: 2px;
}}
"""


def apply() -> None:
    """Add the styles to the page; takes no room."""
    st.html(f"<style>{_STYLE}</style>")
