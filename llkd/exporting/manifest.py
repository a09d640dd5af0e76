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

from pydantic import ValidationError

from llkd.errors import NotFound, UserError
from llkd.exporting.manifest_document import Manifest
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
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def portable(value: Any, key: str = "") -> Any:
    """JSON values without places of this machine: of a path only its last name; no NaN."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): portable(item, str(name)) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [portable(item) for item in value]
    if isinstance(value, str) and key in _NAMES_A_PLACE:
        path = _PATH.fullmatch(value)
        if path:
            return (path[1] or "") + file_name(value)
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
    """The document of an export of ours in this folder, also of an older kind; None without."""
    try:
        document = json.loads((folder / NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    ours = isinstance(document, dict) and document.get("program") == PROGRAM
    return document if ours and isinstance(document.get("files"), dict) else None


def read_manifest(path: Path) -> Manifest:
    """A manifest to rebuild from: its file, or the folder that holds it.

    Raises NotFound, or UserError for what is no manifest of ours, one of an older version, or one
    that was altered.
    """
    file = path / NAME if path.is_dir() else path
    if not file.is_file():
        raise NotFound(f"There is no manifest at {path}. Name the manifest.json of an export.")
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{file} cannot be read as a manifest: {error}.") from None
    if not isinstance(document, dict) or document.get("program") != PROGRAM:
        raise UserError(f"{file} is no manifest of an export of {PROGRAM}.")
    if document.get("manifest") != REBUILDABLE:
        raise UserError(
            f"{file} was written by version {document.get('version')} of {PROGRAM}, whose "
            "manifests do not hold what a rebuild needs. Export again."
        )
    try:
        return Manifest.of(document)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UserError(
            f"{file} is not whole, or was altered ({place}: {first['msg'].lower()}). Take the "
            "manifest.json as the export wrote it."
        ) from None
