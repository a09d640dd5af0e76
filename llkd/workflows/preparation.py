"""What goes before a run's first step: kept embeddings for its head, and the time of it all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from llkd import curation
from llkd.config import USUAL_WINDOW, TrainingConfig
from llkd.embedding.nearest_texts import search_seconds
from llkd.models.sources import student_digest
from llkd.selection.registry import needs
from llkd.selection.signals import Floats, Ints
from llkd.store import Project, Store
from llkd.store.derived.embeddings import embedding_seconds, embeddings_size, read_rows


def head_embeddings(
    store: Store, project: Project, config: TrainingConfig, rows: Ints
) -> Path | None:
    """The kept embeddings by which a run's head begins; None where it reads its texts itself.

    They are of the untrained student and hold all ``rows``, read in the same window.
    """
    if config.head_start != "probe" or config.window != USUAL_WINDOW:
        return None
    digest = student_digest(config.student, store.home.root)
    first = project.holding(rows).rows
    embeddings = curation.embeddings_made(store, project, config.student, digest, first)
    return None if embeddings is None else embeddings[0]


def embeddings_reader(
    store: Store, project: Project, config: TrainingConfig, rows: Ints
) -> Callable[[Ints], Floats] | None:
    """What reads the kept embeddings ``[m, d]`` at ``m`` positions of ``rows``.

    None where they have been removed since the run was made: its texts are read again.
    """
    path = head_embeddings(store, project, config, rows)
    return None if path is None else lambda positions: read_rows(path, rows[positions])


def preparation_seconds(
    store: Store,
    project: Project,
    config: TrainingConfig,
    rows: Ints,
    collecting: float,
    head_kept: bool,
) -> float | None:
    """What a run needs before its first step: embeddings, and what is made of them.

    What lies ready from an earlier run counts as well: another arm of the comparison paid for it.
    A strategy that compares texts pays for all of them, a head for those of the run. None where it
    is not known how long the embeddings took.
    """
    compares = needs(config.selection, "embeddings")
    if not compares and not head_kept:
        return 0.0
    path = (
        curation.embeddings_path(store, project, config.student)
        if compares
        else head_embeddings(store, project, config, rows)
    )
    embedding = None if path is None else embedding_seconds(path)
    if path is None or embedding is None:
        return None
    if not compares:
        return round(embedding * min(1.0, len(rows) / max(1, embeddings_size(path)[0])), 3)
    collecting = max(collecting, search_seconds(store, project, config.student, rows))
    earlier = [
        run.labels.get("preparation_seconds") or 0.0
        for run in store.runs.all(project.id)
        if run.config.student == config.student
        and run.config.selection.strategy == config.selection.strategy
    ]
    return round(max(embedding + collecting, *earlier, 0.0), 3)
