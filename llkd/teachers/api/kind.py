"""The kind of teacher that is behind an OpenAI-compatible server."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llkd.config import LabelSet, TeacherConfig
from llkd.teachers.base import FewShot, Meter, Teacher
from llkd.teachers.confidence import CONFIDENCE_SOURCES
from llkd.teachers.kind import Argument, TeacherKind


def _make(
    config: TeacherConfig, labels: LabelSet, home: Path, examples: FewShot, meter: Meter | None
) -> Teacher:
    from llkd.teachers.api.teacher import api_teacher

    return api_teacher(config, labels, home, examples, meter)


def _messages(
    config: TeacherConfig, labels: LabelSet, text: str, examples: FewShot
) -> list[tuple[str, str]]:
    """The messages; of two stages those of the first."""
    from llkd.teachers.api.elicitation import Elicitation
    from llkd.teachers.api.options import Questions

    questions = Questions(config, labels, examples)
    first = Elicitation(questions, labels, config).questions[0]
    turns = [
        (message["role"], message["content"]) for message in questions.query(first, text).messages
    ]
    return [*turns, ("assistant", config.lead)] if first.local and config.lead else turns


def _described(config: Mapping[str, Any]) -> str:
    source = CONFIDENCE_SOURCES[config["confidence"]]
    # What a server offers says nothing to a reader of the card: there the explanation does.
    words = source.explanation if config["confidence"] == "auto" else source.label
    words = words.rstrip(".")
    return (
        "It was asked through a server of the OpenAI kind to choose one of the classes; source of "
        f"its confidence: {words[:1].lower()}{words[1:]}."
    )


SERVER = TeacherKind(
    name="api",
    make=_make,
    label="A server",
    summary="Any OpenAI-compatible server, on this machine or elsewhere. It is sent every text.",
    argument=Argument(
        shape="<model>",
        label="Model",
        placeholder="the model's name on that server",
        missing="Name the model that the server offers.",
    ),
    metered=True,
    in_batches=True,
    needs={
        "base_url": "An API teacher needs a base URL, for example --base-url "
        "http://127.0.0.1:8000/v1."
    },
    settings=(
        "confidence",
        "ask",
        "lead",
        "samples",
        "max_text_tokens",
        "concurrency",
        "timeout",
        "retries",
        "retry_seconds",
    ),
    confidences=("auto", "logprob", "self_consistency", "verbalized", "none"),
    form="server",
    turns=_messages,
    described=_described,
)
