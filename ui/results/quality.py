"""How good one student is: class by class, and whether its probabilities can be believed."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from llkd import charts
from llkd.evaluation import confidence_metrics
from llkd.selection import signals
from llkd.store import Project, Run, Store
from ui.results import tables
from ui.runs import reads
from ui.shell.figures import CHART_CONFIG, finished
from ui.shell.wording import TERMS, counted, score, share

CLOSE = 0.02
WIDE = 0.1
"""An accuracy that is uncertain by more than this to either side bears nothing out."""
"""Confidence and accuracy this near to each other count as equal."""
FEW_TEXTS = 200


def per_class(store: Store, project: Project, run: Run) -> None:
    """F1 of each class, the teacher beside."""
    st.plotly_chart(
        finished(
            charts.f1_per_class,
            run.class_names,
            tables.f1_series(store, project, run),
        ),
        key="results_f1",
        config=CHART_CONFIG,
        alt="F1 of each class for the teacher and the student",
    )
    st.caption("F1 balances precision (labels given rightly) and recall (texts found) of a class.")
    st.dataframe(
        tables.class_table(store, project, run),
        hide_index=True,
        column_config=tables.CLASS_COLUMNS,
        placeholder="–",
        alt="Precision, recall and F1 of each class, for the student and the teacher",
    )


def calibration(store: Store, project: Project, run: Run) -> None:
    """The student's reliability diagram on the held-out texts, and what it says."""
    evaluated, report = (
        reads.answers(store, project, run),
        reads.report(store, project, run),
    )
    if evaluated is None or report is None or not report["judged"]:
        st.caption("This run was not evaluated.")
        return
    gold, probabilities = evaluated
    sure, right = signals.confidence(probabilities), signals.pseudo_label(probabilities) == gold
    left, side = st.columns([3, 2], gap="medium")
    with left:
        st.plotly_chart(
            finished(
                charts.reliability, confidence_metrics.reliability_table(sure, right), "student"
            ),
            key="results_reliability",
            config=CHART_CONFIG,
            alt="How often the student is right at each confidence",
        )
    with side:
        teacher = reads.teacher_report(store, project, run)
        with st.grid(2, min_column_width=140, border=True):
            st.metric("Calibration error", score(report["ece"]), help=TERMS["calibration error"])
            st.metric(
                "The teacher's",
                score(teacher["ece"] if teacher else None),
                help="Of the teacher's confidence, on the same texts.",
            )
        st.markdown(
            sentence(
                report["mean_confidence"] or 0.0,
                report["accuracy"] or 0.0,
                report["accuracy_interval"] or (0.0, 1.0),
            )
        )
        st.caption(
            "Below the diagonal the student is too sure. "
            f"Measured on {counted(report['judged'], 'held-out text')}."
            + (" These are few: marks stray by chance." if report["judged"] < FEW_TEXTS else "")
        )


def sentence(confidence: float, accuracy: float, interval: Sequence[float]) -> str:
    """What mean confidence and accuracy say of each other, as far as the texts can tell.

    ``interval`` is that of the accuracy, at 95 %.
    """
    low, high = interval
    averages = f"On average it is {share(confidence)} sure, and right {share(accuracy)} of the time"
    if confidence - accuracy > CLOSE and confidence > high:
        return f"{averages}: **it is too sure of itself.** Read its probabilities as an order only."
    if accuracy - confidence > CLOSE and confidence < low:
        return f"{averages}: **it is right more often than it says.** It errs on the safe side."
    if high - low > 2 * WIDE:
        return (
            f"{averages} ({share(low)} to {share(high)}): **too few texts to tell whether its "
            "probabilities can be believed.**"
        )
    return (
        f"{averages}: **taken together, its probabilities can be believed**, as far as these texts "
        "can tell."
    )
