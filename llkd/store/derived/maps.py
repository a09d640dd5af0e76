"""The map of a project's texts: a safetensors file, whole or not at all."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from llkd.errors import StoreError
from llkd.store.home import Home, atomic_file

FAULTY = "it cannot be read"
_TABLES = {
    "coordinates": np.float32,
    "group": np.int32,
    "fitted": np.int32,
    "centres": np.float32,
    "tree": np.float64,
    "examples": np.int32,
    "counts": np.int32,
    "counted": np.int32,
    "group_texts": np.int32,
}


@dataclass(frozen=True)
class StoredMap:
    """Where the first ``m`` texts of a project stand, and the small groups that they form.

    ``coordinates [m, 2]`` lie within -1 to 1; ``group [m]`` is one of ``g`` groups. ``fitted [f]``
    are the rows that the map was made of, ascending; all others were placed among them.
    ``centres [g, d]`` are the groups' directions in embedding space, ``group_texts [g]`` how many
    fitted texts each has, ``tree [g - 1, 4]`` how they join (as scipy's linkages), ``examples
    [g, e]`` rows near each centre, -1 where there are fewer. ``counts [g, v]`` say in how many of
    the ``counted [g]`` texts of a group a word of ``vocabulary`` occurs.

    ``texts`` is the digest of the project's texts that it knows, ``student`` and
    ``student_sha256`` name the encoder, ``topics`` is how many topics are proposed unless somebody
    says otherwise, ``seconds`` how long each stage took.
    """

    coordinates: np.ndarray
    group: np.ndarray
    fitted: np.ndarray
    centres: np.ndarray
    group_texts: np.ndarray
    tree: np.ndarray
    examples: np.ndarray
    counts: np.ndarray
    counted: np.ndarray
    vocabulary: tuple[str, ...]
    texts: str
    student: str | None
    student_sha256: str | None
    seed: int
    version: int
    topics: int
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many texts, from the first on, stand on the map."""
        return len(self.coordinates)


class Maps:
    """The maps of one home: one for a project at most."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def path(self, project_id: int) -> Path:
        """Where the map of a project lies."""
        return self._home.project(project_id) / "map" / "map.safetensors"

    def all(self, project_id: int) -> list[Path]:
        """The file of a project's map, where there is one."""
        path = self.path(project_id)
        return [path] if path.exists() else []

    def stamp(self, project_id: int) -> int | None:
        """A number that changes when the map does; None where there is none."""
        try:
            return self.path(project_id).stat().st_mtime_ns
        except OSError:
            return None

    def known(self, project_id: int) -> int | None:
        """How many texts stand on the map, without reading it; None where it cannot be read."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(self.path(project_id), framework="np") as file:
                return int(file.get_slice("coordinates").get_shape()[0])
        except (SafetensorError, OSError):
            return None

    def read(self, project_id: int) -> StoredMap | None:
        """The map; None where none was made. Raises StoreError where it is damaged."""
        from safetensors import SafetensorError, safe_open

        path = self.path(project_id)
        if not path.exists():
            return None
        try:
            with safe_open(path, framework="np") as file:
                tables = {name: file.get_tensor(name) for name in _TABLES}
                facts = json.loads((file.metadata() or {})["facts"])
            stored = StoredMap(
                **tables, **{**facts, "vocabulary": tuple(map(str, facts["vocabulary"]))}
            )
        except (SafetensorError, OSError, KeyError, ValueError, TypeError) as error:
            raise _damaged(path) from error
        reason = fault(stored)
        if reason is not None:
            raise _damaged(path) from ValueError(reason)
        return stored

    def fault(self, project_id: int) -> str | None:
        """What is wrong with the map, in a few words; None where it is whole, or there is none."""
        try:
            self.read(project_id)
        except StoreError as error:
            return str(error.__cause__ or FAULTY)
        return None

    def write(self, project_id: int, stored: StoredMap) -> None:
        """Keep a map in place of the one there was. Raises StoreError where the disk is full."""
        from safetensors.numpy import save_file

        tables = {
            name: np.ascontiguousarray(getattr(stored, name), dtype=kind)
            for name, kind in _TABLES.items()
        }
        facts: dict[str, Any] = {
            name: getattr(stored, name)
            for name in (
                "vocabulary", "texts", "student", "student_sha256", "seed", "version", "topics",
                "seconds",
            )
        }  # fmt: skip
        with atomic_file(self.path(project_id)) as temporary:
            save_file(tables, temporary, metadata={"facts": json.dumps(facts)})


def fault(stored: StoredMap) -> str | None:
    """What does not fit together in a map that can be read; None where all does."""
    rows, groups = len(stored.coordinates), len(stored.centres)
    shapes = (
        stored.coordinates.shape == (rows, 2)
        and stored.group.shape == (rows,)
        and stored.fitted.ndim == 1
        and stored.group_texts.shape == (groups,)
        and stored.counted.shape == (groups,)
        and stored.tree.shape == (max(groups - 1, 0), 4)
        and stored.examples.shape[:1] == (groups,)
        and stored.counts.shape == (groups, len(stored.vocabulary))
    )
    if not shapes:
        return "its tables do not fit together"
    if not np.isfinite(stored.coordinates).all() or not np.isfinite(stored.centres).all():
        return "it holds numbers that are none"
    if not _within(stored.group, 0, groups) or not _within(stored.fitted, 0, rows):
        return "it names texts or groups that are not there"
    if not _within(stored.examples, -1, rows):
        return "it names texts that are not there"
    return None


def _within(values: np.ndarray, low: int, high: int) -> bool:
    return not values.size or bool(low <= values.min() and values.max() < high)


def _damaged(path: Path) -> StoreError:
    return StoreError(f"The map {path} is damaged. Make it again with: llkd map PROJECT --again")
