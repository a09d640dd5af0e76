"""One OpenAI-compatible server: one try of a question, a reply out, every failure told apart.

Trying again is the business of ``teachers.retrying``; the ``openai`` client's own tries are off,
because each one has to be metered. What the server does not take is learnt by
:class:`~llkd.teachers.request_form.RequestForm` and sent in another form from then on.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit

from llkd.config.server_key import without_key
from llkd.errors import ConfigError, ModelError
from llkd.teachers.completions import Reply, parse, read_completion
from llkd.teachers.connection import Connection, ConnectionRefused, unreachable
from llkd.teachers.request_form import RequestForm, about_logprobs
from llkd.teachers.server_errors import ServerError, error_inside, error_of

# What a body that is not as it should be leads to.
_UNREADABLE = (
    *(ValueError, TypeError, AttributeError, LookupError),
    *(OverflowError, RecursionError),
)
FailureKind = Literal["outage", "busy", "format", "changed"]
# The transport's errors that say that nothing was sent, so that nothing can have been paid.
NEVER_SENT = {"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol"}
# A refusal of the request's form comes under many statuses; these may be one.
_MODERATED = re.compile(r"flagged|moderation|content[ _]policy|content[ _]filter|safety|guardrail")
_REFUSALS = {400, 403, 404, 405, 406, 411, 413, 414, 415, 417, 422, 500, 501, 502}


class RequestRefused(Exception):
    """The server will not take this request (400, 413, 422); another try would not help.

    ``words``: all it says, in lower case, to be searched.
    """

    def __init__(self, reason: str, words: str = "") -> None:
        """``reason``: the server's sentence, one line."""
        super().__init__(reason)
        self.reason = reason
        self.words = words or reason.casefold()


class TryFailed(Exception):
    """A try without an answer that another try may mend.

    ``kind``: ``outage`` (5xx, time-out, connection), ``busy`` (429), ``format`` (a body that
    cannot be read), ``changed`` (an option was refused and is no longer sent). ``free``: it cannot
    have been paid. ``after``: seconds the server asks to wait. ``broke``: the server itself broke
    (500, 501), perhaps on something in the request.
    """

    def __init__(
        self,
        kind: FailureKind,
        sentence: str,
        *,
        free: bool,
        after: float | None = None,
        broke: bool = False,
    ) -> None:
        """``sentence``: what happened, for the user."""
        super().__init__(sentence)
        self.kind: FailureKind = kind
        self.sentence = sentence
        self.free = free
        self.after = after
        self.broke = broke


