"""One OpenAI-compatible server: a question in, a reply out, every failure a clear sentence.

The ``openai`` client retries 408, 409, 429, 5xx and dropped connections with growing pauses and
obeys Retry-After. The key is read from OPENAI_API_KEY and shown nowhere.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from llkd.errors import ConfigError, ModelError

MAX_RETRIES = 6
TIMEOUT_SECONDS = 120.0


@dataclass(frozen=True)
class Reply:
    """What came back: the words, the first token's likely words with logprobs, tokens used."""

    text: str
    listed: list[tuple[str, float]] | None
    tokens_in: int
    tokens_out: int


class RequestRefused(Exception):
    """The server will not take this request (400, 413, 422); another try would not help."""

    def __init__(self, reason: str) -> None:
        """``reason``: the server's words, one line."""
        super().__init__(reason)
        self.reason = reason


class ChatServer:
    """A model behind a chat-completions endpoint; ``client`` is an ``openai.OpenAI``."""

    def __init__(self, client: Any, model: str, base_url: str) -> None:
        """``base_url`` is shown in messages, without any user name or password in it."""
        self._client = client
        self.model = model
        self.url = without_secrets(base_url)

    def ask(self, messages: list[dict[str, str]], **options: Any) -> Reply:
        """One completion. Raises RequestRefused, or ModelError where nothing can be answered."""
        import openai

        options.setdefault("temperature", 0.0)
        try:
            return _reply(
                self._client.chat.completions.create(model=self.model, messages=messages, **options)
            )
        except openai.APIStatusError as error:
            raise self._refusal(error) from None
        except openai.APITimeoutError:
            raise ModelError(
                f"The server {self.url} did not answer within {TIMEOUT_SECONDS:.0f} seconds, "
                f"asked {MAX_RETRIES + 1} times. What was answered is kept; resume later."
            ) from None
        except openai.APIConnectionError:
            raise ModelError(
                f"The server {self.url} cannot be reached. Check that it runs and that the base "
                "URL is right. What was answered is kept."
            ) from None
        except (openai.OpenAIError, ValueError, TypeError, AttributeError, LookupError):
            raise ModelError(
                f"The server {self.url} answers in another format than an OpenAI-compatible one. "
                "Check the base URL; it often ends in /v1."
            ) from None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _refusal(self, error: Any) -> Exception:
        status = error.status_code
        if status in {400, 413, 422}:
            return RequestRefused(self._reason(error))
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
        return ModelError(
            f"The server {self.url} failed with status {status}: {self._reason(error)} "
            "What was answered is kept; resume later."
        )

    def _reason(self, error: Any) -> str:
        body = error.body if isinstance(error.body, dict) else {}
        words = str(body.get("message") or error)
        key = str(self._client.api_key)
        if len(key) > 4:  # a shorter one is a placeholder and may be part of any word
            words = words.replace(key, "***")
        words = " ".join(words.split())[:300]
        return words if words.endswith(".") else words + "."


def open_server(model: str, base_url: str) -> ChatServer:
    """A server with the key of this process's environment. Raises ConfigError for a bad URL."""
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
        max_retries=MAX_RETRIES,
        timeout=TIMEOUT_SECONDS,
    )
    return ChatServer(client, model, base_url)


def without_secrets(url: str) -> str:
    """A URL without user name, password, query and fragment."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _reply(answer: Any) -> Reply:
    """Read a completion whose fields a server may have left out."""
    choice = answer.choices[0]
    message = choice.message
    if message is None:
        raise ValueError("a choice without a message")
    usage = getattr(answer, "usage", None)
    words = getattr(message, "content", None) or getattr(message, "refusal", None) or ""
    content = getattr(getattr(choice, "logprobs", None), "content", None)
    listed = getattr(content[0], "top_logprobs", None) if content else None
    return Reply(
        text=str(words),
        listed=[(str(word.token), float(word.logprob)) for word in listed] if listed else None,
        tokens_in=int(getattr(usage, "prompt_tokens", None) or 0),
        tokens_out=int(getattr(usage, "completion_tokens", None) or 0),
    )
