"""The teacher of a pass: with the few-shot examples and the way of asking that belong to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llkd.config import ON_THIS_MACHINE, ExecutorConfig, LabelSet, Spending, TeacherConfig
from llkd.jobs.progress import Progress
from llkd.labeling.cluster_teacher import ClusterTeacher, spreads
from llkd.labeling.few_shot import few_shot
from llkd.labeling.metering import DeferredMeter
from llkd.labeling.way_of_asking import WayOfAsking
from llkd.store import Project, Store
from llkd.teachers import make_teacher
from llkd.teachers.base import NO_EXAMPLES, Teacher

# How a server is reached changes no answer.
_OF_THE_CONNECTION = {"concurrency", "timeout", "retries", "retry_seconds"}


def prepare_teacher(
    store: Store,
    project: Project,
    config: TeacherConfig,
    job: Progress,
    label_set: LabelSet,
    *,
    meter: DeferredMeter,
    finished_too: bool = False,
    spending: Spending | None = None,
    limit: int | None = None,
    executor: ExecutorConfig = ON_THIS_MACHINE,
) -> Teacher:
    """The teacher of ``config`` with its few-shot examples, and the way in which it asks.

    ``spending`` and ``limit`` are those of the pass; what choosing the way costs is in
    ``way_of_asking.account_of_trial`` until the pass takes it over.

    On a cluster of ``executor`` a teacher that is a model is one of each worker.

    Examples are those of the job's earlier attempt, else those of the newest pass with the same
    settings that is not finished (``finished_too``: or is), else chosen now: labels that people
    have given meanwhile must not make a resumed pass ask everything anew.
    """
    examples = NO_EXAMPLES
    if config.examples != "none":
        snapshot = _of_the_job(store, job, label_set) or _earlier_examples(
            store, project, config, label_set, finished_too
        )
        examples = few_shot(store, project, config, job, snapshot)
        # By key: the classes may stand in another order when the job is resumed.
        pairs = examples.identity.get("rows") or []
        job.remember(examples=[[row, label_set.keys[place]] for row, place in pairs])
    job.progress(0, None, "Loading the teacher", always=True)

    if spreads(config, executor):
        job.progress(0, None, "Connecting to the Ray cluster", always=True)
        plan = None if job.job_id is None else store.home.job_text_ranges(job.job_id)
        return ClusterTeacher(
            config, label_set, executor, examples=examples, plan=plan, check=job.check
        )

    def make(settings: TeacherConfig) -> Teacher:
        return make_teacher(settings, label_set, store.home.root, examples=examples, meter=meter)

    way = WayOfAsking(store, project, config, label_set, make, meter)
    teacher = way.teacher(job, spending, limit)
    if getattr(teacher, "has_ids", False):
        texts = store.projects.texts(project, ["id", "text"])
        match_ids = getattr(teacher, "match_ids")  # noqa: B009 (only what looks texts up has it)
        match_ids(texts["id"].tolist(), texts["text"].tolist())
    return teacher


def _of_the_job(store: Store, job: Progress, label_set: LabelSet) -> list[tuple[int, int]] | None:
    """The [row, class] pairs that the job's earlier attempt showed; None where there are none.

    A version before 0.4.0 kept places in place of keys: those of the classes of the job's pass.
    """
    pairs = job.facts.get("examples") or []
    if any(not isinstance(label, str) for _, label in pairs):
        number = job.facts.get("labelling_id")
        if number is None:
            return None  # nothing was asked yet, so nothing would be asked twice
        keys = store.labeling_runs.get(int(number)).label_set.keys
        pairs = [(row, keys[label]) for row, label in pairs]
    return _placed(pairs, label_set)


def _placed(pairs: Sequence[tuple[int, str]], label_set: LabelSet) -> list[tuple[int, int]] | None:
    """[row, key] pairs with the places of the classes now; None where one is no class any more."""
    places = label_set.places
    if not pairs or any(key not in places for _, key in pairs):
        return None
    return [(int(row), places[key]) for row, key in pairs]


def _earlier_examples(
    store: Store, project: Project, config: TeacherConfig, label_set: LabelSet, finished_too: bool
) -> list[tuple[int, int]] | None:
    for labeling_run in store.labeling_runs.all(project.id):
        examples = labeling_run.teacher.get("examples")
        if not isinstance(examples, dict) or not examples.get("rows"):
            continue
        if labeling_run.label_set.prompt_document() != label_set.prompt_document() or _asks(
            labeling_run.config
        ) != _asks(config):
            continue
        if finished_too or len(store.labeling_runs.done(labeling_run)) < project.rows:
            keys = labeling_run.label_set.keys
            return _placed([(row, keys[place]) for row, place in examples["rows"]], label_set)
    return None


def _asks(config: TeacherConfig) -> dict[str, Any]:
    return config.model_dump(mode="json", exclude=_OF_THE_CONNECTION)
