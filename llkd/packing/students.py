"""Folders of students among a project's files: code is written anew, never taken from a file."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from llkd.errors import DataError
from llkd.store.packing.places import without_places
from llkd.students.saving import ABOUT, AUTO_MAP, is_portable, write_code

_KIND = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_MODULES = "sentence_transformers.models."


def write_codes(folder: Path) -> None:
    """Write the code beside the weights of every student in a project's folder."""
    for about in sorted(folder.rglob(ABOUT)):
        if is_portable(about.parent):
            settings = json.loads((about.parent / "config.json").read_text("utf-8"))
            write_code(about.parent, str(settings["model_type"]))


def settings_without_places(data: bytes) -> bytes:
    """The settings of a model, as JSON, without paths of this machine."""
    try:
        values = json.loads(data)
    except (ValueError, RecursionError):
        return data
    changed = without_places(values)
    return data if changed == values else json.dumps(changed, indent=1).encode("utf-8")


def check_settings(folder: Path) -> None:
    """Raise DataError where a student's settings name code that is not this program's.

    Programs that load a student from its folder run what its settings name.
    """
    for path in sorted(folder.rglob("*.json")):
        values = _read(path)
        if not isinstance(values, dict):
            values = {"": values}
        code = values.get("auto_map", AUTO_MAP) if isinstance(values, dict) else AUTO_MAP
        if code not in (AUTO_MAP, {}):
            raise DataError(f"{path.name} names code of others")
        if path.name == "config.json" and "auto_map" in values:
            if not _KIND.fullmatch(str(values.get("model_type"))):
                raise DataError(f"{path.name} names no kind of model")
        if path.name == "modules.json":
            for module in values[""] if isinstance(values.get(""), list) else [None]:
                kind = module.get("type") if isinstance(module, dict) else None
                if not str(kind).startswith(_MODULES):
                    raise DataError(f"{path.name} names code of others")


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path.name} is no JSON") from error