class ChatServer:
    """A model behind a chat-completions endpoint; ``client`` is an ``openai.OpenAI``."""

    def __init__(
        self,
        client: Any,
        model: str,
        base_url: str,
        timeout: float = 120.0,
        connection: Connection | None = None,
    ) -> None:
        """``base_url`` is shown in messages; ``timeout`` is in seconds."""
        self._client = client
        self._connection = connection
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
        import openai

        sent = self.form.body(
            self.model, messages, max_tokens, temperature, options, with_system=with_system
        )
        texts = tuple(message["content"] for message in messages)
        try:
            response = self._client.post("/chat/completions", cast_to=httpx2.Response, body=sent)
        except openai.APIStatusError as error:
            said = error_of(_body(error.response), texts)
            raise self._failure(error.status_code, said, sent, error.response.headers) from None
        except ConnectionRefused as refused:
            raise ModelError(str(refused)) from None
        except openai.APITimeoutError as error:
            raise TryFailed(
                "outage",
                f"The server {self.url} did not answer within {self._timeout:g} seconds",
                free=_never_sent(error),
            ) from None
        except openai.APIConnectionError as error:
            sentence = unreachable(self.url, error)
            raise TryFailed("outage", sentence, free=_never_sent(error)) from None
        except (openai.OpenAIError, *_UNREADABLE):
            raise self._no_completion() from None
        return self._reply(_body(response), sent, texts)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _reply(self, body: str, sent: dict[str, Any], texts: tuple[str, ...]) -> Reply:
        try:
            document = parse(body)
            failure = error_inside(document, texts)
            if failure is not None:
                raise self._failure(failure.status(502), failure, sent, {}, inside=True)
            reply = read_completion(document)
        except _UNREADABLE:
            raise self._no_completion() from None
        self.form.note(sent)
        return reply

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
        said: ServerError,
        sent: dict[str, Any],
        headers: Mapping[str, str],
        *,
        inside: bool = False,
    ) -> Exception:
        """What a failure means. ``inside``: it came in the body of an answer with status 200."""
        reason = without_key(said.sentence) or f"status {status}."
        if status in _REFUSALS and self.form.learn(said.words, sent):
            return TryFailed("changed", reason, free=True)
        if self._refuses(status, said, sent):
            return RequestRefused(reason, said.words)
        telling = "" if said.vague else f" It says: {reason}"
        if status in {401, 403} and self._connection and self._connection.withheld:
            return ModelError(
                f"The server {self.url} wants a key (status {status}). {self._connection.withheld}."
            )
        if status in {401, 403}:
            return ModelError(
                f"The server {self.url} refuses the key (status {status}). Set OPENAI_API_KEY to "
                f"a key that it takes.{telling}"
            )
        if status == 404:
            return ModelError(
                f"The server {self.url} does not know the model {self.model!r}. Check the model's "
                f"name and the base URL.{telling}"
            )
        sentence = f"The server {self.url} failed with status {status}: {reason.rstrip('.')}"
        if inside:
            sentence = f"The server {self.url} answers with an error: {reason.rstrip('.')}"
        no_credit = status == 429 and "insufficient_quota" in said.words
        if no_credit or not (status in {408, 409, 425, 429} or status >= 500):
            return ModelError(f"{sentence}. What was answered is kept; resume later.")
        return TryFailed(
            "busy" if status == 429 else "outage",
            sentence,
            # An error in an answer may have cost what was written before it.
            free=status not in {408} and (not inside or status == 429),
            after=asked_pause(headers),
            broke=status in {500, 501},
        )

    def _refuses(self, status: int, said: ServerError, sent: dict[str, Any]) -> bool:
        """Whether it is this request that is refused, not the key, the model or the moment."""
        if status in {400, 406, 413, 415, 422}:
            return True
        formed = "response_format" in said.words or "json_schema" in said.words
        if (about_logprobs(said.words) and "logprobs" in sent) or (
            formed and "response_format" in sent
        ):
            return status in _REFUSALS
        if status == 403 and _MODERATED.search(said.words):
            return True  # this text, not the key
        return status == 404 and "parameter" in said.words

    @property
    def remarks(self) -> list[str]:
        """What a person should know before texts go to this server."""
        return [] if self._connection is None else self._connection.remarks


def _body(response: Any) -> str:
    try:
        return str(response.text)
    except _UNREADABLE:
        return ""


def open_server(
    model: str, base_url: str, timeout: float = 120.0, home: Path | None = None
) -> ChatServer:
    """A server with the key of this process's environment, where that belongs to it.

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
    return ChatServer(client, model, base_url, timeout, connection)


def without_secrets(url: str) -> str:
    """A URL without user name, password, query and fragment."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def asked_pause(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Seconds a server asks to wait: ``retry-after-ms``, or ``Retry-After`` in seconds or a date.

    None where it does not say, or says it in words that cannot be read. ``now`` is Unix time.
    """
    for name, scale in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        words = headers.get(name)
        if words is None:
            continue
        try:
            seconds = float(words) / scale
        except ValueError:
            try:
                date = parsedate_to_datetime(words)
                seconds = date.timestamp() - (time.time() if now is None else now)
            except (ValueError, OverflowError, OSError):
                continue
        if seconds == seconds:  # not "nan"
            return max(0.0, seconds)
    return None


def _never_sent(error: BaseException) -> bool:
    return type(error.__cause__).__name__ in NEVER_SENT
