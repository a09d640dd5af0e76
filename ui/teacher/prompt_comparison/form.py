"""What a comparison of prompts tries: widgets in, settings and their values out, the start."""

from __future__ import annotations

import math

import streamlit as st

from llkd import curation, jobs
from llkd.config import Spending, TeacherConfig, build
from llkd.errors import UserError
from llkd.jobs.requests import PromptComparisonRequest
from llkd.store import Project, Store
from llkd.teachers.confidence import confidence_label
from llkd.teachers.registry import choices, kind_of, price_name, teacher_settings
from ui.shell.errors import show_errors
from ui.shell.page import next_step
from ui.shell.session_keys import session_keys
from ui.shell.unbroken import press_once
from ui.shell.wording import counted
from ui.teacher.report.calibration import rows_in_words
from ui.teacher.setup.plan import spending_of
from ui.teacher.setup.scoring import ASKED_BY, VERBALISER_SCORES

KIND = "bake-off"
LEAST, USUAL, MOST_ROWS = 50, 200, 1000
MOST_WAYS = 24
WORDINGS = 3
Variants = dict[str, list[str]]
_EXAMPLES = {
    "none": "without examples",
    "balanced": "some of every class",
    "nearest": "those nearest to the text",
}


def form(store: Store, project: Project, config: TeacherConfig, *, primary: bool) -> None:
    """Choose what to try on how many texts, and start; where nothing can be judged, say so."""
    candidates = list(curation.development_rows(store, project))
    usable = [candidate for candidate in candidates if len(candidate.rows) >= LEAST]
    if not usable:
        most = max(len(candidate.rows) for candidate in candidates)
        st.markdown(
            f"Comparing prompts needs at least {LEAST} texts of the pool whose true class is "
            f"known, and there {'is' if most == 1 else 'are'} {most}: label some on Curate, or "
            "import texts with gold on Data. Held-out texts are kept to evaluate students."
        )
        next_step("Curate", "Label some on Curate", primary=False, key="bake_curate")
        return
    evaluation_rows = usable[0]
    judged = rows_in_words(
        len(evaluation_rows.rows), evaluation_rows.source, evaluation_rows.held_out
    )
    st.markdown(
        f"Every way of asking is tried on the same texts, out of {judged}, and measured under "
        "every calibration. The form above always takes part."
    )
    tried = _choices(store, project, config)
    base = _with_examples(store, project, config) if "examples" in tried else config
    most = min(MOST_ROWS, len(evaluation_rows.rows))
    left_column, right_column = st.columns(2)
    rows = left_column.number_input(
        "Texts to compare on",
        LEAST,
        most,
        min(USUAL, most),
        step=50,
        help="More texts narrow the intervals and take longer.",
        key=f"bake_rows_{project.id}",
    )
    with right_column:
        spending = _spending(store, project, base)
    _start(store, project, base, tried, int(rows), spending, primary=primary)


def _start(
    store: Store,
    project: Project,
    base: TeacherConfig,
    tried: Variants,
    rows: int,
    spending: Spending,
    *,
    primary: bool,
) -> None:
    ways = math.prod(len(values) for values in tried.values())
    with st.container(horizontal=True, vertical_alignment="center"):
        begin = press_once(
            "Compare prompts",
            type="primary" if primary and ways > 1 else "secondary",
            icon=":material/trophy:",
            disabled=not 1 < ways <= MOST_WAYS,
            key=f"bake_go_{project.id}",
        )
        st.caption(_estimate(ways, rows), width="stretch")
    if begin:
        with show_errors():
            for name, values in tried.items():
                for value in values:  # refused here rather than by the job
                    teacher_settings(base.model_dump(), {name: value})
            request = build(
                PromptComparisonRequest,
                project=project.name,
                teacher=base,
                variants=tried,
                rows=rows,
                spending=spending,
            )
            jobs.start(store, request, keys=session_keys())
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


def _choices(store: Store, project: Project, config: TeacherConfig) -> Variants:
    """For each setting that is tried: the value in the form, then the others."""
    others: dict[str, list[str]] = {"examples": _example_kinds(store, project, config)}
    kind = kind_of(config)
    if "confidence" in kind.settings:
        sources = {
            source: confidence_label(source).lower()
            for source in kind.confidences
            if source not in {"auto", "none", config.confidence}
        }
        others["confidence"] = _pills(project, "confidence", "Confidence from", sources)
    if "ask" in kind.settings:
        ways = {k: v for k, v in ASKED_BY.items() if k not in {"auto", config.ask}}
        others["ask"] = _pills(project, "ask", "Asked for", ways)
    if "verbaliser_score" in kind.settings:
        rules = {k: v for k, v in VERBALISER_SCORES.items() if k != config.verbaliser_score}
        others["verbaliser_score"] = _pills(project, "score", "Score of a class name", rules)
    with st.expander(
        "Other wordings, another teacher", icon=":material/edit_note:", key="wordings_box"
    ):
        others["instruction"] = _wordings(project)
        others["teacher"] = _teachers(project, config)
    return {
        name: [str(getattr(config, name)), *(v for v in values if v != getattr(config, name))]
        for name, values in others.items()
        if values
    }


def _pills(project: Project, what: str, label: str, options: dict[str, str]) -> list[str]:
    picked = st.pills(
        f"{label}: also try",
        list(options),
        selection_mode="multi",
        format_func=lambda option: options[option],
        key=f"bake_{what}_{project.id}",
    )
    return [option for option in options if option in picked]


def _example_kinds(store: Store, project: Project, config: TeacherConfig) -> list[str]:
    try:
        curation.check_examples(store, project, _with_examples(store, project, config))
    except UserError:
        example_count = config.example_count
        st.caption(
            "Examples in the prompt can be tried once the texts for training hold "
            f"{counted(example_count, 'label')} of people: label some on Curate."
        )
        return []
    kinds = {kind: name for kind, name in _EXAMPLES.items() if kind != config.examples}
    return _pills(project, "examples", "Examples in the prompt", kinds)


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
    typed = st.text_input(
        "Another teacher",
        placeholder=kind_of(config).usage,
        help=f"{choices()}; of a server, a model of the same one.",
        key=f"bake_teacher_{project.id}",
    )
    return [typed.strip()] if typed.strip() else []


def _spending(store: Store, project: Project, config: TeacherConfig) -> Spending:
    """Limits of a server's cost; prices as they stand in the price table."""
    if not kind_of(config).metered:
        return Spending()
    price = store.prices.of(price_name(config))
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
            help="With the model's prices in the form, the limit is the cost instead.",
            key=f"bake_calls_{project.id}",
        )
    else:
        budget = st.number_input(
            "Cost, at most",
            min_value=0.0,
            value=None,
            format="%g",
            placeholder="no limit",
            key=f"bake_budget_{project.id}",
        )
    return spending_of(prices, budget or None, calls)
