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

from llkd import curation, signals
from llkd.config import TrainingConfig
from llkd.errors import UserError
from llkd.jobs import JobContext
from llkd.pipeline.nearest import nearest_texts
from llkd.pipeline.probing import Unwatched
from llkd.pipeline.targets import Targets
from llkd.signals import Floats, Ints
from llkd.store import Project, Store
from llkd.store.home import atomic_file
from llkd.strategies import VOTE_DAMPING, Support, label_support

FILE = "evidence.parquet"
UNWATCHED = Unwatched()
LEAST_AUDITED = 30
LEAST_ROWS = 100
MOST_HELD_OUT = 2000


@dataclass(frozen=True)
class Evidence:
    """Row by row of a run's targets ``[m]``: a person's label or not, held out or not.

    ``own [m, C]`` is the teacher's own answer, ``out_of_sample [m, C]`` the probe's (in runs of
    before 0.4 also the votes of the nearest texts, and ``nearby [m, C]`` their mean probabilities);
    NaN where there is none.
    ``stop_source`` is ``audit``, ``pool_gold`` or ``teacher``; empty where nothing is held out.
    ``kept [m]``: whether a saved selection holds the row; None without one.
    ``without_confidence [m]``: whether the label came without one; None where all have one.
    ``passes [m]`` and ``support [m]``: whether the nearest texts bear out the label, and how much
    speaks for it; None where no strategy asks.
    """

    human: np.ndarray
    held_out: np.ndarray
    own: Floats
    out_of_sample: Floats
    nearby: Floats
    stop_source: str
    kept: np.ndarray | None = None
    without_confidence: np.ndarray | None = None
    passes: np.ndarray | None = None
    support: Floats | None = None


def collect(
    store: Store,
    project: Project,
    found: Targets,
    config: TrainingConfig,
    job: JobContext | Unwatched = UNWATCHED,
) -> Evidence:
    """What is known of these pool rows besides their labels.

    Raises UserError where there is nothing to stop by, or no embeddings for the neighbours.

    For ``trust`` the unseen opinion is the probe's (fitted where embeddings are there); for
    ``neighbours`` the nearest pool texts say which labels they bear out.
    """
    plane, rows = found.plane, found.rows
    at = np.searchsorted(plane.frame["row"].to_numpy(), rows)
    human = plane.frame["human_label"].to_numpy()[at] >= 0
    own = plane.probabilities[at]
    unseen = np.full(own.shape, np.nan)
    support: Support | None = None
    if config.selection.strategy == "trust":
        probed = curation.probe_signals(store, project, found.labels)
        if probed is not None:
            spread = np.full((project.rows, own.shape[1]), np.nan)
            spread[probed[0]] = curation.with_later_classes(probed[1], own.shape[1])
            unseen = spread[rows]
    elif config.selection.strategy in {"neighbours", "needed_neighbours"}:
        label = plane.frame["label"].to_numpy()[at]
        certain = human | found.without_confidence
        said = np.where(certain[:, None], np.eye(own.shape[1])[np.maximum(label, 0)], own)
        ask = nearest_texts(store, project, config, rows, job)
        opinions = curation.opinions_of(*ask, label, said)
        support = _support(opinions, own, label, vote_damping(config))
    held_out, source = np.zeros(len(rows), dtype=np.bool_), ""
    if config.early_stopping == "auto":
        # Part of the pool's labels: what judges at the end must not choose the student.
        known = plane.frame["gold"].to_numpy()[at] >= 0
        held_out, source = hold_out(human, signals.confidence(own), known)
    unsure = found.without_confidence if found.without_confidence.any() else None
    return Evidence(
        human,
        held_out,
        own,
        unseen,
        np.full(own.shape, np.nan),
        source,
        found.kept,
        unsure,
        None if support is None else support.passes,
        None if support is None else support.rank,
    )


def vote_damping(config: TrainingConfig) -> float:
    """The power of the class shares: as set, else the usual one."""
    wanted = config.selection.vote_damping
    return VOTE_DAMPING if wanted is None else wanted


def _support(opinions: curation.Opinions, own: Floats, label: Ints, damping: float) -> Support:
    """What the nearest texts say of each label; nothing passes where nobody could vote."""
    votes, means, base = (np.nan_to_num(values) for values in opinions)
    return label_support(votes, means, own, label, base, damping)


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
    chosen = np.zeros(len(human), dtype=np.bool_)
    checked = np.flatnonzero(human)
    if len(checked) >= LEAST_AUDITED:
        chosen[rng.permutation(checked)[: len(checked) // 3]] = True
        return chosen, "audit"
    with_gold = np.flatnonzero(known) if known is not None else np.empty(0, dtype=np.int64)
    if len(with_gold) >= LEAST_AUDITED:
        least = min(LEAST_AUDITED, len(with_gold) // 3)
        count = min(MOST_HELD_OUT, max(least, len(with_gold) // 10))
        chosen[rng.permutation(with_gold)[:count]] = True
        return chosen, "pool_gold"
    candidates = np.flatnonzero(~human & np.isfinite(confidence))
    if len(candidates) < LEAST_ROWS:
        raise UserError(
            "Early stopping needs labels of the pool that do not train: check at least "
            f"{LEAST_AUDITED} of the teacher's, label at least {LEAST_ROWS} texts, or train "
            "without it."
        )
    surer = candidates[np.argsort(-confidence[candidates], kind="stable")]
    drawn = rng.permutation(surer[: len(surer) // 2])
    chosen[drawn[: min(MOST_HELD_OUT, len(candidates) // 10)]] = True
    return chosen, "teacher"


def write(folder: Path, rows: Ints, found: Evidence) -> None:
    """Keep it in a run's folder; nothing where there is nothing to keep."""
    marks = found.human.any() or found.held_out.any() or found.kept is not None
    marks = marks or found.without_confidence is not None or found.passes is not None
    if not (marks or np.isfinite(found.out_of_sample).any()):
        return
    columns: dict[str, Any] = {
        "row": rows.astype(np.int32),
        "human": found.human,
        "held_out": found.held_out,
        "own": list(found.own.astype(np.float32)),
        "out_of_sample": list(found.out_of_sample.astype(np.float32)),
        "nearby": list(found.nearby.astype(np.float32)),
    }
    if found.kept is not None:
        columns["kept"] = found.kept
    if found.without_confidence is not None:
        columns["without_confidence"] = found.without_confidence
    if found.passes is not None and found.support is not None:
        columns |= {"passes": found.passes, "support": found.support}
    frame = pd.DataFrame(columns)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    with atomic_file(folder / FILE) as temporary:
        pq.write_table(table.replace_schema_metadata({"stop_source": found.stop_source}), temporary)


def read(folder: Path) -> Evidence | None:
    """What :func:`write` kept, or None."""
    if not (folder / FILE).exists():
        return None
    table = pq.read_table(folder / FILE)
    metadata: dict[bytes, bytes] = table.schema.metadata or {}

    def marked(name: str) -> np.ndarray | None:
        return table[name].to_numpy() if name in table.column_names else None

    def matrix(name: str) -> Floats:
        if name not in table.column_names:  # kept before there was such a thing
            return np.full((len(table), matrix("own").shape[1]), np.nan)
        column: Any = table[name].combine_chunks()
        values = column.flatten().to_numpy(zero_copy_only=False)
        return np.asarray(values, dtype=np.float64).reshape(len(table), -1)

    return Evidence(
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
