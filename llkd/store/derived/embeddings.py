"""Embeddings of a project's texts by frozen students: safetensors files, whole or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from llkd.errors import StoreError
from llkd.store.home import Home, atomic_file

PIECE_ROWS = 50_000  # rows that are read at once
_END_BYTES = 4096


class Embeddings:
    """The embeddings of one home. The newest file of a project is the one in use."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def path(self, project_id: int, key: str) -> Path:
        """Where the embeddings of all texts lie that ``key`` stands for (model and texts)."""
        return self._folder(project_id) / f"{key}.safetensors"

    def all(self, project_id: int) -> list[Path]:
        """Every file there is, oldest first."""
        files = self._folder(project_id).glob("*.safetensors")
        return sorted(files, key=lambda path: path.stat().st_mtime_ns)

    def with_parts(self, project_id: int) -> list[Path]:
        """Every file there is, and the parts of those that are being made."""
        return sorted(self._folder(project_id).rglob("*.safetensors"))

    def newest(self, project_id: int) -> Path | None:
        """The file in use; None before any was made."""
        return next(iter(self.all(project_id)[::-1]), None)

    def use(self, path: Path, after: Path | None = None) -> None:
        """Make ``path`` the file in use, though ``after`` was made since."""
        if after is None:
            path.touch()
            return
        # Two files may be made within one tick of the clock, or the clock be set back.
        later = after.stat().st_mtime_ns + 1
        os.utime(path, ns=(later, later))

    def part(self, path: Path, mark: str, start: int) -> Path:
        """Where a part of the embeddings ``path`` waits that begins with row ``start``.

        ``mark`` stands for the student's weights: parts of other weights are not gone on with.
        """
        return path.with_suffix(f".{mark}.parts") / f"part-{start:09d}.safetensors"

    def remove_parts(self, path: Path, mark: str) -> None:
        """Let go of the parts, once they are put together."""
        shutil.rmtree(self.part(path, mark, 0).parent, ignore_errors=True)

    def _folder(self, project_id: int) -> Path:
        return self._home.project(project_id) / "embeddings"


def save_embeddings(
    path: Path,
    values: np.ndarray,
    student: str | None = None,
    seconds: float | None = None,
    name: str | None = None,
) -> None:
    """Keep embeddings ``[n, d]`` of all texts in row order.

    ``student`` is the digest of the model that made them (``models.student_digest``), ``name``
    what it is called, ``seconds`` how long that took: part of the time of what uses them.
    """
    from safetensors.numpy import save_file

    facts = {} if student is None else {"student_sha256": student}
    facts |= {} if name is None else {"student": name}
    facts |= {} if seconds is None else {"seconds": repr(seconds)}
    with atomic_file(path) as temporary:
        arrays = {"embeddings": np.ascontiguousarray(values, dtype=np.float32)}
        save_file(arrays, temporary, metadata=facts or None)


def made_by(path: Path, student: str, digest: str | None) -> bool:
    """Whether embeddings are those of this student as it is now, by the digest of its weights.

    Files of before 0.4 hold no digest: the embedded student has not changed since, a folder's may.
    """
    from safetensors import SafetensorError, safe_open

    if not path.exists():
        return False
    try:
        with safe_open(path, framework="np") as file:
            stored = (file.metadata() or {}).get("student_sha256")
    except (SafetensorError, OSError):
        return True  # damaged: reading it says so
    return digest is None or stored == digest or (stored is None and student == "embedded")


def embeddings_student(path: Path) -> str | None:
    """The digest of the student that made one file; None where it does not say."""
    return _fact(path, "student_sha256")


def embeddings_name(path: Path) -> str | None:
    """What the student that made one file is called; None where it does not say."""
    return _fact(path, "student")


def _fact(path: Path, name: str) -> str | None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            stored = (file.metadata() or {}).get(name)
    except (SafetensorError, OSError):
        return None  # damaged: reading it says so
    return None if stored is None else str(stored)


def embeddings_size(path: Path) -> tuple[int, int]:
    """How many texts one file holds, and of how many dimensions; (0, 0) where it is damaged."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            texts, dimensions = file.get_slice("embeddings").get_shape()
            return int(texts), int(dimensions)
    except (SafetensorError, OSError, ValueError):
        return 0, 0


def read_rows(path: Path, rows: np.ndarray) -> np.ndarray:
    """The embeddings ``[n, d]`` of these rows, read a piece at a time.

    Raises StoreError where the file is damaged, or holds fewer texts.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            values = file.get_slice("embeddings")
            size, dimensions = values.get_shape()
            vectors = np.empty((len(rows), dimensions), dtype=np.float32)
            first, last = (int(rows.min()), int(rows.max())) if len(rows) else (0, -1)
            for start in range(first, last + 1, PIECE_ROWS):
                here = np.flatnonzero((rows >= start) & (rows < start + PIECE_ROWS))
                if len(here):
                    piece = values[start : min(size, start + PIECE_ROWS)]
                    vectors[here] = piece[rows[here] - start]
            return vectors
    except (SafetensorError, IndexError, ValueError) as error:
        raise _damaged(path) from error


def embeddings_sum(
    path: Path, check: Callable[[], None] | None = None, texts: int | None = None
) -> str:
    """The SHA-256 of the values of the first ``texts`` texts (all), read a piece at a time.

    ``check`` is called between pieces and may raise. Raises StoreError where the file is damaged.
    """
    from safetensors import SafetensorError, safe_open

    total = hashlib.sha256()
    try:
        with safe_open(path, framework="np") as file:
            values = file.get_slice("embeddings")
            size = int(values.get_shape()[0])
            size = size if texts is None else min(texts, size)
            for start in range(0, size, PIECE_ROWS):
                if check is not None:
                    check()
                piece = values[start : min(size, start + PIECE_ROWS)]
                total.update(np.ascontiguousarray(piece, dtype="<f4").tobytes())
    except (SafetensorError, OSError) as error:
        raise _damaged(path) from error
    return total.hexdigest()


def embeddings_end(path: Path, texts: int) -> str:
    """A sum of the last values of the first ``texts`` texts of one file.

    Changes with the model, whatever its digest says.
    """
    size, dimensions = embeddings_size(path)
    behind = 4 * dimensions * max(0, size - texts)
    values = 4 * dimensions * min(size, texts)
    try:
        with path.open("rb") as file:
            end = file.seek(0, os.SEEK_END) - behind
            begin = end - min(_END_BYTES, values)
            file.seek(begin)
            return f"{zlib.crc32(file.read(end - begin)):08x}"
    except OSError:
        return ""


def embedding_seconds(path: Path) -> float | None:
    """How long it took to make the embeddings of one file; None where it does not say."""
    from safetensors import safe_open

    with safe_open(path, framework="np") as file:
        seconds = (file.metadata() or {}).get("seconds")
    return None if seconds is None else float(seconds)


def read_embeddings(path: Path) -> np.ndarray:
    """The embeddings of one file, ``[n, d]``. Raises StoreError where it is damaged."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return np.asarray(load_file(path)["embeddings"])
    except (SafetensorError, KeyError) as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> StoreError:
    return StoreError(
        f"The embeddings {path} are damaged. Set them aside with: llkd doctor --mend; then "
        "make them again with: llkd probe"
    )
