"""The calibration switch: instant, because labels are derived from scores that were kept."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import streamlit as st

from llkd import curation
from llkd.config import Calibration
from llkd.curation import TeacherLabels
from llkd.errors import LLKDError
from llkd.selection import signals
from llkd.store import LabelingRun, Project, Store
from ui.shell import reads
from ui.shell.errors import show_error, show_errors
from ui.shell.wording import TERMS, count, counted, plain, score, share
from ui.teacher.report import quality_reads, refinement
from ui.train.start import audit_on_curate

BASES = {
    "none": ("None", "Scores as the teacher gave them."),
    "batch": (
        "Batch",
        "From each class's score its mean over all texts is taken away (Zhou et al. 2024).",
    ),
    "contextual": (
        "Contextual",
        "From each class's score is taken away what it gets for texts without content, such as "
        "\u201cN/A\u201d (Zhao et al. 2021).",
    ),
    signals.FITTED: (
        "Fitted",
        "From each class's score a share of its mean is taken away, between none and all, fitted "
        "to texts with a known class, with a temperature.",
    ),
}
NOTHING_TO_FIT = (
    f"A temperature is fitted on at least {signals.FIT_ROWS} texts whose true class is known: "
    "label some on Curate, or import texts with gold on Data."
)
NO_LEANING = (
    "This teacher gives no log-probabilities, so there is no class bias to take out; its "
    "confidence can still be fitted."
)


def called(calibration: str) -> str:
    """What a calibration is called: Batch, or Batch with temperature."""
    base, tempered = signals.split_calibration(calibration)
    refined = ", refined" if signals.is_refined(calibration) else ""
    return BASES[base][0] + (" with temperature" if tempered else "") + refined


def use(store: Store, project: Project, labeling_run: LabelingRun, calibration: str) -> None:
    """Derive labels this way from now on; a fit that is not there yet is made first.

    Raises UserError where there is nothing to fit on.
    """
    if signals.needs_fit(calibration):
        name = signals.fit_name(calibration)
        if name not in (labeling_run.fits or {}):
            curation.fit_calibration(store, project, labeling_run, calibration)
    checked: Calibration = next(c for c in get_args(Calibration) if c == calibration)
    store.labeling_runs.set_calibration(labeling_run.id, checked)


def switch(
    store: Store, project: Project, labeling_run: LabelingRun, labels: TeacherLabels
) -> None:
    """Choose base and temperature; says what the choice does and what it changed."""
    with st.container(border=True):
        st.markdown("## Calibration", help=TERMS["calibration"])
        if not np.isfinite(labels.probabilities).any():
            st.markdown("This teacher gives no probabilities, so there is nothing to calibrate.")
            return
        # Only measured log-probabilities lean towards a class because of the question.
        leaning = bool(signals.is_measured(labels.source).any())
        base, _ = signals.split_calibration(labeling_run.calibration)
        now = quality_reads.fit_on(store, project, labeling_run, base)
        _widgets(store, project, labeling_run, leaning=leaning, offered=now is not None)
        _problem(store, project, labeling_run)
        st.markdown(BASES[base][1] if leaning else NO_LEANING)
        if signals.needs_fit(labeling_run.calibration):
            _fit(store, project, labeling_run, labels, now)
        elif now is None:
            st.caption(NOTHING_TO_FIT)
        _changed(store, labeling_run, labels)
        refinement.effect(store, project, labeling_run, labels)
        if base == "batch" and leaning:
            _shares(store, project, labeling_run)


def _problem(store: Store, project: Project, labeling_run: LabelingRun) -> None:
    """Why the last choice could not be taken; where labels are missing, until they are there."""
    key = f"_calibration_problem_{labeling_run.id}"
    refused, problem = st.session_state.get(key, (None, ""))
    if refused is None:
        return
    show_error(problem)
    if (
        refused != signals.FITTED
        or quality_reads.fit_on(store, project, labeling_run, refused) is not None
    ):
        del st.session_state[key]
    else:
        _label_at_random(project, labeling_run, "fitted")


def _shares(store: Store, project: Project, labeling_run: LabelingRun) -> None:
    """Where batch calibration moves many texts: what known classes say of it, or how to know."""
    warning = curation.share_warning(quality_reads.batch_share_shift(store, labeling_run))
    if not warning:
        return
    st.warning(warning, icon=":material/balance:")
    with_it = quality_reads.teacher_quality(store, project, labeling_run, "batch")
    without = quality_reads.teacher_quality(store, project, labeling_run, "none")
    judged = 0 if with_it is None else with_it.report["judged"]
    if with_it is not None and without is not None and judged >= curation.LABELS_TO_TELL:
        rows = rows_in_words(judged, with_it.source, with_it.held_out)
        st.markdown(
            f"Of {rows}, {share(with_it.report['accuracy'])} are right with it and "
            f"{share(without.report['accuracy'])} without."
        )
    if quality_reads.fit_on(store, project, labeling_run, signals.FITTED) is not None:
        _recommend_fitted(store, project, labeling_run)
    elif judged < curation.LABELS_TO_TELL:
        _label_at_random(project, labeling_run, "shares")


def _recommend_fitted(store: Store, project: Project, labeling_run: LabelingRun) -> None:
    """The way out of too much calibration, once there are labels to fit on."""
    fitted = quality_reads.teacher_quality(store, project, labeling_run, "fitted")
    if fitted is not None:
        st.markdown(
            f"**Fitted** takes away only as much as the labels support: "
            f"{share(fitted.report['accuracy'])} are right with it"
            f"{', each text judged by a fit to the others' if fitted.cross_fitted else ''}."
        )
    if st.button(
        "Use fitted calibration", icon=":material/tune:", key=f"use_fitted_{labeling_run.id}"
    ):
        with show_errors():
            refined = signals.is_refined(labeling_run.calibration)
            use(store, project, labeling_run, signals.with_refinement(signals.FITTED, refined))
            st.session_state[f"_calibration_{labeling_run.id}_before"] = labeling_run.calibration
            st.rerun()


def _label_at_random(project: Project, labeling_run: LabelingRun, place: str) -> None:
    if st.button(
        f"Label {curation.LABELS_TO_TELL} texts at random",
        icon=":material/arrow_forward:",
        key=f"label_at_random_{place}_{labeling_run.id}",
    ):
        audit_on_curate(project)


def _widgets(
    store: Store, project: Project, labeling_run: LabelingRun, *, leaning: bool, offered: bool
) -> None:
    key = f"calibration_{labeling_run.id}"
    base, tempered = signals.split_calibration(labeling_run.calibration)
    # Set before the widgets are drawn: the store knows it, also when it was set elsewhere.
    st.session_state[key], st.session_state[f"{key}_tempered"] = base, tempered
    st.session_state[f"{key}_refined"] = signals.is_refined(labeling_run.calibration)
    switched: dict[str, Any] = {
        "on_change": _switched,
        "args": (store, project, labeling_run, key),
    }
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        if leaning:
            st.segmented_control(
                "Calibration",
                [name for name in BASES if name != "contextual" or labeling_run.content_free],
                required=True,
                format_func=lambda name: BASES[name][0],
                key=key,
                label_visibility="collapsed",
                **switched,
            )
        if base != signals.FITTED:  # its temperature belongs to it
            st.toggle(
                "Temperature",
                key=f"{key}_tempered",
                # It can always be switched off again.
                disabled=not (offered or tempered),
                help=TERMS["temperature"],
                **switched,
            )
        st.toggle("Refine", key=f"{key}_refined", help=TERMS["refined labels"], **switched)


def _switched(store: Store, project: Project, labeling_run: LabelingRun, key: str) -> None:
    base = st.session_state[key]
    tempered = base != signals.FITTED and st.session_state.get(f"{key}_tempered")
    calibration = signals.with_refinement(
        str(base) + (signals.TEMPERED if tempered else ""),
        bool(st.session_state[f"{key}_refined"]),
    )
    st.session_state.pop(f"_calibration_problem_{labeling_run.id}", None)
    if not base or calibration == labeling_run.calibration:
        return
    try:
        use(store, project, labeling_run, calibration)
        if base != signals.split_calibration(labeling_run.calibration)[0]:
            st.session_state[f"_{key}_before"] = labeling_run.calibration
    except LLKDError as error:
        st.session_state[f"_calibration_problem_{labeling_run.id}"] = base, str(error)


def _fit(
    store: Store,
    project: Project,
    labeling_run: LabelingRun,
    labels: TeacherLabels,
    now: tuple[int, str, bool] | None,
) -> None:
    """The fitted numbers, what they were fitted on, and what they did to the calibration error."""
    base, _ = signals.split_calibration(labeling_run.calibration)
    fit = labels.fit
    if fit is None:
        _nothing_to_fit(project, labeling_run, base)
        return
    st.markdown(f"{_numbers(fit)} {_effect(store, project, labeling_run, fit)}")
    if now is not None and now != (fit["rows"], fit["source"], fit["held_out"]):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"It can now be fitted on {rows_in_words(*now)}.", width="stretch")
            if st.button("Fit again", icon=":material/refresh:", key=f"refit_{labeling_run.id}"):
                with show_errors():
                    curation.fit_calibration(store, project, labeling_run, labeling_run.calibration)
                    st.rerun()


def _nothing_to_fit(project: Project, labeling_run: LabelingRun, base: str) -> None:
    if base != signals.FITTED:
        st.caption(NOTHING_TO_FIT)
        return
    st.markdown(f"{plain(curation.not_fitted(project, base))}")
    _label_at_random(project, labeling_run, "waiting")


def _numbers(fit: dict[str, Any]) -> str:
    """What was fitted, on what, and what it does, in a sentence."""
    temperature = fit["temperature"]
    where = rows_in_words(fit["rows"], fit["source"], fit["held_out"])
    effect = "softer" if temperature > 1 else "sharper"
    if "bias_weight" in fit:
        return (
            f"**{share(fit['bias_weight'])} of the mean** is taken away, at **temperature "
            f"{temperature:.2f}**, which makes confidence {effect}; both fitted on {where}."
        )
    return (
        f"**Temperature {temperature:.2f}**, fitted on {where}, makes confidence {effect} and "
        "changes no label."
    )


def _effect(store: Store, project: Project, labeling_run: LabelingRun, fit: dict[str, Any]) -> str:
    """The calibration error before and after; and where it is measured on what it was fitted on."""
    base: Any = signals.split_calibration(labeling_run.calibration)[0]
    base = signals.with_refinement(
        "batch" if base == signals.FITTED else base, signals.is_refined(labeling_run.calibration)
    )
    before = quality_reads.teacher_quality(store, project, labeling_run, base)
    after = quality_reads.teacher_quality(store, project, labeling_run)
    if before is None or after is None:
        return ""
    sentence = (
        f"Calibration error: **{score(before.report['ece'])}** before, "
        f"**{score(after.report['ece'])}** after"
    )
    if "bias_weight" in fit:
        sentence = (
            f"Right: **{share(before.report['accuracy'])}** with batch, "
            f"**{share(after.report['accuracy'])}** with it. {sentence}"
        )
    if after.cross_fitted:
        return f"{sentence}, each text judged by a fit to the others."
    if (after.source, after.held_out) == (fit["source"], fit["held_out"]):
        return f"{sentence}, measured on the texts it was fitted on: slightly optimistic."
    return f"{sentence}, on other texts than it was fitted on."


def rows_in_words(rows: int, source: str, held_out: bool) -> str:
    """On what something was measured or fitted: 43 texts that you labelled."""
    if source == "human":
        return f"{counted(rows, 'text')} that you labelled"
    return counted(rows, "held-out text") if held_out else f"{counted(rows, 'text')} with gold"


def _changed(store: Store, labeling_run: LabelingRun, labels: TeacherLabels) -> None:
    before: Any = signals.with_refinement(
        st.session_state.get(f"_calibration_{labeling_run.id}_before", "none"),
        signals.is_refined(labeling_run.calibration),
    )
    bases = [
        signals.split_calibration(calibration)[0]
        for calibration in (before, labeling_run.calibration)
    ]
    if bases[0] == bases[1]:
        return
    earlier = reads.teacher_labels(store, labeling_run, before)
    changed = int((earlier.label != labels.label).sum())
    portion = share(changed / max(1, len(labels.label)))
    st.markdown(
        f"Compared with **{called(before).lower()}**, it changes the label of "
        f"**{counted(changed, 'text')}** of {count(len(labels.label))} ({portion}). "
        "No text was asked about again."
    )
