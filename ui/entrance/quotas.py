"""How much a session may keep of uploads in the server's memory."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from streamlit import config, runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

MEGABYTE = 2**20
# A file arrives within boundaries and headers of its own, for which Streamlit allows as much.
_ENVELOPE = MEGABYTE
# The pages copy what was uploaded at once; what has lain for longer has been copied or given up.
_READ_AFTER = 60.0


class Quotas:
    """Counts the bytes of each session: those that lie in memory and those on the way."""

    def __init__(self) -> None:
        self._arriving: Counter[str] = Counter()
        self._arrived: dict[tuple[str, str], float] = {}

    @contextmanager
    def room(self, session: str, file: str, announced: int | None) -> Iterator[bool]:
        """Whether a file of that many bytes (None if nobody knows) has room, held while it arrives.

        What the session uploaded more than a minute ago makes room for it.
        """
        size = limit() if announced is None else announced
        if not self._fits(session, size):
            yield False
            return
        self._arriving[session] += size
        try:
            yield True
        finally:
            self._arriving[session] -= size
            if self._arriving[session] <= 0:
                del self._arriving[session]
            self._arrived[session, file] = time.monotonic()

    def _fits(self, session: str, size: int) -> bool:
        manager = upload_manager()
        if manager is None:
            return True
        held = dict(manager.file_storage.get(session, {}))
        sizes = {name: len(file.data) for name, file in held.items()}
        self._arrived = {
            key: when for key, when in self._arrived.items() if key[0] != session or key[1] in sizes
        }
        for name in list(sizes):
            if self._total(session, sizes, size) <= limit() + _ENVELOPE:
                break
            if time.monotonic() - self._arrived.get((session, name), 0.0) > _READ_AFTER:
                manager.remove_file(session, name)
                del sizes[name]
        return self._total(session, sizes, size) <= limit() + _ENVELOPE

    def _total(self, session: str, sizes: dict[str, int], size: int) -> int:
        return sum(sizes.values()) + self._arriving[session] + size


def limit() -> int:
    """The most bytes of uploads that a session keeps: as many as one file may have."""
    return int(config.get_option("server.maxUploadSize")) * MEGABYTE


def upload_manager() -> MemoryUploadedFileManager | None:
    """The manager that holds the uploads in memory; None where no server runs."""
    manager = runtime.get_instance().uploaded_file_mgr if runtime.exists() else None
    return manager if isinstance(manager, MemoryUploadedFileManager) else None
