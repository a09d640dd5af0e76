"""The gate before the whole server: each page, file, upload and socket passes it, or is refused.

An ASGI middleware around Streamlit's application. In this order: the name that was asked for and
the page that asks (ui.entrance.origins), the token of the address or its cookie
(ui.entrance.tickets) unless a login decides, and for uploads the login and the room left
(ui.entrance.quotas). Every answer forbids to be shown in a frame.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from streamlit import config, runtime

from ui.entrance import notices, origins
from ui.entrance.quotas import MEGABYTE, Quotas, limit
from ui.entrance.tickets import COOKIE_SECONDS, Tickets
from ui.entrance.visits import Visit, set_cookie
from ui.shell import login

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]
App = Callable[[Mapping[str, Any], Receive, Send], Awaitable[None]]

# Says that the server runs, and no more: for whoever watches over it, and for a page that waits.
HEALTH = "_stcore/health"
_UPLOAD = re.compile(r"_stcore/upload_file/([^/]+)/([^/]+)")
_LOG = logging.getLogger("llkd")


class Gate:
    """The middleware; ``tickets`` is None where no token is asked for."""

    def __init__(self, app: App, tickets: Tickets | None) -> None:
        self.app = app
        self.tickets = tickets
        self.quotas = Quotas()

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Let a request through, or answer it here."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        visit = Visit(scope, str(config.get_option("server.baseUrlPath") or ""))
        if visit.path == HEALTH and not visit.is_socket:
            await self.app(scope, receive, _guarded(send))
            return
        refusal = origins.refusal(visit)
        if refusal is not None:
            _LOG.warning("Refused %.200r from %.200r", visit.path, visit.header("origin"))
            await _refuse(visit, send, refusal)
            return
        cookie = None
        if self.tickets is not None and not login.required():
            if not self._has_ticket(visit):
                await _ask(visit, send)
                return
            cookie = self._cookie(visit)
            if visit.token_in_address and not visit.changes:
                await _redirect(visit, send, cookie)
                return
        await self._pass(visit, receive, _guarded(send, cookie if visit.wants_page else None))

    async def _pass(self, visit: Visit, receive: Receive, send: Send) -> None:
        upload = _UPLOAD.fullmatch(visit.path) if visit.scope.get("method") == "PUT" else None
        if upload is None:
            await self.app(visit.scope, receive, send)
            return
        session, file = upload.groups()
        if not _may_upload(session):
            await _refuse(visit, send, "Log in before you upload a file.")
            return
        length = visit.header("content-length") or ""
        announced = int(length) if length.isdecimal() and len(length) < 16 else None
        with self.quotas.room(session, file, announced) as fits:
            if fits:
                await self.app(visit.scope, receive, send)
            else:
                most = limit() // MEGABYTE
                await _drain(receive)
                await _refuse(visit, send, f"Upload at most {most} MB within a minute.", 413)

    def _has_ticket(self, visit: Visit) -> bool:
        if self.tickets is None:
            return True
        stamped = visit.cookie(cookie_name(visit.scope))
        return self.tickets.is_stamped(stamped) or self.tickets.is_token(visit.token)

    def _cookie(self, visit: Visit) -> bytes | None:
        if self.tickets is None:
            return None
        return set_cookie(
            cookie_name(visit.scope),
            self.tickets.stamped(),
            seconds=COOKIE_SECONDS,
            path="/" + visit.base.strip("/"),
            secure=visit.scope.get("scheme") in {"https", "wss"},
        )


def cookie_name(scope: Mapping[str, Any]) -> str:
    """The cookie of the server at this port: browsers send cookies to all ports of a name."""
    _, port = scope.get("server") or ("", "")
    return f"llkd_{port}"


def _may_upload(session: str) -> bool:
    """Whether the session's user is let in; without a login everybody is who has come this far."""
    if not login.required():
        return True
    if not runtime.exists():
        return False
    info = runtime.get_instance()._session_mgr.get_active_session_info(session)
    return info is not None and login.may_enter(info.session._user_info)


def _guarded(send: Send, cookie: bytes | None = None) -> Send:
    """Put the headers of every answer on those that are sent."""

    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            ours = {name for name, _ in notices.HEADERS}
            theirs = [pair for pair in message.get("headers", ()) if pair[0].lower() not in ours]
            own = [*notices.HEADERS, *([(b"set-cookie", cookie)] if cookie else [])]
            message = {**message, "headers": [*theirs, *own]}
        await send(message)

    return with_headers


async def _ask(visit: Visit, send: Send) -> None:
    """Say how to get in, to a person; to anything else that it takes a token."""
    if not visit.wants_page:
        await _refuse(visit, send, "This needs the token of the server's address.")
    elif visit.from_another_site and not visit.token_in_address:
        await _answer(send, 403, notices.come_again(visit))
    else:
        await _answer(send, 403, notices.ask_for_token(visit))


async def _refuse(visit: Visit, send: Send, words: str, status: int = 403) -> None:
    if visit.is_socket:
        await send({"type": "websocket.close", "code": 1008, "reason": words})
    else:
        await _answer(send, status, notices.sentence(words))


async def _drain(receive: Receive) -> None:
    """Let the rest of a request go by: a browser reads the answer only once it has sent all."""
    while (message := await receive())["type"] == "http.request" and message.get("more_body"):
        pass


async def _redirect(visit: Visit, send: Send, cookie: bytes | None) -> None:
    """On to the same address without its token, which so stays in no history and no link."""
    headers = [(b"location", visit.address_without_token.encode("latin-1"))]
    if cookie is not None:
        headers.append((b"set-cookie", cookie))
    await _answer(send, 303, b"", headers)


async def _answer(
    send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]] | None = None
) -> None:
    length = (b"content-length", str(len(body)).encode())
    whole = [*notices.headers_of_page(), length, *(headers or [])]
    await send({"type": "http.response.start", "status": status, "headers": whole})
    await send({"type": "http.response.body", "body": body})
