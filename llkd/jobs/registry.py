"""The kinds of jobs: what each is asked with, what does it, and where pages show it.

A new kind is a request model, a function that does the work, and one entry here. The work is named,
not imported: looking at a kind loads neither torch nor the workflows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from llkd.errors import ConfigError
from llkd.jobs import requests
from llkd.jobs.progress import Progress
from llkd.jobs.requests import JobRequest
from llkd.store import Project, Store

JobWork = Callable[[Store, Project | None, Any, Progress], dict[str, Any]]
"""``work(store, project, request, progress)``: does it, and returns the document of its command."""

WORK = "llkd.workflows.job_work"


@dataclass(frozen=True)
class JobKind:
    """One kind of job."""

    name: str
    request: type[JobRequest]
    work: str
    """``module:function`` of a :data:`JobWork`."""
    unit: str
    """What its progress counts."""
    steps: tuple[str, ...] = ()
    """The steps of the sidebar that are under way while it lives, by the names of their pages."""
    any_run: bool = False
    """Whether it may take any finished run of its project, whichever its request names."""

    def resolved(self) -> JobWork:
        """The function that does the work; its module is imported now."""
        module, _, function = self.work.partition(":")
        work: JobWork = getattr(import_module(module), function)
        return work


JOB_KINDS: dict[str, JobKind] = {
    kind.name: kind
    for kind in (
        JobKind("label", requests.LabelRequest, f"{WORK}:label", "texts", ("Teacher",)),
        JobKind("dry-run", requests.DryRunRequest, f"{WORK}:dry_run", "texts", ("Teacher",)),
        JobKind(
            "bake-off",
            requests.PromptComparisonRequest,
            f"{WORK}:compare_prompts",
            "answers",
            ("Teacher",),
        ),
        JobKind("probe", requests.ProbeRequest, f"{WORK}:probe", "texts", ("Teacher",)),
        JobKind(
            "near-duplicates",
            requests.NearDuplicatesRequest,
            f"{WORK}:look_for_near_duplicates",
            "texts",
            ("Data",),
        ),
        JobKind("map", requests.MapRequest, f"{WORK}:map_texts", "texts", ("Curate",)),
        JobKind("train", requests.TrainRequest, f"{WORK}:train", "steps", ("Train",)),
        JobKind(
            "compare",
            requests.CompareRequest,
            f"{WORK}:compare",
            "steps",
            ("Train", "Results"),
            any_run=True,
        ),
        JobKind("export", requests.ExportRequest, f"{WORK}:export", "rows", ("Export",)),
        JobKind("push", requests.PushRequest, f"{WORK}:push", "repositories", ("Export",)),
        JobKind("track", requests.TrackRequest, f"{WORK}:track", "files"),
        JobKind("rebuild", requests.RebuildRequest, f"{WORK}:rebuild", "rows"),
        # Over in a moment: the sidebar would only flicker.
        JobKind("predict", requests.PredictRequest, f"{WORK}:predict", "texts"),
        JobKind(
            "classify", requests.PredictFileRequest, f"{WORK}:predict_file", "texts", ("Results",)
        ),
        JobKind("pack", requests.PackRequest, f"{WORK}:pack", "files"),
        JobKind("unpack", requests.UnpackRequest, f"{WORK}:unpack", "files", ("Data",)),
        JobKind("duplicate", requests.DuplicateRequest, f"{WORK}:duplicate", "files"),
        JobKind("demo", requests.DemoRequest, f"{WORK}:demo", "steps", any_run=True),
    )
}


def job_kind(name: str) -> JobKind:
    """The kind of that name. Raises ConfigError, which lists the kinds, for none."""
    if name not in JOB_KINDS:
        raise ConfigError(
            f"There is no kind of job {name!r}. The kinds are {', '.join(JOB_KINDS)}."
        )
    return JOB_KINDS[name]


def unit_of(kind: str) -> str:
    """What progress of such a job counts."""
    return JOB_KINDS[kind].unit if kind in JOB_KINDS else "steps"


def kinds_of(step: str) -> tuple[str, ...]:
    """The kinds of jobs that a step of the sidebar is under way with."""
    return tuple(kind.name for kind in JOB_KINDS.values() if step in kind.steps)


def takes_any_run(kind: str) -> bool:
    """Whether such a job may take any finished run of its project."""
    return kind in JOB_KINDS and JOB_KINDS[kind].any_run
