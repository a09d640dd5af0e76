"""The calibration switch: instant, because labels are derived from scores that were kept."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import streamlit as st

from llkd import curation, signals
from llkd.config import Calibration
from llkd.curation import TeacherLabels
from llkd.errors import LLKDError
from llkd.store import Labelling, Project, Store
from ui import reads
from ui.comparison import audit_on_curate
from ui.errors import show_error, told
from ui.wording import TERMS, count, counted, score, share

BASES = {
    "none": ("None", "Scores are used as the teacher gave them."),
    "batch": (
        "Batch",
        "From each class's score its mean over all texts is taken away, so that no class is "
        "favoured everywhere (Zhou et al. 2024).",
    ),
    "contextual": (
        "Contextual",
        "From each class's score is taken away what it gets for texts without content, such as "
        "\u201cN/A\u201d (Zhao et al. 2021).",
    ),
}
NOTHING_TO_FIT = (
    f"A temperature is fitted on at least {signals.FIT_ROWS} texts whose true class is known: "
    "label some on Curate, or bring in texts with gold on Data."
)
NO_LEANING = (
    "This teacher gave no log-probabilities, so there is no leaning to take out; how sure it is "
    "can still be put right."
)


def called(calibration: str) -> str:
    """What a calibration is called: Batch, or Batch with temperature."""
    base, tempered = signals.split_calibration(calibration)
    return BASES[base][0] + (" with temperature" if tempered else "")


def use(store: Store, project: Project, labelling: Labelling, calibration: str) -> None:
    """Derive labels this way from now on; a temperature that is not there yet is fitted first.

    Raises UserError where there is nothing to fit on.
    """
    base, tempered = signals.split_calibration(calibration)
    if tempered and base not in (labelling.fits or {}):
        curation.fit_temperature(store, project, labelling, base)
    chosen: Calibration = next(c for c in get_args(Calibration) if c == calibration)
    store.labellings.set_calibration(labelling.id, chosen)


def switch(store: Store, project: Project, labelling: Labelling, labels: TeacherLabels) -> None:
    """Choose base and temperature; says what the choice does and what it changed."""
    with st.container(border=True):
        st.markdown("## Calibration", help=TERMS["calibration"])
        if not np.isfinite(labels.probabilities).any():
            st.markdown(
                "This teacher gave no probabilities, so there is nothing to calibrate: labels "
                "and confidence stand as they were given."
            )
            return
        # Only measured log-probabilities lean towards a class because of the question.
        leaning = bool(np.isin(labels.source, ["logprob"]).any())
        base, tempered = signals.split_calibration(labelling.calibration)
        now = reads.fit_on(store, project, labelling)
        _widgets(store, project, labelling, leaning=leaning, offered=now is not None)
        problem = st.session_state.pop(f"_calibration_problem_{labelling.id}", None)
        if problem:
            show_error(problem)
        st.markdown(BASES[base][1] if leaning else NO_LEANING)
        if tempered:
            _temperature(store, project, labelling, labels, now)
        elif now is None:
            st.caption(NOTHING_TO_FIT)
        _changed(store, labelling, labels)
        if base == "batch" and leaning:
            _shares(store, project, labelling)


def _shares(store: Store, project: Project, labelling: Labelling) -> None:
    """Where batch calibration moves many texts: what known classes say of it, or how to know."""
    warning = curation.share_warning(reads.batch_share_shift(store, labelling))
    if not warning:
        return
    st.warning(warning, icon=":material/balance:")
    with_it = reads.teacher_quality(store, project, labelling, "batch")
    without = reads.teacher_quality(store, project, labelling, "none")
    known = 0 if with_it is None else with_it.report["judged"]
    if with_it is not None and without is not None and known >= curation.LABELS_TO_TELL:
        rows = rows_in_words(known, with_it.source, with_it.held_out)
        st.markdown(
            f"Of {rows}, {share(with_it.report['accuracy'])} are right with it and "
            f"{share(without.report['accuracy'])} without."
        )
        return
    if st.button(
        f"Label {curation.LABELS_TO_TELL} texts at random",
        icon=":material/arrow_forward:",
        key=f"label_at_random_{labelling.id}",
    ):
        audit_on_curate()


def _widgets(
    store: Store, project: Project, labelling: Labelling, *, leaning: bool, offered: bool
) -> None:
    key = f"calibration_{labelling.id}"
    base, tempered = signals.split_calibration(labelling.calibration)
    # Set before the widgets are drawn: the store knows it, also when it was set elsewhere.
    st.session_state[key], st.session_state[f"{key}_tempered"] = base, tempered
    switched: dict[str, Any] = {
        "on_change": _switched,
        "args": (store, project, labelling, key),
    }
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        if leaning:
            st.segmented_control(
                "Calibration",
                [one for one in BASES if one != "contextual" or labelling.content_free],
                required=True,
                format_func=lambda one: BASES[one][0],
                key=key,
                label_visibility="collapsed",
                **switched,
            )
        st.toggle(
            "Temperature",
            key=f"{key}_tempered",
            # It can always be switched off again.
            disabled=not (offered or tempered),
            help=TERMS["temperature"],
            **switched,
        )


def _switched(store: Store, project: Project, labelling: Labelling, key: str) -> None:
    base = st.session_state[key]
    wanted = base + (signals.TEMPERED if st.session_state[f"{key}_tempered"] else "")
    if not base or wanted == labelling.calibration:
        return
    try:
        use(store, project, labelling, wanted)
        if base != signals.split_calibration(labelling.calibration)[0]:
            st.session_state[f"_{key}_before"] = labelling.calibration
    except LLKDError as error:
        st.session_state[f"_calibration_problem_{labelling.id}"] = str(error)


def _temperature(
    store: Store,
    project: Project,
    labelling: Labelling,
    labels: TeacherLabels,
    now: tuple[int, str, bool] | None,
) -> None:
    """The fitted number, what it was fitted on, and what it did to the calibration error."""
    base, _ = signals.split_calibration(labelling.calibration)
    fit = labels.fit
    if fit is None:
        st.caption(NOTHING_TO_FIT)
        return
    effect = "softer" if fit["temperature"] > 1 else "sharper"
    st.markdown(
        f"**Temperature {fit['temperature']:.2f}**, fitted on "
        f"{rows_in_words(fit['rows'], fit['source'], fit['held_out'])}, makes confidence "
        f"{effect} and changes no label. {_effect(store, project, labelling, fit)}"
    )
    if now is not None and now != (fit["rows"], fit["source"], fit["held_out"]):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"By now it can be fitted on {rows_in_words(*now)}.", width="stretch")
            if st.button("Fit again", icon=":material/refresh:", key=f"refit_{labelling.id}"):
                with told():
                    curation.fit_temperature(store, project, labelling, base)
                    st.rerun()


def _effect(store: Store, project: Project, labelling: Labelling, fit: dict[str, Any]) -> str:
    """The calibration error before and after; and where it is measured on what it was fitted on."""
    base: Any = signals.split_calibration(labelling.calibration)[0]
    before = reads.teacher_quality(store, project, labelling, base)
    after = reads.teacher_quality(store, project, labelling)
    if before is None or after is None:
        return ""
    said = (
        f"Calibration error: **{score(before.report['ece'])}** before, "
        f"**{score(after.report['ece'])}** after"
    )
    if (after.source, after.held_out) == (fit["source"], fit["held_out"]):
        return f"{said}, on the very texts it was fitted on: a little flattering."
    return f"{said}, on other texts than it was fitted on."


def rows_in_words(rows: int, source: str, held_out: bool) -> str:
    """On what something was measured or fitted: 43 texts that you labelled."""
    if source == "human":
        return f"{counted(rows, 'text')} that you labelled"
    return counted(rows, "held-out text") if held_out else f"{counted(rows, 'text')} with gold"


def _changed(store: Store, labelling: Labelling, labels: TeacherLabels) -> None:
    before = st.session_state.get(f"_calibration_{labelling.id}_before", "none")
    bases = [signals.split_calibration(one)[0] for one in (before, labelling.calibration)]
    if bases[0] == bases[1]:
        return
    earlier = reads.teacher_labels(store, labelling, before)
    changed = int((earlier.label != labels.label).sum())
    portion = share(changed / max(1, len(labels.label)))
    st.markdown(
        f"Compared with **{called(before).lower()}**, it changes the label of "
        f"**{counted(changed, 'text')}** of {count(len(labels.label))} ({portion}). "
        "The teacher was not asked again."
    )
