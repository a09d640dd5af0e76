"""What a server sends back is read up to a limit: of bytes as unpacked, and of time in all.

A reply holds an answer about one text. One that never ends, or that unpacks to gigabytes, would
take the memory of the machine; one that comes byte by byte would hold a request for ever, as time
limits of a connection count from byte to byte.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator
from typing import Any

MOST_BYTES = 32 * 2**20
"""Of a reply, unpacked: thousands of times a long answer with log-probabilities."""
FILE_BYTES = 1024 * 2**20
"""Of a file that a batch endpoint hands out."""
MOST_SECONDS = 900.0
PACKING = "gzip"


class UnreadableReply(ValueError):
    """A reply that is not read to its end; the words go on after "The server … ."."""


def ask_for_little(request: Any) -> None:
    """Name the one packing that is unpacked here, under its limit; for a client's request hook."""
    request.headers["accept-encoding"] = PACKING


def bound(response: Any) -> None:
    """Let a response be read within the limits; for a client's response hook.

    Raises UnreadableReply for a packing that was not asked for. Reading the response raises it for
    too many bytes or a damaged packing, and the client's own ReadTimeout after MOST_SECONDS.
    """
    named = response.headers.get("content-encoding", "").lower().split(",")
    packings = [word for word in map(str.strip, named) if word not in ("", "identity")]
    if packings not in ([], [PACKING]):
        raise UnreadableReply(
            f"packs its answers as {', '.join(packings)[:40]!r}, which was not asked for"
        )
    most = FILE_BYTES if "/files/" in response.request.url.path else MOST_BYTES
    if packings:
        del response.headers["content-encoding"]  # unpacked here, so not by the client
    response.stream = _stream(response, most, unpacked=bool(packings))


def _stream(response: Any, most: int, *, unpacked: bool) -> Any:
    import httpx2

    inner, began = response.stream, time.monotonic()

    class Bounded(httpx2.SyncByteStream):
        """The response's own stream, watched."""

        def __iter__(self) -> Iterator[bytes]:
            size = 0
            for part in _unpacked(inner, most) if unpacked else inner:
                size += len(part)
                if size > most:
                    raise UnreadableReply(f"sends more than {most // 2**20:,} MiB in one answer")
                if time.monotonic() - began > MOST_SECONDS:
                    raise httpx2.ReadTimeout("the answer did not end", request=response.request)
                yield part

        def close(self) -> None:
            inner.close()

    return Bounded()


def _unpacked(parts: Any, most: int) -> Iterator[bytes]:
    """The bytes within gzip, a piece at a time: never more than ``most`` and one at once."""
    reader = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        for part in parts:
            yield reader.decompress(part, most + 1)
            if reader.unused_data:
                raise UnreadableReply("sends something after the end of a packed answer")
    except zlib.error:
        raise UnreadableReply("sends a packed answer that is damaged") from None
    if not reader.eof:
        raise UnreadableReply("sends a packed answer that ends too early")
