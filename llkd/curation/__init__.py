"""The decision plane as data: every row, its two signals, what is kept at given thresholds and why.

Torch-free, so that the web app, the command line and the export share it. Rows of the plane are
the pool; held-out texts are only for evaluation.
"""

from llkd.curation.calibration import (
    batch_bias,
    bias_of,
    fit_calibration,
    not_fitted,
    shift_of,
)
from llkd.curation.certified import (
    audit_of,
    certified_rows,
    changed_labels,
    changed_sentence,
    frozen_rows,
    lost_audit,
    set_rows,
)
from llkd.curation.class_previews import (
    ChangePreview,
    ClassEffect,
    preview_classes,
    preview_undo,
)
from llkd.curation.class_shares import LABELS_TO_TELL, batch_share_shift, how_to_tell, share_warning
from llkd.curation.coverage import Coverage, added_since, coverage, known_to_audit, known_to_run
from llkd.curation.embeddings import (
    embedded_texts,
    embeddings_key,
    embeddings_made,
    embeddings_path,
    has_all_embeddings,
    has_embeddings,
    load_embeddings,
    nearest_rows,
    newest_embeddings,
    student_in_use,
)
from llkd.curation.evaluation_rows import (
    EvaluationRows,
    development_rows,
    example_rows,
    gold_indices,
    held_out_rows,
    key_indices,
    rows_to_evaluate,
)
from llkd.curation.examples import check_examples, few_shot, labelled_pool
from llkd.curation.filter_words import addition_words, filter_sentence, value_words
from llkd.curation.first_labels import NO_RUN, first_plane, random_rows, spread_rows
from llkd.curation.kept_texts import (
    KeptTexts,
    apply_rule,
    calibration_of,
    rows_kept_by,
    source_of_audit,
)
from llkd.curation.knn import (
    KnnVotes,
    knn_votes,
    nearest_voters,
    votes_of,
    voting_groups,
)
from llkd.curation.labels import (
    TeacherLabels,
    active_labeling_run,
    label_set_of,
    not_refined,
    quoted,
    recorded_labels,
    teacher_labels,
    with_later_classes,
)
from llkd.curation.languages import (
    data_language_sentence,
    pool_languages,
    row_languages,
    student_language_sentence,
    teacher_language_sentence,
)
from llkd.curation.likely_texts import (
    LikelyTexts,
    calibrating_rows,
    later_classes,
    likely_texts,
    similarity_run,
)
from llkd.curation.maps.pool_map import (
    PoolMap,
    Topic,
    load_map,
    map_notice,
    needed_map,
)
from llkd.curation.maps.suggestions import suggested_classes
from llkd.curation.meaning import (
    NEAREST,
    meaning_scores,
    nearest_places,
    student_of_embeddings,
)
from llkd.curation.overlap import Share, compare_kept
from llkd.curation.plane import (
    PROBE,
    Need,
    Plane,
    find_need,
    load_plane,
    plane_of,
    signal_source,
    with_decisions,
)
from llkd.curation.probe_signals import probe_signals
from llkd.curation.random_order import random_order, random_sample
from llkd.curation.refinement import Refinement, refined_logits
from llkd.curation.refinement.search import AT_ONCE, has_search, labelled_rows, make_search
from llkd.curation.replay import history
from llkd.curation.run_selection import times_trained
from llkd.curation.split_texts import SplitTexts, said_before, split_texts
from llkd.curation.teacher_window import teacher_cut_sentences
from llkd.curation.text_filters import (
    authors,
    filter_columns,
    filter_mask,
    filtered_rows,
)
from llkd.curation.text_order import in_order, ranks, sort_values
from llkd.curation.text_search import WordQuery, matching, word_query
from llkd.curation.thresholds import (
    Threshold,
    kept_rows,
    passing_rows,
    reasons,
    summary,
    top_share_thresholds,
)
from llkd.curation.window import (
    TOLD_FROM,
    Lengths,
    Window,
    text_lengths,
    window_facts,
    windows,
    with_window,
)
from llkd.curation.window import choice_sentence as window_sentence
from llkd.curation.window import choices as window_choices
from llkd.curation.window import offer as window_offer
from llkd.curation.window import proposed as proposed_window
from llkd.curation.window import sentence as cut_sentence

__all__ = [
    "AT_ONCE",
    "ChangePreview",
    "ClassEffect",
    "EvaluationRows",
    "KeptTexts",
    "KnnVotes",
    "LABELS_TO_TELL",
    "Lengths",
    "LikelyTexts",
    "NO_RUN",
    "NEAREST",
    "Need",
    "PROBE",
    "Plane",
    "PoolMap",
    "Refinement",
    "Share",
    "SplitTexts",
    "TOLD_FROM",
    "TeacherLabels",
    "Threshold",
    "Topic",
    "Window",
    "WordQuery",
    "active_labeling_run",
    "addition_words",
    "apply_rule",
    "audit_of",
    "authors",
    "batch_bias",
    "batch_share_shift",
    "bias_of",
    "calibrating_rows",
    "calibration_of",
    "certified_rows",
    "changed_labels",
    "changed_sentence",
    "check_examples",
    "compare_kept",
    "cut_sentence",
    "development_rows",
    "embeddings_key",
    "data_language_sentence",
    "embeddings_path",
    "example_rows",
    "few_shot",
    "first_plane",
    "filter_columns",
    "filter_mask",
    "filter_sentence",
    "filtered_rows",
    "find_need",
    "fit_calibration",
    "frozen_rows",
    "gold_indices",
    "coverage",
    "Coverage",
    "embedded_texts",
    "embeddings_made",
    "has_all_embeddings",
    "has_embeddings",
    "has_search",
    "added_since",
    "known_to_audit",
    "known_to_run",
    "student_in_use",
    "student_of_embeddings",
    "held_out_rows",
    "history",
    "how_to_tell",
    "kept_rows",
    "in_order",
    "key_indices",
    "knn_votes",
    "label_set_of",
    "labelled_pool",
    "labelled_rows",
    "later_classes",
    "likely_texts",
    "load_embeddings",
    "load_map",
    "load_plane",
    "lost_audit",
    "make_search",
    "map_notice",
    "matching",
    "meaning_scores",
    "nearest_places",
    "nearest_rows",
    "needed_map",
    "nearest_voters",
    "newest_embeddings",
    "not_fitted",
    "not_refined",
    "passing_rows",
    "plane_of",
    "preview_classes",
    "preview_undo",
    "pool_languages",
    "probe_signals",
    "quoted",
    "proposed_window",
    "random_order",
    "random_rows",
    "random_sample",
    "ranks",
    "reasons",
    "recorded_labels",
    "refined_logits",
    "row_languages",
    "rows_kept_by",
    "rows_to_evaluate",
    "said_before",
    "set_rows",
    "share_warning",
    "shift_of",
    "signal_source",
    "similarity_run",
    "sort_values",
    "source_of_audit",
    "split_texts",
    "suggested_classes",
    "spread_rows",
    "student_language_sentence",
    "summary",
    "teacher_cut_sentences",
    "teacher_labels",
    "teacher_language_sentence",
    "text_lengths",
    "times_trained",
    "top_share_thresholds",
    "value_words",
    "votes_of",
    "voting_groups",
    "window_choices",
    "window_facts",
    "window_offer",
    "window_sentence",
    "windows",
    "with_decisions",
    "with_later_classes",
    "with_window",
    "word_query",
]
