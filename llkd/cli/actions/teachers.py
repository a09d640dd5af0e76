"""Commands that ask a teacher, and the answers kept from it."""

from __future__ import annotations

import sys
from argparse import Namespace

from llkd.cli import requests
from llkd.cli.actions.jobs import Document, as_job
from llkd.cli.arguments import label_set
from llkd.config import Label, LabelSet, TeacherConfig
from llkd.store import Store
from llkd.teachers.registry import kind_of, teachers_asked


def label(store: Store, arguments: Namespace) -> Document:
    """``llkd label``."""
    request = requests.label(store, arguments)
    _set_classes(store, arguments)
    _report_texts(store, arguments, request.teacher)
    return as_job(store, arguments, request)


def bake_off(store: Store, arguments: Namespace) -> Document:
    """``llkd bake-off``."""
    request = requests.bake_off(store, arguments)
    _set_classes(store, arguments)
    _report_texts(store, arguments, request.teacher)
    return as_job(store, arguments, request)


def refine(store: Store, arguments: Namespace) -> Document:
    """``llkd refine``."""
    from llkd import curation
    from llkd.jobs import SilentProgress
    from llkd.jobs.requests import ProbeRequest
    from llkd.workflows.refinement import refine as refine_labels

    project = store.projects.get(arguments.project)
    labeling_run = curation.active_labeling_run(store, project)
    if not arguments.off and not curation.has_search(store, labeling_run):
        as_job(store, arguments, ProbeRequest(project=project.name, refine=True))
    return refine_labels(
        store, project, SilentProgress(), refined=not arguments.off, listed=arguments.limit
    )


def cache(store: Store, arguments: Namespace) -> Document:
    """``llkd cache``."""
    answers, size = store.answers.size()
    if arguments.delete:
        store.answers.delete()
    return {"answers": answers, "bytes": size, "deleted": arguments.delete}


def _report_texts(store: Store, arguments: Namespace, teacher: TeacherConfig) -> None:
    """Say before anything is spent what the teacher reads in part, or may not understand."""
    from llkd import curation

    if all(kind_of(member).lookup for member in teachers_asked(teacher)):
        return
    project = store.projects.get(arguments.project)
    languages = curation.pool_languages(store, project)
    for sentence in (
        curation.teacher_language_sentence(languages, teacher),
        *curation.teacher_cut_sentences(store, project, teacher),
    ):
        if sentence is not None:
            print(f"llkd: {sentence}", file=sys.stderr, flush=True)


def _set_classes(store: Store, arguments: Namespace) -> None:
    """Give the project the classes of --labels. Raises UserError where it has none then.

    Before the job, which keeps to the classes as they are: they may be renamed while it waits.
    """
    from llkd import curation

    project = store.projects.get(arguments.project)
    classes = label_set(arguments)
    if classes is not None:
        store.classes.edit(project.id, _matched(project.label_set, classes, arguments))
        project = store.projects.get(project.name)
    curation.label_set_of(project)


def _matched(before: LabelSet | None, classes: LabelSet, arguments: Namespace) -> list[Label]:
    """The classes of --labels or --labels-file: who is who goes by name, also by former ones.

    Bare names leave descriptions and verbalisers as they are.
    """
    labels = []
    for entry in classes.labels:
        present = None if before is None else before.find(entry.name)
        if present is None:
            labels.append(entry)
            continue
        values = present if arguments.labels else entry
        update = {"name": present.name, "key": present.identity, "former": (), "also": ()}
        labels.append(values.model_copy(update=update))
    return labels
