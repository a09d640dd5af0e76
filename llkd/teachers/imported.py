"""Labels that another tool or model made, read from a file and matched by text."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from llkd import models
from llkd.config import LabelSet, TeacherConfig
from llkd.datasets import Records, read_records
from llkd.datasets.columns import guess_id, guess_label, guess_text
from llkd.datasets.labels import class_finder, cleaned
from llkd.datasets.wording import count, listed, quoted
from llkd.errors import DataError, NotFound
from llkd.teachers.base import Floats, Ints, ScoredBatch

Doubles = npt.NDArray[np.float64]

BATCH = 8192
CERTAIN = 1 - 1e-9  # a confidence of 1 would make the other scores minus infinity
RESERVED = {"id", "text", "label", "confidence"}
_SURE_IDS = 0.9
_EXAMPLES = 3
_MOST_EXAMPLES = 1_000
PROBABILITY = ("probability_", "prob_", "p_")


class ImportedTeacher:
    """Looks labels up by text. After ``score`` the counts say what could not be used.

    ``unmatched``: texts the file does not hold; ``unknown``: texts whose label is no class;
    ``conflicting``: texts the file labels in two ways; ``blank``: texts without a label in it. Each
    gets the answer -1. ``by_id`` texts were found by their id (:meth:`match_ids`).
    """

    def __init__(self, table: pa.Table, labels: LabelSet, identity: dict[str, Any]) -> None:
        """``table``: string columns ``text`` or ``id``, and ``label`` or a probability by class.

        A ``confidence`` is a number from 0 to 1. Raises DataError naming the row otherwise.
        """
        self._labels = labels
        self._identity = identity
        self._places: dict[str, int] = {}
        self._found_by_id: set[str] = set()
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
        named, label = self._named(table)
        if probabilities:
            scores = self._from_probabilities(table)
        else:
            scores = self._from_confidence(table, label)
        known = np.isfinite(scores).all(axis=1)
        # A confidence that is not that of the label is none.
        scores[named & known & (scores.argmax(axis=1) != label)] = np.nan
        # The explicit answer; -1 where the scores say it.
        answers = np.where(np.isfinite(scores).all(axis=1), -1, label)
        self._has_texts = "text" in columns
        texts = table.column("text" if self._has_texts else "id")
        self._ids = table.column("id") if "id" in columns else None
        if texts.null_count:  # a record without a text labels none
            there = np.flatnonzero(texts.is_valid().to_numpy())
            texts, answers, scores = texts.drop_null(), answers[there], scores[there]
            self._spelled = self._spelled[there]
            self._ids = None if self._ids is None else self._ids.take(there)
        self._remember(texts, answers, scores)
        self.unmatched = self.unknown = self.conflicting = self.blank = self.by_id = 0
        self._examples: dict[str, Counter[str]] = {}
        self.cut = 0

    @property
    def _name(self) -> str:
        return str(self._identity["file"])

    def _called(self, part: str) -> str:
        """What the file itself calls a column."""
        return str(self._identity.get("columns", {}).get(part, part))

    def describe(self) -> dict[str, Any]:
        """The file's name and sha256, and the classes."""
        return {
            "kind": "file",
            **self._identity,
            "classes": self._labels.asked_names,
        }

    def score(self, texts: Sequence[str]) -> Iterator[ScoredBatch]:
        """Yield the file's labels for these texts, those with a confidence apart from the rest."""
        for start in range(0, len(texts), BATCH):
            answers, scores = self._look_up(texts[start : start + BATCH])
            scored = np.isfinite(scores).all(axis=1)
            for source, chosen in (("imported", scored), ("none", ~scored)):
                index = np.flatnonzero(chosen)
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

    def match_ids(self, ids: Sequence[str], texts: Sequence[str]) -> None:
        """Let texts that the file does not hold be found by their ids, as long as these are sure.

        They are where the file has no texts, or where nine in ten of the texts that it does hold
        have the same id there: the numbers of rows of another file say nothing.
        """
        if self._ids is None:
            return
        places: dict[str, int] = {}
        for ident, place in zip(self._ids.to_pylist(), self._code.tolist(), strict=True):
            # Of an id that comes again with another text nobody knows which is meant.
            if ident is not None and places.setdefault(ident.strip(), place) != place:
                places[ident.strip()] = -1
        known: dict[str, int] = self._places if self._has_texts else {}
        named = list(zip(_keys(texts), [places.get(i.strip(), -1) for i in ids], strict=True))
        agree = [known[key] == place for key, place in named if key in known]
        if self._has_texts and (not agree or sum(agree) < _SURE_IDS * len(agree)):
            return
        more: dict[str, int] = {}
        for key, place in named:
            if place >= 0 and key not in known:
                first = more.setdefault(key, place)
                if self._answer_at(first) != self._answer_at(place):
                    self._torn[first] = True  # one text with two ids and two labels
        self._places = {**known, **more}
        self._found_by_id = set(more)

    def _answer_at(self, place: int) -> int:
        scores = self._scores[place]
        return int(scores.argmax() if np.isfinite(scores).all() else self._answers[place])

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
        for kind, one, several, such in kinds:
            number = getattr(self, kind)
            if not number:
                continue
            most = self._examples.get(kind, Counter()).most_common(_EXAMPLES)
            if kind == "unknown":
                shown = [f"{quoted(label)} ({times:,})" for label, times in most]
            else:
                shown = [quoted(text) for text, _ in most]
            sentences.append(
                f"{count(number, 'text')} {one if number == 1 else several} ({such} "
                f"{listed(shown)})."
            )
        if self.unknown:
            sentences.append(f"The classes are {listed([quoted(n) for n in self._labels.names])}.")
        return sentences

    def _note(self, kind: str, texts: Sequence[str], places: npt.NDArray[np.bool_]) -> None:
        """Count the texts at ``places`` as of this kind, and keep some as examples."""
        rows = np.flatnonzero(places)
        setattr(self, kind, getattr(self, kind) + len(rows))
        kept = self._examples.setdefault(kind, Counter())
        for row in rows.tolist() if kind == "unknown" else rows[:_EXAMPLES].tolist():
            if len(kept) < _MOST_EXAMPLES or texts[row] in kept:
                kept[texts[row]] += 1

    def _look_up(self, texts: Sequence[str]) -> tuple[Ints, Floats]:
        keys = _keys(texts)
        at = np.array([self._places.get(key, -1) for key in keys], dtype=np.int64)
        found = at >= 0
        torn = found & self._torn[at]
        usable = found & ~torn
        answers = np.where(usable, self._answers[at], -1)
        scores = np.where(usable[:, None], self._scores[at], np.nan).astype(np.float32)
        strange = usable & (answers < 0) & ~np.isfinite(scores).all(axis=1)
        spelled = self._spelled_at[at]
        cells = [self._cells[code] for code in spelled.tolist()] if strange.any() else []
        blank = strange & (spelled == self._empty)
        self._note("unmatched", texts, ~found)
        self._note("conflicting", texts, torn)
        self._note("unknown", cells, strange & ~blank)
        self._note("blank", texts, blank)
        if self._found_by_id:
            by_id = np.array([key in self._found_by_id for key in keys], dtype=bool)
            self._note("by_id", texts, by_id & usable)
        return answers, scores

    def _remember(self, texts: pa.ChunkedArray, answers: Ints, scores: Doubles) -> None:
        """One entry for each different text, and whether its rows name different classes.

        Rows that name the same class agree: their confidence is the mean of those given. A row
        without a label says nothing beside one that has it.
        """
        code = np.empty(len(texts), dtype=np.int64)
        first: list[int] = []
        for row, key in enumerate(_keys(texts.to_pylist())):
            code[row] = place = self._places.setdefault(key, len(first))
            if place == len(first):
                first.append(row)
        self._code = code
        # One more entry than texts, so that there is one to look at where the file holds none.
        self._torn = np.zeros(len(first) + 1, dtype=bool)
        blank = np.full((1, scores.shape[1]), np.nan, dtype=scores.dtype)
        head = np.asarray(first, dtype=np.int64)
        if len(first) < len(code):
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

    def _from_probabilities(self, table: pa.Table) -> Doubles:
        """Log-probabilities ``[rows, classes]``; NaN in rows with an empty cell."""
        names = self._labels.names
        given = np.logical_and.reduce([_filled(table.column(name)) for name in names])
        values = self._numbers(table, names, given)
        total = values.sum(axis=1)
        nothing = np.flatnonzero(given & (total <= 0))
        if len(nothing):
            raise DataError(f"{self._name}, row {nothing[0] + 1}: the probabilities are all 0.")
        values[given] /= total[given, None]
        return np.asarray(np.log(np.maximum(values, 1 - CERTAIN)))  # a NaN stays one

    def _from_confidence(self, table: pa.Table, label: Ints) -> Doubles:
        """The label's confidence, the rest shared evenly; NaN where there is none."""
        rows, classes = len(label), len(self._labels.labels)
        if "confidence" not in table.column_names:
            return np.full((rows, classes), np.nan)
        given = (label >= 0) & _filled(table.column("confidence"))
        confidence = self._numbers(table, ["confidence"], given)[:, 0]
        rest = (1 - np.minimum(confidence, CERTAIN)) / (classes - 1)
        values = np.repeat(rest[:, None], classes, axis=1)
        own = np.clip(confidence[given], 1 - CERTAIN, CERTAIN)
        values[np.arange(rows)[given], label[given]] = own
        return np.asarray(np.log(values))

    def _numbers(
        self, table: pa.Table, columns: Sequence[str], wanted: npt.NDArray[np.bool_]
    ) -> Doubles:
        """``[rows, columns]`` from 0 to 1 in the rows ``wanted``, NaN in the others."""
        found = np.stack([_floats(table.column(name)) for name in columns], axis=1)
        found[~wanted] = np.nan
        with np.errstate(invalid="ignore"):
            bad = wanted[:, None] & ~((found >= 0) & (found <= 1))
        for row, k in np.argwhere(bad)[:1].tolist():
            called, cell = self._called(columns[k]), str(table.column(columns[k])[row].as_py())
            raise DataError(
                f"{self._name}, row {row + 1}: {called!r} must be a number from 0 to 1, but it was "
                f"{cell[:40]!r}."
            )
        return found


