"""How far labelling goes: how many texts, in which order, at what price and up to what budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from llkd import jobs
from llkd.config import OrderConfig, Spending, TeacherConfig, build
from llkd.jobs.requests import LabelRequest
from llkd.store import Job, LabelingRun, Project, Store
from llkd.teachers.registry import kind_of, price_name, priced
from ui.shell import reads
from ui.shell.session_keys import session_keys
from ui.shell.wording import counted
from ui.teacher.setup.prices import price_fields, price_table

RANDOM, NEED = "random", "need"
_ORDERS = {RANDOM: "At random", NEED: "Student uncertainty first"}
_ORDER_SAYS = {
    RANDOM: "Random order: stopped early, the labels are a fair sample of all texts.",
    NEED: (
        "Active learning in rounds: a quick student learns from the labels so far, and the texts "
        "it is least sure of come next, with a share at random. Worth it where the budget covers "
        "only a part of the texts."
    ),
}


@dataclass(frozen=True)
class Plan:
    """What a pass may cost, in which order it asks, and how many texts it labels (None: all).

    ``batch``: the server is asked in batches.
    """

    spending: Spending = Spending()
    order: OrderConfig = OrderConfig()
    limit: int | None = None
    batch: bool = False


def plan_fields(store: Store, project: Project, config: TeacherConfig | str) -> Plan | str:
    """The widgets of limit, order, prices and budget; a sentence where they do not fit together."""
    kind = kind_of(config) if isinstance(config, TeacherConfig) else None
    if kind is not None and kind.lookup:
        return Plan()
    paid = priced(config) if isinstance(config, TeacherConfig) else None
    server = paid is not None
    title = "Extent, order and budget" if server else "Extent and order"
    with st.expander(
        title, icon=":material/payments:" if server else ":material/sort:", key="plan_box"
    ):
        limit, order = _extent(project)
        if paid is None:
            return Plan(order=order, limit=limit)
        spending = _spending(store, project, paid)
        batch: bool | str = False
        if kind is not None and kind.in_batches:
            batch = _batch(project, order)
        if isinstance(batch, str):
            spending = batch
        if st.toggle("Show the price table", key=f"plan_table_{project.id}"):
            price_table(store, f"plan_{project.id}")
    if isinstance(spending, str):
        return spending
    return Plan(spending, order, limit, bool(batch))


def _batch(project: Project, order: OrderConfig) -> bool | str:
    """Whether to ask in batches; a sentence where that does not go with the order."""
    batch = st.toggle(
        "Ask in batches: half the price, answers within 24 hours",
        help="For servers with OpenAI's batch endpoints. The requests are sent all at once; the "
        "job waits, and may be stopped and resumed meanwhile: nothing is paid for twice. A few "
        "texts are asked at once, at the full price, to see that all works.",
        key=f"plan_batch_{project.id}",
        persist_state="session",
    )
    if batch and order.order == NEED:
        return (
            "Student uncertainty first asks in rounds, and a batch may take a day: choose random "
            "order, or switch batches off."
        )
    return batch


def _extent(project: Project) -> tuple[int | None, OrderConfig]:
    left, right = st.columns(2)
    limit = left.number_input(
        "How many texts",
        1,
        project.rows,
        None,
        placeholder=f"all {project.rows:,}",
        help="Those that are labelled already count. Only texts not yet labelled are asked about.",
        key=f"plan_limit_{project.id}",
        persist_state="session",
    )
    kind = right.selectbox(
        "Order",
        list(_ORDERS),
        format_func=lambda option: _ORDERS[option],
        key=f"plan_order_{project.id}",
        persist_state="session",
    )
    st.caption(_ORDER_SAYS[kind])
    usual = OrderConfig()
    if kind != NEED:
        return limit, usual
    left, right = st.columns(2)
    rounds = left.number_input(
        "Rounds",
        2,
        100,
        usual.rounds,
        key=f"plan_rounds_{project.id}",
        persist_state="session",
    )
    explore = right.slider(
        "Share drawn at random, in per cent",
        0,
        100,
        round(100 * usual.explore),
        step=5,
        help="Keeps the student from asking only about what it happens to find odd.",
        key=f"plan_explore_{project.id}",
        persist_state="session",
    )
    return limit, build(OrderConfig, order=NEED, rounds=rounds, explore=explore / 100)


def _spending(store: Store, project: Project, config: TeacherConfig) -> Spending | str:
    reads_only = kind_of(config).reads_only
    prices = price_fields(store, price_name(config), f"plan_{project.id}", reads_only=reads_only)
    left, right = st.columns(2)
    budget = left.number_input(
        "Cost, at most",
        min_value=0.0,
        value=None,
        format="%g",
        placeholder="no limit",
        help="Labelling stops cleanly before it would be exceeded. All attempts count together.",
        key=f"plan_budget_{project.id}",
        persist_state="session",
    )
    calls = right.number_input(
        "Calls to make, at most",
        1,
        None,
        None,
        placeholder="no limit",
        help="Requests to the server, further tries included. It stops cleanly at the last one.",
        key=f"plan_calls_{project.id}",
        persist_state="session",
    )
    if budget and prices is None:
        needed = (
            "the price of a million tokens read: type it"
            if reads_only
            else "the prices of a million tokens read and written: type both"
        )
        return f"A limit of the cost needs {needed}, or clear the limit."
    return spending_of(prices, budget or None, calls)


def spending_of(
    prices: tuple[float, float] | None, budget: float | None = None, calls: int | None = None
) -> Spending:
    """Prices (read, written) and limits as settings. Raises ConfigError where they do not fit."""
    values: dict[str, Any] = {"budget": budget, "calls": calls}
    if prices is not None:
        values |= {"price_in": prices[0], "price_out": prices[1]}
    return build(Spending, values)


def start_labelling(
    store: Store, project: Project, config: TeacherConfig, plan: Plan | None = None, **more: Any
) -> None:
    """Start the job that labels what is not labelled yet."""
    plan = plan or Plan()
    request = build(
        LabelRequest,
        project=project.name,
        teacher=config,
        spending=plan.spending,
        order=plan.order,
        limit=plan.limit,
        batch=plan.batch,
        **more,
    )
    jobs.start(store, request, keys=session_keys())
    st.rerun()


def plan_of(store: Store, job: Job | None) -> Plan:
    """The plan of a labelling job; a plan without limits where there is none."""
    request = None if job is None else jobs.known_request(store, job)
    if not isinstance(request, LabelRequest):
        return Plan()
    return Plan(request.spending, request.order, request.limit, request.batch)


def wanted_rows(store: Store, project: Project, plan: Plan) -> int:
    """How many texts a pass holds once this plan is carried out.

    A limited pass in the order of need asks about texts of the pool alone.
    """
    if plan.limit is None:
        return project.rows
    most = project.rows
    if plan.order.order == NEED:
        most = int((reads.texts(store, project, ["split"])["split"] != "eval").sum())
    return min(plan.limit, most)


def asked_before(store: Store, project: Project, config: TeacherConfig) -> int:
    """How many texts a pass with these settings and classes has asked about.

    With examples in the prompt it is another pass once their labels change: then 0.
    """
    if config.examples != "none":
        return 0
    for labeling_run in store.labeling_runs.all(project.id):
        if labeling_run.config == config and _asked_alike(labeling_run, project):
            return reads.labelled_rows(store, labeling_run)
    return 0


def _asked_alike(labeling_run: LabelingRun, project: Project) -> bool:
    """Whether a pass was asked about the classes in the words that they have now."""
    now = project.label_set
    return now is not None and labeling_run.label_set.prompt_document() == now.prompt_document()


def extent_words(rows: int, target: int, labelled: int) -> str:
    """What the start button will do, in a few words."""
    remaining = max(0, target - labelled)
    if not remaining:
        return (
            f"{counted(labelled, 'text')} of {rows:,} are labelled like this already: there is "
            "nothing left to ask."
        )
    if labelled:
        more = counted(remaining, "text")
        return f"{more} more of {rows:,}; {labelled:,} are labelled like this already."
    if target < rows:
        return f"{counted(target, 'text')} of {rows:,}, each asked about once."
    return f"{counted(rows, 'text')}, each asked about once."
