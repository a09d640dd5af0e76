"""After a change of the classes: ask again only about the texts that it could touch."""

from __future__ import annotations

import streamlit as st

from llkd import curation
from llkd.store import LabelingRun, Project, Store
from llkd.teachers.registry import can_be_made, kind_of
from ui.shell import class_texts, reads
from ui.shell.unbroken import press_once
from ui.shell.wording import count, counted, duration, money, plain
from ui.teacher.report import overview, usage
from ui.teacher.setup.plan import Plan, start_labelling


def touched_texts(store: Store, project: Project, labeling_run: LabelingRun) -> None:
    """A box for each class that was added or split since, with how many texts and what price."""
    if not can_be_made(labeling_run.config):
        return
    for label in curation.later_classes(project, labeling_run):
        likely = class_texts.likely_texts(store, project, label)
        key = f"touched_{label.identity}"
        with st.container(border=True):
            if likely is None:
                st.markdown(
                    plain(
                        f"{label.name!r} was added since. Label similarity can look, on this "
                        "machine and at no price, for the texts that it could be about; only those "
                        "are then asked about again."
                    )
                )
                class_texts.look_for_them(store, project, f"{key}_look")
            else:
                texts = len(likely.rows) - likely.people
                sentence = f"{counted(texts, 'text')} could be of {label.name!r}, added since."
                _ask(store, project, labeling_run, label.identity, texts, sentence)
    for entry in class_texts.split_lists(store, project):
        with st.container(border=True):
            sentence = (
                f"{counted(len(entry.rows), 'text')} of {entry.label.name!r}, which was split, "
                "have no label."
            )
            key = entry.label.identity
            _ask(store, project, labeling_run, key, len(entry.rows), sentence)


def _ask(
    store: Store,
    project: Project,
    labeling_run: LabelingRun,
    about: str,
    texts: int,
    sentence: str,
) -> None:
    st.markdown(plain(sentence))
    if not texts:
        return
    usual = kind_of(labeling_run.config).calibration
    sample = len(curation.calibrating_rows(project, usual))
    besides = f", and about {counted(sample, 'text')} at random to calibrate" if sample else ""
    plan = usage.rest_plan(store, usage.job_of(store, project, labeling_run))
    st.caption(
        plain(
            f"Asked about these is {overview.teacher_name(labeling_run)}{besides}; all other "
            f"labels stay as they are. {_price(store, labeling_run, plan, texts + sample)}"
        )
    )
    if press_once(
        f"Ask about {counted(texts, 'text')}",
        icon=":material/play_arrow:",
        key=f"touched_{about}_ask",
    ):
        asked_once = Plan(spending=plan.spending, batch=plan.batch)
        start_labelling(store, project, labeling_run.config, asked_once, about=about)


def _price(store: Store, labeling_run: LabelingRun, plan: Plan, texts: int) -> str:
    """What so many texts would take, by what the others took."""
    fresh = reads.labelled_rows(store, labeling_run) - labeling_run.cached
    if fresh <= 0 or not labeling_run.seconds:
        return "What they will take is not known from the labels there are."
    share = texts / fresh
    read, written = share * labeling_run.tokens_in, share * labeling_run.tokens_out
    parts = [duration(share * labeling_run.seconds)]
    if read or written:
        parts.append(f"{count(round(read + written, -2))} tokens")
    prices = plan.spending
    if prices.price_in is not None or prices.price_out is not None:
        cost = (read * (prices.price_in or 0.0) + written * (prices.price_out or 0.0)) / 1e6
        parts.append(f"{money(cost)}")
    return f"By what the others took: {', '.join(parts)}."
