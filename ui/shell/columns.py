"""Columns that tables of several pages share, so that a figure looks and reads the same on each."""

from __future__ import annotations

from typing import Any

import streamlit as st

from ui.shell.wording import TERMS


def share_column(meaning: str) -> Any:
    """A bar for a share in per cent, from 0 to 100."""
    return st.column_config.ProgressColumn(
        format="%.1f %%", min_value=0, max_value=100, width="small", help=meaning
    )


def confidence_column(*, of: int = 100) -> Any:
    """A bar for a teacher's confidence; ``of`` is 100 where it stands in per cent, else 1."""
    if of == 100:
        return share_column(TERMS["teacher confidence"])
    return st.column_config.ProgressColumn(
        format="percent", min_value=0.0, max_value=1.0, width="small",
        help=TERMS["teacher confidence"],
    )  # fmt: skip
