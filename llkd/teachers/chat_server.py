"""One OpenAI-compatible server: one try of a question, a reply out, every failure told apart.

Trying again is the business of ``teachers.retrying``; the ``openai`` client's own tries are off,
because each one has to be metered. The key is read from OPENAI_API_KEY and shown nowhere.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit

from llkd.errors import ConfigError, ModelError

MOST_TOLD = 10**9  # tokens of one call: a server that tells more tells nonsense
LONGEST_ANSWER = 10_000  # characters: what a server sends beyond is never an answer
# What a body that is not as it should be leads to, in the client or here.
_UNREADABLE = (
    *(ValueError, TypeError, AttributeError, LookupError),
    *(OverflowError, RecursionError),
)
FailureKind = Literal["outage", "busy", "format", "changed"]
# The transport's errors that say that nothing was sent, so that nothing can have been paid.
NEVER_SENT = {"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol"}


@dataclass(frozen=True)
class Reply:
    """What came back: the words, the first token's likely words with logprobs, tokens used.

    ``refused``: the server marked the words as a refusal. Tokens are None where it told none.
    """

    text: str
    listed: list[tuple[str, float]] | None
    tokens_in: int | None
    tokens_out: int | None
    refused: bool = False


class RequestRefused(Exception):
    """The server will not take this request (400, 413, 422); another try would not help."""

    def __init__(self, reason: str) -> None:
        """``reason``: the server's words, one line."""
        super().__init__(reason)
        self.reason = reason


class TryFailed(Exception):
    """A try without an answer that another try may mend.

    ``kind``: ``outage`` (5xx, time-out, connection), ``busy`` (429), ``format`` (a body that
    cannot be read), ``changed`` (an option was refused and is no longer sent). ``free``: it cannot
    have been paid. ``after``: seconds the server asks to wait.
    """

    def __init__(
        self, kind: FailureKind, sentence: str, *, free: bool, after: float | None = None
    ) -> None:
        """``sentence``: what happened, for the user."""
        super().__init__(sentence)
        self.kind: FailureKind = kind
        self.sentence = sentence
        self.free = free
        self.after = after


class ChatServer:
    """A model behind a chat-completions endpoint; ``client`` is an ``openai.OpenAI``."""

    def __init__(self, client: Any, model: str, base_url: str, timeout: float = 120.0) -> None:
        """``base_url`` is shown in messages; ``timeout`` is in seconds."""
        self._client = client
        self.model = model
        self.url = without_secrets(base_url)
        self._timeout = timeout
        # Newer models take another name for the limit, or no temperature: learnt when refused.
        self._limit_name = "max_tokens"
        self._sends_temperature = True

    def ask(
        self,
        messages: list[dict[str, str]],
        *,
        max_tokens: int,
        temperature: float = 0.0,
        **options: Any,
    ) -> Reply:
        """One try. Raises RequestRefused, TryFailed, or ModelError where no try can help."""
        import openai

        limit, warm = self._limit_name, self._sends_temperature
        options[limit] = max_tokens
        if warm:
            options["temperature"] = temperature
        try:
            return _reply(
                self._client.chat.completions.create(model=self.model, messages=messages, **options)
            )
        except openai.APIStatusError as error:
            raise self._failure(error, limit, warm) from None
        except openai.APITimeoutError as error:
            raise TryFailed(
                "outage",
                f"The server {self.url} did not answer within {self._timeout:g} seconds",
                free=_never_sent(error),
            ) from None
        except openai.APIConnectionError as error:
            raise TryFailed(
                "outage",
                f"The server {self.url} cannot be reached. Check that it runs and that the base "
                "URL is right",
                free=_never_sent(error),
            ) from None
        except (openai.OpenAIError, *_UNREADABLE):
            raise TryFailed(
                "format",
                f"The server {self.url} answers in another format than an OpenAI-compatible one. "
                "Check the base URL; it often ends in /v1",
                free=False,
            ) from None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _failure(self, error: Any, limit: str, warm: bool) -> Exception:
        status, reason = error.status_code, self._reason(error)
        if status in {400, 413, 422}:
            return self._learn(reason, limit, warm) or RequestRefused(reason)
        if status in {401, 403}:
            return ModelError(
                f"The server {self.url} refuses the key (status {status}). Set OPENAI_API_KEY to "
                "a key that it takes."
            )
        if status == 404:
            return ModelError(
                f"The server {self.url} does not know the model {self.model!r}. Check the model's "
                "name and the base URL."
            )
        sentence = f"The server {self.url} failed with status {status}: {reason.rstrip('.')}"
        no_credit = getattr(error, "code", None) == "insufficient_quota"
        if no_credit or not (status in {408, 409, 429} or status >= 500):
            return ModelError(f"{sentence}. What was answered is kept; resume later.")
        return TryFailed(
            "busy" if status == 429 else "outage",
            sentence,
            free=status != 408,
            after=asked_pause(error.response.headers),
        )

    def _learn(self, reason: str, limit: str, warm: bool) -> TryFailed | None:
        """Leave an option out from now on where the server's words say that it takes none."""
        words = reason.lower()
        if limit == "max_tokens" and "max_completion_tokens" in words:
            self._limit_name = "max_completion_tokens"
        elif warm and "temperature" in words and "support" in words:
            self._sends_temperature = False
        else:
            return None
        return TryFailed("changed", reason, free=True)

    def _reason(self, error: Any) -> str:
        body = error.body if isinstance(error.body, dict) else {}
        words = str(body.get("message") or error)
        key = str(self._client.api_key)
        if len(key) > 4:  # a shorter one is a placeholder and may be part of any word
            words = words.replace(key, "***")
        words = " ".join(words.split())[:300]
        return words if words.endswith(".") else words + "."


def open_server(model: str, base_url: str, timeout: float = 120.0) -> ChatServer:
    """A server with the key of this process's environment. Raises ConfigError for a bad URL.

    The settings have refused a URL with a secret in it: it would stand in the list of processes.
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
    from openai import OpenAI

    client = OpenAI(
        base_url=base_url,
        api_key=os.environ.get("OPENAI_API_KEY") or "none",
        max_retries=0,
        timeout=timeout,
    )
    return ChatServer(client, model, base_url, timeout)


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


def _reply(answer: Any) -> Reply:
    """Read a completion whose fields a server may have left out."""
    choice = answer.choices[0]
    message = choice.message
    if message is None:
        raise ValueError("a choice without a message")
    content, refusal = getattr(message, "content", None), getattr(message, "refusal", None)
    words = getattr(getattr(choice, "logprobs", None), "content", None)
    listed = getattr(words[0], "top_logprobs", None) if words else None
    usage = getattr(answer, "usage", None)
    read = getattr(usage, "prompt_tokens", None)
    written = getattr(usage, "completion_tokens", None)
    return Reply(
        text=str(content or refusal or "")[:LONGEST_ANSWER],
        listed=[(str(word.token), float(word.logprob)) for word in listed] if listed else None,
        tokens_in=_told(read, 1),  # no prompt is empty: 0 is "not told"
        tokens_out=_told(written, 0),
        refused=bool(refusal) or getattr(choice, "finish_reason", None) == "content_filter",
    )


def _told(tokens: Any, least: int) -> int | None:
    """A number of tokens, None where the server did not tell one that can be."""
    return None if tokens is None or not least <= int(tokens) <= MOST_TOLD else int(tokens)
