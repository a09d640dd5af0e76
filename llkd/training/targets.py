"""What a run is trained on and judged by, gathered before it is made.

Where people's labels judge, none of them trains or speaks in any other way: not as a label, not to
a temperature, not as evidence or vote of a strategy. Held-out gold judges, so it fits nothing.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, replace
from typing import Any, cast

import numpy as np
import pandas as pd

from llkd import curation
from llkd.config import Calibration, TrainingConfig
from llkd.config.selection_rule import CertifiedRule, SavedRule
from llkd.errors import UserError
from llkd.evaluation import evaluation_set, predictions
from llkd.selection import signals
from llkd.selection.registry import takes
from llkd.selection.signals import Floats, Ints
from llkd.store import LabelingRun, Project, Run, Store


@dataclass(frozen=True)
class LabelBasis:
    """What labels are derived with: a teacher pass, its calibration, bias ``[C]`` and temperature.

    ``fit``: what the calibration was fitted on; None where nothing was. ``search``: the search for
    the nearest texts by which labels are refined; None where they are not. ``notes`` are for the
    reader of the results. A comparison takes it down when it begins, and all its arms share it.
    """

    labeling_run: int
    calibration: Calibration
    bias: list[float]
    temperature: float
    fit: dict[str, Any] | None
    notes: list[str]
    search: str | None = None

    def document(self) -> dict[str, Any]:
        """As JSON values; ``LabelBasis(**document)`` is the same."""
        return asdict(self)


@dataclass(frozen=True)
class Targets:
    """Pool rows ``[m]`` and the probabilities ``[m, C]`` to train on, and who judges.

    The rows depend on the labels alone, never on the strategy: every arm of a comparison walks the
    same pool in the same batches. ``without_confidence [m]`` marks labels that the teacher gave
    without one; their probabilities are certain, so that they can be trained on. ``kept [m]``:
    whether a saved selection holds the row; None without one. ``notes`` are for the reader of the
    run's results.
    """

    plane: curation.Plane
    labels: curation.TeacherLabels
    rows: Ints
    probabilities: Floats
    without_confidence: np.ndarray
    evaluation: evaluation_set.EvaluationSet
    in_saved: np.ndarray | None
    notes: list[str]

    @property
    def digest(self) -> str:
        """Equal for runs that see the same texts with the same labels, and the same judges."""
        parts = [
            self.rows.astype(np.int64).tobytes(),
            self.probabilities.astype(np.float32).tobytes(),
        ]
        if self.evaluation.kind != "gold":
            parts += [
                known.astype(np.int64).tobytes()
                for known in (self.evaluation.rows, self.evaluation.label)
            ]
        if self.in_saved is not None:
            parts.append(self.in_saved.tobytes())
        if self.without_confidence.any():
            parts.append(self.without_confidence.tobytes())
        return hashlib.sha256(b"".join(parts)).hexdigest()


def gather(
    store: Store,
    project: Project,
    config: TrainingConfig,
    calibration: Calibration | None = None,
    until: float | None = None,
    basis: LabelBasis | None = None,
    eval_run: Run | None = None,
) -> Targets:
    """What a run made now is trained on; ``until``: by what people had decided at that time.

    ``basis``: what its labels are derived with, by default that of the pass in use. ``eval_run``
    lends the texts that judge and their classes: an earlier arm of the same comparison.

    Raises UserError where there is too little to train on or to judge by.
    """
    basis = basis or label_basis(store, project, config, calibration, until)
    plane, labels, notes = _plane(store, project, basis, until)
    texts = store.projects.texts(project, ["gold", "split"])
    evaluation = evaluation_set.evaluation_set_of(plane, texts, config.judged_by)
    if eval_run is not None:
        rows, known = predictions.evaluation_rows(store, project, eval_run, texts)
        evaluation = replace(evaluation, rows=rows, label=known)
    in_saved = _in_saved(store, project, config, plane, until)
    if in_saved is not None and config.judged_by == "people":
        notes += _leaning(store, project, config)
    frame = plane.frame
    label = frame["label"].to_numpy()
    human = frame["human_label"].to_numpy() >= 0
    sure = ~frame["confidence"].isna().to_numpy()
    usable = (label >= 0) & ~frame["excluded"].to_numpy()
    if in_saved is not None and not takes(config.selection, "saved"):
        usable &= in_saved  # the strategy chooses among the texts that were kept
        in_saved = None
    if config.judged_by != "gold":
        usable &= ~np.isin(frame["row"].to_numpy(), evaluation.rows)
    if config.judged_by == "people":
        usable &= ~human
    probabilities = plane.probabilities.copy()
    certain = usable & (human | ~sure)
    probabilities[certain] = np.eye(len(plane.names))[label[certain]]
    targets = Targets(
        plane,
        labels,
        frame["row"].to_numpy()[usable],
        probabilities[usable],
        (~sure & ~human)[usable],
        evaluation,
        None if in_saved is None else in_saved[usable],
        notes,
    )
    _check(targets, config)
    return targets


def label_basis(
    store: Store,
    project: Project,
    config: TrainingConfig,
    calibration: Calibration | None = None,
    until: float | None = None,
) -> LabelBasis:
    """What labels are derived with now, fitted to nothing that judges.

    Raises UserError where a temperature, or ``fitted``, has nothing to be fitted on.
    """
    labeling_run = curation.active_labeling_run(store, project)
    in_use: Calibration = calibration or labeling_run.calibration
    judging, reason = _judging(store, project, labeling_run, config, in_use, until)
    labels = curation.teacher_labels(store, labeling_run, in_use, without=judging)
    notes = []
    if signals.needs_fit(in_use) and labels.fit is None:
        base, tempered = signals.split_calibration(in_use)
        if judging is None:
            raise UserError(curation.not_fitted(project, base))
        plain = base if tempered else "batch"
        instead = cast(Calibration, signals.with_refinement(plain, signals.is_refined(in_use)))
        labels = curation.teacher_labels(store, labeling_run, instead)
        what = "a temperature on: confidence is" if tempered else "the calibration on: labels are"
        notes.append(
            f"{reason}, and without them there is nothing to fit {what} that of the calibration "
            f"{instead!r}."
        )
    if signals.is_refined(in_use) and labels.refinement is None:
        raise UserError(curation.not_refined(project))
    return LabelBasis(
        labeling_run.id,
        labels.calibration,
        labels.bias.tolist(),
        labels.temperature,
        labels.fit,
        notes,
        None if labels.refinement is None else labels.refinement.search,
    )


def _judging(
    store: Store,
    project: Project,
    labeling_run: LabelingRun,
    config: TrainingConfig,
    calibration: Calibration,
    until: float | None,
) -> tuple[Ints | None, str]:
    """Rows that judge and on which the kept fit may rest, and why it may; None where none is so."""
    if config.judged_by == "people":
        decisions = (store.decisions.current(project.id, t) for t in (until, None))
        return np.union1d(*map(_labelled, decisions)), "People's labels judge this run"
    fit = (labeling_run.fits or {}).get(signals.fit_name(calibration))
    if fit is not None and fit.get("held_out"):  # by a version that did so
        held_out = curation.held_out_rows(store.projects.texts(project, ["split"]))
        return held_out, "The temperature of this pass was fitted on held-out texts, which judge"
    return None, ""


def _plane(
    store: Store, project: Project, basis: LabelBasis, until: float | None
) -> tuple[curation.Plane, curation.TeacherLabels, list[str]]:
    """The plane as people had left it, by labels derived as ``basis`` says."""
    labels = curation.teacher_labels(
        store,
        store.labeling_runs.get(basis.labeling_run),
        basis.calibration,
        basis.bias,
        basis.temperature,
        search=basis.search,
    )
    labels = replace(labels, fit=basis.fit)
    plane = curation.load_plane(
        store, project, calibration=labels.calibration, need=False, labels=labels
    )
    decisions = store.decisions.current(project.id, until)
    return curation.with_decisions(plane, decisions), labels, list(basis.notes)


def _labelled(decisions: pd.DataFrame) -> Ints:
    return decisions.index[decisions["human_label"].notna()].to_numpy(dtype=np.int64)


def _in_saved(
    store: Store,
    project: Project,
    config: TrainingConfig,
    plane: curation.Plane,
    until: float | None,
) -> np.ndarray | None:
    """Which rows of the plane the saved selection holds, ``[n]``; None without one."""
    if config.selection.saved is None:
        return None
    saved = store.selections.get(project.id, config.selection.saved).rule
    if isinstance(saved, CertifiedRule):
        curation.certified_rows(store, plane, saved)  # refuses labels that were not audited
    rule = SavedRule(name=config.selection.saved, moment=until)
    rows = curation.apply_rule(store, project, rule).rows
    return np.isin(plane.frame["row"].to_numpy(), rows)


def _leaning(store: Store, project: Project, config: TrainingConfig) -> list[str]:
    """What is to be said where people's labels had a hand in the saved selection."""
    rule = store.selections.get(project.id, str(config.selection.saved)).rule
    if rule.run is None and not signals.needs_fit(rule.calibration or "none"):
        return []
    return [
        f"The selection {config.selection.saved!r} was made with the need of a trained student or "
        "with a fitted temperature; labels of people may have had a part in either, so judging it "
        "by these labels may be a little too kind."
    ]


def _check(targets: Targets, config: TrainingConfig) -> None:
    if len(targets.rows) < 2 or len(np.unique(targets.probabilities.argmax(axis=1))) < 2:
        raise UserError(
            "Training needs labelled texts of at least two classes, but the teacher has labelled "
            f"{len(targets.rows)} that can be used. Label more texts first."
        )
    if targets.in_saved is not None and not targets.in_saved.any():
        raise UserError(
            f"The saved selection {config.selection.saved!r} holds no text that can be trained on."
        )


def rows_digest(rows: Ints) -> str:
    """The SHA-256 of a pool's row numbers in order: equal where runs walk the same texts."""
    return hashlib.sha256(rows.astype(np.int64).tobytes()).hexdigest()


def targets_digest(
    store: Store,
    project: Project,
    config: TrainingConfig,
    until: float | None = None,
    basis: LabelBasis | None = None,
    eval_run: Run | None = None,
) -> str:
    """What a run made now would be trained on, as a digest."""
    return gather(store, project, config, until=until, basis=basis, eval_run=eval_run).digest
