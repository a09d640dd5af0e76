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
from ui.wording import TERMS, count, counted, plain, score, share

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
    signals.FITTED: (
        "Fitted",
        "From each class's score only as much of its mean is taken away as texts with a known "
        "class bear out, from nothing (as None) to all of it (as Batch); a temperature is fitted "
        "with it.",
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
    """Derive labels this way from now on; a fit that is not there yet is made first.

    Raises UserError where there is nothing to fit on.
    """
    base, _ = signals.split_calibration(calibration)
    if signals.needs_fit(calibration) and base not in (labelling.fits or {}):
        curation.fit_calibration(store, project, labelling, base)
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
        base, _ = signals.split_calibration(labelling.calibration)
        now = reads.fit_on(store, project, labelling, base)
        _widgets(store, project, labelling, leaning=leaning, offered=now is not None)
        _problem(store, project, labelling)
        st.markdown(BASES[base][1] if leaning else NO_LEANING)
        if signals.needs_fit(labelling.calibration):
            _fit(store, project, labelling, labels, now)
        elif now is None:
            st.caption(NOTHING_TO_FIT)
        _changed(store, labelling, labels)
        if base == "batch" and leaning:
            _shares(store, project, labelling)


def _problem(store: Store, project: Project, labelling: Labelling) -> None:
    """Why the last choice could not be taken; where labels are missing, until they are there."""
    key = f"_calibration_problem_{labelling.id}"
    wanted, problem = st.session_state.get(key, (None, ""))
    if wanted is None:
        return
    show_error(problem)
    if wanted != signals.FITTED or reads.fit_on(store, project, labelling, wanted) is not None:
        del st.session_state[key]
    else:
        _label_at_random(labelling, "fitted")


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
    if reads.fit_on(store, project, labelling, signals.FITTED) is not None:
        _recommend_fitted(store, project, labelling)
    elif known < curation.LABELS_TO_TELL:
        _label_at_random(labelling, "shares")


def _recommend_fitted(store: Store, project: Project, labelling: Labelling) -> None:
    """The way out of too much calibration, once there are labels to fit on."""
    fitted = reads.teacher_quality(store, project, labelling, "fitted")
    if fitted is not None:
        st.markdown(
            f"**Fitted** takes away only as much as the labels bear out: "
            f"{share(fitted.report['accuracy'])} are right with it"
            f"{', each text judged by a fit to the others' if fitted.cross_fitted else ''}."
        )
    if st.button(
        "Use fitted calibration", icon=":material/tune:", key=f"use_fitted_{labelling.id}"
    ):
        with told():
            use(store, project, labelling, signals.FITTED)
            st.session_state[f"_calibration_{labelling.id}_before"] = labelling.calibration
            st.rerun()


def _label_at_random(labelling: Labelling, place: str) -> None:
    if st.button(
        f"Label {curation.LABELS_TO_TELL} texts at random",
        icon=":material/arrow_forward:",
        key=f"label_at_random_{place}_{labelling.id}",
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
        if base == signals.FITTED:  # its temperature belongs to it
            return
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
    tempered = base != signals.FITTED and st.session_state.get(f"{key}_tempered")
    wanted = base + (signals.TEMPERED if tempered else "")
    st.session_state.pop(f"_calibration_problem_{labelling.id}", None)
    if not base or wanted == labelling.calibration:
        return
    try:
        use(store, project, labelling, wanted)
        if base != signals.split_calibration(labelling.calibration)[0]:
            st.session_state[f"_{key}_before"] = labelling.calibration
    except LLKDError as error:
        st.session_state[f"_calibration_problem_{labelling.id}"] = base, str(error)


def _fit(
    store: Store,
    project: Project,
    labelling: Labelling,
    labels: TeacherLabels,
    now: tuple[int, str, bool] | None,
) -> None:
    """The fitted numbers, what they were fitted on, and what they did to the calibration error."""
    base, _ = signals.split_calibration(labelling.calibration)
    fit = labels.fit
    if fit is None:
        _nothing_to_fit(project, labelling, base)
        return
    st.markdown(f"{_numbers(fit)} {_effect(store, project, labelling, fit)}")
    if now is not None and now != (fit["rows"], fit["source"], fit["held_out"]):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"By now it can be fitted on {rows_in_words(*now)}.", width="stretch")
            if st.button("Fit again", icon=":material/refresh:", key=f"refit_{labelling.id}"):
                with told():
                    curation.fit_calibration(store, project, labelling, base)
                    st.rerun()


def _nothing_to_fit(project: Project, labelling: Labelling, base: str) -> None:
    if base != signals.FITTED:
        st.caption(NOTHING_TO_FIT)
        return
    st.markdown(f"{plain(curation.not_fitted(project, base))}")
    _label_at_random(labelling, "waiting")


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


def _effect(store: Store, project: Project, labelling: Labelling, fit: dict[str, Any]) -> str:
    """The calibration error before and after; and where it is measured on what it was fitted on."""
    base: Any = signals.split_calibration(labelling.calibration)[0]
    base = "batch" if base == signals.FITTED else base
    before = reads.teacher_quality(store, project, labelling, base)
    after = reads.teacher_quality(store, project, labelling)
    if before is None or after is None:
        return ""
    said = (
        f"Calibration error: **{score(before.report['ece'])}** before, "
        f"**{score(after.report['ece'])}** after"
    )
    if "bias_weight" in fit:
        said = (
            f"Right: **{share(before.report['accuracy'])}** with batch, "
            f"**{share(after.report['accuracy'])}** with it. {said}"
        )
    if after.cross_fitted:
        return f"{said}, each text judged by a fit to the others."
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
