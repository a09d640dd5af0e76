"""How requests to one server are formed: what it refused is left out, renamed or raised.

Servers and models differ in which parameters they take, and say so in their own words. The words
are searched for the parameters that were sent; each change is made once and holds for the pass.
"""

from __future__ import annotations

import re
import threading
from typing import Any

LOGPROB_NAMES = ("logprob", "top_n_tokens", "n_probs", "log_prob", "log prob", "log-prob")
WARM_ZERO = 0.01  # for servers that take no temperature of 0
MOST_RAISED = 16_384
# Limits tried where a model used up the one it had before it began to answer.
ROOMS = (256, 1024, 4096)
_LEAST = re.compile(
    r"(?:>=|≥|at least|minimum(?: value)?(?: is| of)?|greater than or equal to|no less than|"
    r"not be less than|below)\D{0,30}?(\d{1,5})"
)
_ABOVE = re.compile(r"(?:greater than|larger than|more than|exceed|(?<![<>=])>)\D{0,10}?(\d{1,5})")
_LIMIT = re.compile(r"max_?(?:completion_|output_|new_)?_?tokens|maxoutputtokens|num_predict")
_POSITIVE = re.compile(
    r"strictly positive|must be positive|greater than 0|> ?0|larger than 0|above 0|non-?zero|"
    r"in (?:the )?(?:range|interval)?\s*\(0|greater_than|exclusive"
)
_ROLE = re.compile(
    r"\bsystem\b.{0,60}\b(?:role|message|prompt|instruction)|\broles?\b.{0,80}\bsystem\b|"
    r"\bunexpected role|developer instruction|roles must alternate|"
    r"(?:only|first).{0,40}\buser\b.{0,40}\b(?:role|message)|\brole\b.{0,60}\b(?:user|assistant)\b|"
    r"(?:must|should) (?:start|begin) with (?:an? )?[`'\"]?user"
)
_STREAM = re.compile(r"\bstream(?:ing)?\b")
_ONLY = re.compile(r"\bonly\b|\bmust\b|\brequire|enable|set to true|=\s*true")
_UNKNOWN = re.compile(
    r"unsupported param|unrecognized|unknown|unexpected|extra (?:inputs|fields)|not permitted|"
    r"not a valid (?:field|param)|no longer supported|deprecated"
)
_TOO_LONG = re.compile(
    r"context[ _](?:length|window|size)|maximum context|too many input|longer than"
)


class RequestForm:
    """What a server was found to take; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._limit_name = "max_tokens"
        self._least = 1
        self._temperatures: dict[float, float | None] = {}
        self._streams = False
        self._with_system = True
        #: Features that the server has answered with: "system", "logprobs", "response_format".
        self.proven: set[str] = set()

    def limit(self, tokens: int) -> int:
        """The limit of tokens that is sent where ``wanted`` would do."""
        return max(tokens, self._least)

    @property
    def with_system(self) -> bool:
        """Whether the instruction is sent as a message of the system."""
        return self._with_system

    def fold_system(self) -> None:
        """From now on the instruction opens the first message of the user."""
        self._with_system = False

    def body(
        self,
        model: str,
        messages: list[dict[str, str]],
        max_tokens: int,
        temperature: float,
        options: dict[str, Any],
        *,
        with_system: bool | None = None,
    ) -> dict[str, Any]:
        """The request as this server takes it. ``max_tokens`` is sent as it is."""
        system = self._with_system if with_system is None else with_system
        request = {"model": model, "messages": messages if system else folded(messages), **options}
        request[self._limit_name] = max_tokens
        warmth: float | None = temperature
        while warmth is not None and warmth in self._temperatures:
            warmth = self._temperatures[warmth]
        if warmth is not None:
            request["temperature"] = warmth
        if self._streams:
            request["stream"] = True
        return request

    def note(self, request: dict[str, Any]) -> None:
        """The server answered this request."""
        self.proven |= features(request)

    def learn(self, words: str, request: dict[str, Any]) -> bool:
        """Change what the server's ``words`` (in lower case) complain about.

        True where another try of the same question would now be sent in another form.
        """
        with self._lock:
            return (
                self._learn_limit(words, request)
                or (not about_logprobs(words) and self._learn_temperature(words, request))
                or self._learn_system(words, request)
                or self._learn_stream(words, request)
            )

    def _learn_limit(self, words: str, request: dict[str, Any]) -> bool:
        if _TOO_LONG.search(words):
            return False
        name = "max_tokens" if "max_tokens" in request else "max_completion_tokens"
        if name == "max_tokens" and "max_completion_tokens" in words:
            self._limit_name = "max_completion_tokens"
            return True
        limit = request[name]
        if name == "max_tokens" and "max_tokens" in words and _UNKNOWN.search(words):
            self._limit_name = "max_completion_tokens"
            return True
        if not (_LIMIT.search(words) or ("token" in words and _LEAST.search(words))):
            return False
        if about_logprobs(words):
            return False
        least = _least(words, limit)
        if least is None and re.search(r"could not finish|limit was reached|higher max", words):
            least = next((room for room in ROOMS if room > limit), None)
        if least is None:
            return False
        self._least = max(self._least, least)
        return True

    def _learn_temperature(self, words: str, request: dict[str, Any]) -> bool:
        warmth = request.get("temperature")
        if warmth is None or "temperature" not in words:
            return False
        positive = warmth == 0 and _POSITIVE.search(words)
        self._temperatures[warmth] = WARM_ZERO if positive else None
        return True

    def _learn_system(self, words: str, request: dict[str, Any]) -> bool:
        if "system" not in features(request) or not _ROLE.search(words):
            return False
        if "system" in self.proven:
            return False  # it has taken one: another role is meant
        self._with_system = False
        return True

    def _learn_stream(self, words: str, request: dict[str, Any]) -> bool:
        if request.get("stream") or not (_STREAM.search(words) and _ONLY.search(words)):
            return False
        self._streams = True
        return True


def features(request: dict[str, Any]) -> set[str]:
    """Which of the features that a server may lack a request makes use of."""
    used = {name for name in ("logprobs", "response_format") if name in request}
    return used | ({"system"} if request["messages"][0]["role"] == "system" else set())


def folded(messages: list[dict[str, str]]) -> list[dict[str, str]]:
    """The messages with the system's words at the head of the user's first."""
    first, *rest = messages
    if first["role"] != "system" or not rest:
        return messages
    words = f"{first['content']}\n\n{rest[0]['content']}"
    return [{**rest[0], "content": words}, *rest[1:]]


def about_logprobs(words: str) -> bool:
    """Whether a complaint is about logprobs, under whatever name the server knows them."""
    return any(name in words for name in LOGPROB_NAMES)


def fewer_listed(words: str, listed_count: int) -> int | None:
    """How many listed words a complaint about ``asked`` of them allows; None where it says none."""
    counts = [int(number) for number in re.findall(r"(?<![\d.])\d{1,2}(?![\d.]|\w)", words)]
    fit = [number for number in counts if 1 < number < listed_count]
    bounded = re.search(r"at most|maximum|max allowed|less than|between|more than|<=|≤|range|up to|"
                        r"exceed|less_than", words)  # fmt: skip
    return max(fit) if bounded and fit else None


def _least(words: str, limit: int) -> int | None:
    """The smallest limit that the words allow, where it is above the given one."""
    limits = [int(match[1]) for match in _LEAST.finditer(words)]
    limits += [int(match[1]) + 1 for match in _ABOVE.finditer(words)]
    limits = [number for number in limits if limit < number <= MOST_RAISED]
    return min(limits) if limits else None
