"""A Python function as a teacher: texts in, probabilities out."""

from __future__ import annotations

import uuid
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from llkd.config import LabelSet
from llkd.errors import ModelError, UserError
from llkd.teachers.base import Floats, ScoredBatch

TeacherFunction = Callable[[list[str]], npt.ArrayLike]
"""``b`` texts in, class probabilities ``[b, C]`` out, in the order of the classes."""

BATCH = 64
_LEAST = 1e-9
_SUM_TOLERANCE = 0.01

_TOKENS: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()


class FunctionTeacher:
    """Asks a function batch by batch. A row of NaN is a text that it has no answer to.

    ``name`` is what its answers are kept under: a later call with the same name goes on where an
    earlier one stopped and asks about no text again. Without it that holds for the same function
    object, as long as this Python runs.
    """

    cut = 0

    def __init__(self, function: TeacherFunction, label_set: LabelSet, name: str | None) -> None:
        self._function = function
        self._label_set = label_set
        self.name = name or str(getattr(function, "__name__", type(function).__name__))
        self._identity = {"name": name} if name else {"name": self.name, "object": _token(function)}

    def describe(self) -> dict[str, Any]:
        """Its name and the classes."""
        return {"kind": "function", **self._identity, "classes": self._label_set.asked_names}

    def score(self, texts: Sequence[str]) -> Iterator[ScoredBatch]:
        """Yield log-probabilities. Raises ModelError where the function returns anything else."""
        for start in range(0, len(texts), BATCH):
            part = list(texts[start : start + BATCH])
            probabilities = self._checked(self._function(part), len(part))
            answered = np.isfinite(probabilities).all(axis=1)
            scores = np.log(np.maximum(probabilities, _LEAST)).astype(np.float32)
            nothing = np.full(len(part), -1, dtype=np.int64)
            index = np.arange(start, start + len(part), dtype=np.int64)
            for source, is_source in (("imported", answered), ("none", ~answered)):
                if is_source.any():
                    yield ScoredBatch(
                        index[is_source], scores[is_source], nothing[is_source], source
                    )

    def content_free(self) -> Floats | None:
        """None: what is no text is not asked about."""
        return None

    def prompt(self, text: str) -> str:
        """There is no prompt."""
        del text
        return f"No prompt: the Python function {self.name!r} is called with the text."

    def close(self) -> None:
        """Nothing to let go of."""

    def _checked(self, returned: Any, texts: int) -> npt.NDArray[np.float64]:
        """``[b, C]`` that sums to 1, or NaN in whole rows."""
        classes = len(self._label_set.labels)
        shape = f"class probabilities of shape [{texts}, {classes}]"
        try:
            values = np.asarray(returned, dtype=np.float64)
        except (TypeError, ValueError):
            raise ModelError(
                f"The teacher {self.name!r} must return {shape}, in the order "
                f"{', '.join(self._label_set.names)}, but it returned {type(returned).__name__}."
            ) from None
        if values.shape != (texts, classes):
            raise ModelError(
                f"The teacher {self.name!r} must return {shape}, in the order "
                f"{', '.join(self._label_set.names)}, but it returned shape {list(values.shape)}."
            )
        values[np.isnan(values).any(axis=1)] = np.nan
        there = values[~np.isnan(values).any(axis=1)]
        total = there.sum(axis=1)
        wrong = (there < 0).any(axis=1) | (np.abs(total - 1) > _SUM_TOLERANCE) | ~np.isfinite(total)
        if wrong.any():
            raise ModelError(
                f"The teacher {self.name!r} must return probabilities, from 0 to 1 and 1 together, "
                f"but it returned {there[wrong][0].tolist()}."
            )
        return values


def checked_name(name: str | None) -> str | None:
    """A teacher's name that can be shown. Raises UserError."""
    if name is not None and not (isinstance(name, str) and name.strip() and len(name) <= 200):
        raise UserError(f"A teacher's name has 1 to 200 characters, but it was {name!r}.")
    return name


def _token(function: Any) -> str:
    """What tells this function from every other, now and in later runs of Python."""
    owner = getattr(function, "__self__", None)
    whole = getattr(function, "__func__", function)
    try:
        known = _TOKENS.setdefault(whole, uuid.uuid4().hex)
        return known if owner is None else known + _TOKENS.setdefault(owner, uuid.uuid4().hex)
    except TypeError:  # nothing can be noted of it: it is another one each time
        return uuid.uuid4().hex
