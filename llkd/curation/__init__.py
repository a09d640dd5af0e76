"""The decision plane as data: every row, its two signals, what is kept at given thresholds and why.

Torch-free, so that the web app, the command line and the export share it. Rows of the plane are
the pool; held-out texts are only for evaluation.
"""

from llkd.curation.comparing import Share, compare_kept
from llkd.curation.embeddings import (
    embeddings_key,
    has_embeddings,
    load_embeddings,
    nearest_rows,
    probe_signals,
    read_embeddings,
    save_embeddings,
)
from llkd.curation.labels import (
    TeacherLabels,
    current_labelling,
    gold_indices,
    label_set_of,
    quoted,
    teacher_labels,
)
from llkd.curation.neighbours import neighbour_votes
from llkd.curation.plane import (
    Plane,
    load_plane,
    with_decisions,
)
from llkd.curation.replay import history
from llkd.curation.thresholds import (
    Threshold,
    kept_rows,
    reasons,
    summary,
    top_share_thresholds,
)

__all__ = [
    "Plane",
    "Share",
    "TeacherLabels",
    "Threshold",
    "compare_kept",
    "current_labelling",
    "embeddings_key",
    "gold_indices",
    "has_embeddings",
    "history",
    "kept_rows",
    "label_set_of",
    "load_embeddings",
    "load_plane",
    "nearest_rows",
    "neighbour_votes",
    "probe_signals",
    "quoted",
    "read_embeddings",
    "reasons",
    "save_embeddings",
    "summary",
    "teacher_labels",
    "top_share_thresholds",
    "with_decisions",
]