def imported_teacher(config: TeacherConfig, labels: LabelSet, home: Path) -> ImportedTeacher:
    """The teacher ``file:<path>``: any file that texts can be imported from.

    The columns are those that ``config`` names, else ``text``, ``label`` and ``confidence``, else
    what looks like them; one column of probabilities for each class, named like the class or
    ``probability_<class>``, ``prob_<class>`` or ``p_<class>``, takes the place of a confidence.
    Raises NotFound, or DataError for a file of no use.
    """
    path = Path(config.teacher.partition(":")[2].strip()).expanduser()
    if not path.is_file():
        raise NotFound(f"There is no file {path} to read labels from.")
    wanted = [config.text_column, config.label_column, config.confidence_column]
    records = read_records(path, named=[name for name in wanted if name])
    columns = _columns(records, config, labels)
    identity = {
        "file": path.name,
        "sha256": models.file_sha256(path, home),
        "columns": columns,
    }
    table = records.table.select(list(columns.values())).rename_columns(list(columns))
    ident = guess_id(records)
    if "id" not in columns and ident is not None and ident not in columns.values():
        # Beside the texts they are a help, and no part of what the file says.
        table = table.append_column("id", records.table.column(ident))
    return ImportedTeacher(table, labels, identity)


def _columns(records: Records, config: TeacherConfig, labels: LabelSet) -> dict[str, str]:
    """Which column of the file plays which part: text, label, confidence, or a class's name."""
    there = set(records.columns)
    probabilities = {
        name: next(
            (p + word for word in words for p in ("", *PROBABILITY) if p + word in there), None
        )
        for name, words in zip(labels.names, labels.names_ever, strict=True)
    }
    given = all(probabilities.values()) and len(set(probabilities.values())) == len(probabilities)
    columns: dict[str, str | None] = {
        "text": _column(records, config.text_column, "text", guess_text(records)),
    }
    text, ident = columns["text"], guess_id(records)
    if text is not None and text in (ident, config.label_column):
        text = None
    if text is None and ident is None:
        raise DataError(
            f"{records.name} has no column of texts to match its labels by, and no ids. Its "
            f"columns are {', '.join(records.columns)}. Name the right one as the text column."
        )
    guessed = None if given else guess_label(records, text, ident)
    if text is not None and text == guessed and config.text_column is None:
        text = None if ident is not None else text
    columns["text"] = text
    if text is None:
        columns["id"] = ident
    columns["label"] = _column(records, config.label_column, "label", guessed)
    columns["confidence"] = _column(records, config.confidence_column, "confidence", None)
    if given and not set(labels.names) & RESERVED:
        columns |= probabilities
    elif columns["label"] is None:
        raise DataError(
            f"{records.name} has neither a column 'label' nor one column of probabilities for "
            f"each class ({', '.join(labels.names)}). Name the right one as the label column."
        )
    return {part: column for part, column in columns.items() if column is not None}


