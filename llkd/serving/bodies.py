"""Reading a request's body within limits of size, form and time."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from llkd.serving.limits import Limits
from llkd.serving.questions import RequestRefused

DISCARDED = 64 * 2**20
Unpack = Callable[[bytes, int], bytes | None]
"""From packed bytes and the most that may come out to the bytes; None where they are more."""


class Buffered:
    """Bytes of all bodies that are being read: many large ones at once must not take all memory."""

    def __init__(self, most: int) -> None:
        self.bytes, self._most = 0, most

    def add(self, count: int) -> None:
        """Count bytes that are held. Raises RequestRefused (429) where they are too many."""
        self.bytes += count
        if self.bytes > self._most:
            raise RequestRefused(
                "Too many large bodies are being read. Come back in a moment.",
                429,
                kind="rate_limit",
                retry_after=1.0,
            )


async def read_body(scope: Scope, receive: Receive, limits: Limits, buffered: Buffered) -> bytes:
    """The body of a request, unpacked.

    Raises RequestRefused: 415 for what is no JSON, 413 for too much, 408 for too slow.
    """
    headers = dict(scope["headers"])
    form = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if form != b"application/json" and not form.endswith(b"+json"):
        raise RequestRefused(
            "A body must be JSON: send it with Content-Type: application/json.",
            415,
            kind="unsupported_media_type",
        )
    try:
        async with asyncio.timeout(limits.body_seconds):
            body = await _received(receive, limits, buffered)
    except TimeoutError:
        raise RequestRefused(
            f"The body was not there after {limits.body_seconds:g} seconds.", 408, kind="timeout"
        ) from None
    packing = headers.get(b"content-encoding", b"identity").strip().lower().decode("latin-1")
    if packing in ("", "identity"):
        return body
    return _unpacked(body, packing, limits)


async def _received(receive: Receive, limits: Limits, buffered: Buffered) -> bytes:
    """The body's bytes.

    Of one that is too large the rest is read and forgotten, within DISCARDED: a caller that is
    still sending when the connection closes sees that it broke, and not why.
    """
    parts: list[bytes] = []
    size = held = 0
    try:
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect()
            part = message.get("body", b"")
            size += len(part)
            if size <= limits.body_bytes:
                held += len(part)
                buffered.add(len(part))
                parts.append(part)
            else:
                parts.clear()
            if not message.get("more_body", False) or size > limits.body_bytes + DISCARDED:
                break
    finally:
        buffered.bytes -= held
    if size > limits.body_bytes:
        raise _too_large(limits)
    return b"".join(parts)


def _too_large(limits: Limits) -> RequestRefused:
    return RequestRefused(
        f"The body has more than {limits.body_bytes:,} bytes. Send fewer or shorter texts.",
        413,
        kind="too_large",
    )


def _unpacked(body: bytes, packing: str, limits: Limits) -> bytes:
    unpack = packings().get(packing)
    if unpack is None:
        names = ", ".join(packings())
        raise RequestRefused(
            f"A body packed as {packing[:40]!r} is not read here, but {names} or none at all.",
            415,
            kind="unsupported_encoding",
        )
    try:
        whole = unpack(body, limits.body_bytes)
    except Exception as error:
        raise RequestRefused(
            f"The body is no whole {packing}: {error}.", place=("body",), kind="encoding_invalid"
        ) from None
    if whole is None:
        raise _too_large(limits)
    return whole


def packings() -> dict[str, Unpack]:
    """How bodies may be packed: gzip always, zstd where this Python has it."""
    known: dict[str, Unpack] = {"gzip": _gzip}
    zstd = _zstd()
    return known if zstd is None else {**known, "zstd": zstd}


def _gzip(body: bytes, most: int) -> bytes | None:
    reader = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    whole = reader.decompress(body, most + 1)
    if len(whole) > most:
        return None
    _check_end(reader)
    return whole


def _check_end(reader: Any) -> None:
    """Raise ValueError for a packing that is cut off, or that something stands behind."""
    if not reader.eof:
        raise ValueError("it ends too early")
    if reader.unused_data:
        raise ValueError("something stands behind its end")


def _zstd() -> Unpack | None:
    """The official System One client packs larger bodies so, on Python 3.14 or with backports."""
    try:
        from compression.zstd import ZstdDecompressor  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        try:
            from backports.zstd import (  # type: ignore[import-not-found,import-untyped,unused-ignore]
                ZstdDecompressor,
            )
        except ImportError:
            return None

    def unpack(body: bytes, most: int) -> bytes | None:
        reader = ZstdDecompressor()
        whole: bytes = reader.decompress(body, max_length=most + 1)
        if len(whole) > most:
            return None
        _check_end(reader)
        return whole

    return unpack
