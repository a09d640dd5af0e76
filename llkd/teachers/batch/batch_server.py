"""The endpoints of an OpenAI-compatible server for batches: files, batches, and what they say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from llkd.config.server_key import without_key
from llkd.errors import ModelError
from llkd.teachers.api.chat_server import ChatServer
from llkd.teachers.api.connection import ConnectionRefused, unreachable
from llkd.teachers.api.server_errors import error_of, one_line
from llkd.teachers.calls.tries import RequestRefused, TryFailed, never_sent, status_failure

ENDPOINT = "/v1/chat/completions"
WINDOW = "24h"
NAME_FIELD = "llkd_batch"
"""Of a batch's metadata: the name that the journal gave it."""
_OVER = {"completed", "expired", "cancelled", "failed"}
_OTHER_FORMAT = "The server answers about batches in another format than OpenAI's"
_PAGE = 100
_MOST_PAGES = 50
T = TypeVar("T")


class NoBatches(ModelError):
    """The server has no batches, or not of chat completions."""


class BatchGone(ModelError):
    """The server does not know this batch or file any more."""


@dataclass(frozen=True)
class ServerBatch:
    """A batch as the server describes it. ``answered``: how many requests are done, failed too."""

    batch_id: str
    status: str
    input_file_id: str | None
    files: tuple[str, ...]
    errors: tuple[str, ...]
    answered: int
    name: str | None
    created: float

    @property
    def over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status in _OVER


class BatchServer:
    """Files and batches of one server. Each method is one try, and raises as ``ChatServer.ask``."""

    def __init__(self, chat: ChatServer) -> None:
        """``chat`` holds the connection, with its key and its rules."""
        self._chat = chat

    def upload(self, path: Path, name: str) -> str:
        """Upload the requests; the number of the file. Raises NoBatches."""

        def send() -> Any:
            with path.open("rb") as file:
                return self._chat.client.files.create(
                    file=(f"llkd-{name}.jsonl", file, "application/jsonl"), purpose="batch"
                )

        return self._number(self._tried(send, beginning=True))

    def create(self, file_id: str, name: str) -> ServerBatch:
        """Begin a batch. After TryFailed it may have begun: see :meth:`search`."""
        return _batch(
            self._tried(
                lambda: self._chat.client.batches.create(
                    input_file_id=file_id,
                    endpoint=ENDPOINT,
                    completion_window=WINDOW,
                    metadata={NAME_FIELD: name},
                    # Some servers begin one batch a key, however often they are asked.
                    extra_headers={"Idempotency-Key": name},
                ),
                beginning=True,
            )
        )

    def search(self, name: str, file_id: str | None, since: float) -> ServerBatch | None:
        """The batch of this name, or of this file, among those begun since ``since``; or None."""
        for batch in self._listed():
            if batch.name == name or (file_id is not None and batch.input_file_id == file_id):
                return batch
            if batch.created and batch.created < since:
                return None  # the newest come first
        return None

    def look(self, batch_id: str) -> ServerBatch:
        """How far a batch is. Raises BatchGone."""
        return _batch(self._tried(lambda: self._chat.client.batches.retrieve(batch_id)))

    def cancel(self, batch_id: str) -> None:
        """Ask the server to go no further with it; what is answered stays."""
        self._tried(lambda: self._chat.client.batches.cancel(batch_id))

    def download(self, file_id: str, to: Path) -> None:
        """Append a file's lines to ``to``. Raises BatchGone."""

        def receive() -> None:
            content = self._chat.client.files.with_streaming_response.content(file_id)
            with content as response, to.open("ab") as file:
                start = file.tell()
                try:
                    for part in response.iter_bytes():
                        file.write(part)
                    file.write(b"\n")
                except BaseException:
                    file.truncate(start)
                    raise

        self._tried(receive)

    def _listed(self) -> Iterator[ServerBatch]:
        """All batches that the server lists, the newest first. Raises NoBatches."""
        after: dict[str, str] = {}
        for _ in range(_MOST_PAGES):
            listed = partial(self._chat.client.batches.list, limit=_PAGE, **after)
            page: Any = self._tried(listed, beginning=True)
            batches = [_batch(entry) for entry in getattr(page, "data", None) or []]
            yield from batches
            if not batches or not getattr(page, "has_more", False):
                return
            after = {"after": batches[-1].batch_id}

    def _tried(self, call: Callable[[], T], *, beginning: bool = False) -> T:
        import openai

        chat = self._chat
        try:
            return call()
        except openai.APIStatusError as error:
            server_error, status = error_of(_words(error.response)), error.status_code
            reason = without_key(server_error.sentence) or f"status {status}."
            if status in {404, 405, 501} and beginning:
                raise NoBatches(
                    f"The server {chat.url} offers no batches (status {status}): {reason} Label "
                    "without --batch."
                ) from None
            if status == 404:
                sentence = f"The server {chat.url} knows no such batch any more: {reason}"
                raise BatchGone(sentence) from None
            if status in {400, 409, 413, 415, 422}:
                raise RequestRefused(reason, server_error.words) from None
            raise status_failure(
                chat.url,
                chat.model,
                status,
                server_error,
                error.response.headers,
                connection=chat.connection,
            ) from None
        except ConnectionRefused as refused:
            raise ModelError(str(refused)) from None
        except openai.APITimeoutError as error:
            sentence = f"The server {chat.url} did not answer in time"
            raise TryFailed("outage", sentence, free=never_sent(error)) from None
        except openai.APIConnectionError as error:
            sentence = unreachable(chat.url, error)
            raise TryFailed("outage", sentence, free=never_sent(error)) from None
        except (openai.OpenAIError, ValueError, TypeError, AttributeError, LookupError):
            raise self._unreadable() from None

    def _number(self, entry: Any) -> str:
        number = getattr(entry, "id", None)
        if not isinstance(number, str) or not number:
            raise self._unreadable()
        return number

    def _unreadable(self) -> TryFailed:
        return TryFailed("format", _OTHER_FORMAT, free=False)


def _batch(entry: Any) -> ServerBatch:
    """Read a batch with care: servers fill in different fields."""
    number, status = getattr(entry, "id", None), getattr(entry, "status", None)
    if not isinstance(number, str) or not number or not isinstance(status, str):
        raise TryFailed("format", _OTHER_FORMAT, free=False)
    counts = getattr(entry, "request_counts", None)
    done = [getattr(counts, field, None) for field in ("completed", "failed")]
    errors = getattr(getattr(entry, "errors", None), "data", None) or []
    metadata = getattr(entry, "metadata", None)
    files = [getattr(entry, field, None) for field in ("output_file_id", "error_file_id")]
    created = getattr(entry, "created_at", None)
    return ServerBatch(
        batch_id=number,
        status=status,
        input_file_id=getattr(entry, "input_file_id", None),
        files=tuple(file for file in files if isinstance(file, str) and file),
        errors=tuple(_error_words(error) for error in errors if error is not None),
        answered=sum(count for count in done if isinstance(count, int)),
        name=metadata.get(NAME_FIELD) if isinstance(metadata, dict) else None,
        created=float(created) if isinstance(created, int | float) else 0.0,
    )


def _words(response: Any) -> str:
    try:
        response.read()  # of a download it may not have been
        return str(response.text)
    except Exception:  # whatever a broken connection raises here, the status has been told
        return ""


def _error_words(error: Any) -> str:
    parts = [getattr(error, "code", None), getattr(error, "message", None)]
    line = getattr(error, "line", None)
    words = ": ".join(str(part) for part in parts if part)
    return one_line(f"{words} (line {line})" if line is not None else words)
