"""The files of a batch: the requests that were sent, and the lines that came back, in any order."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llkd.errors import ModelError
from llkd.teachers.api.chat_server import ChatServer
from llkd.teachers.api.completions import Reply
from llkd.teachers.api.server_errors import ServerError, one_line
from llkd.teachers.batch.batch_server import ENDPOINT
from llkd.teachers.calls.tries import RequestRefused, TryFailed

_NOT_RUN = {"batch_expired", "batch_cancelled", "batch_canceled", "expired", "cancelled"}


def custom_id(text: str) -> str:
    """The name of a text's request: the same in every batch, so that its answer is known again."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:40]


def request_line(name: str, body: dict[str, Any]) -> bytes:
    """One line of a batch's input file."""
    line = {"custom_id": name, "method": "POST", "url": ENDPOINT, "body": body}
    return json.dumps(line, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"


class SentRequests:
    """The requests of a batch, read from their file one by one."""

    def __init__(self, path: Path) -> None:
        """Notes where each stands; the file may hold 200 MB."""
        self._path = path
        self._places: dict[str, int] = {}
        with path.open("rb") as file:
            place = 0
            for line in file:
                self._places[json.loads(line)["custom_id"]] = place
                place += len(line)

    def body(self, name: str) -> dict[str, Any] | None:
        """The body of a request; None for one that was never sent."""
        place = self._places.get(name)
        if place is None:
            return None
        with self._path.open("rb") as file:
            file.seek(place)
            body: dict[str, Any] = json.loads(file.readline())["body"]
        return body


@dataclass(frozen=True)
class Outcome:
    """What became of one request.

    ``state`` as in the journal. ``outcome``: the reply, or the refusal that is this text's answer;
    None where it must be asked again, and ``reason`` says why. ``fatal``: no other request will be
    answered either.
    """

    name: str
    state: str
    outcome: Reply | RequestRefused | None = None
    reason: str = ""
    fatal: ModelError | None = None


@dataclass
class Oddities:
    """Lines of the server's files that belong to no request, or to one that has its line."""

    unreadable: int = 0
    unknown: int = 0
    repeated: int = 0
    names: set[str] = field(default_factory=set)

    @property
    def sentence(self) -> str | None:
        """What to tell a person; None where all lines were as they should be."""
        parts = [
            f"{number:,} {what}"
            for number, what in (
                (self.unreadable, "could not be read"),
                (self.unknown, "belonged to no request"),
                (self.repeated, "repeated an answer"),
            )
            if number
        ]
        if not parts:
            return None
        return f"Of the lines that the server sent for a batch, {', '.join(parts)}: left out."


def outcomes(
    path: Path, sent: SentRequests, chat: ChatServer, oddities: Oddities
) -> Iterator[Outcome]:
    """What the lines of an output and an error file say of each request, the first of each."""
    with path.open("rb") as file:
        for words in file:
            if not words.strip():
                continue
            try:
                line = json.loads(words)
                name = line["custom_id"]
            except (ValueError, LookupError, TypeError, RecursionError):
                oddities.unreadable += 1
                continue
            body = sent.body(name) if isinstance(name, str) else None
            if body is None:
                oddities.unknown += 1
            elif name in oddities.names:
                oddities.repeated += 1
            else:
                oddities.names.add(name)
                yield _outcome(name, line, body, chat)


def _outcome(name: str, line: dict[str, Any], request: dict[str, Any], chat: ChatServer) -> Outcome:
    response = line.get("response")
    response = response if isinstance(response, dict) else {}
    status, body = response.get("status_code"), response.get("body")
    error = line.get("error") or None
    if error is None and body is not None and (status in {None, 200} or _answered(body)):
        return _read(name, lambda: chat.reply_of(json.dumps(body), request))
    document = error if error is not None else body
    code = document.get("code") if isinstance(document, dict) else None
    if code in _NOT_RUN:
        return Outcome(name, "free", reason=_sentence(document) or str(code))
    number = status if isinstance(status, int) and status != 200 else 0
    number = number or ServerError(document).status(500)

    def fail() -> Reply:
        raise chat.failure_of(number, json.dumps({"error": document}), request, {})

    return _read(name, fail)


def _read(name: str, read: Any) -> Outcome:
    try:
        return Outcome(name, "paid", read())
    except RequestRefused as refusal:
        return Outcome(name, "refused", refusal)
    except TryFailed as failure:
        return Outcome(name, "free" if failure.free else "lost", reason=failure.sentence)
    except ModelError as error:
        return Outcome(name, "free", reason=str(error), fatal=error)


def _answered(body: Any) -> bool:
    return isinstance(body, dict) and bool(body.get("choices"))


def _sentence(document: Any) -> str:
    return one_line(ServerError(document).sentence)
