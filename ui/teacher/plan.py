"""How far labelling goes: how many texts, in which order, at what price and up to what budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from llkd import commands, jobs
from llkd.config import OrderConfig, Spending, TeacherConfig, build
from llkd.store import Labelling, Project, Store
from ui import reads
from ui.teacher.prices import price_fields, price_table
from ui.wording import counted

RANDOM, NEED = "random", "need"
_ORDERS = {RANDOM: "At random", NEED: "Those the student needs first"}
_ORDER_SAYS = {
    RANDOM: "Random order: stopped early, the labels are a fair sample of all texts.",
    NEED: (
        "In rounds: after each one a quick student learns from the labels so far, and the texts "
        "it is least sure of are asked about next, with a share at random. Worth it where the "
        "budget covers only a part of the texts."
    ),
}


@dataclass(frozen=True)
class Plan:
    """What a pass may cost, in which order it asks, and how many texts it labels (None: all)."""

    spending: Spending = Spending()
    order: OrderConfig = OrderConfig()
    limit: int | None = None

    def options(self) -> dict[str, Any]:
        """Arguments of ``commands.label``: only those that are not as usual."""
        found = {"spending": self.spending, "order": self.order, "limit": self.limit}
        usual = {"spending": Spending(), "order": OrderConfig(), "limit": None}
        return {name: value for name, value in found.items() if value != usual[name]}


def plan_fields(store: Store, project: Project, config: TeacherConfig | str) -> Plan | str:
    """The widgets of limit, order, prices and budget; a sentence where they do not fit together."""
    server = isinstance(config, TeacherConfig) and config.teacher.startswith("api:")
    if isinstance(config, TeacherConfig) and config.teacher.startswith("file:"):
        return Plan()
    title = "How many, in which order, and the budget" if server else "How many, in which order"
    with st.expander(title, icon=":material/payments:" if server else ":material/sort:"):
        limit, order = _extent(project)
        if not server or isinstance(config, str):
            return Plan(order=order, limit=limit)
        model = config.teacher.partition(":")[2]
        spending = _spending(store, project, model)
        if st.toggle("Show the price table", key=f"plan_table_{project.id}"):
            price_table(store, f"plan_{project.id}")
    return spending if isinstance(spending, str) else Plan(spending, order, limit)


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
        format_func=lambda one: _ORDERS[one],
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


def _spending(store: Store, project: Project, model: str) -> Spending | str:
    prices = price_fields(store, model, f"plan_{project.id}")
    left, right = st.columns(2)
    budget = left.number_input(
        "Money to spend, at most",
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
        return (
            "A budget in money needs the prices of a million tokens read and written: type both, "
            "or clear the budget."
        )
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
    options = (plan or Plan()).options()
    jobs.start(
        store,
        commands.label(project.name, config, **options, **more),
        kind="label",
        title=f"Label {project.name}",
        project_id=project.id,
    )
    st.rerun()


def plan_of(arguments: Sequence[str]) -> Plan:
    """The plan of a job, read back from the command that it is."""
    flags = arguments[: list(arguments).index("--")] if "--" in arguments else arguments
    given = dict(part[2:].split("=", 1) for part in flags if part[:2] == "--" and "=" in part)

    def some(kind: Any) -> dict[str, Any]:
        named = {name: given.get(name.replace("_", "-")) for name in kind.model_fields}
        return {name: value for name, value in named.items() if value is not None}

    limit = given.get("limit")
    return Plan(
        build(Spending, some(Spending)),
        build(OrderConfig, some(OrderConfig)),
        None if limit is None else int(limit),
    )


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
    """How many texts a pass with these very settings and classes has asked about by now.

    With examples in the prompt it is another pass once their labels change: then 0.
    """
    if config.examples != "none":
        return 0
    for one in store.labellings.all(project.id):
        if one.config == config and _asked_alike(one, project):
            return reads.labelled_rows(store, one)
    return 0


def _asked_alike(labelling: Labelling, project: Project) -> bool:
    """Whether a pass was asked about the classes in the words that they have now."""
    now = project.label_set
    return now is not None and labelling.label_set.asked() == now.asked()


def extent_words(rows: int, wanted: int, done: int) -> str:
    """What the start button will do, in a few words."""
    left = max(0, wanted - done)
    if not left:
        return (
            f"{counted(done, 'text')} of {rows:,} are labelled like this already: there is nothing "
            "left to ask."
        )
    if done:
        return f"{counted(left, 'text')} more of {rows:,}; {done:,} are labelled like this already."
    if wanted < rows:
        return f"{counted(wanted, 'text')} of {rows:,}, each asked about once."
    return f"{counted(rows, 'text')}, each asked about once."
