"""The nearest texts of each text of a pool, searched once for a pool and embeddings, and kept."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from llkd.store.home import Home, atomic_file

MOST_SEARCHES = 4
"""Searches of one sort that are kept for a project."""
LABELS = "labels-"
"""How keys of searches for the nearest labelled texts begin."""


@dataclass(frozen=True)
class LabelSearch:
    """The nearest labelled texts of labelled rows ``[m]``: see ``curation.refinement.search``.

    ``nearest [m, k]`` are voters, ``voter [m]`` the one that a row belongs to, -1 for none.
    """

    key: str
    rows: np.ndarray
    nearest: np.ndarray
    voter: np.ndarray
    embeddings_sha256: str
    student_sha256: str | None


class NearestTexts:
    """The searches of one home. A ``key`` stands for the texts, the embeddings and the method."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def read(self, project_id: int, key: str) -> tuple[np.ndarray, np.ndarray] | None:
        """The nearest voters ``[m, k]`` and each row's own voter ``[m]``.

        None where nothing was kept, or where it is damaged and has to be found anew.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            arrays = load_file(self._path(project_id, key))
            return arrays["nearest"].astype(np.int64), arrays["voter"].astype(np.int64)
        except (OSError, SafetensorError, KeyError):
            return None

    def seconds(self, project_id: int, key: str) -> float:
        """How long the search took; 0 where there is none, or it does not say."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(self._path(project_id, key), framework="np") as file:
                return float((file.metadata() or {}).get("seconds", 0.0))
        except (OSError, SafetensorError):
            return 0.0

    def write(
        self, project_id: int, key: str, nearest: np.ndarray, voter: np.ndarray, seconds: float
    ) -> None:
        """Keep a search, and let go of the oldest."""
        from safetensors.numpy import save_file

        path = self._path(project_id, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(path) as temporary:
            arrays = {"nearest": nearest.astype(np.int32), "voter": voter.astype(np.int32)}
            save_file(arrays, temporary, metadata={"seconds": repr(seconds)})
        self._remove_oldest(path)

    def label_search(self, project_id: int, key: str) -> LabelSearch | None:
        """A search for the nearest labelled texts; None where it is not there or damaged."""
        from safetensors import SafetensorError, safe_open

        for path in (self._path(project_id, key), self._resting(project_id, key)):
            try:
                with safe_open(path, framework="np") as file:
                    facts = file.metadata() or {}
                    rows, nearest, voter = (
                        file.get_tensor(name) for name in ("rows", "nearest", "voter")
                    )
            except (OSError, SafetensorError):
                continue
            student = facts.get("student_sha256")
            embeddings = str(facts.get("embeddings_sha256"))
            return LabelSearch(key, rows, nearest, voter, embeddings, student)
        return None

    def holds(self, project_id: int, key: str) -> bool:
        """Whether there is a search of this key."""
        paths = self._path(project_id, key), self._resting(project_id, key)
        return any(path.exists() for path in paths)

    def write_label_search(self, project_id: int, search: LabelSearch, seconds: float) -> None:
        """Keep a search for the nearest labelled texts, and let go of the oldest."""
        from safetensors.numpy import save_file

        path = self._path(project_id, search.key)
        path.parent.mkdir(parents=True, exist_ok=True)
        facts = {"seconds": repr(seconds), "embeddings_sha256": search.embeddings_sha256}
        if search.student_sha256 is not None:
            facts["student_sha256"] = search.student_sha256
        arrays = {
            name: np.ascontiguousarray(getattr(search, name), dtype=np.int32)
            for name in ("rows", "nearest", "voter")
        }
        with atomic_file(path) as temporary:
            save_file(arrays, temporary, metadata=facts)
        self._remove_oldest(path)

    def rest_on(self, project_id: int, key: str) -> None:
        """Keep a search for good: the labels of a run or an export rest on it."""
        path, resting = self._path(project_id, key), self._resting(project_id, key)
        if path.exists() and not resting.exists():
            resting.parent.mkdir(parents=True, exist_ok=True)
            with atomic_file(resting) as temporary:
                shutil.copyfile(path, temporary)

    def all(self, project_id: int) -> list[Path]:
        """The files of a project's searches, oldest first."""
        files = self._path(project_id, "x").parent.glob("*.safetensors")
        return sorted(files, key=lambda path: path.stat().st_mtime_ns)

    def _remove_oldest(self, newest: Path) -> None:
        """Each sort of search has room of its own: one does not push out the other."""
        of_labels = newest.name.startswith(LABELS)
        files = sorted(
            newest.parent.glob("*.safetensors"), key=lambda path: path.stat().st_mtime_ns
        )
        same = [path for path in files if path.name.startswith(LABELS) == of_labels]
        for old in same[:-MOST_SEARCHES]:
            old.unlink(missing_ok=True)

    def _resting(self, project_id: int, key: str) -> Path:
        return self._path(project_id, key).parent / "kept" / f"{key}.safetensors"

    def _path(self, project_id: int, key: str) -> Path:
        return self._home.project(project_id) / "neighbours" / f"{key}.safetensors"
