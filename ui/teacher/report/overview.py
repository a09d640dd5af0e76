"""What the teacher said: labels and confidence, and how good they are where gold exists."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from llkd import charts
from llkd.curation import TeacherLabels
from llkd.store import Job, LabelingRun, Project, Store
from llkd.teachers.confidence import confidence_label
from llkd.teachers.registry import display_name
from ui.shell import reads
from ui.shell.columns import confidence_column
from ui.shell.figures import CHART_CONFIG, finished
from ui.shell.wording import TERMS, count, counted, duration, plain, score, share, shortened
from ui.teacher.report import calibration, confidence, quality_reads
from ui.teacher.report.quality_reads import Quality
from ui.teacher.setup.scoring import ASKED_BY

_JUDGED = {
    "precision": (None, "precision"),
    "recall": (None, "recall"),
    "f1": ("F1", "macro-F1"),
    "auroc": ("AUROC of confidence", "AUROC of confidence"),
    "ece": ("calibration error", "calibration error"),
}
_SHOWN_LAST = 8


def summary(store: Store, project: Project, labeling_run: LabelingRun | None) -> str:
    """What is true of the project's labels now, in one sentence."""
    texts = counted(project.rows, "text")
    labels = None if labeling_run is None else reads.teacher_labels(store, labeling_run)
    if labeling_run is None or labels is None or not len(labels.row):
        names = [] if project.label_set is None else project.label_set.names
        return f"{texts} in {counted(len(names), 'class', 'classes')}; none is labelled yet."
    labelled = int((labels.label >= 0).sum())
    name = plain(teacher_name(labeling_run))
    sentence = f"{name[:1].upper()}{name[1:]} labelled {count(labelled)} of {texts}"
    quality = quality_reads.teacher_quality(store, project, labeling_run)
    if quality is None:
        return f"{sentence}; how many of them rightly is unknown."
    measured = calibration.rows_in_words(quality.report["judged"], quality.source, quality.held_out)
    return f"{sentence}; of {measured}, {share(quality.report['accuracy'])} are right."


def teacher_name(labeling_run: LabelingRun) -> str:
    """What to call a teacher pass."""
    return display_name(labeling_run.config)


def growing(store: Store, project: Project, job: Job) -> None:
    """While the teacher labels: the histogram of labels so far and the last ones."""
    labelling_id = job.context.get("labelling_id")
    if labelling_id is None:
        return
    labeling_run = store.labeling_runs.get(int(labelling_id))
    labels = reads.teacher_labels(store, labeling_run)
    if not len(labels.row):
        return
    names = labeling_run.classes.names
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("## Labels so far")
        st.plotly_chart(
            finished(charts.label_histogram, _counts(labels, len(names)), names),
            config=CHART_CONFIG,
            key=f"growing_{labeling_run.id}",
            alt="How often each label was given so far",
        )
    with right:
        st.markdown("## Last labels")
        _last_labels(store, project, labels, names)


def _last_labels(store: Store, project: Project, labels: TeacherLabels, names: list[str]) -> None:
    """The rows that came since the last look (they are labelled in a random order)."""
    state = f"_seen_{labels.labeling_run.id}"
    earlier_rows, shown = st.session_state.get(
        state, (np.empty(0, np.int64), np.empty(0, np.int64))
    )
    fresh = np.setdiff1d(labels.row, earlier_rows, assume_unique=True)
    if len(fresh):
        shown = np.concatenate([fresh, shown])[:_SHOWN_LAST]
        st.session_state[state] = (labels.row, shown)
    place = np.searchsorted(labels.row, shown)
    texts = reads.texts(store, project, ["text"])["text"]
    st.dataframe(
        pd.DataFrame(
            {
                # The label first: a long text would push it out of sight.
                "label": [names[k] if k >= 0 else "\u2013" for k in labels.label[place]],
                "confidence": labels.confidence[place],
                "text": [shortened(texts.iloc[row], 160) for row in shown],
            }
        ),
        hide_index=True,
        column_config=_CONFIDENCE,
        alt="The texts labelled last",
    )


_CONFIDENCE: Any = {"confidence": confidence_column(of=1)}


def report(store: Store, project: Project, labeling_run: LabelingRun) -> None:
    """Everything known of a teacher pass, under the calibration that is switched on."""
    labels = reads.teacher_labels(store, labeling_run)
    names = labeling_run.classes.names
    quality = quality_reads.teacher_quality(store, project, labeling_run)
    _figures(project, labeling_run, labels, quality)
    calibration.switch(store, project, labeling_run, labels)
    confidence.trust(store, project, labeling_run, quality)
    counts = _counts(labels, len(names))
    left, right = st.columns(2, gap="medium")
    with left.container(border=True, height="stretch"):
        st.markdown("## Labels given", help=TERMS["pseudo-label"])
        st.plotly_chart(
            finished(charts.label_histogram, counts, names),
            config=CHART_CONFIG,
            key="label_histogram",
            alt="How often each label was given",
        )
    with right.container(border=True, height="stretch"):
        st.markdown("## Confidence", help=TERMS["teacher confidence"])
        _confidence(labels, names)
    with st.expander("By class", icon=":material/table_rows:", key="by_class_box"):
        _by_class(labels, names, counts, quality)


