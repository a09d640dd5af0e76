"""Whether a project that is there holds what a program reads again: then it goes on with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llkd.config import LabelSet
from llkd.errors import UserError
from llkd.store import Project, Store

if TYPE_CHECKING:
    from llkd.datasets.importing import Prepared


def check_same_texts(store: Store, project: Project, prepared: Prepared) -> None:
    """Raise UserError where the project of that name holds other texts, gold or held-out texts."""
    from llkd.store.files.text_files import digest

    opening = f"There is a project {project.name!r} already, "
    imported = project.stage(0)  # texts that were added since are welcome
    if digest(prepared.texts) != imported.digest:
        raise UserError(
            f"{opening}with other texts ({project.rows:,}, from {project.source}). {_cure(project)}"
        )
    earlier = store.projects.texts(imported, ["gold", "split"])
    same_gold = (
        earlier["gold"].notna().to_numpy() == prepared.texts["gold"].notna().to_numpy()
    ).all()
    same_split = (earlier["split"].to_numpy() == prepared.texts["split"].to_numpy()).all()
    if not (same_gold and same_split):
        raise UserError(
            f"{opening}with gold for other texts, or with others held out. {_cure(project)}"
        )


def with_classes(store: Store, project: Project, label_set: LabelSet | None) -> Project:
    """The project with these classes, set where it has none. Raises UserError for others."""
    known = project.label_set
    if label_set is None:
        return project
    if known is None:
        store.projects.set_label_set(project.id, label_set)
        return store.projects.by_id(project.id)
    entries = [known.find(name) for name in label_set.names]
    identities = {entry.identity for entry in entries if entry is not None}
    if None in entries or len(identities) != len(known.labels):
        raise UserError(
            f"There is a project {project.name!r} already, with other classes: "
            f"{', '.join(known.names)}. {_cure(project)}"
        )
    return project


def _cure(project: Project) -> str:
    return f"Choose another name, or go on with it: llkd.open_project({project.name!r})."
