"""Asking a teacher without paying twice: what is known is taken from the cache of answers.

Every answer is in the cache before anybody else sees it, so a job that is killed finds whatever it
has paid for. A file of labels is not asked through the cache: reading it costs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from llkd.config import LabelSet
from llkd.config.server_key import without_key
from llkd.store import Answer, Store
from llkd.store.answers import Answers
from llkd.teachers.base import Floats, ScoredBatch, Teacher

_AT_ONCE = 4096
_FEW_LETTERS = re.compile(r"\[letters: \d %\]")  # less than ``answering.LEAST_MASS``
_WITHOUT_CONTENT = "texts without content"
_WITHOUT_ITSELF = "without itself as an example"


@dataclass(frozen=True)
class Asked:
    """Answers to some texts; ``cached`` where they were known and cost nothing now."""

    batch: ScoredBatch
    cached: bool


def cache_key(teacher: Teacher, label_set: LabelSet) -> str | None:
    """The teacher's name in the cache of answers; None where it is asked without the cache."""
    description = teacher.describe()
    if description.get("kind") == "file":
        return None
    return Answers.key(description, label_set.asked())


def watched(teacher: Teacher, check: Callable[[], None]) -> bool:
    """Let a teacher with calls in flight look itself whether to stop; False where it cannot.

    It ends with those calls answered and yielded, where stopping between answers would throw away
    what the others cost. ``check`` raises where the work is to end.
    """
    looks = hasattr(teacher, "heartbeat")
    if looks:
        setattr(teacher, "heartbeat", check)  # noqa: B010 (not every teacher has it)
    return looks


def ask(
    store: Store,
    teacher: Teacher,
    label_set: LabelSet,
    texts: Sequence[str],
    *,
    keep: bool = True,
) -> Generator[Asked]:
    """Yield an answer to each of ``texts`` once, the known ones first; ``index`` points to them.

    The teacher is asked about the rest, once for a text that stands several times. An answer is
    kept before it is yielded; one that could not be used is kept too, because it was paid
    (``store.answers.forget`` makes it be asked again). With ``keep`` false the cache is neither
    read nor written. What the teacher raises comes through after all it had answered.
    """
    key = cache_key(teacher, label_set) if keep else None
    holds: Callable[[str], bool] = getattr(teacher, "holds", lambda text: False)
    places: dict[str, list[int]] = {}
    for start in range(0, len(texts), _AT_ONCE):
        part = texts[start : start + _AT_ONCE]
        known = _find(store, key, part, holds) if key is not None else {}
        known = {place: one for place, one in known.items() if not _hardly_meant(one)}
        yield from _known({start + position: one for position, one in known.items()})
        for position, text in enumerate(part):
            if position not in known:
                places.setdefault(text, []).append(start + position)
    if not places:
        return
    wanted = list(places)
    answers = teacher.score(wanted)
    try:
        for answered in answers:
            batch = _writable(answered)
            if key is not None:
                _keep(store, key, [wanted[int(place)] for place in batch.index], batch, holds)
            yield Asked(_everywhere(batch, [places[wanted[int(i)]] for i in batch.index]), False)
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
    known = store.answers.find(own, [_WITHOUT_CONTENT])
    if known:
        flat = known[0].scores
        return flat.reshape(-1, len(label_set.labels)).copy() if len(flat) else None
    free = teacher.content_free()
    flat = np.empty(0, np.float32) if free is None else np.asarray(free, np.float32).ravel()
    store.answers.put(own, [_WITHOUT_CONTENT], [Answer(flat, -1, "none", None)])
    return free


def forget(store: Store, teacher: Teacher, label_set: LabelSet, texts: Sequence[str]) -> None:
    """Ask about these texts again the next time."""
    key = cache_key(teacher, label_set)
    if key is not None:
        store.answers.forget(key, texts)
        store.answers.forget(_apart(key), texts)


def _known(known: dict[int, Answer]) -> Generator[Asked]:
    """Batches of what is known, one for each source of confidence."""
    by_source: dict[str, list[int]] = {}
    for position in sorted(known):
        by_source.setdefault(known[position].source, []).append(position)
    for source, positions in by_source.items():
        found = [known[position] for position in positions]
        yield Asked(
            ScoredBatch(
                index=np.array(positions, dtype=np.int64),
                scores=np.stack([one.scores for one in found]),
                answer=np.array([one.answer for one in found], dtype=np.int64),
                source=source,
                raw=_raw_of(found),
            ),
            True,
        )


def _hardly_meant(answer: Answer) -> bool:
    """Whether an answer kept by an earlier version took letters for meant that hardly were.

    Until 0.3.0 any probability of theirs was enough; the raw answer says how much it was.
    """
    return answer.source == "logprob" and _FEW_LETTERS.search(answer.raw or "") is not None


def _raw_of(found: Sequence[Answer]) -> list[str] | None:
    if all(one.raw is None for one in found):
        return None
    return [one.raw or "" for one in found]


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
    known = store.answers.find(key, texts)
    if own:
        apart = store.answers.find(_apart(key), [texts[position] for position in own])
        known = {position: one for position, one in known.items() if position not in set(own)}
        known |= {own[place]: one for place, one in apart.items()}
    return known


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
        chosen = [place for place in range(number) if holds(texts[place]) == mine]
        if chosen:
            store.answers.put(
                name, [texts[place] for place in chosen], [answers[place] for place in chosen]
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


def _writable(batch: ScoredBatch) -> ScoredBatch:
    """The batch with raw answers that can be kept.

    A server may send half a character, which no file holds, or repeat the key that it was given.
    """
    if batch.raw is None:
        return batch
    return replace(batch, raw=[_clean(raw) for raw in batch.raw])


def _clean(raw: str) -> str:
    return without_key(raw.encode("utf-8", "replace").decode())
