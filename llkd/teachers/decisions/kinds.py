"""The kinds of teachers that are decision models behind servers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from llkd.config import LabelSet, TeacherConfig
from llkd.errors import ConfigError
from llkd.teachers.base import FewShot, Meter, Teacher
from llkd.teachers.kind import Argument, Maker, TeacherKind

_SETTINGS = ("max_text_tokens", "concurrency", "timeout", "retries", "retry_seconds")
_MODEL = Argument(
    shape="<model>",
    label="Model",
    placeholder="the model's name on that server",
    missing="Name the model that the server offers.",
)
_ADDRESS = {
    "base_url": "A decision model needs a base URL, for example --base-url http://127.0.0.1:8000/v1."
}


def _maker(interface: str) -> Maker:
    def make(
        config: TeacherConfig, labels: LabelSet, home: Path, examples: FewShot, meter: Meter | None
    ) -> Teacher:
        from llkd.teachers.decisions.server import DECISIONS, SYSTEM_ONE
        from llkd.teachers.decisions.teacher import decision_teacher

        each = {kind.name: kind for kind in (DECISIONS, SYSTEM_ONE)}[interface]
        return decision_teacher(each, config, labels, home, examples, meter)

    return make


def _turns(
    config: TeacherConfig, labels: LabelSet, text: str, examples: FewShot
) -> list[tuple[str, str]]:
    """Instructions with their options, and the text."""
    from llkd.teachers.decisions.questions import DecisionQuestions

    questions = DecisionQuestions(config, labels, examples)
    query = questions.about("classes", questions.options(), text)
    options = "\n".join(
        f"- {option.name}: {option.description}" if option.description else f"- {option.name}"
        for option in query.options
    )
    return [("system", f"{query.instructions}\n\nOptions:\n{options}"), ("user", query.text)]


def _described(config: Mapping[str, Any]) -> str:
    return (
        "It was asked through a server of decision models, one question with the classes as "
        "options; the probabilities that it gave are its confidence."
    )


def _unknown_yet(
    config: TeacherConfig, labels: LabelSet, home: Path, examples: FewShot, meter: Meter | None
) -> Teacher:
    raise ConfigError(
        "Which interface the server speaks is not known yet: label with it, or try it on a few "
        "texts; a committee and a comparison need its own kind (decisions:, systemone: or api:)."
    )


DECISIONS_KIND = TeacherKind(
    name="decisions",
    make=_maker("decisions"),
    label="A decision model (OpenAI Decisions)",
    summary="A server with OpenAI's Decisions API: a probability for every class in one call. It "
    "is sent every text.",
    argument=_MODEL,
    metered=True,
    reads_only=True,
    decides=True,
    calibration="none",
    needs=_ADDRESS,
    settings=_SETTINGS,
    confidences=("probability",),
    form="server",
    turns=_turns,
    described=_described,
)
SYSTEM_ONE_KIND = replace(
    DECISIONS_KIND,
    name="systemone",
    make=_maker("systemone"),
    label="A decision model (System One)",
    summary="A server with the System One interface, hosted, a gateway or open: a probability for "
    "every class in one call. It is sent every text.",
)
AUTO_KIND = TeacherKind(
    name="auto",
    make=_unknown_yet,
    label="A server, whatever it speaks",
    summary="Finds out whether a server is a decision model (System One, Decisions) or a chat "
    "model, says so, and labels as that kind.",
    argument=_MODEL,
    metered=True,
    settles=True,
    needs=_ADDRESS,
    settings=("confidence", "ask", "lead", "samples", *_SETTINGS),
    confidences=("auto", "logprob", "self_consistency", "verbalized", "none"),
    form="server",
    turns=_turns,
)
