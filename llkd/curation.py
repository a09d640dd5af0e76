"""The decision plane as data: every row, its two signals, what is kept at given thresholds and why.

Torch-free, so that the web app, the command line and the export share it. Rows of the plane are
the pool; held-out texts are only for evaluation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from llkd import signals
from llkd.config import Calibration, LabelSet
from llkd.errors import UserError
from llkd.signals import Floats, Ints
from llkd.store import Labelling, Project, Run, Store
from llkd.store.home import atomic_file
from llkd.store.runs import read_probabilities, write_probabilities
from llkd.strategies import above_thresholds, class_thresholds

Threshold = float | Mapping[str, float]


@dataclass(frozen=True)
class TeacherLabels:
    """A teacher pass under one calibration: rows ``[m]``, probabilities ``[m, C]`` and so on.

    ``label`` is -1 and ``confidence`` NaN where the teacher gave nothing usable; a label without
    a confidence has NaN probabilities.
    """

    labelling: Labelling
    calibration: Calibration
    row: Ints
    probabilities: Floats
    label: Ints
    confidence: Floats
    source: np.ndarray
    bias: Floats


@dataclass(frozen=True)
class Plane:
    """What Curate shows. ``frame`` has one line per pool row, in row order.

    Columns: row, id, gold (class index or -1), teacher_label (-1 where none), confidence,
    information_need (NaN where unknown), student_label (-1), human_label (-1), excluded, label
    (the person's where there is one, else the teacher's). ``probabilities`` is the teacher's
    ``[n, C]``, ``student_probabilities`` the student's or None. ``need_source`` says in words
    where information need comes from.
    """

    project: Project
    labelling: Labelling
    calibration: Calibration
    names: list[str]
    frame: pd.DataFrame
    probabilities: Floats
    student_probabilities: Floats | None
    need_source: str


def current_labelling(store: Store, project: Project) -> Labelling:
    """The teacher pass in use. Raises UserError where there is none yet."""
    if project.labelling_id is not None:
        return store.labellings.get(project.labelling_id)
    made = store.labellings.all(project.id)
    if not made:
        raise UserError(
            f"The texts of {project.name!r} have no teacher labels yet. "
            f"Label them first: llkd label {quoted(project.name)}"
        )
    return made[0]


def quoted(name: str) -> str:
    """A name as one types it in a shell."""
    import shlex

    return shlex.quote(name)


def label_set_of(project: Project) -> LabelSet:
    """The classes. Raises UserError where they are not set."""
    if project.label_set is None:
        raise UserError(
            f"The classes of {project.name!r} are not set. Name them on the Data page or with: "
            f"llkd label {quoted(project.name)} --labels a,b,c"
        )
    return project.label_set


def gold_indices(texts: pd.DataFrame, names: Sequence[str]) -> Ints:
    """Class index of each text's gold, -1 where there is none or it is not one of the classes."""
    codes = pd.Categorical(texts["gold"], categories=list(names)).codes
    return np.asarray(codes, dtype=np.int64)


def teacher_labels(
    store: Store, labelling: Labelling, calibration: Calibration | None = None
) -> TeacherLabels:
    """Derive labels and confidence from the stored scores; nothing is asked again.

    The bias of ``batch`` is the mean over all rows scored so far.
    """
    chosen: Calibration = calibration or labelling.calibration
    evidence = store.labellings.scores(labelling)
    free = None if labelling.content_free is None else np.asarray(labelling.content_free)
    bias = signals.calibration_bias(evidence.scores, chosen, free)
    # Rows that carry a confidence rather than measured log-probabilities have no prompt bias.
    measured = np.isin(evidence.source, ["logprob"])
    shift = np.where(measured[:, None], bias, 0.0) if len(measured) else bias
    probabilities = signals.teacher_probabilities(evidence.scores, shift)
    label = signals.pseudo_label(probabilities)
    label = np.where(label < 0, evidence.answer, label)
    return TeacherLabels(
        labelling,
        chosen,
        evidence.row,
        probabilities,
        label,
        signals.confidence(probabilities) if len(label) else np.empty(0),
        evidence.source,
        bias,
    )


def embeddings_key(model: Mapping[str, Any], project: Project) -> str:
    """A file name for embeddings, by the model and the texts they depend on."""
    import hashlib
    import json

    facts = json.dumps([dict(model), project.digest], sort_keys=True)
    return hashlib.sha256(facts.encode()).hexdigest()[:16]


def save_embeddings(path: Path, values: np.ndarray) -> None:
    """Keep embeddings ``[n, d]`` of all texts in row order as safetensors, whole or not at all."""
    from safetensors.numpy import save_file

    with atomic_file(path) as temporary:
        save_file({"embeddings": np.ascontiguousarray(values, dtype=np.float32)}, temporary)
        temporary.chmod(0o644)


