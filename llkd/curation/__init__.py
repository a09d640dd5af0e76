"""The decision plane as data: every row, its two signals, what is kept at given thresholds and why.

Torch-free, so that the web app, the command line and the export share it. Rows of the plane are
the pool; held-out texts are only for evaluation.
"""

from llkd.curation.chosen import times_trained
from llkd.curation.class_shares import LABELS_TO_TELL, batch_share_shift, how_to_tell, share_warning
from llkd.curation.comparing import Share, compare_kept
from llkd.curation.embeddings import (
    embedding_seconds,
    embeddings_key,
    embeddings_path,
    has_embeddings,
    load_embeddings,
    made_by,
    nearest_rows,
    newest_embeddings,
    probe_signals,
    read_embeddings,
    save_embeddings,
)
from llkd.curation.examples import check_examples, few_shot, labelled_pool
from llkd.curation.judged_answers import JudgedAnswers, cross_fitted_answers, judged_answers
from llkd.curation.judging import (
    Judged,
    development_rows,
    example_rows,
    gold_indices,
    held_out_rows,
    judged_rows,
    key_indices,
)
from llkd.curation.jury import LEAST_LABELS, Jury, best_jury, held_out, jury_of
from llkd.curation.labels import (
    TeacherLabels,
    current_labelling,
    label_set_of,
    quoted,
    teacher_labels,
    with_later_classes,
)
from llkd.curation.neighbours import (
    Opinions,
    nearest_voters,
    neighbour_opinions,
    opinions_of,
    voting_groups,
)
from llkd.curation.order import random_order, random_sample
from llkd.curation.plane import (
    PROBE,
    Need,
    Plane,
    find_need,
    load_plane,
    plane_of,
    run_of_view,
    with_decisions,
)
from llkd.curation.replay import history
from llkd.curation.temperature import (
    batch_bias,
    bias_of,
    fit_calibration,
    not_fitted,
    shift_of,
)
from llkd.curation.thresholds import (
    Threshold,
    kept_rows,
    reasons,
    summary,
    top_share_thresholds,
)
from llkd.curation.window import TOLD_FROM, Lengths, Window, text_lengths, windows
from llkd.curation.window import offer as window_offer
from llkd.curation.window import sentence as cut_sentence

__all__ = [
    "JudgedAnswers",
    "cross_fitted_answers",
    "judged_answers",
    "LABELS_TO_TELL",
    "batch_share_shift",
    "bias_of",
    "how_to_tell",
    "share_warning",
    "TOLD_FROM",
    "Lengths",
    "Window",
    "text_lengths",
    "windows",
    "window_offer",
    "cut_sentence",
    "batch_bias",
    "random_order",
    "random_sample",
    "LEAST_LABELS",
    "Judged",
    "Jury",
    "Need",
    "PROBE",
    "Opinions",
    "Plane",
    "Share",
    "TeacherLabels",
    "Threshold",
    "best_jury",
    "check_examples",
    "compare_kept",
    "current_labelling",
    "development_rows",
    "embedding_seconds",
    "embeddings_key",
    "embeddings_path",
    "example_rows",
    "few_shot",
    "find_need",
    "fit_calibration",
    "gold_indices",
    "has_embeddings",
    "held_out",
    "held_out_rows",
    "history",
    "judged_rows",
    "key_indices",
    "jury_of",
    "kept_rows",
    "label_set_of",
    "labelled_pool",
    "load_embeddings",
    "load_plane",
    "made_by",
    "nearest_rows",
    "plane_of",
    "nearest_voters",
    "neighbour_opinions",
    "newest_embeddings",
    "opinions_of",
    "not_fitted",
    "probe_signals",
    "quoted",
    "read_embeddings",
    "reasons",
    "run_of_view",
    "save_embeddings",
    "shift_of",
    "summary",
    "teacher_labels",
    "times_trained",
    "top_share_thresholds",
    "voting_groups",
    "with_decisions",
    "with_later_classes",
]
