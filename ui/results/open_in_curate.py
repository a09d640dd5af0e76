"""From a result to the texts behind it: pool texts, listed and coloured on Curate."""

from __future__ import annotations

from dataclasses import replace
from typing import NoReturn

import numpy as np
import streamlit as st

from llkd.store import Project, Run
from ui.curate import filtering, state, view
from ui.runs.reads import kept_epoch
from ui.shell.page import go_to


def open_on_curate(project: Project, run: Run, title: str, rows: np.ndarray) -> NoReturn:
    """Leave for Curate with these pool rows picked, seen through the student of the run.

    Thresholds stay as they are; ``title`` is what the list and the colour are called.
    """
    now = st.session_state.get(view.key(project)) or view.in_use(project, run.classes)
    view.use(project, view.changed(now, run=run.id, epoch=kept_epoch(run), calibration=None))
    state.pick(project, title, rows, in_colour=True)
    state.look_at(project, replace(state.look(project), colour_by=f"category:{title}"))
    # What narrowed an earlier list down must not hide these.
    filtering.use(project)
    go_to("Curate")
