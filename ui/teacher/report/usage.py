"""What a pass has cost: while it runs, against its budget, and at the end."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from llkd.config import Spending, build
from llkd.store import Job, LabelingRun, Project, Store
from llkd.store.cost_ledger import Usage, read_usage
from llkd.store.files.batch_journal import stop_batches, waiting_requests
from llkd.teachers.registry import kind_of
from ui.shell import reads
from ui.shell.errors import show_errors
from ui.shell.unbroken import press_once
from ui.shell.wording import count, counted, money, share
from ui.teacher.setup.plan import Plan, plan_of, start_labelling, wanted_rows

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
    usage = usage_of(store, store.labeling_runs.get(int(number)))
    if usage is None:
        return
    spending = plan_of(store, job).spending
    with st.container(border=True, key="usage_running"):
        used = used_share(usage, spending)
        if used is not None:
            words = f"{budget_words(usage, spending)} \u00b7 {share(used)} of the budget"
            st.progress(min(1.0, used), text=words)
        with st.grid(5, min_column_width=110):
            _calls(usage, spending)
        _batches(store, int(number))


def _batches(store: Store, number: int) -> None:
    """What waits in batches at the server, and a way to cancel them there."""
    account = store.labeling_runs.account(store.labeling_runs.get(number))
    waiting = waiting_requests(account)
    if not waiting:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            f":material/pending_actions: {counted(waiting, 'request')} in a batch at the server. "
            "Stop ends only the job here: the batch goes on, and resume collects it.",
            width="stretch",
        )
        if st.button(
            "Cancel at the server",
            icon=":material/cancel_schedule_send:",
            help="What it has answered is collected; the rest is not paid for.",
            key=f"cancel_batches_{number}",
        ):
            with show_errors():
                stop_batches(account)
            st.rerun()


def usage_of(store: Store, labeling_run: LabelingRun) -> Usage | None:
    """The account of a pass as it stands now; None where its calls are not counted (no server)."""
    return read_usage(store.labeling_runs.account(labeling_run))


def used_share(usage: Usage, spending: Spending) -> float | None:
    """The part of the budget that is used, from 0; of two limits the one nearer to its end."""
    parts = []
    if spending.budget is not None:
        parts.append((usage.money or 0.0) / spending.budget)
    if spending.calls is not None:
        parts.append((usage.calls + usage.lost) / spending.calls)
    return max(parts, default=None)


def budget_words(usage: Usage, spending: Spending) -> str:
    """How much of which limit is used, in words."""
    parts = []
    if spending.budget is not None:
        parts.append(f"{money(usage.money or 0.0)} of {money(spending.budget)} spent")
    if spending.calls is not None:
        parts.append(f"{count(usage.calls + usage.lost)} of {counted(spending.calls, 'call')} made")
    return " \u00b7 ".join(parts)


def show_usage(store: Store, project: Project, labeling_run: LabelingRun) -> None:
    """What the pass cost in all, in one row; nothing for a pass that has asked nobody."""
    del project  # its labelling knows all
    scores = reads.teacher_labels(store, labeling_run)
    usage = usage_of(store, labeling_run)
    tokens = labeling_run.tokens_in + labeling_run.tokens_out
    if usage is None and not labeling_run.cached and not tokens:
        return
    unusable = int(((scores.label < 0) & ~scores.of_split).sum())
    with st.container(border=True, key="usage"):
        st.markdown("## Usage", help="Of this labelling run, all attempts together.")
        with st.grid(9 if usage is not None else 5, min_column_width=94):
            st.metric("Asked about", count(max(0, len(scores.row) - labeling_run.cached)))
            st.metric(
                "From cache",
                count(labeling_run.cached),
                help="Answers that were asked for before: they cost nothing.",
            )
            if usage is not None:
                _calls(usage, None)
            else:
                st.metric("Tokens read", count(labeling_run.tokens_in))
            st.metric("Truncated", count(labeling_run.cut), help=CUT)
            st.metric("Unparseable", count(unusable), help=UNUSABLE)


def _calls(usage: Usage, spending: Spending | None) -> None:
    st.metric("Calls", count(usage.calls + usage.lost))
    failed = f"{count(usage.refused)} / {count(usage.lost)}"
    st.metric("Refused / lost", failed, help=f"{REFUSED} {LOST}")
    st.metric("Tokens read", count(usage.tokens_in))
    st.metric("Tokens written", count(usage.tokens_out))
    # Without prices the account adds up nothing; nor does a free server need a line.
    if usage.money or (spending is not None and spending.price_in is not None):
        unsure = (
            f"Of it {money(usage.unsure_money)} for lost calls." if usage.unsure_money else None
        )
        st.metric("Cost", money(usage.money or 0.0), help=unsure)


def job_of(store: Store, project: Project, labeling_run: LabelingRun) -> Job | None:
    """The newest labelling job of this pass."""
    labelling_jobs = (job for job in store.jobs.all(project.id) if job.kind == "label")
    return next(
        (job for job in labelling_jobs if job.context.get("labelling_id") == labeling_run.id), None
    )


def stopped_for_budget(job: Job | None) -> bool:
    """Whether the job ended because its budget was spent."""
    return job is not None and (job.result or {}).get("stopped") == "budget"


def raise_budget(store: Store, project: Project, labeling_run: LabelingRun, job: Job) -> None:
    """Say that the budget is spent and offer a larger one, filled in so that the rest fits."""
    labelled = reads.labelled_rows(store, labeling_run)
    plan = plan_of(store, job)
    remaining = max(1, wanted_rows(store, project, plan) - labelled)
    usage = usage_of(store, labeling_run)
    if usage is None:
        return
    with st.container(border=True, key="raise"):
        st.markdown(
            f":material/payments: **The budget is spent.** Labelling stopped cleanly with "
            f"{counted(remaining, 'text')} left: {budget_words(usage, plan.spending)}. "
            "All labels so far are kept."
        )
        enough = enough_for(
            usage, plan.spending, paid_texts=labelled - labeling_run.cached, remaining=remaining
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            values: dict[str, Any] = {}
            if enough.budget is not None:
                values["budget"] = st.number_input(
                    "Cost in all, at most",
                    min_value=0.0,
                    value=enough.budget,
                    format="%g",
                    key=f"raise_budget_{job.id}",
                    width=230,
                )
            if enough.calls is not None:
                values["calls"] = st.number_input(
                    "Calls to make in all, at most",
                    1,
                    None,
                    enough.calls,
                    key=f"raise_calls_{job.id}",
                    width=230,
                )
            go = press_once(
                "Raise the budget and go on",
                type="primary",
                icon=":material/play_arrow:",
                key=f"raise_go_{job.id}",
            )
        st.caption("Filled in so that, at what a text cost so far, the rest is covered.")
        if go:
            with show_errors():
                spending = build(Spending, plan.spending.model_dump(), **_limits(values))
                start_labelling(
                    store,
                    project,
                    labeling_run.config,
                    replace(plan, spending=spending),
                    calibration=labeling_run.calibration,
                )


def _limits(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value or None for name, value in values.items()}


def enough_for(usage: Usage, spending: Spending, *, paid_texts: int, remaining: int) -> Spending:
    """Limits in all that cover ``left`` more texts, a tenth to spare, where ``done`` were paid."""
    more = 1.1 * remaining / max(1, paid_texts)
    values: dict[str, Any] = {}
    if spending.budget is not None:
        spent = usage.money or 0.0
        values["budget"] = _rounded_up(max(spending.budget, spent) + spent * more)
    if spending.calls is not None:
        calls = usage.calls + usage.lost
        values["calls"] = max(spending.calls, calls) + max(1, math.ceil(calls * more))
    return build(Spending, spending.model_dump(), **values)


def _rounded_up(value: float) -> float:
    """The next number of two digits that is not below: a budget is no exact science."""
    if value <= 0:
        return 0.01
    step = 10.0 ** (math.floor(math.log10(value)) - 1)
    return float(np.format_float_positional(math.ceil(round(value / step, 6)) * step, 12, trim="-"))


def bound_words(labeling_run: LabelingRun, spending: Spending) -> str:
    """What bounds the cost of going on, in a sentence."""
    if not kind_of(labeling_run.config).metered:
        return "It costs nothing but time."
    limits = []
    if spending.budget is not None:
        limits.append(f"a cost of {money(spending.budget)}")
    if spending.calls is not None:
        limits.append(counted(spending.calls, "call"))
    if limits:
        return f"The budget stays: {' and '.join(limits)} in all."
    return "**There is no budget:** every text is sent to the server, at its price."


def rest_plan(store: Store, job: Job | None) -> Plan:
    """The plan to go on with where a pass stopped short: as before, and now to the end."""
    return replace(plan_of(store, job), limit=None)
