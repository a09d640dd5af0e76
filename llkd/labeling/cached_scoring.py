"""Asking a teacher without paying twice: what is known is taken from the cache of answers.

Every answer is in the cache before anybody else sees it, so a job that is killed finds whatever it
has paid for. A file of labels is not asked through the cache: reading it costs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Generator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from llkd.config import LabelSet
from llkd.config.server_key import without_key
from llkd.store import Answer, Store
from llkd.store.answers import Answers
from llkd.teachers.base import Floats, ScoredBatch, Teacher
from llkd.teachers.registry import described_kind

_AT_ONCE = 4096
_FEW_LETTERS = re.compile(r"\[letters: \d %\]")  # less than ``elicitation.LEAST_MASS``
_WITHOUT_CONTENT = "texts without content"
_WITHOUT_ITSELF = "without itself as an example"


@dataclass(frozen=True)
class LabeledBatch:
    """Answers to some texts; ``cached`` where they were known and cost nothing now."""

    batch: ScoredBatch
    cached: bool


def cache_key(teacher: Teacher, label_set: LabelSet) -> str | None:
    """The teacher's name in the cache of answers; None where it is asked without the cache."""
    description = teacher.describe()
    kind = described_kind(description)
    if kind is not None and not kind.cached:
        return None
    return Answers.key(description, label_set.prompt_document())


def watch_heartbeat(teacher: Teacher, check: Callable[[], None]) -> bool:
    """Let a teacher with calls in flight look itself whether to stop; False where it cannot.

    It ends with those calls answered and yielded, where stopping between answers would throw away
    what the others cost. ``check`` raises where the work is to end.
    """
    looks = hasattr(teacher, "heartbeat")
    if looks:
        setattr(teacher, "heartbeat", check)  # noqa: B010 (not every teacher has it)
    return looks


def score_cached(
    store: Store,
    teacher: Teacher,
    label_set: LabelSet,
    texts: Sequence[str],
    *,
    keep: bool = True,
    paid_now: Container[str] = (),
) -> Generator[LabeledBatch]:
    """Yield an answer to each of ``texts`` once, the known ones first; ``index`` points to them.

    The teacher is asked about the rest, once for a text that stands several times. An answer is
    kept before it is yielded; one that could not be used is kept too, because it was paid
    (``store.answers.forget`` makes it be asked again). With ``keep`` false the cache is neither
    read nor written. Known answers to texts of ``paid_now`` are not ``cached``: they were asked
    for this pass. What the teacher raises comes through after all it had answered.
    """
    key = cache_key(teacher, label_set) if keep else None
    holds: Callable[[str], bool] = getattr(teacher, "holds", lambda text: False)
    places: dict[str, list[int]] = {}
    each_once = key is None and len(set(texts)) == len(texts)
    for start in range(0, 0 if each_once else len(texts), _AT_ONCE):
        part = texts[start : start + _AT_ONCE]
        cached = _find(store, key, part, holds) if key is not None else {}
        cached = {place: answer for place, answer in cached.items() if not _hardly_meant(answer)}
        for now in (False, True):
            some = {start + at: a for at, a in cached.items() if (part[at] in paid_now) == now}
            yield from _cached(some, not now)
        for position, text in enumerate(part):
            if position not in cached:
                places.setdefault(text, []).append(start + position)
    if not places and not each_once:
        return
    unique_texts = texts if each_once else list(places)
    answers = teacher.score(unique_texts)
    try:
        for answered in answers:
            batch = writable(answered)
            if key is not None:
                _keep(store, key, [unique_texts[int(place)] for place in batch.index], batch, holds)
            if not each_once:
                batch = _everywhere(batch, [places[unique_texts[int(i)]] for i in batch.index])
            yield LabeledBatch(batch, False)
    finally:
        close: Callable[[], None] | None = getattr(answers, "close", None)
        if close is not None:
            close()  # ends the calls in flight at once, not when memory is tidied


def content_free(store: Store, teacher: Teacher, label_set: LabelSet) -> Floats | None:
    """``teacher.content_free()``, ``[m, C]`` or None, asked once for all passes and projects."""
    key = cache_key(teacher, label_set)
    if key is None:
        return teacher.content_free()
    # Under a name of its own, because the scores of all such texts are kept as one answer.
    own = f"{key} {_WITHOUT_CONTENT}"
    cached = store.answers.find(own, [_WITHOUT_CONTENT])
    if cached:
        flat = cached[0].scores
        return flat.reshape(-1, len(label_set.labels)).copy() if len(flat) else None
    free = teacher.content_free()
    flat = np.empty(0, np.float32) if free is None else np.asarray(free, np.float32).ravel()
    store.answers.save(own, [_WITHOUT_CONTENT], [Answer(flat, -1, "none", None)])
    return free