def load_embeddings(store: Store, project: Project) -> np.ndarray | None:
    """The newest embeddings of this project's texts, ``[n, d]``; None before a probe."""
    from safetensors.numpy import load_file

    folder = store.runs.embeddings_file(project.id, "x").parent
    found = sorted(folder.glob("*.safetensors"), key=lambda path: path.stat().st_mtime)
    if not found:
        return None
    values = load_file(found[-1])["embeddings"]
    return values if len(values) == project.rows else None


def probe_signals(
    store: Store, project: Project, labels: TeacherLabels
) -> tuple[Ints, Floats] | None:
    """The probe's probabilities for these labels: kept ones, or fitted now (seconds).

    None where there are no embeddings yet (``llkd probe`` makes them) or fewer than two
    pseudo-labels to learn from.
    """
    key = f"{store.labellings.version(labels.labelling)}-{labels.calibration}"
    path = store.runs.probe_file(project.id, key)
    if path.exists():
        return read_probabilities(path)
    values = load_embeddings(store, project)
    if values is None or len(np.unique(labels.label[labels.label >= 0])) < 2:
        return None
    from llkd.probing import probe

    answer = probe(values[labels.row], labels.label, len(labels.labelling.label_set.labels))
    for old in path.parent.glob(f"{labels.labelling.id}-*-{labels.calibration}.parquet"):
        old.unlink(missing_ok=True)
    write_probabilities(path, labels.row, answer)
    return labels.row, answer


def load_plane(
    store: Store,
    project: Project,
    *,
    calibration: Calibration | None = None,
    run: Run | None = None,
    epoch: int | None = None,
) -> Plane:
    """Bring together texts' rows, teacher labels, the student's signals and human decisions.

    Information need is the run's after ``epoch`` (its last by default), else the probe's.
    Raises UserError before the first teacher label.
    """
    labelling = store.labellings.get(run.labelling_id) if run else current_labelling(store, project)
    if run is not None and calibration is None:
        calibration = run.labels["calibration"]
    labels = teacher_labels(store, labelling, calibration)
    names = labelling.label_set.names
    texts = store.projects.texts(project.id, ["row", "id", "gold", "split"])
    n, classes = project.rows, len(names)

    probabilities = np.full((n, classes), np.nan)
    probabilities[labels.row] = labels.probabilities
    teacher = np.full(n, -1, dtype=np.int64)
    teacher[labels.row] = labels.label
    sure = np.full(n, np.nan)
    sure[labels.row] = labels.confidence

    student, source = _student_signals(store, project, labels, run, epoch, n)
    need = np.full(n, np.nan) if student is None else signals.information_need(student)
    frame = pd.DataFrame(
        {
            "row": texts["row"].to_numpy(),
            "id": texts["id"],
            "gold": gold_indices(texts, names),
            "teacher_label": teacher,
            "confidence": sure,
            "information_need": need,
            "student_label": np.full(n, -1) if student is None else signals.pseudo_label(student),
        }
    )
    pool = (texts["split"] == "pool").to_numpy()
    plane = Plane(
        project,
        labelling,
        labels.calibration,
        names,
        frame[pool].reset_index(drop=True),
        probabilities[pool],
        None if student is None else student[pool],
        source,
    )
    return with_decisions(plane, store.people.decisions(project.id))


def _student_signals(
    store: Store,
    project: Project,
    labels: TeacherLabels,
    run: Run | None,
    epoch: int | None,
    n: int,
) -> tuple[Floats | None, str]:
    if run is not None:
        rows, values = store.runs.signals(run, epoch)
        shown = store.runs.epochs(run)[-1] if epoch is None else epoch
        source = f"the student of {run.name}, after epoch {shown}"
    else:
        found = probe_signals(store, project, labels)
        if found is None:
            return None, "nothing yet: run the probe"
        rows, values = found
        source = "the probe: a quick classifier on the untrained student's embeddings"
    spread = np.full((n, values.shape[1]), np.nan)
    spread[rows] = values
    return spread, source


