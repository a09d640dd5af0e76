"""Five texts asked about and not labelled: by one teacher or two, and what all would take.

Texts, prompts and answers are hostile: they stand only in tables and code blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
import streamlit as st

from llkd import curation, jobs
from llkd.config import TeacherConfig, build
from llkd.jobs.requests import DryRunRequest
from llkd.store import Job, Project, Store
from llkd.teachers.registry import kind_of, price_name
from ui.shell import job_cards, reads
from ui.shell.columns import confidence_column
from ui.shell.session_keys import session_keys
from ui.shell.wording import TERMS, count, counted, rate, shortened
from ui.teacher.report.notices import show_sentences
from ui.teacher.setup.plan import Plan, asked_before, spending_of, wanted_rows
from ui.teacher.setup.question import code
from ui.teacher.trial.estimate import estimate_of, show_estimate, texts_to_ask

KIND = "dry-run"


@dataclass(frozen=True)
class Side:
    """One of the one or two ways to ask: ``name`` is A or B, empty where there is only one."""

    name: str
    config: TeacherConfig

    def request(self, project: Project, rows: Sequence[int]) -> DryRunRequest:
        """Its dry run."""
        return build(DryRunRequest, project=project.name, teacher=self.config, rows=rows)


def start_trials(
    store: Store, project: Project, sides: Sequence[Side], rows: Sequence[int]
) -> None:
    """Start the dry runs of all sides on the same texts; two that ask alike need only one."""
    requests: list[DryRunRequest] = []
    for side in sides:
        if side.config.examples != "none":
            # Said here, before a job is started that can only fail.
            curation.check_examples(store, project, side.config)
        request = side.request(project, rows)
        if request not in requests:
            requests.append(request)
    for request in requests:
        jobs.start(store, request, keys=session_keys())
    st.rerun()


def show_trials(
    store: Store, project: Project, sides: Sequence[Side], rows: Sequence[int], plan: Plan
) -> None:
    """What the newest dry runs with these very settings said, or how far they are."""
    newest = [_newest(store, project, side.request(project, rows)) for side in sides]
    if any(job is None for job in newest):
        return
    jobs_of_sides = [job for job in newest if job is not None]
    waiting = {job.id: job for job in jobs_of_sides if job.result is None}
    for job in waiting.values():
        job_cards.watch(store, job, key="dry")
    if not waiting:
        with st.container(border=True, key="tried"):
            results = [
                (side, job.result or {}) for side, job in zip(sides, jobs_of_sides, strict=True)
            ]
            st.markdown(
                "## Dry run",
                help="No text gets a label yet; the answers are kept and not paid for twice.",
            )
            _answers(store, project, results)
            for place, (side, result) in zip(st.columns(len(sides)), results, strict=True):
                first_teacher = sides[0].config.teacher
                own = (
                    plan
                    if side.config.teacher == first_teacher
                    else _at_its_prices(store, side, plan)
                )
                with place:
                    _summary(store, side, result, project, own)


def _at_its_prices(store: Store, side: Side, plan: Plan) -> Plan:
    """The plan for another teacher: its own prices where they are known, and no budget."""
    metered = kind_of(side.config).metered
    price = store.prices.of(price_name(side.config)) if metered else None
    own = None if price is None else (price.price_in, price.price_out)
    return replace(plan, spending=spending_of(own))


def _newest(store: Store, project: Project, request: DryRunRequest) -> Job | None:
    for job in store.jobs.all(project.id):
        if job.kind == KIND and jobs.known_request(store, job) == request:
            return jobs.refreshed(store, job.id)
    return None


def _summary(
    store: Store, side: Side, result: dict[str, Any], project: Project, plan: Plan
) -> None:
    document = result.get("estimate")
    if side.name:
        st.markdown(f"### {side.name}")
    show_sentences(result.get("notices"))
    per_text = result.get("seconds_per_text") or 0.0
    facts = [f"About {count(result.get('tokens_per_text') or 0)} tokens a text"]
    if kind_of(side.config).uses_device:
        facts[0] += " (what all prompts share is read once and not counted)"
    if per_text:
        facts.append(f"about {rate(1 / per_text)}")
    cached = sum(bool(e.get("cached")) for e in result.get("examples", []))
    if cached:
        facts.append(f"{counted(cached, 'answer')} from cache")
    if document:
        # Some may have been labelled since the dry run.
        labelled = asked_before(store, project, side.config)
        remaining = max(0, wanted_rows(store, project, plan) - labelled)
        texts = min(remaining, texts_to_ask(document, project.rows, plan.limit))
        if texts:
            estimate = estimate_of(document, texts, plan.spending, batch=plan.batch)
            show_estimate(estimate, plan.spending)
        else:
            st.markdown("Every text is labelled already: nothing would be asked.")
    st.caption(", ".join(facts) + ".")


def answers_frame(
    results: Sequence[tuple[str, dict[str, Any]]], gold: dict[int, str]
) -> pd.DataFrame:
    """One line a text: each side's answer, confidence and tokens, and gold where it is known."""
    by_row = [{e["row"]: e for e in result.get("examples", [])} for _, result in results]
    rows = list(by_row[0])
    table: dict[str, list[Any]] = {
        "text": [shortened(by_row[0][row]["text"], 300) for row in rows],
    }
    for (name, _), examples in zip(results, by_row, strict=True):
        end = f" {name}" if name else ""
        here = [examples.get(row, {}) for row in rows]
        marks = [
            _mark(example.get("label"), gold.get(row))
            for row, example in zip(rows, here, strict=True)
        ]
        table[f"answer{end}"] = [
            (example.get("label") or "\u2013") + mark
            for example, mark in zip(here, marks, strict=True)
        ]
        table[f"confidence{end}"] = [example.get("confidence") for example in here]
        table[f"tokens{end}"] = [
            (example.get("tokens_in") or 0) + (example.get("tokens_out") or 0) for example in here
        ]
    if any(row in gold for row in rows):
        table["gold"] = [gold.get(row, "\u2013") for row in rows]
    return pd.DataFrame(table)


