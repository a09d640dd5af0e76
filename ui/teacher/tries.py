"""What a bake-off is to try: widgets in, settings and their values out, and the start."""

from __future__ import annotations

import math

import streamlit as st

from llkd import commands, curation, jobs
from llkd.config import Spending, TeacherConfig, build
from llkd.errors import UserError
from llkd.store import Project, Store
from ui.errors import show_error, told
from ui.page import next_step
from ui.teacher.calibration import rows_in_words
from ui.teacher.plan import spending_of
from ui.wording import counted

KIND = "bake-off"
LEAST, USUAL, MOST_ROWS = 50, 200, 1000
MOST_WAYS = 24
WORDINGS = 3
Tries = dict[str, list[str]]
_EXAMPLES = {
    "none": "without examples",
    "balanced": "some of every class",
    "nearest": "those nearest to the text",
}
_SCORES = {
    "sum": "sum over its words",
    "mean": "mean over its words",
    "first_token": "first word piece only",
}
_CONFIDENCES = {
    "logprob": "log-probabilities",
    "self_consistency": "agreement of several answers",
    "verbalized": "its own statement",
}


def form(store: Store, project: Project, config: TeacherConfig, *, primary: bool) -> None:
    """Choose what to try on how many texts, and start; where nothing can be judged, say so."""
    candidates = list(curation.development_rows(store, project))
    usable = [one for one in candidates if len(one.rows) >= LEAST]
    if not usable:
        most = max(len(one.rows) for one in candidates)
        st.markdown(
            f"A bake-off needs at least {LEAST} texts of the pool whose true class is known, and "
            f"there {'is' if most == 1 else 'are'} {most}: label some on Curate, or bring in texts "
            "with gold on Data. Texts that are held out do not choose a teacher: they judge its "
            "students afterwards."
        )
        next_step("Curate", "Label some on Curate", primary=False, key="bake_curate")
        return
    known = usable[0]
    judged = rows_in_words(len(known.rows), known.source, known.held_out)
    st.markdown(
        f"A bake-off: every way of asking is tried on the same texts, out of {judged}, and judged "
        "under every calibration. What is in the form now always takes part."
    )
    tried = _choices(store, project, config)
    base = _with_examples(store, project, config) if "examples" in tried else config
    most = min(MOST_ROWS, len(known.rows))
    left, right = st.columns(2)
    rows = left.number_input(
        "Texts to judge on",
        LEAST,
        most,
        min(USUAL, most),
        step=50,
        help="More texts make the verdict surer and the bake-off longer.",
        key=f"bake_rows_{project.id}",
    )
    with right:
        spending = _spending(store, project, base)
    _start(store, project, base, tried, int(rows), spending, primary=primary)


def _start(
    store: Store,
    project: Project,
    base: TeacherConfig,
    tried: Tries,
    rows: int,
    spending: Spending,
    *,
    primary: bool,
) -> None:
    ways = math.prod(len(values) for values in tried.values())
    with st.container(horizontal=True, vertical_alignment="center"):
        begin = st.button(
            "Start the bake-off",
            type="primary" if primary and ways > 1 else "secondary",
            icon=":material/trophy:",
            disabled=not 1 < ways <= MOST_WAYS,
            key=f"bake_go_{project.id}",
        )
        st.caption(_estimate(ways, rows), width="stretch")
    if begin:
        with told():
            for name, values in tried.items():
                for value in values:  # refused here rather than by the job
                    build(TeacherConfig, base.model_dump(), {name: value})
            arguments = commands.bake_off(project.name, base, tried, rows=rows, spending=spending)
            title = f"Bake-off of {project.name}"
            jobs.start(store, arguments, kind=KIND, title=title, project_id=project.id)
            st.rerun()


def _estimate(ways: int, rows: int) -> str:
    if ways < 2:
        return "Choose at least one thing to try."
    if ways > MOST_WAYS:
        return f"These make {ways} ways to ask, and at most {MOST_WAYS} are compared: try fewer."
    return (
        f"{ways} ways to ask \u00d7 {counted(rows, 'text')} = **{counted(ways * rows, 'question')}"
        "** to the teacher; what was answered before is not asked again."
    )


