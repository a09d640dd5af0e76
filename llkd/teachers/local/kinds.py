"""The kinds of teachers that run on this machine: the embedded model, and any causal model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llkd.config import LabelSet, TeacherConfig
from llkd.models import sources
from llkd.teachers.base import FewShot, Meter, Teacher
from llkd.teachers.kind import Argument, TeacherKind

SETTINGS = ("lead", "max_text_tokens", "verbaliser_score", "precision")


def _make_embedded(
    config: TeacherConfig, labels: LabelSet, home: Path, examples: FewShot, meter: Meter | None
) -> Teacher:
    from llkd.teachers.local.embedded import embedded_teacher

    del meter  # costs nothing
    return embedded_teacher(config, labels, home, examples)


def _make_local(
    config: TeacherConfig, labels: LabelSet, home: Path, examples: FewShot, meter: Meter | None
) -> Teacher:
    from llkd.teachers.local.teacher import local_teacher

    del meter  # costs nothing
    return local_teacher(config, labels, home, examples)


def _described(config: Mapping[str, Any]) -> str:
    return (
        "It was not asked to write: the log-probability of every class's words as its answer was "
        f"scored (tokens of a name: {config['verbaliser_score']})."
    )


def _embedded_tokenizer(name: str, home: Path) -> Path | None:
    del name  # there is one
    return _tokenizer(sources.converted_folder(sources.EMBEDDED_TEACHER, home))


def _tokenizer(folder: Path) -> Path | None:
    path = folder / "tokenizer.json"
    return path if path.is_file() else None


EMBEDDED = TeacherKind(
    name="embedded",
    make=_make_embedded,
    label="The embedded model",
    summary="SmolLM2-135M, on this machine: small, private and free, but slow and often wrong. "
    "Calibration and selection are there for that.",
    display="the embedded model",
    uses_device=True,
    settings=SETTINGS,
    tokenizer_file=_embedded_tokenizer,
    described=_described,
)
LOCAL = TeacherKind(
    name="local",
    make=_make_local,
    label="Another model on this machine",
    summary="A folder or a hub id of a causal language model: larger is slower and more often "
    "right.",
    argument=Argument(
        shape="<folder or hub id>",
        label="Folder or hub id",
        placeholder="/models/qwen or organisation/model",
        missing="Name the folder or hub id of the model.",
    ),
    uses_device=True,
    settings=SETTINGS,
    tokenizer_file=lambda name, home: _tokenizer(Path(name).expanduser()),
    described=_described,
)
