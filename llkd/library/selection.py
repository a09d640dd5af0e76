"""What is kept of the labelled texts: by thresholds, by a list, or as it was saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from llkd.config.selection_rule import SavedRule, StandaloneRule, ThresholdRule
from llkd.errors import ConfigError
from llkd.library.wording import python_words

if TYPE_CHECKING:
    import pandas as pd

    from llkd.curation import KeptTexts
    from llkd.library.audit import Audit
    from llkd.library.labels import Labels

Threshold = float | dict[str, float]


class Selection:
    """Texts of the pool that are kept, ``m`` of ``n``. Made by :meth:`Labels.keep`."""

    def __init__(self, labels: Labels, kept_texts: KeptTexts) -> None:
        """Use :meth:`Labels.keep`."""
        self.labels = labels
        self._kept_texts = kept_texts

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """The places ``[m]`` of the kept texts among the ``n``, in ascending order."""
        return np.asarray(self._kept_texts.rows, dtype=np.int64)

    @property
    def rule(self) -> dict[str, Any]:
        """What decides, as the manifest of an export says it; thresholds by class by their keys."""
        return self._kept_texts.document()

    @property
    def name(self) -> str | None:
        """The name under which it was saved; None where it was not."""
        return self._kept_texts.saved_as

    @property
    def counts(self) -> dict[str, Any]:
        """``kept``, ``rows`` (of the pool), ``share``, ``per_class``, ``accuracy``, ``checked``.

        ``accuracy`` is the share of right labels among the ``checked`` kept texts with gold, None
        without any.
        """
        from llkd import curation

        return curation.summary(self._kept_texts.plane, self._kept_texts.mask)

    def to_frame(self) -> pd.DataFrame:
        """One line for each kept text, with the columns of :meth:`Labels.to_frame`."""
        return self.labels.to_frame().iloc[self.rows].reset_index(drop=True)

    def save(self, name: str) -> Selection:
        """Keep this selection under a name, by which Curate and the command line know it.

        Returns it with that name. Raises UserError where another selection has the name.
        """
        texts, rule = self.labels.texts, self._kept_texts.rule
        store, project = texts.workspace.store, texts.record
        known = store.selections.all(project.id)
        with python_words():
            if not any(entry.name == name and entry.rule == rule for entry in known):
                store.selections.save(project.id, name, rule, self.counts)
            return selection_of(self.labels, SavedRule(name=name))

    def audit(
        self,
        *,
        target: float = 0.95,
        confidence_level: float = 0.95,
        people: int = 1,
        seed: int | None = None,
        who: str = "local user",
    ) -> Audit:
        """Draw these texts in random order for people to label blindly; see :class:`Audit`.

        ``target`` is the share of right labels to be promised, ``confidence_level`` how sure;
        ``people`` 1, or 2 who label each text; ``seed`` None is drawn at random. What people have
        labelled already is not drawn. Raises ConfigError for a value out of range, UserError where
        nothing is left to draw.
        """
        from llkd.evaluation import audits
        from llkd.library.audit import Audit

        texts = self.labels.texts
        texts.put_in_use(self.labels.labeling_run_id)
        with python_words():
            record = audits.start_audit(
                texts.workspace.store,
                texts.record,
                self.selection_rule,
                who=who,
                target=target,
                confidence_level=confidence_level,
                people=people,
                seed=seed,
            )
        return Audit(self.labels, record.id)

    def __len__(self) -> int:
        """How many texts are kept, ``m``."""
        return int(self._kept_texts.mask.sum())

    def __repr__(self) -> str:
        """Counts, for a notebook."""
        counts = self.counts
        right = ""
        if counts["checked"]:
            right = f", {counts['accuracy']:.0%} of {counts['checked']:,} checked labels right"
        return f"<Selection of {len(self):,} of {counts['rows']:,} texts{right}>"

    def saved_name(self) -> str:
        """The name under which it is saved; it gets one where it has none."""
        if self.name is not None:
            return self.name
        texts, rule = self.labels.texts, self._kept_texts.rule
        known = texts.workspace.store.selections.all(texts.project_id)
        same = next((entry.name for entry in known if entry.rule == rule), None)
        if same is not None:
            return same
        used_names = {entry.name for entry in known}
        wording = _wording(rule)
        names = (wording, *(f"{wording} ({number})" for number in range(2, len(used_names) + 3)))
        name = next(name for name in names if name not in used_names)
        self.save(name)
        return name

    @property
    def selection_rule(self) -> StandaloneRule | SavedRule:
        """The rule as workflows take it."""
        return self._kept_texts.rule if self.name is None else SavedRule(name=self.name)


def selection_of(labels: Labels, rule: StandaloneRule | SavedRule) -> Selection:
    """What a rule keeps of the labels now."""
    from llkd import curation

    texts = labels.texts
    texts.put_in_use(labels.labeling_run_id)
    applied = curation.apply_rule(texts.workspace.store, texts.record, rule)
    return Selection(labels, applied)


def checked_threshold(name: str, threshold: Any, classes: Sequence[str]) -> Threshold:
    """A number from 0 to 1, or such numbers by class. Raises ConfigError."""
    if isinstance(threshold, Mapping):
        unknown = [key for key in threshold if key not in classes]
        if unknown:
            raise ConfigError(
                f"{name}= is set for {unknown[0]!r}, which is not a class. The classes are "
                f"{', '.join(classes)}."
            )
        return {key: _number(name, value) for key, value in threshold.items()}
    return _number(name, threshold)


def checked_rows(rows: Any, count: int) -> tuple[int, ...]:
    """Places among ``count`` texts, ascending and each once. Raises ConfigError."""
    values = np.asarray(list(rows))
    if values.size and values.dtype.kind not in "iu":
        raise ConfigError("rows= holds whole numbers: the places of texts, from 0.")
    outside = values[(values < 0) | (values >= count)] if values.size else values
    if outside.size:
        raise ConfigError(
            f"rows= holds places from 0 to {count - 1:,}, but there was {int(outside[0])}."
        )
    return tuple(int(row) for row in np.unique(values))


def _number(name: str, value: Any) -> float:
    if isinstance(value, int | float | np.number) and not isinstance(value, bool):
        if 0.0 <= value <= 1.0:
            return float(value)
    raise ConfigError(
        f"{name}= is a number from 0 to 1, or a dict of these by class, but it was {value!r}."
    )


def _wording(rule: StandaloneRule) -> str:
    """A rule as the name of a selection."""
    if not isinstance(rule, ThresholdRule):
        return rule.kind if rule.run is None else f"{rule.kind} {rule.run}"
    confidence, need = (_short(t) for t in (rule.teacher_threshold, rule.student_threshold))
    return f"confidence {confidence}, need {need}"


def _short(threshold: Any) -> str:
    return "by class" if isinstance(threshold, Mapping) else f"{threshold:g}"
