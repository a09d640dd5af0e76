"""What a pass has cost: while it runs, against its budget, and at the end as a bill."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from llkd.config import Spending, build
from llkd.store import Job, Labelling, Project, Store
from llkd.store.spending import Bill, read_bill
from ui import reads
from ui.errors import told
from ui.teacher.plan import Plan, plan_of, start_labelling, wanted_rows
from ui.wording import count, counted, money, share

LOST = (
    "Calls that ended without an answer (time-out, broken line) may have been paid for: they "
    "count in full."
)
REFUSED = (
    "Turned away by the server (too many at a time, or an error of its own): they cost nothing."
)
CUT = "Texts too long for the teacher: their middle was left out."
UNUSABLE = "Answers that fit no class. They have no label; what was said is kept for review."


def running(store: Store, job: Job) -> None:
    """Calls, tokens and money of the running pass so far, and how much of the budget that is."""
    number = job.context.get("labelling_id")
    if number is None:
        return
    bill = bill_of(store, store.labellings.get(int(number)))
    if bill is None:
        return
    spending = plan_of(job.arguments).spending
    with st.container(border=True, key="bill_running"):
        used = used_share(bill, spending)
        if used is not None:
            said = f"{budget_words(bill, spending)} \u00b7 {share(used)} of the budget"
            st.progress(min(1.0, used), text=said)
        with st.grid(5, min_column_width=110):
            _calls(bill, spending)


def bill_of(store: Store, labelling: Labelling) -> Bill | None:
    """The account of a pass as it stands now; None where its calls are not counted (no server)."""
    return read_bill(store.labellings.account(labelling))


def used_share(bill: Bill, spending: Spending) -> float | None:
    """The part of the budget that is used, from 0; of two limits the one nearer to its end."""
    parts = []
    if spending.budget is not None:
        parts.append((bill.money or 0.0) / spending.budget)
    if spending.calls is not None:
        parts.append((bill.calls + bill.lost) / spending.calls)
    return max(parts, default=None)


def budget_words(bill: Bill, spending: Spending) -> str:
    """How much of which limit is used, in words."""
    parts = []
    if spending.budget is not None:
        parts.append(f"{money(bill.money or 0.0)} of {money(spending.budget)} spent")
    if spending.calls is not None:
        parts.append(f"{count(bill.calls + bill.lost)} of {counted(spending.calls, 'call')} made")
    return " \u00b7 ".join(parts)


def show_bill(store: Store, project: Project, labelling: Labelling) -> None:
    """What the pass cost in all, in one row; nothing for a pass that has asked nobody."""
    del project  # its labelling knows all
    scores = reads.teacher_labels(store, labelling)
    bill = bill_of(store, labelling)
    tokens = labelling.tokens_in + labelling.tokens_out
    if bill is None and not labelling.cached and not tokens:
        return
    unusable = int((scores.label < 0).sum())
    with st.container(border=True, key="bill"):
        st.markdown("## The bill", help="Of this teacher pass, all attempts together.")
        with st.grid(9 if bill is not None else 5, min_column_width=94):
            st.metric("Asked about", count(max(0, len(scores.row) - labelling.cached)))
            st.metric(
                "Known",
                count(labelling.cached),
                help="Taken from the kept answers: cost nothing.",
            )
            if bill is not None:
                _calls(bill, None)
            else:
                st.metric("Tokens read", count(labelling.tokens_in))
            st.metric("Cut", count(labelling.cut), help=CUT)
            st.metric("Unusable", count(unusable), help=UNUSABLE)


def _calls(bill: Bill, spending: Spending | None) -> None:
    st.metric("Calls", count(bill.calls + bill.lost))
    failed = f"{count(bill.refused)} / {count(bill.lost)}"
    st.metric("Refused / lost", failed, help=f"{REFUSED} {LOST}")
    st.metric("Tokens read", count(bill.tokens_in))
    st.metric("Tokens written", count(bill.tokens_out))
    # Without prices the account adds up nothing; a free server's bill needs no line either.
    if bill.money or (spending is not None and spending.price_in is not None):
        unsure = f"Of it {money(bill.unsure_money)} for lost calls." if bill.unsure_money else None
        st.metric("Money", money(bill.money or 0.0), help=unsure)


def job_of(store: Store, project: Project, labelling: Labelling) -> Job | None:
    """The newest labelling job of this pass."""
    made = (job for job in store.jobs.all(project.id) if job.kind == "label")
    return next((job for job in made if job.context.get("labelling_id") == labelling.id), None)


def stopped_for_budget(job: Job | None) -> bool:
    """Whether the job ended because its budget was spent."""
    return job is not None and (job.result or {}).get("stopped") == "budget"


def raise_budget(store: Store, project: Project, labelling: Labelling, job: Job) -> None:
    """Say that the budget is spent and offer a larger one, filled in so that the rest fits."""
    done = reads.labelled_rows(store, labelling)
    plan = plan_of(job.arguments)
    left = max(1, wanted_rows(store, project, plan) - done)
    bill = bill_of(store, labelling)
    if bill is None:
        return
    with st.container(border=True, key="raise"):
        st.markdown(
            f":material/payments: **The budget is spent.** Labelling stopped cleanly with "
            f"{counted(left, 'text')} left: {budget_words(bill, plan.spending)}. "
            "All labels so far are kept."
        )
        wanted = enough_for(bill, plan.spending, done=done - labelling.cached, left=left)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            values: dict[str, Any] = {}
            if wanted.budget is not None:
                values["budget"] = st.number_input(
                    "Money to spend in all, at most",
                    min_value=0.0,
                    value=wanted.budget,
                    format="%g",
                    key=f"raise_budget_{job.id}",
                    width=230,
                )
            if wanted.calls is not None:
                values["calls"] = st.number_input(
                    "Calls to make in all, at most",
                    1,
                    None,
                    wanted.calls,
                    key=f"raise_calls_{job.id}",
                    width=230,
                )
            go = st.button(
                "Raise the budget and go on", type="primary", icon=":material/play_arrow:"
            )
        st.caption("Filled in so that, at what a text cost so far, the rest is covered.")
        if go:
            with told():
                spending = build(Spending, plan.spending.model_dump(), **_given(values))
                start_labelling(
                    store,
                    project,
                    labelling.config,
                    replace(plan, spending=spending),
                    calibration=labelling.calibration,
                )


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value or None for name, value in values.items()}


def enough_for(bill: Bill, spending: Spending, *, done: int, left: int) -> Spending:
    """Limits in all that cover ``left`` more texts, a tenth to spare, where ``done`` were paid."""
    more = 1.1 * left / max(1, done)
    values: dict[str, Any] = {}
    if spending.budget is not None:
        spent = bill.money or 0.0
        values["budget"] = _rounded_up(max(spending.budget, spent) + spent * more)
    if spending.calls is not None:
        made = bill.calls + bill.lost
        values["calls"] = max(spending.calls, made) + max(1, math.ceil(made * more))
    return build(Spending, spending.model_dump(), **values)


def _rounded_up(value: float) -> float:
    """The next number of two digits that is not below: a budget is no exact science."""
    if value <= 0:
        return 0.01
    step = 10.0 ** (math.floor(math.log10(value)) - 1)
    return float(np.format_float_positional(math.ceil(round(value / step, 6)) * step, 12, trim="-"))


def bound_words(labelling: Labelling, spending: Spending) -> str:
    """What bounds the cost of going on, in a sentence."""
    if not labelling.config.teacher.startswith("api:"):
        return "It costs nothing but time."
    limits = []
    if spending.budget is not None:
        limits.append(f"{money(spending.budget)} of money")
    if spending.calls is not None:
        limits.append(counted(spending.calls, "call"))
    if limits:
        return f"The budget stays: {' and '.join(limits)} in all."
    return "**There is no budget:** every text is sent to the server, and paid for if it costs."


def rest_plan(job: Job | None) -> Plan:
    """The plan to go on with where a pass stopped short: as before, and now to the end."""
    return Plan() if job is None else replace(plan_of(job.arguments), limit=None)
