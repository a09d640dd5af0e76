"""Where there is no map yet, or texts without a place on it: what is said and offered."""

from __future__ import annotations

import streamlit as st

from llkd import curation, jobs
from llkd.jobs.requests import MapRequest
from ui.curate.meaning_map import Standing
from ui.curate.state import CurateState
from ui.shell import job_cards
from ui.shell.errors import show_errors
from ui.shell.unbroken import press_once
from ui.shell.wording import counted, duration

KIND = "map"
# As is usual on two processor cores (docs/benchmarks.md); what is read of a text has a limit.
START, CHARACTERS_A_SECOND, LONGEST, SAMPLE = 10.0, 20_000.0, 1_000, 1_000
LAID_OUT_A_SECOND, PLACED_A_SECOND, MOST_LAID_OUT = 800.0, 3_000.0, 100_000


def offers(here: CurateState, stands: Standing | None) -> None:
    """The map's job while it works or where it failed; a button where it has something to do."""
    job = job_cards.latest_job(here.store, here.project.id, (KIND,))
    if job is not None and job.live:
        job_cards.watch(here.store, job, key="curate_map")
        return
    missing = here.project.rows if stands is None else stands.map.missing
    if not missing:
        return
    if job is not None and job.state != "finished":
        job_cards.job_card(here.store, job, key="curate_map")
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(_sentence(here, stands, missing), width="stretch")
        if press_once(
            "Make the map" if stands is None else "Place them",
            icon=":material/map:" if stands is None else ":material/add_location:",
            type="primary",
            key="curate_make_map",
        ):
            with show_errors():
                jobs.start(here.store, MapRequest(project=here.project.name))
                st.rerun()


def _sentence(here: CurateState, stands: Standing | None, missing: int) -> str:
    time = duration(_seconds(here, stands, missing))
    if stands is None:
        return (
            "**There is no map of these texts yet.** On it texts that mean much the same lie near "
            f"each other. Making it takes {time} for {counted(missing, 'text')}, as is usual on two"
            " processor cores."
        )
    return (
        f"**{counted(missing, 'text')} {'was' if missing == 1 else 'were'} added since the map was "
        f"made and {'has' if missing == 1 else 'have'} no place on it yet.** Placing takes {time} "
        "and moves no other dot."
    )


def _seconds(here: CurateState, stands: Standing | None, missing: int) -> float:
    """How long the job may take: embedding what has no embedding yet, laying out, placing."""
    path = curation.newest_embeddings(here.store, here.project)
    first = curation.embedded_texts(here.project, path)
    later = here.texts.iloc[first:]
    sample = later.iloc[:: max(1, len(later) // SAMPLE)].astype(str).str.len().clip(upper=LONGEST)
    embedding = len(later) * float(sample.mean() if len(sample) else 0) / CHARACTERS_A_SECOND
    laid_out = min(missing, MOST_LAID_OUT) if stands is None else 0
    return START + embedding + laid_out / LAID_OUT_A_SECOND + (missing - laid_out) / PLACED_A_SECOND
