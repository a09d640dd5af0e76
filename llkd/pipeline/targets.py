"""What a run is trained on and judged by, gathered before it is made.

Where people's labels judge, none of them trains or speaks in any other way: not as a label, not to
a temperature, not as evidence or vote of a strategy.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import cast

import numpy as np
import pandas as pd

from llkd import curation, signals
from llkd.config import Calibration, TrainingConfig
from llkd.errors import UserError
from llkd.pipeline.selecting import saved_rows
from llkd.signals import Floats, Ints
from llkd.store import Project, Store

NEEDS_CONFIDENCE = {
    "llkd",
    "teacher_only",
    "teacher_then_random",
    "fixed",
    "learnability",
    "trust",
}


@dataclass(frozen=True)
class Targets:
    """Pool rows ``[m]`` and the probabilities ``[m, C]`` to train on, and who judges.

    ``kept [m]``: whether a saved selection holds the row; None without one. ``notes`` are for the
    reader of the run's results.
    """

    plane: curation.Plane
    labels: curation.TeacherLabels
    rows: Ints
    probabilities: Floats
    without_confidence: int
    jury: curation.Jury
    kept: np.ndarray | None
    notes: list[str]

    @property
    def digest(self) -> str:
        """Equal for runs that see the same texts with the same labels, and the same judges."""
        parts = [
            self.rows.astype(np.int64).tobytes(),
            self.probabilities.astype(np.float32).tobytes(),
        ]
        if self.jury.kind != "gold":
            parts += [
                known.astype(np.int64).tobytes() for known in (self.jury.rows, self.jury.label)
            ]
        if self.kept is not None:
            parts.append(self.kept.tobytes())
        return hashlib.sha256(b"".join(parts)).hexdigest()


def gather(
    store: Store,
    project: Project,
    config: TrainingConfig,
    calibration: Calibration | None = None,
    until: float | None = None,
) -> Targets:
    """What a run made now is trained on; ``until``: by what people had decided at that time.

    Raises UserError where there is too little to train on or to judge by.
    """
    plane, labels, notes = _plane(store, project, config, calibration, until)
    texts = store.projects.texts(project.id, ["gold", "split"])
    jury = curation.jury_of(plane, texts, config.judged_by)
    kept = _kept(store, project, config, plane, until)
    if kept is not None and config.judged_by == "people":
        notes += _leaning(store, project, config)
    frame = plane.frame
    label = frame["label"].to_numpy()
    human = frame["human_label"].to_numpy() >= 0
    sure = ~frame["confidence"].isna().to_numpy()
    usable = (label >= 0) & ~frame["excluded"].to_numpy()
    if config.judged_by != "gold":
        usable &= ~np.isin(frame["row"].to_numpy(), jury.rows)
    if config.judged_by == "people":
        usable &= ~human
    left_out = 0
    if config.selection.strategy in NEEDS_CONFIDENCE:
        left_out = int((usable & ~sure & ~human).sum())
        usable = usable & (sure | human)
    probabilities = plane.probabilities.copy()
    certain = usable & (human | ~sure)
    probabilities[certain] = np.eye(len(plane.names))[label[certain]]
    found = Targets(
        plane,
        labels,
        frame["row"].to_numpy()[usable],
        probabilities[usable],
        left_out,
        jury,
        None if kept is None else kept[usable],
        notes,
    )
    _check(found, config)
    return found


def _plane(
    store: Store,
    project: Project,
    config: TrainingConfig,
    calibration: Calibration | None,
    until: float | None,
) -> tuple[curation.Plane, curation.TeacherLabels, list[str]]:
    """The plane as people had left it, by labels that know nothing of those who judge."""
    decisions = store.people.decisions(project.id, until)
    labelling = curation.current_labelling(store, project)
    chosen: Calibration = calibration or labelling.calibration
    judging = None
    if config.judged_by == "people":
        # Also those given since: they would tell arms apart that are trained later.
        judging = np.union1d(
            *(_labelled(d) for d in (decisions, store.people.decisions(project.id)))
        )
    labels = curation.teacher_labels(store, labelling, chosen, without=judging)
    notes = []
    if chosen.endswith(signals.TEMPERED) and labels.fit is None:
        if judging is None:
            raise UserError(curation.not_fitted(project))
        base = cast(Calibration, signals.split_calibration(chosen)[0])
        labels = curation.teacher_labels(store, labelling, base)
        notes.append(
            "People's labels judge this run, and without them there is nothing to fit a "
            f"temperature on: confidence is that of the calibration {base!r}."
        )
    plane = curation.load_plane(
        store, project, calibration=labels.calibration, need=False, labels=labels
    )
    return curation.with_decisions(plane, decisions), labels, notes


def _labelled(decisions: pd.DataFrame) -> Ints:
    return decisions.index[decisions["human_label"].notna()].to_numpy(dtype=np.int64)


def _kept(
    store: Store,
    project: Project,
    config: TrainingConfig,
    plane: curation.Plane,
    until: float | None,
) -> np.ndarray | None:
    """Which rows of the plane the saved selection holds, ``[n]``; None without one."""
    if config.selection.strategy != "saved" or config.selection.saved is None:
        return None
    rows = saved_rows(store, project, config.selection.saved, until)
    return np.isin(plane.frame["row"].to_numpy(), rows)


def _leaning(store: Store, project: Project, config: TrainingConfig) -> list[str]:
    """What is to be said where people's labels had a hand in the saved selection."""
    view = store.people.selection(project.id, str(config.selection.saved))["view"]
    calibration = view.get("calibration") or ""
    if view.get("run") is None and not calibration.endswith(signals.TEMPERED):
        return []
    return [
        f"The selection {config.selection.saved!r} was made with the need of a trained student or "
        "with a fitted temperature; labels of people may have had a part in either, so judging it "
        "by these labels may be a little too kind."
    ]


def _check(found: Targets, config: TrainingConfig) -> None:
    if len(found.rows) < 2 or len(np.unique(found.probabilities.argmax(axis=1))) < 2:
        raise UserError(
            "Training needs labelled texts of at least two classes, but the teacher has labelled "
            f"{len(found.rows)} that can be used. Label more texts first."
        )
    if found.kept is not None and not found.kept.any():
        raise UserError(
            f"The saved selection {config.selection.saved!r} holds no text that can be trained on."
        )


def targets_digest(
    store: Store, project: Project, config: TrainingConfig, until: float | None = None
) -> str:
    """What a run made now would be trained on, as a digest."""
    return gather(store, project, config, until=until).digest
