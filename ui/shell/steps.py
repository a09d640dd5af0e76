"""The six steps of the work and how far a project is in each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from llkd import jobs
from llkd.evaluation.kept_sentence import percent
from llkd.store import Job, Project, Store
from ui.shell import reads

PAGES = Path(__file__).resolve().parents[2] / "pages"
DONE, RUNNING, TO_DO = "done", "running", "to do"


@dataclass(frozen=True)
class Step:
    """One page: its name in the sidebar, its file and its icon."""

    name: str
    file: Path
    icon: str

    @property
    def job_kinds(self) -> tuple[str, ...]:
        """The kinds of jobs that this step is under way with."""
        return jobs.kinds_of(self.name)


STEPS = (
    Step("Data", PAGES / "data.py", ":material/database:"),
    Step("Teacher", PAGES / "teacher.py", ":material/school:"),
    Step("Curate", PAGES / "curate.py", ":material/scatter_plot:"),
    Step("Train", PAGES / "train.py", ":material/model_training:"),
    Step("Results", PAGES / "results.py", ":material/leaderboard:"),
    Step("Export", PAGES / "export.py", ":material/output:"),
)
HISTORY = Step("History", PAGES / "history.py", ":material/history:")
"""A page beside the steps: who decided what."""
BY_NAME = {step.name: step for step in (*STEPS, HISTORY)}


@dataclass(frozen=True)
class Progress:
    """The state of a step: done, running or to do; ``share`` where it is under way."""

    state: str
    share: float | None = None

    @property
    def words(self) -> str:
        """What the sidebar says: done, running 43 %, 43 % done, to do."""
        if self.share is None:
            return self.state
        shown = percent(self.share if self.share >= 1 else min(self.share, 0.999))
        return f"running {shown}" if self.state == RUNNING else f"{shown} done"


def progress(store: Store, project: Project | None, live: Sequence[Job]) -> dict[str, Progress]:
    """How far ``project`` is, by step name; ``live`` are the jobs queued or running now."""
    if project is None:
        return {step.name: Progress(TO_DO) for step in STEPS}
    trained = _flag(_trained(store, project))
    states = {
        "Data": _flag(project.label_set is not None),
        "Teacher": _labelled(store, project),
        "Curate": _flag(bool(store.selections.all(project.id))),
        "Train": trained,
        "Results": trained,
        "Export": _flag(_exported(store, project)),
    }
    for step in STEPS:
        job = next(
            (j for j in live if j.project_id == project.id and j.kind in step.job_kinds), None
        )
        if job is not None:
            states[step.name] = Progress(RUNNING, job.share if job.total else None)
    return states


def _flag(finished: bool) -> Progress:
    return Progress(DONE if finished else TO_DO)


def _labelled(store: Store, project: Project) -> Progress:
    current = store.labeling_runs.in_use(project.id, project.labelling_id)
    if current is None:
        return Progress(TO_DO)
    rows = reads.labelled_rows(store, current)
    if rows >= project.rows:
        return Progress(DONE)
    return Progress(TO_DO, rows / project.rows) if rows else Progress(TO_DO)


def _trained(store: Store, project: Project) -> bool:
    return any(run.summary is not None for run in store.runs.all(project.id))


def _exported(store: Store, project: Project) -> bool:
    return any(job.kind == "export" for job in store.jobs.all(project.id, states=("finished",)))