def _choices(store: Store, project: Project, config: TeacherConfig) -> Tries:
    """For each setting that is tried: the value in the form, then the others."""
    others: dict[str, list[str]] = {"examples": _example_kinds(store, project, config)}
    if config.teacher.startswith("api:"):
        kinds = {k: v for k, v in _CONFIDENCES.items() if k != config.confidence}
        others["confidence"] = _pills(project, "confidence", "Confidence from", kinds)
    else:
        rules = {k: v for k, v in _SCORES.items() if k != config.verbaliser_score}
        others["verbaliser_score"] = _pills(project, "score", "Score of a class", rules)
    with st.expander("Other wordings, another teacher", icon=":material/edit_note:"):
        others["instruction"] = _wordings(project)
        others["teacher"] = _teachers(project, config)
    return {
        name: [str(getattr(config, name)), *(v for v in values if v != getattr(config, name))]
        for name, values in others.items()
        if values
    }


def _pills(project: Project, what: str, label: str, options: dict[str, str]) -> list[str]:
    chosen = st.pills(
        f"{label}: also try",
        list(options),
        selection_mode="multi",
        format_func=lambda one: options[one],
        key=f"bake_{what}_{project.id}",
    )
    return [one for one in options if one in chosen]


def _example_kinds(store: Store, project: Project, config: TeacherConfig) -> list[str]:
    try:
        curation.check_examples(store, project, _with_examples(store, project, config))
    except UserError:
        wanted = config.example_count
        st.caption(
            "Examples in the question can be tried once the texts for training hold "
            f"{counted(wanted, 'label')} of people: label some on Curate."
        )
        return []
    kinds = {kind: name for kind, name in _EXAMPLES.items() if kind != config.examples}
    return _pills(project, "examples", "Examples in the question", kinds)


def _with_examples(store: Store, project: Project, config: TeacherConfig) -> TeacherConfig:
    """The same with examples from gold, where people's labels are too few and gold is enough."""
    for source in dict.fromkeys([config.example_source, "human", "gold"]):
        changed = build(TeacherConfig, config.model_dump(), example_source=source)
        if len(curation.labelled_pool(store, project, changed)[0]) >= config.example_count:
            return changed
    return config


def _wordings(project: Project) -> list[str]:
    """Instructions typed; a further field appears below one that is filled in."""
    typed: list[str] = []
    for place in range(WORDINGS):
        words = st.text_area(
            "Another instruction" if place == 0 else "And another",
            key=f"bake_instruction_{project.id}_{place}",
            placeholder="What the teacher is told before the classes and the text",
            height=80,
        )
        if not words.strip():
            break
        typed.append(words.strip())
    return list(dict.fromkeys(typed))


def _teachers(project: Project, config: TeacherConfig) -> list[str]:
    server = config.teacher.startswith("api:")
    typed = st.text_input(
        "Another teacher",
        placeholder="api:model" if server else "local:organisation/model or a folder",
        help="embedded, local: with a folder or hub id, or api: with a model of the same server.",
        key=f"bake_teacher_{project.id}",
    )
    return [typed.strip()] if typed.strip() else []


def _spending(store: Store, project: Project, config: TeacherConfig) -> Spending:
    """Limits of a server's bill; prices as they stand in the price table."""
    kind, _, model = config.teacher.partition(":")
    if kind != "api":
        return Spending()
    price = store.prices.of(model)
    prices = None if price is None else (price.price_in, price.price_out)
    budget: float | None = None
    calls: int | None = None
    if prices is None:
        calls = st.number_input(
            "Calls to make, at most",
            1,
            None,
            None,
            placeholder="no limit",
            help="With the model's prices typed into the form, a limit in money is asked instead.",
            key=f"bake_calls_{project.id}",
        )
    else:
        budget = st.number_input(
            "Money to spend, at most",
            min_value=0.0,
            value=None,
            format="%g",
            placeholder="no limit",
            key=f"bake_budget_{project.id}",
        )
    found = spending_of(prices, budget or None, calls)
    if isinstance(found, str):
        show_error(found)
        return Spending()
    return found
