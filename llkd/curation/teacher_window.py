"""How much of the texts a teacher reads only in part; said before it is asked, without torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from llkd.config import USUAL_WINDOW, TeacherConfig
from llkd.curation.window import TOLD_FROM, sample_texts, text_lengths, token_counts
from llkd.datasets.checks.statistics import token_estimates
from llkd.store import Project, Store
from llkd.teachers.registry import argument_of, kind_of, teachers_asked


def teacher_cut_sentences(store: Store, project: Project, config: TeacherConfig) -> list[str]:
    """A sentence for each teacher that is asked and cuts one text in ten or more."""
    sentences = [_sentence(store, project, member) for member in teachers_asked(config)]
    return [sentence for sentence in sentences if sentence is not None]


def _sentence(store: Store, project: Project, config: TeacherConfig) -> str | None:
    kind = kind_of(config)
    argument = argument_of(config)
    if kind.name == "similarity":
        lengths = text_lengths(store, project, argument or "embedded")
        limit = min(USUAL_WINDOW, lengths.limit or USUAL_WINDOW)
        share, counted = float((lengths.tokens > limit).mean()), lengths.counted
        end = "label similarity reads. What comes after counts for nothing."
    elif "max_text_tokens" in kind.settings:
        limit = config.max_text_tokens
        tokenizer = kind.tokenizer_file(argument, store.home.root)
        share, counted = _share(store, project, tokenizer, limit)
        name = "the embedded teacher" if kind.name == "embedded" else argument
        end = f"{name} is shown of one: the middle is left out (max_text_tokens shows more of it)."
    else:
        return None
    if not share >= TOLD_FROM:
        return None
    about = "" if counted else "About "
    return (
        f"{about}{100 * share:.0f} % of the texts are longer than the {limit:,} tokens that {end}"
    )


def _share(
    store: Store, project: Project, tokenizer: Path | None, limit: int
) -> tuple[float, bool]:
    """The share (0 to 1) of a sample that is longer, and whether a tokenizer counted."""
    texts = sample_texts(store, project)
    counts = None if tokenizer is None else token_counts(tokenizer, texts)
    tokens = token_estimates(texts) if counts is None else counts
    return float(np.mean(tokens > limit)) if texts else 0.0, counts is not None
