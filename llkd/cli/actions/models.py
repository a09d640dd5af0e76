"""Commands that run a student."""

from __future__ import annotations

import sys
from argparse import Namespace

from llkd import jobs
from llkd.cli.actions.given import Document, as_job, stored_under, training_config
from llkd.config import TrainingConfig
from llkd.store import Project, Store


def probe(store: Store, given: Namespace) -> Document:
    """``llkd probe``."""
    from llkd import curation

    project = store.projects.get(given.project)
    curation.current_labelling(store, project)

    def work(job: jobs.JobContext) -> Document:
        from llkd import pipeline

        return pipeline.embed_and_probe(
            store, store.projects.by_id(project.id), job, student=given.student
        )

    return as_job(store, given, "probe", f"Probe {project.name}", project, work)


def _tell_cut(store: Store, given: Namespace, project: Project, config: TrainingConfig) -> None:
    """Say before training how many texts the student's window cuts, and what a longer one costs."""
    from llkd import curation

    if given.job is not None:  # a page, or the command that started it, has said so
        return
    lengths = curation.text_lengths(store, project, config.student)
    now, wider = curation.windows(lengths, config.max_tokens)
    if now.share < curation.TOLD_FROM:
        return
    line = f"llkd: {curation.cut_sentence(lengths, now)}"
    if wider is not None:
        line += f" With --max-tokens {wider.tokens}: {curation.window_offer(wider)}."
    print(line, file=sys.stderr, flush=True)


def train(store: Store, given: Namespace) -> Document:
    """``llkd train``."""
    from llkd import curation

    project = store.projects.get(given.project)
    config = training_config(given)
    curation.current_labelling(store, project)
    if config.selection.strategy == "fixed":
        sides = ("teacher_threshold", "student_threshold")
        under_keys = {
            side: stored_under(store, project, given, getattr(config.selection, side))
            for side in sides
        }
        selection = config.selection.model_copy(update=under_keys)
        config = config.model_copy(update={"selection": selection})
    if config.selection.saved is not None:
        store.people.selection(project.id, config.selection.saved)
    if config.reference_run is not None:
        store.runs.get(config.reference_run, project.id)
    _tell_cut(store, given, project, config)

    def work(job: jobs.JobContext) -> Document:
        from llkd import pipeline

        now = store.projects.by_id(project.id)
        return pipeline.train(store, now, config, job, calibration=given.calibration)

    title = f"Train on {project.name} ({config.selection.strategy})"
    return as_job(store, given, "train", title, project, work)


def compare(store: Store, given: Namespace) -> Document:
    """``llkd compare``."""
    from llkd import curation

    project = store.projects.get(given.project)
    curation.current_labelling(store, project)
    config = training_config(given)
    from llkd.pipeline.comparing import ARMS, check_arms

    saved = config.selection.saved
    if saved is not None:
        store.people.selection(project.id, saved)
    names = ARMS if given.arms is None else [name.strip() for name in given.arms.split(",")]
    arms = check_arms([name for name in names if name], saved)
    _tell_cut(store, given, project, config)

    def work(job: jobs.JobContext) -> Document:
        from llkd import pipeline

        now = store.projects.by_id(project.id)
        return pipeline.compare(store, now, config, job, seeds=given.seeds, arms=arms)

    return as_job(store, given, "compare", f"Compare on {project.name}", project, work)


def demo(store: Store, given: Namespace) -> Document:
    """``llkd demo``."""
    config = training_config(given)

    def work(job: jobs.JobContext) -> Document:
        from llkd import pipeline

        return pipeline.demo(store, job, training=config)

    return as_job(store, given, "demo", "Demo on the sample", None, work)
