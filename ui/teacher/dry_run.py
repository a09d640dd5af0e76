"""Five texts asked about and not kept: prompt, answer, confidence, and what all would take.

Texts, prompts and answers are hostile: they stand only in tables and code blocks.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from llkd.config import TeacherConfig
from llkd.store import Job, Project
from ui.wording import TERMS, count, duration, rate, shortened


def show_dry_run(job: Job, project: Project, config: TeacherConfig) -> None:
    """What a finished dry run said: the estimate, five answers, and the prompts on demand."""
    result = job.result or {}
    examples = result.get("examples", [])
    with st.container(border=True):
        st.markdown("##### Dry run", help="Five texts, asked about and not kept.")
        _estimate(result, project, config)
        st.dataframe(
            pd.DataFrame(
                {
                    "text": [shortened(e["text"], 300) for e in examples],
                    "answer": [e["label"] or "\u2013" for e in examples],
                    "confidence": [e["confidence"] for e in examples],
                }
            ),
            hide_index=True,
            column_config={
                "text": st.column_config.TextColumn(width="large"),
                "confidence": st.column_config.ProgressColumn(
                    min_value=0.0, max_value=1.0, format="%.2f"
                ),
            },
            alt="Five texts with the teacher's answer and confidence",
        )
        st.caption(
            TERMS["teacher confidence"]
            + " These answers are not calibrated yet: that needs the scores of many texts."
        )
        if examples and st.toggle("Show the prompts", key=f"prompts_{project.id}"):
            _prompts(examples)


def _prompts(examples: list[dict[str, Any]]) -> None:
    place = st.segmented_control(
        "Text",
        range(len(examples)),
        default=0,
        required=True,
        format_func=lambda k: str(k + 1),
        key="prompt_of",
    )
    example = examples[place or 0]
    st.code(example["prompt"], language=None, wrap_lines=True, height=320)
    if example.get("raw"):
        st.caption("The teacher's own words:")
        st.code(example["raw"], language=None, wrap_lines=True)
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


def _estimate(result: dict[str, Any], project: Project, config: TeacherConfig) -> None:
    per_text = result.get("seconds_per_text") or 0.0
    texts = int(result.get("texts") or project.rows)
    tokens = float(result.get("tokens_per_text") or 0.0) * texts
    with st.grid(3, min_column_width=150):
        st.metric("Time for all texts", duration(result.get("estimated_seconds") or 0.0))
        st.metric("Pace", rate(1 / per_text) if per_text else "\u2013")
        st.metric("Tokens for all texts", count(tokens))
        if config.teacher.startswith("api:"):
            price = st.number_input(
                "Price of a million tokens",
                min_value=0.0,
                value=0.0,
                help="As your provider lists it, in any currency; 0 where it is free.",
                key=f"price_{project.id}",
                persist_state="session",
            )
            if price:
                st.metric("Cost for all texts, about", f"{price * tokens / 1e6:,.2f}")
