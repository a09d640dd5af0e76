"""What a labelling job found out about its server, and what resuming it after a kill costs."""

from __future__ import annotations

from typing import Any

import streamlit as st

from llkd.store import Job, LabelingRun
from llkd.teachers.registry import kind_of
from ui.shell.wording import counted, plain


def show_notices(job: Job | None) -> None:
    """The notices of the job in a box; the words may hold what a model wrote."""
    show_sentences(None if job is None else job.context.get("notices"))


def show_sentences(notices: Any) -> None:
    """All sentences in one frame; None or an empty list shows nothing."""
    if notices:
        with st.container(border=True):
            for sentence in notices:
                st.caption(f":material/info: {plain(str(sentence))}")


def resuming_words(job: Job, labeling_run: LabelingRun | None) -> str | None:
    """What resuming a killed job asks once more; None where nothing is asked or paid twice."""
    if job.state != "died" or labeling_run is None or not kind_of(labeling_run.config).metered:
        return None
    return (
        "Resuming asks no text again whose answer was stored. Calls that were on their way when "
        f"it died, {counted(labeling_run.config.concurrency, 'text')} at most, are asked and paid "
        "once more; the usage counts both."
    )
