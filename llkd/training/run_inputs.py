"""What a run keeps beside its labels, so that later work on the project changes nothing in it.

Who gave a label, what the teacher itself said, what a model said that did not see the text, and
which labelled texts are held out to stop by.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from llkd import curation
from llkd.config import TrainingConfig
from llkd.embedding.nearest_texts import nearest_texts
from llkd.errors import UserError
from llkd.jobs.progress import Progress, SilentProgress
from llkd.selection import signals
from llkd.selection.registry import needs
from llkd.selection.signals import Floats, Ints
from llkd.selection.strategies.neighbours import VOTE_DAMPING, Support, label_support
from llkd.store import Project, Store
from llkd.store.files.run_files import RunFiles
from llkd.store.home import atomic_file
from llkd.training.targets import Targets

LEAST_AUDITED = 30
LEAST_ROWS = 100
MOST_HELD_OUT = 2000


@dataclass(frozen=True)
class RunInputs:
    """Row by row of a run's targets ``[m]``: a person's label or not, held out or not.

    ``teacher_raw_probs [m, C]`` is the teacher's own answer. Runs of before 0.4 also hold
    ``oof_probs [m, C]``, the probe's probabilities or the votes of the nearest texts, and
    ``knn_mean_probs [m, C]``, the mean probabilities of these; NaN where there is none.
    ``stop_source`` is ``audit``, ``pool_gold`` or ``teacher``; empty where nothing is held out.
    ``in_saved [m]``: whether a saved selection holds the row; None without one.
    ``without_confidence [m]``: whether the label came without one; None where all have one.
    ``passes [m]`` and ``support [m]``: whether the nearest texts bear out the label, and how much
    speaks for it; None where no strategy asks.
    """

    human: np.ndarray
    held_out: np.ndarray
    teacher_raw_probs: Floats
    oof_probs: Floats
    knn_mean_probs: Floats
    stop_source: str
    in_saved: np.ndarray | None = None
    without_confidence: np.ndarray | None = None
    passes: np.ndarray | None = None
    support: Floats | None = None


def collect(
    store: Store,
    project: Project,
    targets: Targets,
    config: TrainingConfig,
    job: Progress | None = None,
) -> RunInputs:
    """What is known of these pool rows besides their labels.

    Raises UserError where there is nothing to stop by, or no embeddings for the neighbours.

    For a strategy that needs embeddings the nearest pool texts say which labels they bear out.
    """
    plane, rows = targets.plane, targets.rows
    at = np.searchsorted(plane.frame["row"].to_numpy(), rows)
    human = plane.frame["human_label"].to_numpy()[at] >= 0
    teacher_raw_probs = plane.probabilities[at]
    unknown = np.full(teacher_raw_probs.shape, np.nan)
    support: Support | None = None
    if needs(config.selection, "embeddings"):
        label = plane.frame["label"].to_numpy()[at]
        certain = human | targets.without_confidence
        voter_probs = np.where(
            certain[:, None],
            np.eye(teacher_raw_probs.shape[1])[np.maximum(label, 0)],
            teacher_raw_probs,
        )
        ask = nearest_texts(store, project, config, rows, job or SilentProgress())
        opinions = curation.votes_of(*ask, label, voter_probs)
        support = _support(opinions, teacher_raw_probs, label, vote_damping(config))
    held_out, source = np.zeros(len(rows), dtype=np.bool_), ""
    if config.early_stopping == "auto":
        # Part of the pool's labels: what judges at the end must not choose the student.
        known = plane.frame["gold"].to_numpy()[at] >= 0
        held_out, source = hold_out(human, signals.confidence(teacher_raw_probs), known)
    unsure = targets.without_confidence if targets.without_confidence.any() else None
    return RunInputs(
        human,
        held_out,
        teacher_raw_probs,
        unknown,
        unknown,
        source,
        targets.in_saved,
        unsure,
        None if support is None else support.passes,
        None if support is None else support.rank,
    )


def vote_damping(config: TrainingConfig) -> float:
    """The power of the class shares: as set, else the usual one."""
    wanted = config.selection.vote_damping
    return VOTE_DAMPING if wanted is None else wanted


def _support(
    opinions: curation.KnnVotes, teacher_raw_probs: Floats, label: Ints, damping: float
) -> Support:
    """What the nearest texts say of each label; nothing passes where nobody could vote."""
    votes, means, base = (np.nan_to_num(values) for values in opinions)
    return label_support(votes, means, teacher_raw_probs, label, base, damping)


def hold_out(
    human: np.ndarray, confidence: Floats, known: np.ndarray | None = None, seed: int = 0
) -> tuple[np.ndarray, str]:
    """Texts that choose the epoch and do not train, ``[m]``, and whose labels these are.

    A third of the labels that people gave, where they gave at least 30. Else a tenth of the texts
    with gold (``known [m]``; 30 of them, or a third where there are fewer than 90), from 30 on.
    Else a tenth of the texts, at random among the surer half: what the teacher is likely right on.
    The same for all seeds of training. Raises UserError where there are too few texts.
    """
    rng = np.random.default_rng(seed)
    held = np.zeros(len(human), dtype=np.bool_)
    checked = np.flatnonzero(human)
    if len(checked) >= LEAST_AUDITED:
        held[rng.permutation(checked)[: len(checked) // 3]] = True
        return held, "audit"
    with_gold = np.flatnonzero(known) if known is not None else np.empty(0, dtype=np.int64)
    if len(with_gold) >= LEAST_AUDITED:
        least = min(LEAST_AUDITED, len(with_gold) // 3)
        count = min(MOST_HELD_OUT, max(least, len(with_gold) // 10))
        held[rng.permutation(with_gold)[:count]] = True
        return held, "pool_gold"
    candidates = np.flatnonzero(~human & np.isfinite(confidence))
    if len(candidates) < LEAST_ROWS:
        raise UserError(
            "Early stopping needs labels of the pool that do not train: check at least "
            f"{LEAST_AUDITED} of the teacher's, label at least {LEAST_ROWS} texts, or train "
            "without it."
        )
    surer = candidates[np.argsort(-confidence[candidates], kind="stable")]
    sample = rng.permutation(surer[: len(surer) // 2])
    held[sample[: min(MOST_HELD_OUT, len(candidates) // 10)]] = True
    return held, "teacher"


def write(folder: Path, rows: Ints, inputs: RunInputs) -> None:
    """Keep it in a run's folder; nothing where there is nothing to keep."""
    marks = inputs.human.any() or inputs.held_out.any() or inputs.in_saved is not None
    marks = marks or inputs.without_confidence is not None or inputs.passes is not None
    if not (marks or np.isfinite(inputs.oof_probs).any()):
        return
    columns: dict[str, Any] = {
        "row": rows.astype(np.int32),
        "human": inputs.human,
        "held_out": inputs.held_out,
        "own": list(inputs.teacher_raw_probs.astype(np.float32)),
        "out_of_sample": list(inputs.oof_probs.astype(np.float32)),
        "nearby": list(inputs.knn_mean_probs.astype(np.float32)),
    }
    if inputs.in_saved is not None:
        columns["kept"] = inputs.in_saved
    if inputs.without_confidence is not None:
        columns["without_confidence"] = inputs.without_confidence
    if inputs.passes is not None and inputs.support is not None:
        columns |= {"passes": inputs.passes, "support": inputs.support}
    frame = pd.DataFrame(columns)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    table = table.replace_schema_metadata({"stop_source": inputs.stop_source})
    with atomic_file(RunFiles(folder).inputs) as temporary:
        pq.write_table(table, temporary)


def read(folder: Path) -> RunInputs | None:
    """What :func:`write` kept, or None."""
    path = RunFiles(folder).inputs
    if not path.exists():
        return None
    table = pq.read_table(path)
    metadata: dict[bytes, bytes] = table.schema.metadata or {}

    def marked(name: str) -> np.ndarray | None:
        return table[name].to_numpy() if name in table.column_names else None

    def matrix(name: str) -> Floats:
        if name not in table.column_names:  # kept before there was such a thing
            return np.full((len(table), matrix("own").shape[1]), np.nan)
        column: Any = table[name].combine_chunks()
        values = column.flatten().to_numpy(zero_copy_only=False)
        return np.asarray(values, dtype=np.float64).reshape(len(table), -1)

    return RunInputs(
        table["human"].to_numpy(),
        table["held_out"].to_numpy(),
        matrix("own"),
        matrix("out_of_sample"),
        matrix("nearby"),
        metadata.get(b"stop_source", b"").decode(),
        marked("kept"),
        marked("without_confidence"),
        marked("passes"),
        marked("support"),
    )
