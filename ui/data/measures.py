"""What the texts of an import are like, before they are stored."""

from __future__ import annotations

import streamlit as st

from llkd import charts
from llkd.datasets import Statistics, TextSet
from ui.figures import finished
from ui.wording import TERMS, count, counted, plain, share

_PLAIN = {"displayModeBar": False}


def show_measures(texts: TextSet) -> None:
    """Near-duplicates, lengths, languages, and what models will not read whole."""
    near = texts.near
    if near is not None and near.texts:
        gone = "near_duplicate" in texts.dropped
        one = near.texts == 1
        st.caption(
            f"{counted(near.texts, 'text')} {'is' if one else 'are'} almost the same as an earlier "
            f"one, in {counted(near.groups, 'group')}; {'it was' if one else 'they were'} "
            f"{'left out' if gone else 'kept'}. Texts of one group stay on one side of the "
            "hold-out.",
            help=TERMS["near-duplicate"],
        )
    with st.expander("Lengths and languages", icon=":material/bar_chart:"):
        _shown(texts.statistics)


def _shown(found: Statistics) -> None:
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.caption("How many texts have how many characters; the last bar holds all longer ones.")
        histogram = found.histogram
        st.plotly_chart(
            finished(charts.length_histogram, histogram.edges, histogram.counts),
            key="data_lengths",
            config=_PLAIN,
            alt="Histogram of text lengths in characters",
        )
    with right:
        st.caption("At the median, half of the texts are shorter; at 95 %, nearly all are.")
        st.dataframe(
            [
                {"": name, "characters": count(value), "words": count(found.words[name])}
                for name, value in found.characters.items()
            ],
            hide_index=True,
            alt="Characters and words per text, as quantiles",
        )
        languages = [f"{plain(name)} {share(part)}" for name, part in found.languages.items()]
        more = f" and {len(languages) - 5} more" if len(languages) > 5 else ""
        st.caption(
            f"Languages, guessed from {counted(found.languages_from, 'text')}: "
            f"{', '.join(languages[:5])}{more}."
        )
        for cut in found.cut:
            if cut.share > 0:
                st.caption(
                    f"About {share(cut.share)} are longer than the {count(cut.tokens)} tokens that "
                    f"a {cut.model} usually reads. They are kept whole and cut only for it."
                )
