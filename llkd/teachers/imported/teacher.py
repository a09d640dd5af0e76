"""Labels that another tool or model made, read from a file and matched by text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from llkd.config import LabelSet
from llkd.datasets.checks.class_names import class_finder, cleaned
from llkd.datasets.wording import count, listed, quoted
from llkd.errors import DataError
from llkd.teachers.base import Floats, Ints, ScoredBatch
from llkd.teachers.imported.cells import Doubles, stripped, text_keys
from llkd.teachers.imported.score_columns import ScoreColumns

BATCH = 1 << 16
RESERVED = {"id", "text", "label", "confidence"}
_SURE_IDS = 0.9
_EXAMPLES = 3
_MOST_EXAMPLES = 1_000


class ImportedTeacher:
    """Looks labels up by text. After ``score`` the counts say what could not be used.

    ``unmatched``: texts the file does not hold; ``unknown``: texts whose label is no class;
    ``conflicting``: texts the file labels in two ways; ``blank``: texts without a label in it. Each
    gets the answer -1. ``by_id`` texts were found by their id (:meth:`match_ids`).
    """

    at_once = 1 << 20
    """How many texts it is best asked about at once, in the order of the project."""

    def __init__(self, table: pa.Table, labels: LabelSet, identity: dict[str, Any]) -> None:
        """``table``: string columns ``text`` or ``id``, and ``label`` or a probability by class.

        A ``confidence`` is a number from 0 to 1. Raises DataError naming the row otherwise.
        """
        self._labels = labels
        self._identity = identity
        self._keys: pa.ChunkedArray  # of the texts it knows, each once
        self._place: Ints  # of each key: the row of the answers
        self._by_text = 0  # so many keys are of its own texts, the others were found by their ids
        self._code: Ints
        self._torn: npt.NDArray[np.bool_]
        self._spelled: Ints
        self._cells: list[str]
        columns = set(table.column_names)
        probabilities = not (set(labels.names) & RESERVED) and columns >= set(labels.names)
        if not columns & {"text", "id"}:
            raise DataError(f"{self._name} has no column 'text' to match its labels by.")
        if "label" not in columns and not probabilities:
            raise DataError(
                f"{self._name} has neither a column 'label' nor one column of probabilities for "
                f"each class ({', '.join(labels.names)})."
            )
        self._has_texts = "text" in columns
        self._before = 0
        texts = table.column("text" if self._has_texts else "id")
        self._ids = stripped(table.column("id")) if "id" in columns else None
        there = np.flatnonzero(texts.is_valid().to_numpy()) if texts.null_count else None
        if there is not None:  # a record without a text labels none
            texts = texts.drop_null()
            self._ids = None if self._ids is None else self._ids.take(there)
        self._texts = texts
        with ThreadPoolExecutor(1) as second:  # Arrow and numpy hold no lock for most of it
            keys = second.submit(_different, texts)
            named, label = self._named(table)
            numbers = ScoreColumns(table, labels, identity)
            if not probabilities:
                scores = numbers.from_confidence(label)
            elif numbers.raw:
                scores = numbers.from_scores()
            else:
                scores = numbers.from_probabilities()
            complete = np.isfinite(scores).all(axis=1)
            # A confidence that is not that of the label is none.
            scores[named & complete & (scores.argmax(axis=1) != label)] = np.nan
            # The explicit answer; -1 where the scores say it.
            answers = np.where(np.isfinite(scores).all(axis=1), -1, label)
        if there is not None:
            answers, scores, self._spelled = answers[there], scores[there], self._spelled[there]
        self._remember(keys.result(), answers, scores)
        self.unmatched = self.unknown = self.conflicting = self.blank = self.by_id = 0
        self._examples: dict[str, Counter[str]] = {}
        self.cut = 0

    @property
    def _name(self) -> str:
        return str(self._identity["file"])

    def describe(self) -> dict[str, Any]:
        """The file's name and sha256, and the classes."""
        return {
            "kind": "file",
            **self._identity,
            "classes": self._labels.asked_names,
        }

    def score(self, texts: Sequence[str] | pa.ChunkedArray) -> Iterator[ScoredBatch]:
        """Yield the file's labels for these texts, those with a confidence apart from the rest.

        Texts in the order of the file are matched with no search.
        """
        known = self._matched(texts)
        for start in range(0, len(texts), BATCH):
            here = slice(start, start + BATCH)
            answers, scores = self._look_up(texts[here], known[here])
            scored = np.isfinite(scores).all(axis=1)
            for source, places in (("imported", scored), ("none", ~scored)):
                index = np.flatnonzero(places)
                if len(index):
                    yield _batch(index + start, scores[index], answers[index], source)

    def content_free(self) -> None:
        """None: no model is asked."""

    def prompt(self, text: str) -> str:
        """There is no prompt; says where the label comes from."""
        del text
        return f"No model is asked: the label is looked up in {self._name} by the text."

    def close(self) -> None:
        """Nothing to let go of."""

    @property
    def has_ids(self) -> bool:
        """Whether the file has ids to find texts by."""
        return self._ids is not None

    def match_ids(self, ids: Sequence[str], texts: Sequence[str]) -> None:
        """Let texts that the file does not hold be found by their ids, as long as these are sure.

        They are where the file has no texts, or where nine in ten of the texts that it does hold
        have the same id there: the numbers of rows of another file say nothing.
        """
        if self._ids is None:
            return
        place = self._places_of_ids(self._ids, ids)
        keys = text_keys(texts)
        known = self._known(keys) if self._has_texts else np.full(len(place), -1)
        agree = place[known >= 0] == self._place[known[known >= 0]]
        if self._has_texts and (not len(agree) or agree.sum() < _SURE_IDS * len(agree)):
            return
        more = np.flatnonzero((place >= 0) & (known < 0))
        different = pc.dictionary_encode(keys.take(pa.array(more))).combine_chunks()
        code = different.indices.to_numpy()
        place = place[more]
        first = place[np.unique(code, return_index=True)[1]]
        answer_of = np.where(
            np.isfinite(self._scores).all(axis=1),
            np.where(np.isnan(self._scores), 0.0, self._scores).argmax(axis=1),
            self._answers,
        )
        # One text with two ids and two labels.
        self._torn[first[code[answer_of[first[code]] != answer_of[place]]]] = True
        own = self._keys.chunks if self._has_texts else []
        self._by_text = len(self._keys) if self._has_texts else 0
        self._keys = pa.chunked_array([*own, different.dictionary], type=pa.string())
        self._place = np.concatenate([self._place[: self._by_text], first])

    def _places_of_ids(self, own: pa.ChunkedArray, ids: Sequence[str]) -> Ints:
        """The row of the answers by ``ids``, of those ``own`` to the file; -1 for none.

        Of an id that comes again with another text nobody knows which is meant.
        """
        there = np.flatnonzero(own.is_valid().to_numpy())
        different = pc.dictionary_encode(own.take(pa.array(there))).combine_chunks()
        code, place = different.indices.to_numpy(), self._code[there]
        first = place[np.unique(code, return_index=True)[1]]
        first[code[first[code] != place]] = -1
        known = _index_in(stripped(ids), different.dictionary)
        return np.where(known >= 0, np.append(first, -1)[known], -1)

    def _matched(self, texts: Sequence[str] | pa.ChunkedArray) -> Ints:
        """The number of each text's key among those that are known; -1 for none."""
        start, self._before = self._before, self._before + len(texts)
        if not isinstance(texts, pa.ChunkedArray):
            return self._known(text_keys(texts))
        both = min(len(texts), max(0, len(self._texts) - start)) if self._has_texts else 0
        same = pc.equal(self._texts.slice(start, both), texts.slice(0, both)).to_numpy()
        known = np.full(len(texts), -1, dtype=np.int64)
        known[:both][same] = self._code[start : start + both][same]
        others = np.append(np.flatnonzero(~same), np.arange(both, len(texts)))
        if len(others):
            known[others] = self._known(text_keys(texts.take(pa.array(others))))
        return known

    def _known(self, keys: pa.ChunkedArray) -> Ints:
        """The number of each key among those that are known; -1 for none."""
        return _index_in(keys, self._keys)

    def report(self) -> list[str]:
        """What could not be used so far, with examples; nothing of what could."""
        name = quoted(self._name)
        kinds = (
            ("by_id", "was found by its id alone", "were found by their ids alone", "such as"),
            ("unmatched", f"is not in {name}", f"are not in {name}", "such as"),
            ("unknown", "has a label that is no class", "have a label that is no class", "labels:"),
            ("conflicting", "is labelled in two ways", "are labelled in two ways", "such as"),
            ("blank", f"has no label in {name}", f"have no label in {name}", "such as"),
        )
        sentences = []
        for kind, singular, plural, such in kinds:
            number = getattr(self, kind)
            if not number:
                continue
            most = self._examples.get(kind, Counter()).most_common(_EXAMPLES)
            if kind == "unknown":
                shown = [f"{quoted(label)} ({times:,})" for label, times in most]
            else:
                shown = [quoted(text) for text, _ in most]
            sentences.append(
                f"{count(number, 'text')} {singular if number == 1 else plural} ({such} "
                f"{listed(shown)})."
            )
        if self.unknown:
            sentences.append(f"The classes are {listed([quoted(n) for n in self._labels.names])}.")
        return sentences

    def _note(
        self, kind: str, texts: Sequence[str] | pa.ChunkedArray, places: npt.NDArray[np.bool_]
    ) -> None:
        """Count the texts at ``places`` as of this kind, and keep some as examples."""
        rows = np.flatnonzero(places)
        setattr(self, kind, getattr(self, kind) + len(rows))
        examples = self._examples.setdefault(kind, Counter())
        for row in rows.tolist() if kind == "unknown" else rows[:_EXAMPLES].tolist():
            text = texts[row].as_py() if isinstance(texts, pa.ChunkedArray) else texts[row]
            if len(examples) < _MOST_EXAMPLES or text in examples:
                examples[text] += 1

    def _look_up(self, texts: Sequence[str] | pa.ChunkedArray, known: Ints) -> tuple[Ints, Floats]:
        matched = known >= 0
        at = np.where(matched, np.append(self._place, -1)[known], -1)
        torn = matched & self._torn[at]
        usable = matched & ~torn
        answers = np.where(usable, self._answers[at], -1)
        scores = np.where(usable[:, None], self._scores[at], np.nan).astype(np.float32)
        strange = usable & (answers < 0) & ~np.isfinite(scores).all(axis=1)
        spelled = self._spelled_at[at]
        cells = [self._cells[code] for code in spelled.tolist()] if strange.any() else []
        blank = strange & (spelled == self._empty)
        self._note("unmatched", texts, ~matched)
        self._note("conflicting", texts, torn)
        self._note("unknown", cells, strange & ~blank)
        self._note("blank", texts, blank)
        self._note("by_id", texts, (known >= self._by_text) & usable)
        return answers, scores

    def _remember(self, different: pa.DictionaryArray, answers: Ints, scores: Doubles) -> None:
        """One entry for each different text, and whether its rows name different classes.

        Rows that name the same class agree: their confidence is the mean of those given. A row
        without a label says nothing beside one that has it.
        """
        code = different.indices.to_numpy().astype(np.int64)
        # Codes count up as their texts come first.
        head = np.flatnonzero(np.diff(np.maximum.accumulate(code), prepend=-1))
        self._code = code
        self._keys = pa.chunked_array([different.dictionary])
        self._place = np.arange(len(head))
        self._by_text = len(head)
        # One more entry than texts, so that there is one to look at where the file holds none.
        self._torn = np.zeros(len(head) + 1, dtype=bool)
        blank = np.full((1, scores.shape[1]), np.nan, dtype=scores.dtype)
        if len(head) < len(code):
            head, scores = self._agreed(head, code, answers, scores)
        self._answers = np.append(answers[head], -1)
        self._scores = np.concatenate([scores[head], blank])
        self._spelled_at = np.append(self._spelled[head], 0)

    def _agreed(
        self, head: Ints, code: Ints, answers: Ints, scores: Doubles
    ) -> tuple[Ints, Doubles]:
        """The row that stands for each text, and the scores with the mean at those rows."""
        scored = np.asarray(np.isfinite(scores).all(axis=1))
        label = np.where(scored, np.where(scored[:, None], scores, 0.0).argmax(axis=1), answers)
        # A label that is no class is something said, too, and not the same as another one.
        label = np.where(label < 0, -1 - self._spelled, label)
        silent = ~scored & (label == -1 - self._empty)
        head = head.copy()
        # The first that says something, and before those one with a confidence.
        order = np.lexsort((np.arange(len(code)), ~scored, silent, code))
        starts = np.r_[True, code[order][1:] != code[order][:-1]]
        head[code[order][starts]] = order[starts]
        differs = ~silent & (label != label[head][code])
        self._torn[code[differs]] = True
        same = scored & ~differs
        times = np.bincount(code[same], minlength=len(head))
        again = np.flatnonzero(times > 1)
        if len(again):
            total = np.zeros((len(head), scores.shape[1]))
            np.add.at(total, code[same], np.exp(scores[same]))
            scores = scores.copy()
            scores[head[again]] = np.log(total[again] / times[again, None])
        return head, scores

    def _named(self, table: pa.Table) -> tuple[npt.NDArray[np.bool_], Ints]:
        """Whether a row has a label, and its class; -1 for none or one that is no class."""
        if "label" not in table.column_names:
            self._cells, self._empty = [""], 0
            self._spelled = np.zeros(table.num_rows, dtype=np.int64)
            return np.zeros(table.num_rows, dtype=bool), np.full(table.num_rows, -1)
        find = class_finder(self._labels.names, self._labels.spellings)
        column = pc.fill_null(table.column("label"), "")
        different = pc.dictionary_encode(column).combine_chunks()
        cells = [cleaned(cell) or "" for cell in different.dictionary.to_pylist()]
        # What is written in two ways, such as with another space, is one label.
        self._cells = list(dict.fromkeys([*cells, ""]))
        place = {cell: k for k, cell in enumerate(self._cells)}
        self._empty = place[""]
        own = np.array([place[cell] for cell in cells], dtype=np.int64)
        self._spelled = own[different.indices.to_numpy(zero_copy_only=False)]
        named = np.array([cell != "" for cell in self._cells], dtype=bool)
        classes = [find(cell) if cell else None for cell in self._cells]
        index = np.array([-1 if k is None else k for k in classes], dtype=np.int64)
        return named[self._spelled], index[self._spelled]


def _different(texts: pa.ChunkedArray) -> pa.DictionaryArray:
    return pc.dictionary_encode(text_keys(texts)).combine_chunks()


def _index_in(cells: pa.ChunkedArray, values: pa.Array | pa.ChunkedArray) -> Ints:
    places = pc.fill_null(pc.index_in(cells, value_set=values), -1)
    return np.asarray(places.to_numpy(), dtype=np.int64)


def _batch(index: Ints, scores: Floats, answers: Ints, source: str) -> ScoredBatch:
    return ScoredBatch(index=index, scores=scores, answer=answers, source=source)
