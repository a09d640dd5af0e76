"""What the parts of Curate work on: the view, its plane and what it keeps, read anew each time."""

from __future__ import annotations

from typing import Any, NoReturn

import pandas as pd
import streamlit as st

from llkd import curation
from llkd.curation import Plane
from llkd.store import Project, Store
from ui import reads, view
from ui.view import View

PLANE, TABLE = "curate-plane", "curate-table"
"""The two fragments of the page, which run again on their own."""


class Scene:
    """One project seen through one view. Making it is cheap: what it reads is kept."""

    def __init__(self, store: Store, project: Project) -> None:
        self.store, self.project = store, project
        names = curation.current_labelling(store, project).label_set.names
        self.view, self.run = view.run_of(store, project, view.in_use(project, names))
        source: dict[str, Any] = {
            "calibration": self.view.calibration,
            "run": self.run,
            "epoch": self.view.epoch,
        }
        self.plane: Plane = reads.plane(store, project, **source)
        self.key = reads.plane_key(store, project, **source)
        self.people = store.people.version(project.id)
        self.kept = curation.kept_rows(self.plane, self.view.teacher, self.view.student)

    @property
    def texts(self) -> pd.Series:
        """Every text, by row."""
        return reads.texts(self.store, self.project, ["text"])["text"]


def redraw() -> NoReturn:
    """From a callback: draw the plane and the table again, and nothing else."""
    st.rerun([PLANE, TABLE])


def look_through(project: Project, changed: View) -> NoReturn:
    """From a callback: make ``changed`` the view and draw again."""
    view.put(project, changed)
    redraw()


def regions_key(project: Project) -> str:
    """Where the session keeps what is marked on the plane."""
    return f"_curate_regions_{project.id}"
