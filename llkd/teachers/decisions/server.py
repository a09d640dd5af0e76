"""One decision server: one try of a question, what it says, every failure told apart."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from llkd.config.addresses import clean_base_url
from llkd.config.server_key import without_key
from llkd.errors import ConfigError, ModelError
from llkd.teachers.api.chat_server import without_secrets
from llkd.teachers.api.connection import Connection
from llkd.teachers.api.server_errors import ServerError, error_inside, error_of, one_line
from llkd.teachers.calls.tries import UNREADABLE, RequestRefused, TryFailed, sent, status_failure
from llkd.teachers.decisions import wire
from llkd.teachers.decisions.questions import DecisionQuery

Body = Callable[[str, DecisionQuery], dict[str, Any]]
MOST_CHARACTERS = 4 * 2**20
"""Of a reply: 255 options with names of 2,000 characters are an eighth of it. To read a hundred
thousand options that nobody asked about takes minutes."""
_REFUSALS = {400, 406, 413, 415, 422}
_MODERATED = re.compile(r"flagged|moderation|content[ _]policy|content[ _]filter|safety|guardrail")
# A refusal of the form: what is missing or too much in the request's own members.
_FORM = re.compile(
    r"\b(?:state|questions?|input|choices|criteria|instructions)\b.{0,80}"
    r"\b(?:missing|required|unknown|unexpected|unrecognized|extra|permitted|dictionary|object|map|"
    r"list|array|string|valid)\b|\b(?:missing|required|unknown|unexpected|unrecognized|extra|must)\b"
    r".{0,80}\b(?:state|questions?|input|choices|criteria|instructions)\b"
)
_OPTIONS = re.compile(r"\b(?:options?|choices?|criteria|labels?|classes|categories)\b")
_MANY = re.compile(
    r"too many|at most|maximum|no more than|up to|limit|exceed|more than|too long|between|"
    r"less than|fewer|single.token"
)


@dataclass(frozen=True)
class Interface:
    """One of the two: its name, the end of its address, and the forms of request that it takes.

    The second form is that of the other interface: some gateways take it under this address.
    """

    name: str
    label: str
    path: str
    bodies: tuple[Body, ...]


DECISIONS = Interface(
    "decisions", "Decisions", "/decisions", (wire.decisions_body, wire.system_one_body)
)
SYSTEM_ONE = Interface("systemone", "System One", "/systemone", (wire.system_one_body,))


class NoInterface(ModelError):
    """The server does not speak this interface, or not with this model."""


class TooManyOptions(RequestRefused):
    """The server takes fewer options in a question; ``most`` of them, where it says how many."""

    def __init__(self, reason: str, most: int | None) -> None:
        """``reason``: the server's sentence, one line."""
        super().__init__(reason)
        self.most = most


