"""How far the teacher's confidence can be trusted, where somebody knows who is right."""

from __future__ import annotations

import streamlit as st

from llkd import charts
from llkd.evaluation.confidence_metrics import auroc_interval, reliability_table, risk_coverage
from llkd.evaluation.intervals import wilson
from llkd.store import LabelingRun, Project, Store
from ui.shell.figures import CHART_CONFIG, finished
from ui.shell.page import next_step
from ui.shell.wording import TERMS, score, share
from ui.teacher.report.calibration import rows_in_words
from ui.teacher.report.quality_reads import Quality

FEW = 100
UNSURE = 0.25  # an accuracy known no better than this says nothing about calibration


def trust(
    store: Store, project: Project, labeling_run: LabelingRun, quality: Quality | None
) -> None:
    """A verdict in a sentence, three figures, and two charts on demand; else what to do first."""
    with st.container(border=True):
        st.markdown("## Can its confidence be trusted?")
        if quality is None:
            _nothing_known(project)
        elif not len(quality.confidence[quality.confidence == quality.confidence]):
            st.markdown("The teacher gave labels without a confidence: there is nothing to trust.")
        else:
            _verdict(quality)


def _nothing_known(project: Project) -> None:
    st.markdown(
        "How often the teacher is right is unknown: no text has a known class. Label about 100 "
        "texts at random on Curate, or import texts with gold on Data."
    )
    with st.container(horizontal=True):
        next_step("Curate", "Label some on Curate", primary=False, key="trust_curate")
        next_step("Data", "Bring in gold on Data", primary=False, key="trust_data")


def _verdict(quality: Quality) -> None:
    report = quality.report
    has_confidence = quality.confidence == quality.confidence
    says, of = float(quality.confidence[has_confidence].mean()), int(has_confidence.sum())
    right = int(quality.correct[has_confidence].sum())
    judged = rows_in_words(of, quality.source, quality.held_out)
    st.markdown(f"{in_a_sentence(says, right, of)} Judged on {judged}.")
    with st.grid(3, min_column_width=190):
        st.metric("Calibration error", score(report["ece"]), help=TERMS["calibration error"])
        span = auroc_interval(quality.confidence, quality.correct)
        st.metric(
            "AUROC of confidence",
            score(report["auroc"]),
            # The interval stands where a change would, without its arrow and colour.
            None if span is None else f"{span[0]:.2f} to {span[1]:.2f}",
            delta_color="off",
            delta_arrow="off",
            help=TERMS["AUROC of confidence"] + " Below it stands its 95\u00a0% interval.",
        )
        st.metric(
            "Area under risk\u2013coverage",
            score(report["aurc"]),
            help=TERMS["area under risk\u2013coverage"],
        )
    warnings = []
    if quality.source == "human":
        warnings.append(
            "You chose what to label: if you looked for mistakes, the teacher seems worse here "
            "than it is."
        )
    if of < FEW:
        warnings.append(f"With fewer than {FEW} texts these figures are rough.")
    if warnings:
        st.caption(" ".join(warnings))
    with st.expander("Reliability and risk", icon=":material/query_stats:", key="reliability_box"):
        _charts(quality)


def in_a_sentence(says: float, right: int, of: int) -> str:
    """Mean confidence beside how many of how many are right; what may be chance is no verdict."""
    both = f"Mean confidence is **{share(says)}**, accuracy **{share(right / of)}**"
    low, high = wilson(right, of) or (0.0, 1.0)
    if low <= says <= high and high - low > UNSURE:
        return f"{both}: too few texts to tell whether it is calibrated."
    if low <= says <= high:
        return f"{both}: calibrated on average, as far as these texts can tell."
    word = "overconfident" if says > high else "underconfident"
    return f"{both}: {word} by {100 * abs(says - right / of):.0f} points."


def _charts(quality: Quality) -> None:
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("### Accuracy at each confidence")
        st.plotly_chart(
            finished(charts.reliability, reliability_table(quality.confidence, quality.correct)),
            config=CHART_CONFIG,
            key="reliability",
            alt="Share of right labels against teacher confidence",
        )
        st.caption(TERMS["reliability"])
    with right:
        st.markdown("### If only the most confident are kept")
        st.plotly_chart(
            finished(charts.risk_coverage, risk_coverage(quality.confidence, quality.correct)),
            config=CHART_CONFIG,
            key="risk_coverage",
            alt="Share of wrong labels against share of texts kept",
        )
        st.caption(TERMS["risk-coverage"])
