"""How answers are scored and waited for: a widget for each setting that only some kinds read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from llkd.config import TeacherConfig
from llkd.teachers.confidence import CONFIDENCE_SOURCES
from llkd.teachers.kind import TeacherKind
from ui.shell.wording import TERMS
from ui.teacher.setup.question import Field

VERBALISER_SCORES = {
    "sum": "sum of its words' log-probabilities",
    "mean": "mean of its words' log-probabilities (fair to long names)",
    "first_token": "first word piece only (fastest)",
}
ASKED_BY = {
    "auto": "chosen by a few texts",
    "letters": "the letter of a class",
    "names": "the name of a class",
    "prefilled": "the name of a class, behind the words that begin the answer",
}
_PRECISIONS = {
    "auto": "chosen by the machine",
    "bf16": "16 bit, bfloat (faster)",
    "fp16": "16 bit, half (faster on some graphics cards)",
    "fp32": "32 bit",
    "int8": "weights of 8 bit (half the memory)",
    "nf4": "weights of 4 bit (a quarter of the memory)",
}
# Names of widgets where they are not those of their settings.
_OF_KINDS = {"teacher", "members", "weights"}  # widgets of the choosers
_WIDGETS = {"max_text_tokens": "tokens", "verbaliser_score": "score", "base_url": "url"}


def offered(kind: TeacherKind) -> bool:
    """Whether there is anything to set for this kind."""
    return any(name in FIELDS for name in kind.settings)


def fields(kind: TeacherKind, field: Field, start: TeacherConfig) -> dict[str, Any]:
    """The widgets of the settings that this kind reads; two short ones stand side by side."""
    values: dict[str, Any] = {}
    names = [name for name in kind.settings if name in FIELDS]
    if "confidence" in names:
        values |= _confidence(kind, field, start)
        if values["confidence"] not in {"auto", "self_consistency"}:
            names = [name for name in names if name != "samples"]
        if values["confidence"] not in {"auto", "logprob"}:
            names = [name for name in names if name != "ask"]
    rest = [name for name in names if name != "confidence"]
    columns: Any = None
    for name in rest:
        if name not in _SHORT:
            columns = None
            values[name] = FIELDS[name](st, field(_WIDGETS.get(name, name)), start)
            continue
        if columns is None:
            columns = list(st.columns(2))
        values[name] = FIELDS[name](columns.pop(0), field(_WIDGETS.get(name, name)), start)
        columns = columns or None
    return values


def filled(config: TeacherConfig) -> dict[str, Any]:
    """The values of all widgets, by their names, for these settings."""
    return {_WIDGETS.get(name, name): value for name, value in config if name not in _OF_KINDS}


def _confidence(kind: TeacherKind, field: Field, start: TeacherConfig) -> dict[str, Any]:
    sources = list(kind.confidences)
    source = st.selectbox(
        "Where the confidence comes from",
        sources,
        sources.index(start.confidence) if start.confidence in sources else 0,
        format_func=lambda option: CONFIDENCE_SOURCES[option].label,
        key=field("confidence"),
        persist_state="session",
    )
    st.caption(CONFIDENCE_SOURCES[source].explanation)
    return {"confidence": source}


def _samples(place: Any, key: str, start: TeacherConfig) -> Any:
    return place.number_input(
        "Answers per text where the server gives no probabilities",
        1,
        50,
        start.samples,
        help="The share of answers that agree is then the confidence.",
        key=key,
        persist_state="session",
    )


def _ask(place: Any, key: str, start: TeacherConfig) -> Any:
    return place.selectbox(
        "What the log-probabilities are of",
        list(ASKED_BY),
        list(ASKED_BY).index(start.ask),
        format_func=lambda option: ASKED_BY[option],
        help="Large models answer well by letters, small ones by names. Chosen by a few texts: "
        "twelve are asked by letters and, unless these hold nine tenths of the probability, by "
        "names, too; the answers of the way that is chosen are not paid again.",
        key=key,
        persist_state="session",
    )


def _longest_text(place: Any, key: str, start: TeacherConfig) -> Any:
    return place.number_input(
        "Longest text, in tokens",
        8,
        8192,
        start.max_text_tokens,
        help="About 4 letters each; longer texts are truncated in the middle.",
        key=key,
        persist_state="session",
    )


def _verbaliser_score(place: Any, key: str, start: TeacherConfig) -> Any:
    return place.selectbox(
        "Score of a class",
        list(VERBALISER_SCORES),
        list(VERBALISER_SCORES).index(start.verbaliser_score),
        format_func=lambda rule: VERBALISER_SCORES[rule],
        help=TERMS["verbaliser"] + " Its score is how likely the teacher finds those words.",
        key=key,
        persist_state="session",
    )


def _precision(place: Any, key: str, start: TeacherConfig) -> Any:
    return place.selectbox(
        "Number format",
        list(_PRECISIONS),
        list(_PRECISIONS).index(start.precision),
        format_func=lambda option: _PRECISIONS[option],
        key=key,
        persist_state="session",
    )


def _concurrency(place: Any, key: str, start: TeacherConfig) -> Any:
    return place.number_input(
        "Most requests at the same time",
        1,
        64,
        start.concurrency,
        help="It begins with one and sends more as long as the server bears them: fewer when it is "
        "busy, too slow or answers more slowly.",
        key=key,
        persist_state="session",
    )


def _timeout(place: Any, key: str, start: TeacherConfig) -> Any:
    return place.number_input(
        "Seconds to wait for an answer",
        1.0,
        3600.0,
        start.timeout,
        format="%g",
        key=key,
        persist_state="session",
    )


def _retries(place: Any, key: str, start: TeacherConfig) -> Any:
    return place.number_input(
        "Retries of a failed call",
        0,
        20,
        start.retries,
        help="After pauses that double, and never sooner than the server asks for.",
        key=key,
        persist_state="session",
    )


FIELDS: dict[str, Callable[[Any, str, TeacherConfig], Any]] = {
    "confidence": lambda place, key, start: None,  # drawn first, with what it is worth
    "samples": _samples,
    "ask": _ask,
    "max_text_tokens": _longest_text,
    "verbaliser_score": _verbaliser_score,
    "precision": _precision,
    "concurrency": _concurrency,
    "timeout": _timeout,
    "retries": _retries,
}
"""A widget for each setting; one that is not here stays as it is."""
_SHORT = {"verbaliser_score", "precision", "timeout", "retries"}
