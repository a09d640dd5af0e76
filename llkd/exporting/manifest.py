"""The manifest of an export: written last, free of secrets and of paths, and read back."""

from __future__ import annotations

import json
import math
import platform
import re
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from llkd.errors import NotFound, UserError
from llkd.store.home import atomic_file

PROGRAM = "LLKD Studio"
NAME = "manifest.json"
REBUILDABLE = 2
"""The kind of manifest that ``llkd rebuild`` reads."""
PACKAGES = (
    "numpy",
    "pandas",
    "pyarrow",
    "scikit-learn",
    "torch",
    "transformers",
    "tokenizers",
    "safetensors",
)
_NAMES_A_PLACE = {"teacher", "student", "model", "path", "folder"}
_PATH = re.compile(r"((?:local|file):)?(?:~|/|[A-Za-z]:[\\/]|\.\.?[\\/]).*")


def environment() -> dict[str, str]:
    """The versions of Python and of what the rows are computed and written with."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def portable(value: Any, key: str = "") -> Any:
    """JSON values without places of this machine: of a path only its last name; no NaN."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): portable(item, str(name)) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [portable(item) for item in value]
    if isinstance(value, str) and key in _NAMES_A_PLACE:
        found = _PATH.fullmatch(value)
        if found:
            return (found[1] or "") + file_name(value)
    return value


def file_name(path: str) -> str:
    """The last name of a path, of this system or another."""
    return re.split(r"[\\/]", path.rstrip("\\/"))[-1]


def write_manifest(path: Path, document: Mapping[str, Any]) -> None:
    """Write it, whole or not at all."""
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    with atomic_file(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")


def manifest_in(folder: Path) -> dict[str, Any] | None:
    """The manifest of an export of ours in this folder; None where there is none."""
    try:
        found = json.loads((folder / NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    ours = isinstance(found, dict) and found.get("program") == PROGRAM
    return found if ours and isinstance(found.get("files"), dict) else None


def read_manifest(path: Path) -> dict[str, Any]:
    """A manifest to rebuild from: its file, or the folder that holds it.

    Raises NotFound, or UserError for what is no manifest of ours or one of an older version.
    """
    file = path / NAME if path.is_dir() else path
    if not file.is_file():
        raise NotFound(f"There is no manifest at {path}. Name the manifest.json of an export.")
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{file} cannot be read as a manifest: {error}.") from None
    if not isinstance(found, dict) or found.get("program") != PROGRAM:
        raise UserError(f"{file} is no manifest of an export of {PROGRAM}.")
    if found.get("manifest") != REBUILDABLE:
        raise UserError(
            f"{file} was written by version {found.get('version')} of {PROGRAM}, whose manifests "
            "do not hold what a rebuild needs. Export again."
        )
    return found
