"""The languages of a project's texts, and whether a model knows them; said before work is spent."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from llkd.config import TeacherConfig
from llkd.curation.window import sample_texts
from llkd.datasets.checks.text_language import UNCLEAR, language, shares
from llkd.models.languages import ENGLISH, EVERY, Known, model_languages, student_languages
from llkd.store import Project, Store
from llkd.teachers.registry import argument_of, kind_of, teachers_asked

FOREIGN_FROM = 0.05
"""The share of texts in languages that a model does not know from which people are told."""
TRY = 30
"""Texts that show whether a teacher of which nothing is known can be used."""
_PART = 2_048


def pool_languages(store: Store, project: Project) -> dict[str, float]:
    """The share of each language among up to 1,000 texts of the pool, ``unclear`` last."""
    stored = store.languages.read(project.id, project.digest)
    if stored is not None and len(stored) == project.rows:
        pool = store.projects.texts(project, ["split"])["split"] == "pool"
        return _shares(np.array(stored, dtype=object)[pool.to_numpy()])
    return shares(sample_texts(store, project))


def row_languages(
    store: Store, project: Project, progress: Callable[[int, int], None] | None = None
) -> list[str]:
    """The probable language of every text, in row order, ``unclear`` where it cannot be said.

    Kept in the home by the texts' digest; of a project that was added to, only the new texts are
    looked at. About a minute for a million texts; ``progress`` hears of rows done and of all.
    """
    names: list[str] = []
    for stage in project.every_stage():
        stored = store.languages.read(project.id, stage.digest)
        if stored is not None and len(stored) == stage.rows:
            names = stored
            break
    if len(names) == project.rows:
        return names
    texts = store.projects.texts(project, ["text"])["text"]
    for start in range(len(names), project.rows, _PART):
        names += [language(str(text)) for text in texts.iloc[start : start + _PART]]
        if progress is not None:
            progress(len(names), project.rows)
    store.languages.keep(project.id, project.digest, names)
    return names


def data_language_sentence(languages: Mapping[str, float]) -> str | None:
    """What to know of ``languages`` (shares by language) with the models that come along."""
    way = "Choose models that know them on Teacher and Train."
    return _sentence(languages, "each model that comes along", ENGLISH, way, "")


def student_language_sentence(languages: Mapping[str, float], student: str) -> str | None:
    """What to know of ``languages`` (shares) before this student trains; None: nothing."""
    name = "the embedded student" if student == "embedded" else f"the student {student}"
    way = (
        "It will learn little from them: choose an encoder that knows them, such as a multilingual "
        "one, as a folder or hub id."
    )
    return _sentence(
        languages, name, student_languages(student), way, "train on a few hundred first"
    )


def teacher_language_sentence(languages: Mapping[str, float], config: TeacherConfig) -> str | None:
    """The same before a teacher is asked; of a committee what its first such member does not know.

    None also of labels that are looked up: they were given elsewhere.
    """
    for member in teachers_asked(config):
        kind = kind_of(member)
        if kind.lookup:
            continue
        name, known = _teacher(member, kind.name)
        way = "Choose a teacher that knows them, or try it on some of them first."
        sentence = _sentence(languages, name, known, way, f"try {TRY} of them before you label all")
        if sentence is not None:
            return sentence
    return None


def _teacher(config: TeacherConfig, kind: str) -> tuple[str, Known]:
    """What the teacher is called in a sentence, and the languages it knows."""
    argument = argument_of(config)
    if kind == "embedded":
        return "the embedded teacher", ENGLISH
    if kind == "similarity":
        encoder = argument or "embedded"
        name = "label similarity" if encoder == "embedded" else f"the encoder {encoder}"
        return name, student_languages(encoder)
    if kind == "function":
        return "your function", None
    return f"the model {argument}", model_languages(argument)


def _sentence(
    languages: Mapping[str, float], name: str, known: Known, way: str, unsure: str
) -> str | None:
    if known is not None and EVERY in known:
        return None
    usual = known or ENGLISH or frozenset()
    foreign = {
        language: share
        for language, share in languages.items()
        if language != UNCLEAR and language not in usual
    }
    if sum(foreign.values()) < FOREIGN_FROM:
        return None
    words = _look(foreign)
    if known is None:
        return f"{words}, and whether {name} knows that is not known here: {unsure}."
    return f"{words}; {name} knows {_joined(sorted(known))}. {way}"


def _look(foreign: Mapping[str, float]) -> str:
    """``38 % of the texts look German``, of several languages the three most frequent."""
    ranked = sorted(foreign.items(), key=lambda item: -item[1])
    parts = [f"{100 * share:.0f} % {name}" for name, share in ranked[:3] if share >= 0.005]
    rest = sum(share for _, share in ranked[len(parts) :])
    parts += [f"{100 * rest:.0f} % in other languages"] if rest >= 0.005 else []
    first, *more = parts
    share, _, language_name = first.partition(" % ")
    return _joined([f"{share} % of the texts look {language_name}", *more])


def _joined(words: list[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _shares(names: np.ndarray) -> dict[str, float]:
    values, counts = np.unique(names.astype(str), return_counts=True)
    pairs = sorted(
        zip(values.tolist(), counts.tolist(), strict=True),
        key=lambda pair: (pair[0] == UNCLEAR, -pair[1], pair[0]),
    )
    return {name: count / max(len(names), 1) for name, count in pairs}
