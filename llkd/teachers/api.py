"""Any OpenAI-compatible server as a teacher.

Up to 20 classes are lettered, and the first token's ``top_logprobs`` give a score for each. Where
the server gives none, or there are more classes, several answers are drawn and their votes
counted. Every answer is yielded as soon as it is there. The key comes from OPENAI_API_KEY and goes
nowhere but to the server.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import numpy as np

from llkd.config import LabelSet, TeacherConfig
from llkd.errors import ModelError
from llkd.teachers.base import CONTENT_FREE, NO_EXAMPLES, FewShot, Floats, Meter, ScoredBatch
from llkd.teachers.chat_server import ChatServer, Reply, RequestRefused, open_server
from llkd.teachers.prompts import label_list
from llkd.teachers.replies import LETTERS, letter_scores, read_reply, vote_scores

# Servers allow different numbers of listed words; the first that is accepted is kept.
LISTED_WORDS = (20, 5)
CHARACTERS_PER_TOKEN = 4
GAP = " ... "


class ApiTeacher:
    """Asks a server, several texts at a time; ``cut`` counts texts shortened so far."""

    def __init__(self, server: ChatServer, labels: LabelSet, config: TeacherConfig) -> None:
        """``config`` gives the instruction, samples, concurrency and longest text."""
        self._server = server
        self._labels = labels
        self._config = config
        self._letters = len(labels.labels) <= len(LETTERS)
        self._names = [(label.name, label.words) for label in labels.labels]
        self._limit = config.max_text_tokens * CHARACTERS_PER_TOKEN
        self._lock = threading.Lock()
        self._probe_lock = threading.Lock()
        self._listed: int | None = LISTED_WORDS[0] if self._letters else None
        self._others_answered: bool | None = None
        self.cut = 0

    def describe(self) -> dict[str, Any]:
        """Model, server, prompt and rules; never the key."""
        return {
            "kind": "api",
            "model": self._server.model,
            "base_url": self._server.url,
            "prompt": self._show("{text}"),
            "classes": self._labels.names,
            "answers": "letters" if self._letters else "names",
            "top_logprobs": LISTED_WORDS[0] if self._letters else None,
            "samples": self._config.samples,
            "max_text_characters": self._limit,
        }

    def score(self, texts: Sequence[str]) -> Iterator[ScoredBatch]:
        """Yield each text's answer as it comes; a failure is raised after what was answered."""
        todo = iter(enumerate(texts))
        running: set[Future[ScoredBatch]] = set()
        failure: BaseException | None = None
        pool = ThreadPoolExecutor(self._config.concurrency, thread_name_prefix="llkd-api")
        try:
            while True:
                while failure is None and len(running) < self._config.concurrency:
                    item = next(todo, None)
                    if item is None:
                        break
                    running.add(pool.submit(self._ask, *item))
                if not running:
                    break
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    error = future.exception()
                    if error is None:
                        yield future.result()
                    else:
                        failure = failure or error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        if failure is not None:
            raise failure

    def content_free(self) -> Floats | None:
        """Scores of texts without content, where the server gives logprobs; else None."""
        found = []
        for text in CONTENT_FREE:
            try:
                batch = self._by_logprobs(0, self._messages(text))
            except RequestRefused:
                return None
            if batch is None or batch.source != "logprob":
                return None
            found.append(batch.scores)
        return np.concatenate(found)

    def prompt(self, text: str) -> str:
        """Both messages as the server gets them."""
        return self._show(self._shorten(text)[0])

    def close(self) -> None:
        """Close the connections."""
        self._server.close()

    def _show(self, text: str) -> str:
        return "\n\n".join(f"[{m['role']}]\n{m['content']}" for m in self._messages(text))

    def _messages(self, text: str) -> list[dict[str, str]]:
        if self._letters:
            options = "\n".join(
                f"{letter}. {line.removeprefix('- ')}"
                for letter, line in zip(LETTERS, label_list(self._labels).split("\n"), strict=False)
            )
            rule = "Answer with the letter of one category and nothing else."
        else:
            options = label_list(self._labels)
            rule = "Answer with the name of one category and nothing else."
        system = f"{self._config.instruction}\n\nCategories:\n{options}\n\n{rule}"
        return [
            {"role": "system", "content": system},
            {"role": "user", "content": f"Text:\n{text}\n\n{rule}"},
        ]

    def _shorten(self, text: str) -> tuple[str, bool]:
        text = text.encode("utf-8", "replace").decode("utf-8")
        if len(text) <= self._limit:
            return text, False
        kept = self._limit - len(GAP)
        return text[: kept - kept // 2] + GAP + text[len(text) - kept // 2 :], True

    def _ask(self, index: int, text: str) -> ScoredBatch:
        short, was_cut = self._shorten(text)
        with self._lock:
            self.cut += was_cut
        messages = self._messages(short)
        try:
            return self._by_logprobs(index, messages) or self._by_votes(index, messages)
        except RequestRefused as refusal:
            if not self._answers_others():
                raise ModelError(
                    f"The server {self._server.url} refuses the request: {refusal.reason} Check "
                    "the model's name and the settings."
                ) from refusal
            return self._batch(index, [f"[refused] {refusal.reason}"], [])

    def _by_logprobs(self, index: int, messages: list[dict[str, str]]) -> ScoredBatch | None:
        """Scores from the first token; None where the server gives no logprobs."""
        while (asked := self._listed) is not None:
            try:
                reply = self._server.ask(messages, max_tokens=1, logprobs=True, top_logprobs=asked)
            except RequestRefused as refusal:
                if "logprob" not in refusal.reason.lower():
                    raise
                self._list_fewer(asked, next((n for n in LISTED_WORDS if n < asked), None))
                continue
            if reply.listed is None:
                self._list_fewer(asked, None)
                return None
            scores, missing = letter_scores(reply.listed, len(self._names))
            if len(missing) == len(self._names):
                return self._batch(index, [reply.text], [reply])
            unlisted = ", ".join(LETTERS[k] for k in missing)
            raw = f"{reply.text} [not listed: {unlisted}]" if missing else reply.text
            return self._batch(index, [raw], [reply], scores=scores, source="logprob")
        return None

    def _by_votes(self, index: int, messages: list[dict[str, str]]) -> ScoredBatch:
        longest = max(len(words) for names in self._names for words in names)
        replies = [
            self._server.ask(messages, max_tokens=16 + longest // 2, temperature=1.0)
            for _ in range(self._config.samples)
        ]
        raw = [reply.text for reply in replies]
        answers = [read_reply(text, self._names, letters=self._letters) for text in raw]
        if len(answers) == 1:
            return self._batch(index, raw, replies, answer=answers[0])
        scores = vote_scores(answers, len(self._names))
        if np.isnan(scores).any():
            return self._batch(index, raw, replies)
        return self._batch(index, raw, replies, scores=scores, source="self_consistency")

    def _batch(
        self,
        index: int,
        raw: list[str],
        replies: Sequence[Reply],
        *,
        scores: Floats | None = None,
        answer: int = -1,
        source: str = "none",
    ) -> ScoredBatch:
        if scores is None:
            scores = np.full(len(self._names), np.nan, dtype=np.float32)
        return ScoredBatch(
            index=np.array([index], dtype=np.int64),
            scores=scores[None],
            answer=np.array([answer], dtype=np.int64),
            source=source,
            raw=[" | ".join(raw)],
            tokens_in=sum(reply.tokens_in for reply in replies),
            tokens_out=sum(reply.tokens_out for reply in replies),
        )

    def _list_fewer(self, asked: int, fewer: int | None) -> None:
        with self._lock:
            if self._listed == asked:
                self._listed = fewer

    def _answers_others(self) -> bool:
        """Whether the server answers a plain text: then a refusal was about the text itself."""
        with self._probe_lock:
            if self._others_answered is None:
                try:
                    self._server.ask(self._messages(CONTENT_FREE[0]), max_tokens=1)
                    self._others_answered = True
                except RequestRefused:
                    self._others_answered = False
            return self._others_answered


def api_teacher(
    config: TeacherConfig,
    labels: LabelSet,
    home: Path,
    examples: FewShot = NO_EXAMPLES,
    meter: Meter | None = None,
) -> ApiTeacher:
    """The teacher ``api:<model>`` at ``config.base_url``. Raises ConfigError for a bad URL."""
    del home, examples, meter
    model = config.teacher.partition(":")[2].strip()
    return ApiTeacher(open_server(model, config.base_url or ""), labels, config)
