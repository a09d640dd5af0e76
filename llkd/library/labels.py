"""What a teacher said of the texts: labels, confidence, and how right they are where gold is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast, get_args

import numpy as np
import numpy.typing as npt

from llkd.config import Calibration, build
from llkd.config.selection_rule import (
    RowsRule,
    SavedRule,
    StandaloneRule,
    ThresholdRule,
    TrainedOnRule,
)
from llkd.errors import ConfigError
from llkd.library.evaluation import Evaluation, teacher_evaluation
from llkd.library.progress import shown_progress
from llkd.library.texts import Texts
from llkd.library.wording import python_words

if TYPE_CHECKING:
    import pandas as pd

    from llkd.curation import TeacherLabels
    from llkd.evaluation.advice import TrainingAdvice
    from llkd.library.audit import Audit
    from llkd.library.selection import Selection
    from llkd.library.student import Student
    from llkd.store import LabelingRun

Strings = npt.NDArray[np.object_]
Floats = npt.NDArray[np.float64]
METERED = {"calls": 0, "money": None}
ThresholdByClass = float | Mapping[str, float]


class Labels:
    """A teacher's labels of ``n`` texts under one calibration; nothing is asked twice.

    Arrays are in the order of ``texts``. Made by :func:`label` and :meth:`Texts.labels`.
    """

    def __init__(
        self,
        texts: Texts,
        labeling_run: int,
        calibration: Calibration | None = None,
        report: Mapping[str, Any] | None = None,
    ) -> None:
        """Use :func:`label`."""
        self.texts = texts
        self.labeling_run_id = labeling_run
        self._calibration = calibration
        self._report = dict(report or {})

    @property
    def classes(self) -> list[str]:
        """The names of the ``C`` classes, in the order of every array over classes."""
        return self.labeling_run.classes.names

    @property
    def calibration(self) -> str:
        """How scores became probabilities, such as ``batch``."""
        return self.derived.calibration

    @property
    def teacher(self) -> str:
        """Who labelled, such as ``embedded`` or ``api:MODEL``."""
        return self.labeling_run.config.teacher

    @property
    def labels(self) -> Strings:
        """The teacher's class of each text ``[n]`` by name; None where it gave no usable one."""
        names = np.array([*self.classes, None], dtype=object)
        return cast(Strings, names[self._spread(self.derived.label, -1).astype(np.int64)])

    @property
    def confidence(self) -> Floats:
        """The probability of each label ``[n]``, from 0 to 1; NaN where there is none."""
        return self._spread(self.derived.confidence, np.nan)

    @property
    def probabilities(self) -> Floats:
        """Calibrated probabilities ``[n, C]``; rows of NaN where there are none."""
        return self._spread(self.derived.probabilities, np.nan)

    @property
    def disagreement(self) -> Floats:
        """How far a committee's members differ on each text ``[n]``, in nats; else NaN."""
        values = self.derived.disagreement
        return self._spread(
            np.full(len(self.derived.row), np.nan) if values is None else values, np.nan
        )

    @property
    def usage(self) -> dict[str, Any]:
        """What they cost: ``calls``, ``tokens_in``, ``tokens_out``, ``money`` (None: unknown)."""
        run = self.labeling_run
        usage = {"tokens_in": run.tokens_in, "tokens_out": run.tokens_out}
        metered = {key: self._report.get(key, unknown) for key, unknown in METERED.items()}
        return {**metered, **usage}

    @property
    def notices(self) -> list[str]:
        """Sentences on this labelling, such as why it stopped or what could not be matched."""
        stopped = self._report.get("stopped_because")
        return [*([stopped] if stopped else []), *self._report.get("notices", [])]

    def evaluate(self) -> Evaluation | None:
        """How right the labels are on held-out texts with gold; None without any."""
        with python_words():
            return teacher_evaluation(self.texts.workspace.store, self.texts.record, self.derived)

    def calibrated(self, calibration: Calibration) -> Labels:
        """The same answers under another calibration; no text is asked again.

        ``none``, ``batch``, ``contextual``, each also with ``+temperature``, and ``fitted``; all
        also with ``+refined``, as :meth:`refine` does it.
        """
        from llkd.library.refinement import refined_labels
        from llkd.selection.signals import is_refined

        checked = checked_calibration(calibration)
        labels = Labels(self.texts, self.labeling_run_id, checked, self._report)
        return refined_labels(labels, progress=True) if is_refined(checked or "none") else labels

    def refine(self, *, progress: bool = True) -> Labels:
        """The same answers, refined by what the teacher said of the texts most like each.

        Often righter, and confidence tells right from wrong better; no text is asked again. Texts
        are embedded first where they are not yet. ``changes()`` says what it changed.
        """
        from llkd.library.refinement import refined_labels

        return refined_labels(self, progress)

    @property
    def refined(self) -> bool:
        """Whether the labels are refined by their neighbours."""
        refinement = self.derived.refinement
        return refinement is not None and refinement.neighbours > 0

    def changes(self) -> pd.DataFrame:
        """What refinement changed, one line a text, in the order of ``texts``.

        Columns: ``id``, ``text``, ``label_before``, ``label``, ``confidence_before``,
        ``confidence``. Empty where labels are not refined.
        """
        from llkd.library.refinement import changes_of

        return changes_of(self)

    def measure_need(self, student: str = "embedded", *, progress: bool = True) -> Labels:
        """Estimate how uncertain the untrained ``student`` is of each text; returns these labels.

        Embeds every text once (kept in the project), then fits a quick classifier. ``student`` is
        ``embedded``, a folder or a hub id. Raises UserError where all labels are of one class.
        """
        from llkd.embedding.pool import embed_and_probe

        with python_words(), shown_progress(progress) as shown:
            self.texts.put_in_use(self.labeling_run_id)
            store, project = self.texts.workspace.store, self.texts.record
            embed_and_probe(store, project, shown, student=student)
        return self

    def keep(
        self,
        *,
        confidence: ThresholdByClass | None = None,
        need: ThresholdByClass | None = None,
        rows: Iterable[int] | None = None,
        saved: str | None = None,
        trained_by: Student | None = None,
        progress: bool = True,
    ) -> Selection:
        """The texts of the pool that are worth training on; without arguments all with a label.

        Args:
            confidence: the least confidence of a label, from 0 to 1; a dict sets it by class.
            need: the least information need of a text, from 0 to 1 (1: the student knows nothing of
                it); a dict sets it by class. Above 0 it is estimated first where it is not there.
            rows: in place of thresholds exactly these texts, by their places from 0.
            saved: in place of thresholds the selection that was saved under this name, here or on
                the page Curate.
            trained_by: in place of thresholds what this student was trained on.
            progress: show a bar while the need is estimated.

        By thresholds, what a person labelled is kept whatever they are. What a person excluded is
        never kept, and no held-out text.

        Raises:
            ConfigError: a threshold or a place is none, or two ways are asked for at once.
            NotFound: there is no such saved selection.
        """
        from llkd.library.selection import selection_of

        ways = {
            "thresholds": confidence is not None or need is not None,
            "rows=": rows is not None,
            "saved=": saved is not None,
            "trained_by=": trained_by is not None,
        }
        ways_named = [way for way, there in ways.items() if there]
        if len(ways_named) > 1:
            raise ConfigError(f"keep() takes {ways_named[0]} or {ways_named[1]}, not both.")
        with python_words():
            rule = self._rule(confidence or 0.0, need or 0.0, rows, saved, trained_by)
            if isinstance(rule, ThresholdRule) and _any(rule.student_threshold):
                if not self._need_known():
                    self.measure_need(progress=progress)
            return selection_of(self, rule)

    def audit(self, number: int | None = None, **settings: Any) -> Audit:
        """Audit all labels: ``labels.keep().audit(**settings)``; or take up audit ``number`` again.

        Raises NotFound where there is no such audit.
        """
        from llkd.library.audit import Audit

        if number is None:
            return self.keep().audit(**settings)
        store = self.texts.workspace.store
        return Audit(self, store.audits.get(self.texts.project_id, number).id)

    def _rule(
        self,
        confidence: ThresholdByClass,
        need: ThresholdByClass,
        rows: Iterable[int] | None,
        saved: str | None,
        trained_by: Student | None,
    ) -> StandaloneRule | SavedRule:
        from llkd.library.selection import checked_rows, checked_threshold

        if saved is not None:
            return build(SavedRule, name=saved)
        calibration = self.derived.calibration
        if rows is not None:
            return RowsRule(rows=checked_rows(rows, len(self.texts)), calibration=calibration)
        if trained_by is not None:
            if trained_by.run is None or not self.texts.same_project(trained_by.texts):
                raise ConfigError("trained_by= is a student that train() made of these texts.")
            return TrainedOnRule(run=trained_by.run)
        return build(
            ThresholdRule,
            teacher_threshold=checked_threshold("confidence", confidence, self.classes),
            student_threshold=checked_threshold("need", need, self.classes),
            calibration=calibration,
        )

    def to_frame(self, need: bool = False, *, progress: bool = True) -> pd.DataFrame:
        """One line a text, in the order of ``texts``.

        Columns: ``id``, ``text``, ``label`` (a person's where there is one, else the teacher's),
        ``confidence`` (the teacher's, of its own label), ``information_need`` (NaN until it is
        estimated, which ``need`` does), ``labelled_by`` (``teacher``, ``person`` or None),
        ``excluded`` (by a person), ``gold``, ``split``.
        """
        from llkd import curation
        from llkd.selection import signals

        with python_words():
            if need and not self._need_known():
                self.measure_need(progress=progress)
            store, project = self.texts.workspace.store, self.texts.record
            frame = self.texts.to_frame()
            student_need = curation.find_need(store, project, self.derived)
        measured = np.full(len(frame), np.nan)
        if student_need is not None:
            measured[student_need.rows] = signals.information_need(student_need.probabilities)
        label, labelled_by, excluded = self._with_decisions()
        return frame[["id", "text"]].assign(
            label=label,
            confidence=self.confidence,
            information_need=measured,
            labelled_by=labelled_by,
            excluded=excluded,
            gold=frame["gold"],
            split=frame["split"],
        )

    def training_advice(self) -> TrainingAdvice:
        """What :func:`train` does with these labels where no strategy is named, and why.

        ``sentence`` says it; ``strategy``, ``selection`` and ``training`` are what it stands for,
        ``arms`` what :func:`compare` trains, ``accuracy`` the estimate of the teacher's accuracy
        that it follows from. Held-out gold, which evaluates, has no say.
        """
        from llkd import curation
        from llkd.evaluation.advice import project_advice

        with python_words():
            store, project = self.texts.workspace.store, self.texts.record
            plane = curation.load_plane(store, project, need=False, labels=self.derived)
            plane = curation.with_decisions(plane, store.decisions.current(project.id))
            return project_advice(store, project, plane, "gold")

    def __len__(self) -> int:
        """How many texts have a label."""
        return int((self.derived.label >= 0).sum())

    def __repr__(self) -> str:
        """Counts, for a notebook."""
        return (
            f"<Labels of {len(self):,} of {len(self.texts):,} texts by {self.teacher!r}, "
            f"calibration {self.calibration!r}>"
        )

    @cached_property
    def derived(self) -> TeacherLabels:
        """Labels and probabilities of the rows that were answered."""
        from llkd import curation

        with python_words():
            store = self.texts.workspace.store
            return curation.teacher_labels(store, self.labeling_run, self._calibration)

    @property
    def labeling_run(self) -> LabelingRun:
        """What is stored of this labelling."""
        return self.texts.workspace.store.labeling_runs.get(self.labeling_run_id)

    def _spread(self, values: npt.NDArray[Any], missing: float) -> Floats:
        """Values of the rows that were answered, for all ``n`` texts."""
        spread = np.full((len(self.texts), *values.shape[1:]), missing, dtype=np.float64)
        spread[self.derived.row] = values
        return spread

    def _need_known(self) -> bool:
        from llkd import curation

        return curation.has_all_embeddings(self.texts.workspace.store, self.texts.record)

    def _with_decisions(self) -> tuple[Strings, Strings, npt.NDArray[np.bool_]]:
        """Labels, who gave them and who is excluded ``[n]``, by what people have decided."""
        store, project = self.texts.workspace.store, self.texts.record
        decisions = store.decisions.current(project.id)
        label = self.labels
        labelled_by = np.array(["teacher" if name is not None else None for name in label], object)
        excluded = np.zeros(len(label), dtype=np.bool_)
        rows = decisions.index.to_numpy(dtype=np.int64)
        excluded[rows] = decisions["excluded"].to_numpy(dtype=bool)
        by_person = decisions["human_label"].notna().to_numpy()
        label[rows[by_person]] = decisions["human_label"].to_numpy()[by_person]
        labelled_by[rows[by_person]] = "person"
        return label, cast(Strings, labelled_by), excluded


def checked_calibration(calibration: str | None) -> Calibration | None:
    """The calibration of that name, None for that of the project. Raises ConfigError."""
    if calibration is not None and calibration not in get_args(Calibration):
        raise ConfigError(
            f"There is no calibration {calibration!r}. Choose one of: "
            f"{', '.join(get_args(Calibration))}."
        )
    return cast("Calibration | None", calibration)


def _any(threshold: ThresholdByClass) -> bool:
    values = threshold.values() if isinstance(threshold, Mapping) else (threshold,)
    return any(value > 0 for value in values)