def keep(
    store: Store, teacher: Teacher, label_set: LabelSet, texts: Sequence[str], batch: ScoredBatch
) -> None:
    """Keep answers that the teacher gave to these texts outside of :func:`score_cached`."""
    key = cache_key(teacher, label_set)
    if key is not None:
        holds: Callable[[str], bool] = getattr(teacher, "holds", lambda text: False)
        _keep(store, key, texts, writable(batch), holds)


def forget(store: Store, teacher: Teacher, label_set: LabelSet, texts: Sequence[str]) -> None:
    """Ask about these texts again the next time."""
    key = cache_key(teacher, label_set)
    if key is not None:
        store.answers.forget(key, texts)
        store.answers.forget(_apart(key), texts)


def _cached(cached: dict[int, Answer], earlier: bool) -> Generator[LabeledBatch]:
    """Batches of what is known, one for each source of confidence."""
    by_source: dict[str, list[int]] = {}
    for position in sorted(cached):
        by_source.setdefault(cached[position].source, []).append(position)
    for source, positions in by_source.items():
        answers = [cached[position] for position in positions]
        yield LabeledBatch(
            ScoredBatch(
                index=np.array(positions, dtype=np.int64),
                scores=np.stack([answer.scores for answer in answers]),
                answer=np.array([answer.answer for answer in answers], dtype=np.int64),
                source=source,
                raw=_raw_of(answers),
            ),
            earlier,
        )


def _hardly_meant(answer: Answer) -> bool:
    """Whether an answer kept by an earlier version took letters for meant that hardly were.

    Until 0.3.0 any probability of theirs was enough; the raw answer says how much it was.
    """
    return answer.source == "logprob" and _FEW_LETTERS.search(answer.raw or "") is not None


def _raw_of(answers: Sequence[Answer]) -> list[str] | None:
    if all(answer.raw is None for answer in answers):
        return None
    return [answer.raw or "" for answer in answers]


def _apart(key: str) -> str:
    """The name in the cache for texts that are asked about without themselves as an example.

    Answers of before 0.4 to these had seen their own label, and are not used.
    """
    return f"{key} {_WITHOUT_ITSELF}"


def _find(
    store: Store, key: str, texts: Sequence[str], holds: Callable[[str], bool]
) -> dict[int, Answer]:
    """Known answers by position."""
    own = [position for position, text in enumerate(texts) if holds(text)]
    cached = store.answers.find(key, texts)
    if own:
        apart = store.answers.find(_apart(key), [texts[position] for position in own])
        cached = {
            position: answer for position, answer in cached.items() if position not in set(own)
        }
        cached |= {own[place]: answer for place, answer in apart.items()}
    return cached


def _keep(
    store: Store,
    key: str,
    texts: Sequence[str],
    batch: ScoredBatch,
    holds: Callable[[str], bool],
) -> None:
    number = len(texts)
    answers = [
        Answer(
            batch.scores[place],
            int(batch.answer[place]),
            batch.source,
            batch.raw[place] if batch.raw is not None else None,
            _part(batch.tokens_in, place, number),
            _part(batch.tokens_out, place, number),
        )
        for place in range(number)
    ]
    for name, mine in ((key, False), (_apart(key), True)):
        places = [place for place in range(number) if holds(texts[place]) == mine]
        if places:
            store.answers.save(
                name, [texts[place] for place in places], [answers[place] for place in places]
            )


def _part(total: int, place: int, number: int) -> int:
    """A share of ``total`` such that the shares of all places add up to it."""
    return total * (place + 1) // number - total * place // number


def _everywhere(batch: ScoredBatch, places: Sequence[Sequence[int]]) -> ScoredBatch:
    """The batch with each answer repeated for every position its text stands at."""
    source = np.repeat(np.arange(len(places)), [len(each) for each in places])
    return replace(
        batch,
        index=np.array([position for each in places for position in each], dtype=np.int64),
        scores=batch.scores[source],
        answer=batch.answer[source],
        raw=[batch.raw[place] for place in source] if batch.raw is not None else None,
    )


def writable(batch: ScoredBatch) -> ScoredBatch:
    """The batch with raw answers that can be kept.

    A server may send half a character, which no file holds, or repeat the key that it was given.
    """
    if batch.raw is None:
        return batch
    return replace(batch, raw=[_clean(raw) for raw in batch.raw])


def _clean(raw: str) -> str:
    return without_key(raw.encode("utf-8", "replace").decode())
