"""A run that began here and is trained anew elsewhere keeps nothing of its first attempt."""

from llkd import workflows
from llkd.errors import JobCancelled
from llkd.jobs.progress import SilentProgress
from llkd.training.cluster_worker import read_files
from llkd.workflows.cluster_training import put_into_place
from tests.support.toy_projects import as_job, config, labelled_project, train


class StopsSoon(SilentProgress):
    """Wants to stop after some steps."""

    looks = 0

    def should_stop(self):
        self.looks += 1
        return self.looks > 5


def test_steps_and_decisions_stand_once(store, encoder):
    project = labelled_project(store)
    settings = config(encoder, "all", epochs=3, checkpoint_seconds=0.0)
    whole = store.runs.get(train(store, project, settings)["run"])

    def stopped(job):
        run = workflows.training.prepare(store, project, settings, None)
        try:
            workflows.training.fit(store, project, run, StopsSoon())
        except JobCancelled:
            return {"run": run.id}
        raise AssertionError("it did not stop")

    begun = store.runs.get(as_job(store, stopped)["run"])
    assert list(begun.files.checkpoints()) and len(store.runs.steps(begun))
    put_into_place(begun.files, read_files(whole.folder))
    assert not list(begun.files.checkpoints())
    steps = store.runs.steps(begun)["step"].tolist()
    assert steps == store.runs.steps(whole)["step"].tolist() == sorted(set(steps))
    assert len(store.runs.decisions(begun)) == len(store.runs.decisions(whole))