def _figures(
    project: Project, labeling_run: LabelingRun, labels: TeacherLabels, quality: Quality | None
) -> None:
    sure = labels.confidence[~np.isnan(labels.confidence)]
    answered = int((labels.label >= 0).sum())
    with st.grid(3 if quality is None else 5, min_column_width=140, border=True):
        st.metric("Labelled", f"{count(answered)} of {count(project.rows)}")
        st.metric("Mean confidence", share(float(sure.mean())) if len(sure) else "\u2013")
        if quality is not None:
            st.metric("Accuracy", share(quality.report["accuracy"]), help=TERMS["accuracy"])
            st.metric("Macro-F1", score(quality.report["macro_f1"]), help=TERMS["macro-F1"])
        st.metric("Time it took", duration(max(1.0, labeling_run.seconds)).removeprefix("about "))
    notes = []
    if quality is not None:
        low, high = quality.report["accuracy_interval"] or (None, None)
        where = calibration.rows_in_words(
            quality.report["judged"], quality.source, quality.held_out
        )
        notes.append(
            f"Accuracy and macro-F1 are measured on {where}; the accuracy lies between "
            f"{share(low)} and {share(high)} with 95\u00a0% confidence."
        )
        if labeling_run.rounds and not quality.held_out:
            notes.append(
                "These texts were chosen by student uncertainty, so they are harder than average."
            )
    of_split = int(labels.of_split.sum())
    if of_split:
        notes.append(
            f"{counted(of_split, 'text')} of a class that was split since "
            f"{'has' if of_split == 1 else 'have'} no label."
        )
    missing = len(labels.label) - answered - of_split
    if missing:
        notes.append(f"{counted(missing, 'text')} got no usable answer and have no label.")
    notes.append(_whence(labels))
    st.caption(" ".join(notes))


def _whence(labels: TeacherLabels) -> str:
    answered = labels.source[labels.label >= 0].astype(str)
    kinds, counts = np.unique(answered, return_counts=True)
    if not len(kinds):
        return ""
    if len(kinds) == 1:
        return (
            f"Source of confidence: {confidence_label(kinds[0]).lower()}{_way_of_asking(labels)}."
        )
    parts = [
        f"{confidence_label(kind).lower()} ({counted(int(n), 'text')})"
        for kind, n in zip(kinds, counts, strict=True)
    ]
    return f"Sources of confidence: {', '.join(parts)}."


def _way_of_asking(labels: TeacherLabels) -> str:
    """What a server's log-probabilities are of, where that is not the usual: letters."""
    way = ASKED_BY.get(str(labels.labeling_run.teacher.get("asked_by")))
    return "" if way is None else f" of {way}"


def _confidence(labels: TeacherLabels, names: list[str]) -> None:
    if np.isnan(labels.confidence).all():
        st.markdown("This teacher gives no confidence.")
        return
    st.plotly_chart(
        finished(charts.confidence_histogram, labels.confidence, labels.label, names),
        config=CHART_CONFIG,
        key="confidence_histogram",
        alt="How many texts have which teacher confidence",
    )


def _by_class(
    labels: TeacherLabels, names: list[str], counts: list[int], quality: Quality | None
) -> None:
    total = max(1, sum(counts))
    means = []
    for k in range(len(names)):
        mine = labels.confidence[labels.label == k]
        mine = mine[~np.isnan(mine)]
        means.append(float(mine.mean()) if len(mine) else None)
    table = {
        "class": names,
        "texts": counts,
        "share": [100 * n / total for n in counts],
        "mean confidence": means,
    }
    config: dict[str, Any] = {
        "texts": st.column_config.NumberColumn(format="localized"),
        "share": st.column_config.NumberColumn(format="%.1f %%"),
        "mean confidence": st.column_config.NumberColumn(format="%.3f"),
    }
    if quality is not None:
        judged = [dict(row) for row in quality.report["per_class"]]
        for column, (name, term) in _JUDGED.items():
            table[column] = [entry[column] for entry in judged]
            config[column] = st.column_config.NumberColumn(
                name, format="%.3f", help=TERMS.get(term)
            )
        table["gold"] = [entry["support"] for entry in judged]
        config["gold"] = st.column_config.NumberColumn(
            "judged", format="localized", help="Judged texts that belong to this class."
        )
    st.dataframe(
        pd.DataFrame(table),
        hide_index=True,
        column_config=config,
        alt="Each class: texts, share, confidence and quality",
    )


def _counts(labels: TeacherLabels, classes: int) -> list[int]:
    return [int(n) for n in np.bincount(labels.label[labels.label >= 0], minlength=classes)]
