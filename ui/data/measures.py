"""What the texts of an import are like, before they are stored."""

from __future__ import annotations

import streamlit as st

from llkd import charts
from llkd.datasets import Statistics, TextSet
from llkd.datasets.checks.repeats import NearDuplicates
from ui.shell.figures import CHART_CONFIG, finished
from ui.shell.wording import TERMS, count, counted, plain, share


def show_measures(texts: TextSet) -> None:
    """Near-duplicates, lengths, languages, and what models will not read whole."""
    show_near(texts.near, gone="near_duplicate" in texts.dropped)
    if texts.near_later:
        st.caption(
            "Near-duplicates are looked for in the background, once the project is there.",
            help=TERMS["near-duplicate"],
        )
    with st.expander("Lengths and languages", icon=":material/bar_chart:", key="measures_box"):
        _shown(texts.statistics)


def show_near(near: NearDuplicates | None, gone: bool) -> None:
    """How many texts nearly repeat an earlier one, and that they were left out where ``gone``."""
    if near is not None and near.texts:
        single = near.texts == 1
        st.caption(
            f"{counted(near.texts, 'text')} {'is' if single else 'are'} almost the same as an "
            f"earlier one, in {counted(near.groups, 'group')}; "
            f"{'it was' if single else 'they were'} {'left out' if gone else 'kept'}. Texts of "
            "one group stay on one side of the hold-out.",
            help=TERMS["near-duplicate"],
        )


def _shown(statistics: Statistics) -> None:
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.caption("How many texts have how many characters; the last bar holds all longer ones.")
        histogram = statistics.histogram
        st.plotly_chart(
            finished(charts.length_histogram, histogram.edges, histogram.counts),
            key="data_lengths",
            config=CHART_CONFIG,
            alt="Histogram of text lengths in characters",
        )
    with right:
        st.caption("At the median, half of the texts are shorter; at 95 %, nearly all are.")
        st.dataframe(
            [
                {"": name, "characters": count(value), "words": count(statistics.words[name])}
                for name, value in statistics.characters.items()
            ],
            hide_index=True,
            alt="Characters and words per text, as quantiles",
        )
        languages = [f"{plain(name)} {share(part)}" for name, part in statistics.languages.items()]
        more = f" and {len(languages) - 5} more" if len(languages) > 5 else ""
        st.caption(
            f"Languages, guessed from {counted(statistics.languages_from, 'text')}: "
            f"{', '.join(languages[:5])}{more}."
        )
        for cut in statistics.cut:
            if cut.share > 0:
                st.caption(
                    f"About {share(cut.share)} are longer than the {count(cut.tokens)} tokens that "
                    f"a {cut.model} usually reads. They are kept whole and cut only for it."
                )
