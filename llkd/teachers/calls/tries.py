"""What became of one try of a call: an exception that says whether another may help, and was paid.

An answer is no matter of this module; which failures a request may be refused with is known to the
interface it was sent by.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from llkd.config.server_key import without_key
from llkd.errors import ModelError
from llkd.store.keys.server_keys import HOW_TO_GIVE
from llkd.teachers.api.connection import Connection, ConnectionRefused, unreachable
from llkd.teachers.api.server_errors import ServerError
from llkd.teachers.calls.bounded_replies import UnreadableReply

# What a body that is not as it should be leads to.
UNREADABLE = (
    *(ValueError, TypeError, AttributeError, LookupError),
    *(OverflowError, RecursionError),
)
FailureKind = Literal["outage", "busy", "format", "changed"]
# The transport's errors that say that nothing was sent, so that nothing can have been paid.
NEVER_SENT = {"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol"}
# Too many requests, overloaded, or an answer that took too long.
CONGESTED = {408, 429, 503, 504, 529}


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
    (500, 501), perhaps on something in the request. ``congested``: it had too much to do, or did
    not answer in time.
    """

    def __init__(
        self,
        kind: FailureKind,
        sentence: str,
        *,
        free: bool,
        after: float | None = None,
        broke: bool = False,
        congested: bool = False,
    ) -> None:
        """``sentence``: what happened, for the user."""
        super().__init__(sentence)
        self.kind: FailureKind = kind
        self.sentence = sentence
        self.free = free
        self.after = after
        self.broke = broke
        self.congested = congested


def status_failure(
    url: str,
    model: str,
    status: int,
    server_error: ServerError,
    headers: Mapping[str, str],
    *,
    inside: bool = False,
    connection: Connection | None = None,
    unknown: str = "Check the model's name and the base URL.",
) -> Exception:
    """What a status means, where it is not the request that is refused.

    TryFailed where another try may help, else ModelError. ``inside``: it came in the body of an
    answer with status 200. ``unknown``: what to do where the server knows no such model.
    """
    reason = without_key(server_error.sentence) or f"status {status}."
    telling = "" if server_error.vague else f" It says: {reason}"
    if status in {401, 403} and connection and connection.withheld:
        return ModelError(f"The server {url} wants a key (status {status}). {connection.withheld}.")
    if status in {401, 403}:
        choice = None if connection is None else connection.choice
        refused = "wants a key" if choice and choice.key is None else "refuses the key"
        cure = HOW_TO_GIVE if choice is None else choice.another
        return ModelError(f"The server {url} {refused} (status {status}). {cure}.{telling}")
    if status == 404:
        return ModelError(
            f"The server {url} does not know the model {model!r}. Check the model's "
            f"name and the base URL.{telling}"
        )
    sentence = f"The server {url} failed with status {status}: {reason.rstrip('.')}"
    if inside:
        sentence = f"The server {url} answers with an error: {reason.rstrip('.')}"
    no_credit = status == 429 and "insufficient_quota" in server_error.words
    if no_credit or not (status in {408, 409, 425, 429} or status >= 500):
        return ModelError(f"{sentence}. What was answered is kept; resume later.")
    return TryFailed(
        "busy" if status == 429 else "outage",
        sentence,
        # An error in an answer may have cost what was written before it.
        free=status not in {408} and (not inside or status == 429),
        after=asked_pause(headers),
        broke=status in {500, 501},
        congested=status in CONGESTED,
    )


def sent(
    send: Callable[[], Any],
    url: str,
    timeout: float,
    failure: Callable[[int, str, Mapping[str, str]], Exception],
) -> str | None:
    """The body of what ``send`` of the ``openai`` client gets; None where there is none to read.

    Raises what ``failure(status, body, headers)`` gives for a status that is none of success,
    TryFailed for what the transport says, ModelError for a connection that leads elsewhere.
    """
    import openai

    try:
        response = send()
    except openai.APIStatusError as error:
        body = _body(error.response) or ""
        raise failure(error.status_code, body, error.response.headers) from None
    except ConnectionRefused as refused:
        raise ModelError(str(refused)) from None
    except openai.APITimeoutError as error:
        raise TryFailed(
            "outage",
            f"The server {url} did not answer within {timeout:g} seconds",
            free=never_sent(error),
            congested=True,
        ) from None
    except openai.APIConnectionError as error:
        raise TryFailed("outage", unreachable(url, error), free=never_sent(error)) from None
    except UnreadableReply as error:
        raise TryFailed("format", f"The server {url} {error}", free=False) from None
    except (openai.OpenAIError, *UNREADABLE):
        return None
    return _body(response)


def _body(response: Any) -> str | None:
    try:
        return str(response.text)
    except UNREADABLE:
        return None


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


def never_sent(error: BaseException) -> bool:
    """Whether the transport says that nothing was sent, so that nothing can have been paid."""
    return type(error.__cause__).__name__ in NEVER_SENT
