"""How good one student is: class by class, and whether its probabilities can be believed."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from llkd import charts, evaluation, signals
from llkd.store import Project, Run, Store
from ui import results_view, run_reads
from ui.figures import finished
from ui.results_view import PLAIN
from ui.wording import TERMS, counted, score, share

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
            run_reads.class_names(run),
            results_view.f1_series(store, project, run),
        ),
        key="results_f1",
        config=PLAIN,
        alt="F1 of each class for the teacher and the student",
    )
    st.caption("F1 balances precision (labels given rightly) and recall (texts found) of a class.")
    st.dataframe(
        results_view.class_table(store, project, run),
        hide_index=True,
        column_config=results_view.CLASS_COLUMNS,
        placeholder="–",
        alt="Precision, recall and F1 of each class, for the student and the teacher",
    )


def calibration(store: Store, project: Project, run: Run) -> None:
    """The student's reliability diagram on the held-out texts, and what it says."""
    found, report = (
        run_reads.answers(store, project, run),
        run_reads.report(store, project, run),
    )
    if found is None or report is None or not report["judged"]:
        st.caption("This run was not evaluated.")
        return
    gold, probabilities = found
    sure, right = signals.confidence(probabilities), signals.pseudo_label(probabilities) == gold
    left, side = st.columns([3, 2], gap="medium")
    with left:
        st.plotly_chart(
            finished(charts.reliability, evaluation.reliability_table(sure, right), "student"),
            key="results_reliability",
            config=PLAIN,
            alt="How often the student is right at each confidence",
        )
    with side:
        teacher = run_reads.teacher_report(store, project, run)
        with st.grid(2, min_column_width=140, border=True):
            st.metric("Calibration error", score(report["ece"]), help=TERMS["calibration error"])
            st.metric(
                "The teacher's",
                score(teacher["ece"] if teacher else None),
                help="Of the teacher's confidence, on the same texts.",
            )
        st.markdown(
            sentence(report["mean_confidence"], report["accuracy"], report["accuracy_interval"])
        )
        st.caption(
            "Each mark is the texts of about the same confidence, larger where there are more. On "
            "the diagonal the student is right as often as it says; below it, it is too sure. "
            f"Measured on {counted(report['judged'], 'held-out text')}."
            + (" These are few: marks stray by chance." if report["judged"] < FEW_TEXTS else "")
        )


def sentence(confidence: float, accuracy: float, interval: Sequence[float]) -> str:
    """What mean confidence and accuracy say of each other, as far as the texts can tell.

    ``interval`` is that of the accuracy, at 95 %.
    """
    low, high = interval
    told = f"On average it is {share(confidence)} sure, and right {share(accuracy)} of the time"
    if confidence - accuracy > CLOSE and confidence > high:
        return f"{told}: **it is too sure of itself.** Read its probabilities as an order only."
    if accuracy - confidence > CLOSE and confidence < low:
        return f"{told}: **it is right more often than it says.** It errs on the safe side."
    if high - low > 2 * WIDE:
        return (
            f"{told} ({share(low)} to {share(high)}): **too few texts to tell whether its "
            "probabilities can be believed.**"
        )
    return (
        f"{told}: **taken together, its probabilities can be believed**, as far as these texts "
        "can tell."
    )
