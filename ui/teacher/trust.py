"""How far the teacher's confidence can be trusted, where somebody knows who is right."""

from __future__ import annotations

import streamlit as st

from llkd import charts
from llkd.evaluation import auroc_interval, reliability_table, risk_coverage, wilson
from llkd.store import Labelling, Project, Store
from ui.figures import finished
from ui.page import next_step
from ui.reads import Quality
from ui.teacher.calibration import rows_in_words
from ui.wording import TERMS, score, share

PLOT = {"displayModeBar": False, "scrollZoom": False}
FEW = 100
UNSURE = 0.25  # an accuracy known no better than this says nothing about honesty


def trust(store: Store, project: Project, labelling: Labelling, quality: Quality | None) -> None:
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
        "Nobody knows yet how often the teacher is right: no text here has a known class. Label "
        "some texts on Curate, best ones that you did not choose by their looks (100 say much "
        "already), or bring in texts with gold on Data."
    )
    with st.container(horizontal=True):
        next_step("Curate", "Label some on Curate", primary=False, key="trust_curate")
        next_step("Data", "Bring in gold on Data", primary=False, key="trust_data")


def _verdict(quality: Quality) -> None:
    report = quality.report
    known = quality.confidence == quality.confidence
    says, of = float(quality.confidence[known].mean()), int(known.sum())
    right = int(quality.correct[known].sum())
    judged = rows_in_words(of, quality.source, quality.held_out)
    st.markdown(f"{in_a_sentence(says, right, of)} Judged on {judged}.")
    with st.grid(3, min_column_width=140):
        st.metric("Calibration error", score(report["ece"]), help=TERMS["calibration error"])
        span = auroc_interval(quality.confidence, quality.correct)
        st.metric(
            "Separation",
            score(report["auroc"]),
            # The interval stands where a change would, without its arrow and colour.
            None if span is None else f"{span[0]:.2f} to {span[1]:.2f}",
            delta_color="off",
            delta_arrow="off",
            help=TERMS["separation"] + " Below it stands its 95\u00a0% interval.",
        )
        st.metric("Mean risk", score(report["aurc"]), help=TERMS["risk"])
    warnings = []
    if quality.source == "human":
        warnings.append(
            "You chose what to label: had you looked for mistakes, the teacher would seem worse "
            "here than it is."
        )
    if of < FEW:
        warnings.append("On so few texts these figures can be off by a lot.")
    if warnings:
        st.caption(" ".join(warnings))
    with st.expander("Reliability and risk", icon=":material/query_stats:"):
        _charts(quality)


def in_a_sentence(says: float, right: int, of: int) -> str:
    """Mean confidence beside how many of how many are right; what may be chance is no verdict."""
    both = f"On average it says **{share(says)}** and is right **{share(right / of)}** of the time"
    low, high = wilson(right, of) or (0.0, 1.0)
    if low <= says <= high and high - low > UNSURE:
        return f"{both}: too few texts to tell whether that is honest."
    if low <= says <= high:
        return f"{both}: it is honest on the whole, as far as these texts can tell."
    too, off = ("sure", says - right / of) if says > high else ("modest", right / of - says)
    return f"{both}: it is too {too} by {100 * off:.0f} points."


def _charts(quality: Quality) -> None:
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("### Is it right as often as it says?")
        st.plotly_chart(
            finished(charts.reliability, reliability_table(quality.confidence, quality.correct)),
            config=PLOT,
            key="reliability",
            alt="Share of right labels against teacher confidence",
        )
        st.caption(TERMS["reliability"])
    with right:
        st.markdown("### What if only the most confident are kept?")
        st.plotly_chart(
            finished(charts.risk_coverage, risk_coverage(quality.confidence, quality.correct)),
            config=PLOT,
            key="risk_coverage",
            alt="Share of wrong labels against share of texts kept",
        )
        st.caption(TERMS["risk-coverage"])
