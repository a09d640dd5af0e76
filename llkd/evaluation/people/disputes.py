"""Texts of which people say different things: which there are, in words, and the last word."""

from __future__ import annotations

import uuid

from llkd.config import ClassKey
from llkd.store import Dispute, Opinion, Project, Store
from llkd.store.people.moments import ago
from llkd.store.people.standing import SOMEBODY

UNNAMED = "somebody without a name"


def open_disputes(store: Store, project: Project) -> list[Dispute]:
    """The texts that are disputed now, by row."""
    return store.disputes.all(project.id)


def adjudicate(
    store: Store,
    project: Project,
    row: int,
    key: ClassKey | None,
    who: str = SOMEBODY,
    batch: str | None = None,
) -> str:
    """Settle a disputed text: a class by its key becomes its label, None leaves the text out.

    Every earlier label stays in the history, and the batch that is returned can be undone. A
    ``batch`` that was recorded before changes nothing. Raises UserError where nothing is disputed
    (any more): somebody else may have settled it.
    """
    name = uuid.uuid4().hex if batch is None else batch
    action = "exclude" if key is None else "label"
    return store.decisions.decide(
        project.id, [row], action, who=who, batch=name, key=key, final=True
    )


def people_of(dispute: Dispute) -> list[str]:
    """What each says, as \u201cAna: refund\u201d, oldest first."""
    return [
        f"{opinion.who}: {opinion_words(opinion, name)}"
        for opinion, name in zip(dispute.opinions, dispute.names, strict=True)
    ]


def opinion_words(opinion: Opinion, name: str | None) -> str:
    """What a person says of a text: a class's name, or what else."""
    if opinion.stance:
        return "excluded" if opinion.excluded else "not to be excluded"
    return "none of these" if name is None else name


def dispute_words(dispute: Dispute, action: str, label: str | None, *, counts: bool) -> str:
    """Tell a person what they have just contradicted, in one or two sentences.

    ``counts``: whether the text counts as disputed now.
    """
    opinion, name = dispute.opinions[-1], dispute.names[-1]
    by = UNNAMED if opinion.who == SOMEBODY else opinion.who
    by = by[0].upper() + by[1:]
    if opinion.stance:
        said_before = f"{by} {'excluded' if opinion.excluded else 'included'} this text"
    else:
        said_before = f"{by} labelled this {opinion_words(opinion, name)}"
    mine = {
        "label": f"you said {label}",
        "exclude": "you excluded it",
        "include": "you included it",
        "unlabel": "you took the label away",
    }[action]
    tail = {
        True: "Both are kept; the text counts as disputed until somebody settles it.",
        False: "Both are in the history.",
    }[counts]
    return f"{said_before} {ago(opinion.created)}; {mine}. {tail}"
