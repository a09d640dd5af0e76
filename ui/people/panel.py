"""On Curate: how far people agree, texts to label blindly, and what is disputed."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from llkd.evaluation import people
from llkd.evaluation.people import PairAgreement, SampleAgreement
from llkd.exporting.tables import safe_frame
from llkd.store import LabelSample, Project, Store
from ui.curate.state import PEOPLE, rerun_page
from ui.people import opening, reads
from ui.people.opening import Desk
from ui.shell.authorship import author
from ui.shell.errors import defer_errors, show_errors
from ui.shell.wording import count, counted, plain, share

_USUAL, _LARGEST = 60, 5_000
_MOST_LINES = 12


@st.fragment(key=PEOPLE)
def panel(store: Store, project: Project) -> None:
    """Nothing before the first label of a person."""
    with show_errors():
        labelled = store.disputes.opinions(project.id)
        samples = store.label_samples.all(project.id)
        if not labelled and not samples:
            return
        open_disputes = reads.disputes(store, project)
        known = reads.agreement(store, project, samples[0]) if samples else None
        _disputed(project, len(open_disputes))
        title = "Several people"
        if known is not None:
            title += f": {known.sentence}"
        # What changes with every decision stands outside: another title would close it.
        with st.expander(plain(title), icon=":material/group:", key=f"people_box_{project.id}"):
            if known is not None:
                _agreement(project, samples[0], known)
            _draw(store, project, first=known is None)
            _download(store, project)


def _disputed(project: Project, number: int) -> None:
    if not number:
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**{counted(number, 'disputed text')}**: left out of every accuracy, of training and "
            f"of exports until somebody settles {'it' if number == 1 else 'them'}.",
            width="stretch",
        )
        st.button(
            "Settle it" if number == 1 else "Settle them",
            icon=":material/gavel:",
            key="people_settle",
            help="Disputed texts are harder than others: what is measured without them looks "
            "better than it is.",
            on_click=_open,
            args=(project, Desk("settle")),
        )


def _agreement(project: Project, sample: LabelSample, known: SampleAgreement) -> None:
    if known.meaning:
        st.caption(plain(known.meaning))
    lines = [f"{name} {count(done)} of {count(of)}" for name, (done, of) in known.progress.items()]
    by = f" Second labels: {', '.join(lines)}." if lines else ""
    st.caption(
        plain(
            f"Blind sample {sample.id}: {counted(known.texts, 'text')} drawn at random from "
            f"{count(known.population)} that people had labelled (seed {sample.seed}).{by}"
        )
    )
    mine = known.progress.get(author().who, (0, len(sample.rows_for(author().who))))
    if mine[0] < mine[1]:
        st.button(
            "Label them blindly" if not mine[0] else "Go on labelling blindly",
            icon=":material/visibility_off:",
            key=f"people_second_{sample.id}",
            on_click=_open,
            args=(project, Desk("second", sample.id)),
            help="One text after the other, without anybody's label and without the teacher's.",
        )
    for number, pair in enumerate(known.pairs):
        _pair(pair, number, several=len(known.pairs) > 1)


def _open(project: Project, desk: Desk) -> None:
    opening.open_desk(project, desk)
    rerun_page()


def _pair(pair: PairAgreement, number: int, *, several: bool) -> None:
    if several:
        kappa = pair.kappa
        value = "\u2013" if kappa.kappa is None else f"{kappa.kappa:.2f}"
        st.markdown(
            plain(
                f"{pair.first} and {pair.second}: {share(kappa.agreement)} of "
                f"{counted(kappa.texts, 'text')}, \u03ba {value}"
            )
        )
    apart = [cell for cell in pair.confusion if cell.first != cell.second]
    left, right = st.columns(2)
    with left:
        if apart:
            st.dataframe(
                pd.DataFrame(
                    {
                        pair.first: [cell.first for cell in apart[:_MOST_LINES]],
                        pair.second + " ": [cell.second for cell in apart[:_MOST_LINES]],
                        "Texts": [cell.texts for cell in apart[:_MOST_LINES]],
                    }
                ),
                hide_index=True,
                key=f"people_confusion_{number}",
                alt="What the two people said where they differ",
            )
        else:
            st.caption("They differ on no text.")
    with right:
        st.dataframe(
            pd.DataFrame(
                {
                    "Class": [part.name for part in pair.per_class[:_MOST_LINES]],
                    "Agreement": [share(part.agreement) for part in pair.per_class[:_MOST_LINES]],
                    "Labels of both": [part.labels for part in pair.per_class[:_MOST_LINES]],
                }
            ),
            hide_index=True,
            key=f"people_classes_{number}",
            alt="Agreement on each class, the lowest first",
        )


def _draw(store: Store, project: Project, *, first: bool) -> None:
    if first:
        st.markdown(
            "How far would a second person agree? Draw labelled texts at random; whoever labels "
            "them sees neither your labels nor the teacher's."
        )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.number_input(
            "Texts to draw", 1, _LARGEST, _USUAL, key="people_count", persist_state="session",
            width=140,
        )  # fmt: skip
        st.button(
            "Draw for a second person" if first else "Draw another sample",
            icon=":material/shuffle:",
            key="people_draw",
            on_click=_draw_sample,
            args=(store, project),
        )


@defer_errors
def _draw_sample(store: Store, project: Project) -> None:
    number = int(st.session_state.get("people_count", _USUAL))
    people.draw_sample(store, project, number, who=author().who)


def _download(store: Store, project: Project) -> None:
    def written() -> bytes:
        return safe_frame(people.labels_by_person(store, project)).to_csv(index=False).encode()

    st.download_button(
        "All labels by person (CSV)",
        written,
        file_name="labels_by_person.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        key="people_download",
    )
