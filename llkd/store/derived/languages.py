"""Which language each text of a project is probably in: made again whenever it is missing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from llkd.store.home import Home, atomic_file

FOLDER = "languages"


class Languages:
    """The guessed languages of one home, by the digest of the texts that they are of."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def read(self, project_id: int, digest: str) -> list[str] | None:
        """The language of each text in row order; None where they were not kept, or are damaged."""
        try:
            column = pq.read_table(self._path(project_id, digest))["language"]
            return [str(name) for name in column.to_pylist()]
        except (OSError, pa.ArrowException, KeyError):
            return None

    def keep(self, project_id: int, digest: str, names: Sequence[str]) -> None:
        """Keep them. Files of fewer texts are let go of."""
        path = self._path(project_id, digest)
        values = pa.array(list(names), type=pa.string()).dictionary_encode()
        with atomic_file(path) as temporary:
            pq.write_table(pa.table({"language": values}), temporary)
        for other in path.parent.glob("*.parquet"):
            if other != path:
                other.unlink(missing_ok=True)

    def _path(self, project_id: int, digest: str) -> Path:
        return self._home.project(project_id) / FOLDER / f"{digest[:32]}.parquet"
