"""A student's folder as an export or ``save(onnx=True)`` leaves it: what a server needs of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from llkd.errors import NotFound, UserError
from llkd.serving.onnx_classifier import FILES, TOKENIZER, StudentFiles

PLACE = "onnx"
CALIBRATION = "serving.json"
"""What an export says for servers: the temperature, and a sentence against the 8-bit graph."""


def student_files(folder: Path, precision: str = "fp32", name: str | None = None) -> StudentFiles:
    """The parts of an exported student. Raises NotFound where one that is needed is missing."""
    source = folder.expanduser()
    inner = source / "student"
    if not (source / PLACE).is_dir() and (inner / PLACE).is_dir():
        source = inner  # the folder of an export
    graph = source / PLACE / FILES[precision]
    if not graph.is_file():
        raise NotFound(
            f"There is no student as ONNX in {str(folder)!r} ({PLACE}/{FILES[precision]} is "
            "missing). Make one with: llkd export PROJECT --run R --onnx --out FOLDER"
        )
    known = _read_json(source / CALIBRATION)
    card = source / "README.md"
    return StudentFiles(
        graph=graph,
        tokenizer=source / TOKENIZER,
        name=name or str(known.get("name") or source.resolve().name),
        card=card.read_text(encoding="utf-8") if card.is_file() else "",
        calibration=known.get("calibration"),
        advice=known.get("advice"),
    )


def check_precision(files: StudentFiles, precision: str) -> None:
    """Raise UserError where the 8-bit student was measured to be worse than it may be."""
    if precision == "int8" and files.advice:
        raise UserError(f"{files.advice} Serve the 32-bit one: leave --precision out.")


def _read_json(path: Path) -> dict[str, Any]:
    """An optional file's values; raises UserError for one that is there and cannot be read."""
    if not path.is_file():
        return {}
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(values, dict):
            raise ValueError("it holds no JSON object")
        return values
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {error}. Export the student again.") from None
