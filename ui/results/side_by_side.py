"""All runs in one table: which of them to show, and the one that is looked at in detail."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import streamlit as st

from llkd import charts, curation
from llkd.evaluation.best_run import best_run
from llkd.store import Project, Run, Store
from ui.results import managing, tables
from ui.runs import reads
from ui.shell.figures import CHART_CONFIG, finished
from ui.shell.wording import count, counted, when

_RUN, _WHICH = "_results_run", "results_which"
OWN, EVERY = "own", "every"
AT_ONCE = 25
"""Runs on one page of the table."""
FEW = 8
"""So many runs are shown without a choice of which."""


def groups(store: Store, runs: Sequence[Run]) -> dict[str, tuple[str, list[Run]]]:
    """Ways to show some of the runs: what each is called, and its runs.

    Those that were pinned or started one by one, those of each comparison (newest first), all.
    """
    comparisons = {job.id: job for job in store.jobs.all() if job.kind in ("compare", "demo")}
    of_comparison: dict[int, list[Run]] = {}
    for run in runs:
        if run.job_id in comparisons:
            of_comparison.setdefault(run.job_id, []).append(run)  # type: ignore[arg-type]
    own = [run for run in runs if run.pinned or run.job_id not in comparisons]
    choices = {}
    if own:
        choices[OWN] = (f"Pinned and single runs ({len(own)})", own)
    for number in sorted(of_comparison, reverse=True):
        job, mine = comparisons[number], of_comparison[number]
        called = f"Comparison of {when(job.created)} (job {number}): {counted(len(mine), 'run')}"
        choices[str(number)] = (called, mine)
    choices[EVERY] = (f"All runs ({len(runs)})", list(runs))
    return choices


def pinned_first(runs: Sequence[Run]) -> list[Run]:
    """Pinned runs before the others; else in the order in which they come."""
    return sorted(runs, key=lambda run: not run.pinned)


def shown(store: Store, runs: Sequence[Run]) -> list[Run]:
    """The runs that a person chose to see, oldest first; where there are few, all of them."""
    if len(runs) <= FEW:
        return list(runs)
    choices = groups(store, runs)
    if st.session_state.get(_WHICH) not in choices:
        st.session_state[_WHICH] = next(iter(choices))
    which = st.selectbox(
        "Show",
        list(choices),
        format_func=lambda name: choices[name][0],
        key=_WHICH,
        persist_state="session",
        width=420,
    )
    return choices[which][1]


def looked_at(runs: Sequence[Run]) -> Run:
    """The run that is looked at in detail: the one chosen last, else the best."""
    by_id = {run.id: run for run in runs}
    return by_id.get(st.session_state.get(_RUN, 0)) or best_run(runs)


def table(
    store: Store, project: Project, runs: Sequence[Run], selected_run: Run, measured: bool
) -> None:
    """The runs, pinned first, a page at a time; a ticked one becomes the one in detail."""
    listed = _paged(pinned_first(runs), selected_run)
    table_of = tables.runs_table if measured else tables.agreement_table
    frame = table_of(store, project, listed)
    above = len(frame) - len(listed)  # the teacher's line
    numbers = [run.id for run in listed]
    ticked = [above + numbers.index(selected_run.id)] if selected_run.id in numbers else []
    # The key holds what is ticked, so that the table follows the choice below it.
    key = f"results_table_{selected_run.id}_{_stamp(listed)}"

    def pick() -> None:
        rows = [row - above for row in st.session_state[key].selection.rows if row >= above]
        if rows and rows[0] < len(numbers):
            st.session_state[_RUN] = numbers[rows[0]]

    st.dataframe(
        frame,
        hide_index=True,
        column_config=tables.COLUMNS,
        placeholder="–",
        on_select=pick,
        selection_mode="single-row",
        selection_default={"selection": {"rows": ticked}},
        key=key,
        alt="The teacher and every finished run with its figures"
        if measured
        else "Every finished run with its agreement with the teacher",
    )
    if not measured:
        return
    marks = tables.run_marks(store, project, listed)
    if marks:
        teacher = reads.teacher_report(store, project, tables.newest(listed))
        st.plotly_chart(
            finished(
                charts.accuracy_against_samples, marks, teacher["accuracy"] if teacher else None
            ),
            key="results_samples",
            config=CHART_CONFIG,
            alt="Accuracy of each run against the samples it used",
        )


def evaluated_on_labels(runs: Sequence[Run]) -> None:
    """Says which runs were not evaluated on held-out gold; nothing where all were."""
    people = [run for run in runs if run.config.judged_by == "people"]
    if people:
        numbers = ", ".join(str(run.id) for run in people)
        st.caption(
            f"Evaluated on labels that people gave, which did not train: "
            f"{counted(len(people), 'run')} ({numbers}). Unless these came from a random audit "
            "they are no random sample."
        )


def made_before_additions(project: Project, runs: Sequence[Run]) -> None:
    """Says which runs know fewer texts than there are; nothing where none was added since."""
    known = {run.id: curation.known_to_run(project, run).rows for run in runs}
    for texts in sorted({*known.values()} - {project.rows}):
        numbers = ", ".join(str(number) for number in sorted(known) if known[number] == texts)
        st.caption(
            f"Made when there were {count(texts)} of the {counted(project.rows, 'text')}, and "
            f"evaluated on held-out texts of these alone: run {numbers}."
        )


def page_key(numbers: Sequence[int]) -> str:
    """Where the page of a table of the runs with these numbers is kept."""
    return f"results_page_{zlib.crc32(repr(list(numbers)).encode())}"


def _paged(runs: Sequence[Run], selected_run: Run) -> list[Run]:
    """The runs of the page that is looked at, at first the one with the run in detail.

    Every run shown has its intervals drawn, which takes tens of milliseconds each.
    """
    pages = -(-len(runs) // AT_ONCE)
    if pages <= 1:
        return list(runs)
    numbers = [run.id for run in runs]
    key = page_key(numbers)
    place = numbers.index(selected_run.id) if selected_run.id in numbers else 0
    with st.container(horizontal=True, vertical_alignment="center"):
        page = st.pagination(pages, default=place // AT_ONCE + 1, key=key, persist_state="session")
        first = (int(page) - 1) * AT_ONCE
        last = min(first + AT_ONCE, len(runs))
        st.caption(f"Runs {first + 1:,} to {last:,} of {len(runs):,}")
    return list(runs[first:last])


def _stamp(runs: Sequence[Run]) -> int:
    """A number for these runs as they are told of in the table."""
    descriptions = [(run.id, run.title, run.note, run.pinned) for run in runs]
    return zlib.crc32(repr(descriptions).encode("utf-8", "replace"))


def choice(store: Store, project: Project, runs: Sequence[Run]) -> None:
    """The run in detail, chosen by keyboard too, and what can be done with it."""
    managing.confirm_last()
    names = {
        run.id: f"{run.name}, seed {run.config.seed}" for run in pinned_first(list(reversed(runs)))
    }
    run = looked_at(runs)
    # The key holds the names: a browser keeps what a choice was called when it was made. It also
    # holds the chosen run, so that the widget follows the table.
    key = f"results_run_{run.id}_{_stamp(runs)}"

    def pick() -> None:
        st.session_state[_RUN] = st.session_state[key]

    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "Run",
            list(names),
            list(names).index(run.id),
            format_func=names.__getitem__,
            key=key,
            on_change=pick,
            width=340,
        )
        managing.actions(store, project, run)
    measured = [other for other in runs if other.accuracy is not None]
    if len(measured) > 1 and run.id == best_run(runs).id:
        st.caption(
            f"The best of {count(len(measured))} runs on these texts. Chosen by the texts that "
            "measure it, its figure is likely a little too high."
        )
    if run.note:
        with st.container(border=True):
            st.text(run.note)
