"""What every request passes: its number, the names it may use, the key, the counters, the log."""

from __future__ import annotations

import hmac
import logging
import secrets
import time
from collections import Counter
from collections.abc import Iterable, Sequence

from pydantic_core import to_json
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from llkd.serving.decisions import error_document as decisions_error
from llkd.serving.metrics import Metrics
from llkd.serving.questions import RequestRefused
from llkd.serving.system_one import error_document as system_one_error

OPEN = ("/health", "/ready")
"""What needs no key: whether a server runs is asked by programs that know none."""
SYSTEM_ONE = "/v1/systemone"
ONCE = (b"authorization", b"content-encoding", b"content-length", b"content-type", b"host")
AMBIGUOUS = "ambiguous_request"
_LOG = logging.getLogger("llkd.serving.access")


class Entrance:
    """An ASGI middleware around the whole application.

    ``hosts`` are the names that a ``Host`` header may hold, None for any: on a loopback address
    they keep pages of other sites out, whose names lead to this machine.
    """

    def __init__(
        self, app: ASGIApp, metrics: Metrics, key: str | None, hosts: Sequence[str] | None
    ) -> None:
        self._app, self._metrics = app, metrics
        self._key = None if key is None else key.encode()
        self._hosts = None if hosts is None else {host.encode() for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse, one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, path = time.perf_counter(), str(scope["path"])
        number = secrets.token_hex(8).encode()
        status = 500

        async def numbered(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"x-request-id", number),
                    (b"x-typesafe-request-id", number),
                    (b"x-content-type-options", b"nosniff"),
                ]
            await send(message)

        try:
            refusal = self._refusal(scope, path)
            if refusal is None:
                await self._app(scope, receive, numbered)
            else:
                await send_refusal(refusal, path, numbered)
        finally:
            seconds = time.perf_counter() - began
            self._metrics.count(path, status, seconds)
            if _LOG.isEnabledFor(logging.INFO):
                _LOG.info(
                    "%s %s %s %d %.1f ms",
                    (scope.get("client") or ("-",))[0],
                    scope["method"],
                    "".join(ch if ch.isprintable() else "\ufffd" for ch in path)[:200],
                    status,
                    1000 * seconds,
                )

    def _refusal(self, scope: Scope, path: str) -> RequestRefused | None:
        doubt = _doubt(scope["headers"])
        if doubt is not None:
            return RequestRefused(doubt, 400, kind=AMBIGUOUS)
        headers = dict(scope["headers"])
        if self._hosts is not None and _name(headers.get(b"host", b"")) not in self._hosts:
            return RequestRefused(
                "This server answers to 127.0.0.1 and localhost. To use another name, start it "
                "with --host, or --allowed-host NAME behind a proxy.",
                421,
                kind="wrong_host",
            )
        if self._key is None or path in OPEN:
            return None
        scheme, _, word = headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() == b"bearer" and hmac.compare_digest(word.strip(), self._key):
            return None
        what = "is not the one of this server" if word else "is missing"
        return RequestRefused(
            f"The key {what}: send it as Authorization: Bearer KEY.", 401, kind="invalid_api_key"
        )


def _doubt(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """What a proxy on the way may read in another way than this server; None for plain headers.

    Of two lengths a proxy may take the other one, and so see other requests than arrive here
    (RFC 9112, 6.1 and 11.2); of a header that stands twice it may check the one that is not used.
    """
    names = Counter(name.lower() for name, _ in headers)
    if names[b"content-length"] and names[b"transfer-encoding"]:
        return "A body has a Content-Length or a Transfer-Encoding, not both."
    twice = sorted(name.decode("latin-1") for name in ONCE if names[name] > 1)
    return f"The header {twice[0]} stands twice." if twice else None


def _name(host: bytes) -> bytes:
    """The name of a Host header, without its port."""
    if host.startswith(b"["):
        return host.partition(b"]")[0] + b"]"
    return host.partition(b":")[0].lower()


async def send_refusal(refusal: RequestRefused, path: str, send: Send) -> None:
    """Answer with a refusal, in the form of the interface that the path belongs to."""
    document = (system_one_error if path == SYSTEM_ONE else decisions_error)(refusal)
    status = refusal.status
    if status == 422 and path != SYSTEM_ONE:
        status = 400  # OpenAI's clients know no 422
    body = to_json(document)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if refusal.retry_after is not None:
        headers.append((b"retry-after", str(max(1, round(refusal.retry_after))).encode()))
        headers.append((b"retry-after-ms", str(round(1000 * refusal.retry_after)).encode()))
    if status in (408, 413) or refusal.kind == AMBIGUOUS:
        headers.append((b"connection", b"close"))  # what is left of the body is not read
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
