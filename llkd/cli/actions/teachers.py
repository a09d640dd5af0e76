"""Commands that ask a teacher, and the answers kept from it."""

from __future__ import annotations

from argparse import Namespace

from llkd import jobs
from llkd.cli.actions.given import Document, as_job, label_set, settings, spending, tries
from llkd.config import Label, LabelSet, OrderConfig, TeacherConfig
from llkd.errors import UserError
from llkd.store import Project, Store


def label(store: Store, given: Namespace) -> Document:
    """``llkd label``."""
    config = settings(TeacherConfig, given)
    order = settings(OrderConfig, given)
    limits = spending(store, given, config)
    if given.rows and not given.dry_run:
        raise UserError("--rows chooses the texts of a dry run: add --dry-run, or use --limit.")
    if given.ask_again and given.dry_run:
        raise UserError("--ask-again is for labelling; a dry run labels nothing. Leave one out.")
    project = _with_classes(store, given)

    def work(job: jobs.JobContext) -> Document:
        from llkd import pipeline

        now = store.projects.by_id(project.id)  # it may have waited for its turn
        if given.dry_run:
            return pipeline.dry_run(
                store, now, config, job, rows=given.rows, limit=given.limit, spending=limits
            )
        result = pipeline.label(
            store,
            now,
            config,
            job,
            calibration=given.calibration,
            limit=given.limit,
            spending=limits,
            order=order,
            ask_again=given.ask_again,
        )
        classes_used = sum(count > 0 for count in result["per_class"].values())
        if not given.no_probe and classes_used > 1:
            fresh = store.projects.get(project.name)
            result["probe"] = pipeline.embed_and_probe(store, fresh, job)
        return result

    kind = "dry-run" if given.dry_run else "label"
    verb = "Dry run on" if given.dry_run else "Label"
    device = _device([config.teacher])
    return as_job(store, given, kind, f"{verb} {project.name}", project, work, device)


def bake_off(store: Store, given: Namespace) -> Document:
    """``llkd bake-off``."""
    base = settings(TeacherConfig, given)
    limits = spending(store, given, base)
    competing = tries(given, base)
    project = _with_classes(store, given)
    size = {} if given.rows is None else {"rows": given.rows}

    def work(job: jobs.JobContext) -> Document:
        from llkd.pipeline.bake_off import bake_off as compare

        now = store.projects.by_id(project.id)
        return compare(store, now, base, competing, job, spending=limits, **size)

    device = _device([base.teacher, *competing.get("teacher", [])])
    title = f"Bake-off on {project.name}"
    return as_job(store, given, "bake-off", title, project, work, device)


def cache(store: Store, given: Namespace) -> Document:
    """``llkd cache``."""
    answers, size = store.answers.size()
    if given.delete:
        store.answers.delete()
    return {"answers": answers, "bytes": size, "deleted": given.delete}


def _with_classes(store: Store, given: Namespace) -> Project:
    """The project, with the classes of --labels set. Raises UserError where it has none."""
    from llkd import curation

    project = store.projects.get(given.project)
    chosen = label_set(given)
    # A job was given its classes when it was started; they may have been renamed since.
    if chosen is not None and (given.job is None or project.label_set is None):
        store.classes.edit(project.id, _meant(project.label_set, chosen, given))
        project = store.projects.get(project.name)
    curation.label_set_of(project)
    return project


def _meant(before: LabelSet | None, chosen: LabelSet, given: Namespace) -> list[Label]:
    """The classes of --labels or --labels-file: who is who goes by name, also by former ones.

    Bare names leave descriptions and verbalisers as they are.
    """
    meant = []
    for entry in chosen.labels:
        known = None if before is None else before.find(entry.name)
        if known is None:
            meant.append(entry)
            continue
        values = known if given.labels else entry
        update = {"name": known.name, "key": known.identity, "former": (), "also": ()}
        meant.append(values.model_copy(update=update))
    return meant


def _device(teachers: list[str]) -> str | None:
    """None where no model runs on this machine, so that such jobs wait for no other."""
    return None if all(t.split(":")[0] in {"api", "file"} for t in teachers) else "auto"