def _column(records: Records, wanted: str | None, usual: str, guess: str | None) -> str | None:
    """The column that was asked for, else the one with the usual name, else the guess."""
    if wanted is None:
        return usual if usual in records.columns else guess
    if wanted not in records.columns:
        raise DataError(
            f"There is no column {wanted!r} in {records.name}. Its columns are "
            f"{', '.join(records.columns)}."
        )
    return wanted


def _batch(index: Ints, scores: Floats, answers: Ints, source: str) -> ScoredBatch:
    return ScoredBatch(index=index, scores=scores, answer=answers, source=source)


def _filled(column: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    filled = pc.not_equal(pc.fill_null(column, ""), "")
    return np.asarray(filled.to_numpy(), dtype=bool)


def _floats(column: pa.ChunkedArray) -> Doubles:
    """The cells as numbers; NaN where a cell is none."""
    try:
        cells = pc.if_else(pc.equal(column, ""), None, column)
        numbers = pc.cast(cells, pa.float64())
    except pa.ArrowInvalid:
        numbers = pa.array([_float(cell) for cell in column.to_pylist()], pa.float64())
    return np.array(numbers.to_numpy(zero_copy_only=False), dtype=np.float64)


def _float(cell: str | None) -> float:
    try:
        return math.nan if cell is None else float(cell)
    except ValueError:
        return math.nan


def _keys(texts: Sequence[str]) -> list[str]:
    """What is the same text: white space and Unicode composition aside."""
    composed = unicodedata.normalize
    # Nothing of ASCII is composed, and looking takes a fraction of the time.
    return [" ".join((t if t.isascii() else composed("NFC", t)).split()) for t in texts]