def with_decisions(plane: Plane, decisions: pd.DataFrame) -> Plane:
    """The plane with people's labels and exclusions as they hold now (the rest is shared)."""
    frame = plane.frame.copy(deep=False)
    human = np.full(len(frame), -1, dtype=np.int64)
    excluded = np.zeros(len(frame), dtype=bool)
    if len(decisions):
        position = pd.Index(frame["row"]).get_indexer(decisions.index)
        here = position >= 0
        codes = pd.Categorical(decisions["human_label"], categories=plane.names).codes
        human[position[here]] = codes[here]
        excluded[position[here]] = decisions["excluded"].to_numpy(dtype=bool)[here]
    frame["human_label"] = human
    frame["excluded"] = excluded
    frame["label"] = np.where(human >= 0, human, frame["teacher_label"])
    return Plane(
        plane.project,
        plane.labelling,
        plane.calibration,
        plane.names,
        frame,
        plane.probabilities,
        plane.student_probabilities,
        plane.need_source,
    )


def kept_rows(
    plane: Plane, teacher_threshold: Threshold, student_threshold: Threshold
) -> np.ndarray:
    """Which pool rows are kept, a mask ``[n]``: above both thresholds of their pseudo-label.

    A person's label is kept whatever the thresholds; what a person excluded never is.
    """
    frame = plane.frame
    kept = above_thresholds(
        frame["teacher_label"],
        frame["confidence"],
        frame["information_need"],
        class_thresholds(teacher_threshold, plane.names),
        class_thresholds(student_threshold, plane.names),
    )
    human = frame["human_label"].to_numpy() >= 0
    return np.asarray((kept | human) & ~frame["excluded"].to_numpy())


def summary(plane: Plane, kept: np.ndarray) -> dict[str, Any]:
    """Counts of all rows: kept, share, per_class by name, accuracy (None without gold).

    Accuracy is the share of right labels among the kept rows that have gold; ``checked`` is how
    many those are.
    """
    frame = plane.frame
    label = frame["label"].to_numpy()[kept]
    gold = frame["gold"].to_numpy()[kept]
    known = gold >= 0
    counts = np.bincount(label[label >= 0], minlength=len(plane.names))
    return {
        "kept": int(kept.sum()),
        "rows": len(frame),
        "share": float(kept.mean()) if len(frame) else 0.0,
        "per_class": {name: int(c) for name, c in zip(plane.names, counts, strict=True)},
        "accuracy": float((label[known] == gold[known]).mean()) if known.any() else None,
        "checked": int(known.sum()),
    }


def reasons(
    plane: Plane,
    rows: np.ndarray,
    teacher_threshold: Threshold,
    student_threshold: Threshold,
) -> list[str]:
    """Why each of these plane positions is kept or not, in a few words."""
    frame = plane.frame.iloc[rows]
    teacher = class_thresholds(teacher_threshold, plane.names)
    student = class_thresholds(student_threshold, plane.names)
    told = []
    for entry in frame.itertuples():
        label = int(entry.teacher_label)
        if entry.excluded:
            told.append("excluded by a person")
        elif entry.human_label >= 0:
            told.append("labelled by a person")
        elif label < 0:
            told.append("no teacher label")
        elif teacher[label] > 0 and not entry.confidence >= teacher[label]:
            told.append("teacher not sure enough")
        elif student[label] > 0 and not entry.information_need >= student[label]:
            told.append("student knows it already")
        else:
            told.append("kept")
    return told


def top_share_thresholds(plane: Plane, share: float, per_class: bool) -> tuple[Any, Any]:
    """Thresholds that keep about the most confident and neediest ``share`` of the rows.

    Both lines cut the same quantile; the quantile is found by bisection on the true count.
    With ``per_class`` the share holds within each pseudo-label ("balanced"), and the answer is
    numbers by class name. ``share`` is in (0, 1].
    """
    frame = plane.frame
    usable = frame[(frame["teacher_label"] >= 0) & ~frame["excluded"]]
    if not per_class:
        return _quantile_pair(usable, share)
    pairs = {
        name: _quantile_pair(usable[usable["teacher_label"] == k], share)
        for k, name in enumerate(plane.names)
    }
    return {n: p[0] for n, p in pairs.items()}, {n: p[1] for n, p in pairs.items()}


def _quantile_pair(frame: pd.DataFrame, share: float) -> tuple[float, float]:
    sure = frame["confidence"].to_numpy()
    need = frame["information_need"].to_numpy()
    if not len(frame) or np.isnan(sure).all():
        return 0.0, 0.0
    blind = bool(np.isnan(need).all())
    low, high = 0.0, 1.0
    for _ in range(30):
        middle = (low + high) / 2
        teacher = float(np.nanquantile(sure, middle))
        student = 0.0 if blind else float(np.nanquantile(need, middle))
        kept = (sure >= teacher) & (blind | (need >= student))
        low, high = (middle, high) if kept.mean() > share else (low, middle)
    teacher = float(np.nanquantile(sure, high))
    return teacher, 0.0 if blind else float(np.nanquantile(need, high))
