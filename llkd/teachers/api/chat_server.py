"""One OpenAI-compatible server: one try of a question, a reply out, every failure told apart.

Trying again is the business of ``teachers.retrying``; the ``openai`` client's own tries are off,
because each one has to be metered. What the server does not take is learnt by
:class:`~llkd.teachers.api.request_form.RequestForm` and sent in another form from then on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from llkd.config.server_key import without_key
from llkd.errors import ConfigError
from llkd.installation import require
from llkd.teachers.api.completions import Reply, parse, read_completion
from llkd.teachers.api.connection import Connection
from llkd.teachers.api.request_form import RequestForm, about_logprobs
from llkd.teachers.api.server_errors import ServerError, error_inside, error_of
from llkd.teachers.calls.tries import UNREADABLE, RequestRefused, TryFailed, sent, status_failure

# A refusal of the request's form comes under many statuses; these may be one.
_MODERATED = re.compile(r"flagged|moderation|content[ _]policy|content[ _]filter|safety|guardrail")
_REFUSALS = {400, 403, 404, 405, 406, 411, 413, 414, 415, 417, 422, 500, 501, 502}


class ChatServer:
    """A model behind a chat-completions endpoint; ``client`` is an ``openai.OpenAI``.

    ``connection``: where it may lead and with which key; None in tests.
    """

    def __init__(
        self,
        client: Any,
        model: str,
        base_url: str,
        timeout: float = 120.0,
        connection: Connection | None = None,
    ) -> None:
        """``base_url`` is shown in messages; ``timeout`` is in seconds."""
        self.client = client
        self.connection = connection
        self.model = model
        self.url = without_secrets(base_url)
        self._timeout = timeout
        self.form = RequestForm()

    def ask(
        self,
        messages: list[dict[str, str]],
        *,
        max_tokens: int,
        temperature: float = 0.0,
        with_system: bool | None = None,
        **options: Any,
    ) -> Reply:
        """One try. Raises RequestRefused, TryFailed, or ModelError where no try can help.

        ``with_system`` false folds the instruction into the user's message for this try.
        """
        import httpx2

        body = self.request(
            messages,
            max_tokens=max_tokens,
            temperature=temperature,
            with_system=with_system,
            **options,
        )
        reply = sent(
            lambda: self.client.post("/chat/completions", cast_to=httpx2.Response, body=body),
            self.url,
            self._timeout,
            lambda status, words, headers: self.failure_of(status, words, body, headers),
        )
        if reply is None:
            raise self._no_completion()
        return self.reply_of(reply, body)

    def request(
        self,
        messages: list[dict[str, str]],
        *,
        max_tokens: int,
        temperature: float = 0.0,
        with_system: bool | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        """The body of a request as this server takes it, unsent."""
        return self.form.body(
            self.model, messages, max_tokens, temperature, options, with_system=with_system
        )

    def reply_of(self, body: str, request: dict[str, Any]) -> Reply:
        """What the body of an answer to ``request`` says. Raises as :meth:`ask`."""
        try:
            document = parse(body)
            failure = error_inside(document, _texts(request))
            if failure is not None:
                raise self._failure(failure.status(502), failure, request, {}, inside=True)
            reply = read_completion(document)
        except UNREADABLE:
            raise self._no_completion() from None
        self.form.note(request)
        return reply

    def failure_of(
        self, status: int, body: str, request: dict[str, Any], headers: Mapping[str, str]
    ) -> Exception:
        """What it means that ``request`` was answered with this status: what :meth:`ask` raises."""
        return self._failure(status, error_of(body, _texts(request)), request, headers)

    def close(self) -> None:
        """Close the connections."""
        self.client.close()

    def _no_completion(self) -> TryFailed:
        return TryFailed(
            "format",
            f"The server {self.url} answers in another format than an OpenAI-compatible one. "
            "Check the base URL; it often ends in /v1",
            free=False,
        )

    def _failure(
        self,
        status: int,
        server_error: ServerError,
        request: dict[str, Any],
        headers: Mapping[str, str],
        *,
        inside: bool = False,
    ) -> Exception:
        """What a failure means. ``inside``: it came in the body of an answer with status 200."""
        reason = without_key(server_error.sentence) or f"status {status}."
        if status in _REFUSALS and self.form.learn(server_error.words, request):
            return TryFailed("changed", reason, free=True)
        if self._refuses(status, server_error, request):
            return RequestRefused(reason, server_error.words)
        return status_failure(
            self.url,
            self.model,
            status,
            server_error,
            headers,
            inside=inside,
            connection=self.connection,
        )

    def _refuses(self, status: int, server_error: ServerError, request: dict[str, Any]) -> bool:
        """Whether it is this request that is refused, not the key, the model or the moment."""
        if status in {400, 406, 413, 415, 422}:
            return True
        formed = "response_format" in server_error.words or "json_schema" in server_error.words
        if (about_logprobs(server_error.words) and "logprobs" in request) or (
            formed and "response_format" in request
        ):
            return status in _REFUSALS
        if status == 403 and _MODERATED.search(server_error.words):
            return True  # this text, not the key
        return status == 404 and "parameter" in server_error.words

    @property
    def remarks(self) -> list[str]:
        """What a person should know before texts go to this server."""
        return [] if self.connection is None else self.connection.remarks


def _texts(request: dict[str, Any]) -> tuple[str, ...]:
    return tuple(message["content"] for message in request["messages"])


def open_server(
    model: str, base_url: str, timeout: float = 120.0, home: Path | None = None
) -> ChatServer:
    """A chat server, as :func:`open_client` opens it."""
    client, connection = open_client(base_url, timeout, home)
    return ChatServer(client, model, base_url, timeout, connection)


def open_client(base_url: str, timeout: float, home: Path | None) -> tuple[Any, Connection]:
    """An ``openai.OpenAI`` with the key that belongs to the server, and its connection.

    ``home`` remembers which host a key was first used with. Raises ConfigError for a bad URL, key
    or environment. The settings have refused a URL with a secret in it: it would stand in the list
    of processes.
    """
    try:
        parts = urlsplit(base_url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigError(
            "A base URL begins with http:// or https:// and names a server, for example "
            f"http://127.0.0.1:8000/v1, but it was {base_url!r}."
        )
    require("api", "A teacher behind a server")
    import httpx2
    from openai import OpenAI

    connection = Connection(base_url, home)
    try:
        client = OpenAI(
            base_url=base_url,
            api_key=connection.key or "none",
            max_retries=0,
            timeout=timeout,
            http_client=connection.client,
        )
    except httpx2.InvalidURL as error:
        raise ConfigError(f"The base URL {base_url!r} cannot be used: {error}.") from None
    return client, connection


def without_secrets(url: str) -> str:
    """A URL without user name, password, query and fragment."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