class DecisionServer:
    """A model behind a decision endpoint; ``client`` is an ``openai.OpenAI``."""

    def __init__(
        self,
        client: Any,
        interface: Interface,
        model: str,
        base_url: str,
        timeout: float = 120.0,
        connection: Connection | None = None,
    ) -> None:
        """``base_url`` is shown in messages; ``timeout`` is in seconds."""
        self._client = client
        self._connection = connection
        self._timeout = timeout
        self._form = 0
        self._proven = False  # the form, by an answer or because no other one is taken
        self._most_answered = 0  # options of a question that was answered
        self.interface = interface
        self.model = model
        self.url = without_secrets(base_url)

    def body(self, query: DecisionQuery) -> dict[str, Any]:
        """The request as this server takes it."""
        return self.interface.bodies[self._form](self.model, query)

    def ask(self, query: DecisionQuery) -> wire.DecisionReply:
        """One try. Raises RequestRefused, TooManyOptions, TryFailed, or ModelError.

        ModelError where no try can help.
        """
        import httpx2

        form, body = self._form, self.body(query)
        texts = (query.text, query.instructions)

        def send() -> Any:
            if body.keys() == {"model", "input", "questions"}:
                return self._client.decisions.with_raw_response.create(**body).http_response
            return self._client.post(self.interface.path, cast_to=httpx2.Response, body=body)

        def failure(status: int, words: str, headers: Mapping[str, str]) -> Exception:
            error = error_of(words, texts)
            return self._failure(status, error, headers, form, len(query.options))

        words = sent(send, self.url, self._timeout, failure)
        if words is not None and len(words) > MOST_CHARACTERS:
            raise TryFailed(
                "format",
                f"The server {self.url} sends {len(words) / 2**20:,.0f} MiB as the answer to one "
                "question",
                free=False,
            )
        try:
            if words is None:
                raise ValueError("no body")
            document = wire.parse(words)
            if isinstance(document, dict) and "answers" not in document:
                error = error_inside(document, texts)
                if error is not None:
                    raise self._failure(error.status(502), error, {}, form, 0, inside=True)
            reply = wire.read(document)
        except UNREADABLE:
            raise TryFailed(
                "format",
                f"The server {self.url} answers in another format than a {self.interface.label} "
                "server. Check the base URL; it often ends in /v1",
                free=False,
            ) from None
        self._proven = True
        self._most_answered = max(self._most_answered, len(query.options))
        return reply

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    @property
    def remarks(self) -> list[str]:
        """What a person should know before texts go to this server."""
        return [] if self._connection is None else self._connection.remarks

    def _failure(
        self,
        status: int,
        error: ServerError,
        headers: Mapping[str, str],
        form: int,
        options: int,
        *,
        inside: bool = False,
    ) -> Exception:
        """What a failure means. ``inside``: it came in the body of an answer with status 200."""
        reason = without_key(error.sentence) or f"status {status}."
        if status in _REFUSALS:
            if self._changes_form(form, error.words):
                return TryFailed("changed", reason, free=True)
            if (
                options > max(2, self._most_answered)
                and _OPTIONS.search(error.words)
                and _MANY.search(error.words)
            ):
                return TooManyOptions(reason, _most(error.words, options))
            return RequestRefused(reason, error.words)
        if status == 403 and _MODERATED.search(error.words):
            return RequestRefused(reason, error.words)  # this text, not the key
        if status in {405, 501} or (status == 404 and not _about_model(error, self.model)):
            return NoInterface(
                f"The server {self.url} offers no {self.interface.label} interface "
                f"({self.interface.path}, status {status}). The teacher auto:{self.model} finds "
                f"out which one it speaks.{'' if error.vague else f' It says: {reason}'}"
            )
        return status_failure(
            self.url,
            self.model,
            status,
            error,
            headers,
            inside=inside,
            connection=self._connection,
        )

    def _changes_form(self, form: int, words: str) -> bool:
        """Whether another try is sent in another form than this one, which was refused.

        Where the second is refused as well, the first is sent again, for its reason is the true
        one, and stays.
        """
        if self._proven or len(self.interface.bodies) == 1:
            return False
        if form == 0 and self._form == 0:
            if _FORM.search(words) is None:
                return False
            self._form = 1
        elif form == self._form:
            self._form, self._proven = 0, True
        return True


def base_of(base_url: str) -> str:
    """The address under which the endpoints lie; ``/v1`` where only a server is named.

    Clients of System One name the server alone, those of OpenAI end with ``/v1``: both are meant
    alike. Raises ConfigError for what is no address.
    """
    try:
        url = clean_base_url(base_url)
        parts = urlsplit(url)
    except ValueError as error:
        raise ConfigError(f"{str(error)[:1].upper()}{str(error)[1:]}.") from None
    return url if parts.path.strip("/") else urlunsplit(parts._replace(path="/v1"))


def _about_model(error: ServerError, model: str) -> bool:
    """Whether a 404 says that the model, not the address, is unknown."""
    return "model" in error.words or (len(model) > 2 and model.casefold() in error.words)


def _most(words: str, options: int) -> int | None:
    """The largest number of options that a complaint allows; None where it names none."""
    numbers = [int(number) for number in re.findall(r"(?<![\d.])\d{1,3}(?![\d.]|\w)", words)]
    return max((number for number in numbers if 2 <= number < options), default=None)


def sentence_of(reply: wire.DecisionReply) -> str:
    """Why a question was refused, in one line."""
    return one_line(reply.refusal or "") or "no reason was told."