def _mark(label: str | None, gold: str | None) -> str:
    if gold is None:
        return ""
    return " \u2713" if label == gold else " \u2717"


def right_words(results: Sequence[tuple[str, dict[str, Any]]], gold: dict[int, str]) -> str:
    """How many answers agree with gold, in a sentence; empty where there is none."""
    if not gold:
        return ""
    parts = []
    for name, result in results:
        right = sum(e["label"] == gold.get(e["row"]) for e in result.get("examples", []))
        parts.append(f"{name + ': ' if name else ''}{right} of {len(gold)} right")
    return f"{', '.join(parts)} (\u2713) by gold; so few texts show only what goes badly wrong. "


def _answers(
    store: Store, project: Project, results: Sequence[tuple[Side, dict[str, Any]]]
) -> None:
    examples = results[0][1].get("examples", [])
    rows = [e["row"] for e in examples]
    column = reads.texts(store, project, ["gold", "split"])["gold"].iloc[rows]
    gold_names = reads.gold_names(project, column)
    gold = {row: str(name) for row, name in zip(rows, gold_names, strict=True) if pd.notna(name)}
    named = [(side.name, result) for side, result in results]
    frame = answers_frame(named, gold)
    config: dict[str, Any] = {"text": st.column_config.TextColumn(width="medium")}
    for name in frame:
        if name.startswith("confidence"):
            config[name] = confidence_column(of=1)
        elif name.startswith("tokens"):
            config[name] = st.column_config.NumberColumn(format="localized", width="small")
    st.dataframe(
        frame,
        hide_index=True,
        column_config=config,
        alt="Five texts with what was answered, and how sure",
    )
    st.caption(
        right_words(named, gold)
        + TERMS["teacher confidence"]
        + " These answers are not calibrated yet: that needs the scores of many texts."
    )
    if examples and st.toggle("Show prompts and raw answers", key=f"prompts_{project.id}"):
        _prompts(results)


def _prompts(results: Sequence[tuple[Side, dict[str, Any]]]) -> None:
    examples = results[0][1]["examples"]
    place = st.segmented_control(
        "Text",
        range(len(examples)),
        default=0,
        required=True,
        format_func=lambda k: str(k + 1),
        key="prompt_of",
    )
    row = examples[place or 0]["row"]
    for place_of, (side, result) in zip(st.columns(len(results)), results, strict=True):
        example = next((e for e in result["examples"] if e["row"] == row), None)
        if example is not None:
            with place_of:
                _prompt(side, example)


def _prompt(side: Side, example: dict[str, Any]) -> None:
    if side.name:
        st.markdown(f"### {side.name}")
    code(example["prompt"])
    if example.get("raw"):
        st.caption("The teacher's own words:")
        code(example["raw"])
    if example.get("scores"):
        scores = example["scores"]
        st.caption("Log-probability of each class (nearer to 0 is likelier):")
        st.dataframe(
            pd.DataFrame({"class": list(scores), "score": list(scores.values())}),
            hide_index=True,
            width="content",
            column_config={"score": st.column_config.NumberColumn(format="%.2f")},
            alt="Log-probability of each class",
        )
