"""A cluster of two nodes on this machine: equal labels, speed-up, kills, equal comparisons.

    python benchmarks/cluster.py [--texts 300] [--kills 20] [--seeds 3] [--epochs 1] [--seed 0]

Two raylets are started (``ray start --head`` and ``--address``, ports and folders of their own) and
ended by their pids. Texts of the sample are labelled by the embedded language model here, by one
worker and by two; then again while random processes get SIGKILL (a worker, the second node, the
process of the job) until there were enough of them, and every scored row is counted. Then three
arms are compared over the seeds here and on the cluster. The last line says what was lost, doubled
and different; the exit code is 1 unless all are 0.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import re
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # a worker of one CPU computes with one thread
os.environ.setdefault("HF_HUB_OFFLINE", "1")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # run from anywhere, not installed

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

from llkd import jobs  # noqa: E402
from llkd.config import (  # noqa: E402
    ExecutorConfig,
    LabelSet,
    TeacherConfig,
    TrainingConfig,
)
from llkd.jobs.requests import CompareRequest, LabelRequest  # noqa: E402
from llkd.models.devices import available_processors  # noqa: E402
from llkd.store import Project, Scores, Store  # noqa: E402
from tests.support.ray_cluster import AUTH, RayCluster, driver_of, kill, wait_until  # noqa: E402

ARMS = ("llkd", "all", "random")
LONGEST = 1800.0


def sample(store: Store, name: str, count: int) -> Project:
    """A project of the sample's first texts, a quarter of them held out."""
    folder = ROOT / "sample_data"
    labels = json.loads((folder / "labels.json").read_text("utf-8"))
    with (folder / "city_messages.csv").open(encoding="utf-8") as file:
        messages = list(csv.DictReader(file))[:count]
    with (folder / "city_messages_gold.csv").open(encoding="utf-8") as file:
        gold = {row["id"]: row["label"] for row in csv.DictReader(file)}
    frame = pd.DataFrame(
        {
            "id": [row["id"] for row in messages],
            "text": [row["text"] for row in messages],
            "gold": [gold.get(row["id"]) for row in messages],
            "split": ["eval" if k % 4 == 0 else "pool" for k in range(len(messages))],
        }
    )
    label_set = LabelSet(labels=labels)
    return store.projects.create(name, frame, source="sample", report={}, label_set=label_set)


def label_request(project: Project, teacher: TeacherConfig, **executor: object) -> LabelRequest:
    settings = ExecutorConfig.model_validate(executor)
    return LabelRequest(project=project.name, teacher=teacher, probe=False, executor=settings)


def scores_of(store: Store, project: Project) -> Scores:
    (run,) = store.labeling_runs.all(project.id)
    return store.labeling_runs.scores(run)


def timed_labels(
    folder: Path, name: str, count: int, teacher: TeacherConfig, **executor: object
) -> tuple[Scores, float]:
    """Scores in a home of their own, and how long labelling took, from start to end."""
    store = Store(folder / name)
    project = sample(store, "sample", count)
    began = time.monotonic()
    jobs.run_request(store, label_request(project, teacher, **executor))
    seconds = time.monotonic() - began
    scores = scores_of(store, project)
    store.close()
    return scores, seconds


def rows_in_parts(store: Store, project: Project) -> list[int]:
    """Every row of every part as it lies there, also one that stands twice."""
    runs = store.labeling_runs.all(project.id)
    if not runs:
        return []
    tables = store.labeling_runs.files(runs[0]).tables(["row"])
    return [int(row) for table in tables for row in table["row"].to_numpy()]


class Killing:
    """Labelling under kills: what is stored never shrinks, and no row stands twice."""

    def __init__(self, store: Store, project: Project, cluster: RayCluster, rng: random.Random):
        self.store, self.project, self.cluster, self.rng = store, project, cluster, rng
        self.lost = self.doubled = 0
        self.rows: set[int] = set()

    def look(self) -> None:
        """Compare what is stored with what was stored before."""
        rows = rows_in_parts(self.store, self.project)
        self.lost += len(self.rows - set(rows))
        self.doubled += len(rows) - len(set(rows))
        self.rows = set(rows)

    def one_kill(self, job_id: int) -> str:
        """Kill something; what it was."""
        kinds = ["worker", "worker", "driver", "job"]
        if len(self.cluster.processes) > 1:
            kinds.append("node")
        kind = self.rng.choice(kinds)
        job = jobs.refreshed(self.store, job_id)
        if kind == "worker" and (workers := self.cluster.workers()):
            kill(self.rng.choice(workers))
        elif kind == "node":
            self.cluster.end_node()
            self.cluster.add_node()
        elif kind == "driver" and job.pid is not None and (driver := driver_of(job.pid)):
            kill(driver)
        elif job.live and job.pid is not None:
            os.kill(job.pid, signal.SIGKILL)
            kind = "job"
        return kind

    def ended(self, job_id: int) -> bool:
        """Whether the job lives no more."""
        return not jobs.refreshed(self.store, job_id).live


def killed_labels(
    folder: Path, count: int, teacher: TeacherConfig, cluster: RayCluster, kills: int, seed: int
) -> tuple[Scores, Killing]:
    """Label until all is labelled, with so many kills; small samples are labelled several times."""
    rng = random.Random(seed)
    done, round_number = 0, 0
    lost = doubled = 0
    while True:
        store = Store(folder / f"killed-{round_number}")
        project = sample(store, "sample", count)
        killing = Killing(store, project, cluster, rng)
        job = jobs.start(
            store, label_request(project, teacher, on=cluster.address, cluster_workers=1)
        )
        until = time.monotonic() + LONGEST
        while time.monotonic() < until:
            wait = time.monotonic() + rng.uniform(2.0, 12.0)
            while time.monotonic() < wait and not killing.ended(job.id):
                time.sleep(0.1)
            killing.look()
            state = jobs.refreshed(store, job.id)
            if state.state == "finished":
                break
            if not state.live:
                jobs.resume(store, job.id)
                continue
            if done < kills:
                done += 1
                kind = killing.one_kill(job.id)
                print(f"{done:>3}  {kind:<7} {len(killing.rows):>5} of {count} stored", flush=True)
        scores = scores_of(store, project)
        killing.lost += count - len(np.unique(scores.row))
        killing.lost, killing.doubled = killing.lost + lost, killing.doubled + doubled
        lost, doubled = killing.lost, killing.doubled
        store.close()
        round_number += 1
        if done >= kills:
            return scores, killing


def numbers(value: object) -> object:
    """A report without the numbers of runs and jobs, and without times."""
    if isinstance(value, dict):
        left_out = {"run", "job", "reference_run", "tracking_jobs"}
        return {k: numbers(v) for k, v in value.items() if k not in left_out and "second" not in k}
    if isinstance(value, str):
        return re.sub(r"\d+\s%(?= of the time)|(?<=\brun )\d+", "some", value)
    return [numbers(each) for each in value] if isinstance(value, list) else value


def compared(folder: Path, name: str, address: str, options: argparse.Namespace) -> dict[str, Any]:
    """The report of a comparison in a home of its own, labelled by label similarity."""
    store = Store(folder / f"compare-{name}")
    project = sample(store, "sample", options.texts)
    jobs.run_request(store, label_request(project, TeacherConfig(teacher="similarity")))
    request = CompareRequest(
        project="sample",
        training=TrainingConfig(epochs=options.epochs, precision="fp32"),
        seeds=options.seeds,
        arms=ARMS,
        executor=ExecutorConfig(on=address),
    )
    began = time.monotonic()
    report = jobs.run_request(store, request)
    print(f"compare {name:<10} {time.monotonic() - began:>7.1f} s", flush=True)
    store.close()
    return report


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=int, default=300)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--teacher", default="embedded")
    parser.add_argument("--precision", default="fp32")
    options = parser.parse_args()
    os.environ.update(AUTH)
    teacher = TeacherConfig.model_validate(
        {"teacher": options.teacher, "precision": options.precision}
    )
    cluster = RayCluster(nodes=2, cpus=1)
    different = 0
    try:
        with tempfile.TemporaryDirectory(prefix="llkd-cluster-") as name:
            folder = Path(name)
            where = {
                "process": {},
                "1 worker": {"on": cluster.address, "cluster_workers": 1},
                "2 workers": {"on": cluster.address, "cluster_workers": 2},
            }
            scores = {}
            seconds = {}
            for place, executor in where.items():
                result = timed_labels(folder, place, options.texts, teacher, **executor)
                scores[place], seconds[place] = result
                print(f"label   {place:<10} {seconds[place]:>7.1f} s", flush=True)
            local, alone, both = scores.values()
            same = local.scores.argmax(axis=1) == alone.scores.argmax(axis=1)
            apart = float(np.nanmax(np.abs(local.scores - alone.scores)))
            print(f"labels of 1 worker equal to those of the process: {same.mean():.2%}, "
                  f"scores at most {apart:.1e} apart")  # fmt: skip
            equal = alone.scores.tobytes() == both.scores.tobytes()
            print(f"scores of 2 workers equal to those of 1 to the last bit: {equal}")
            different += int((~same).sum()) + (not equal)
            print(f"2 workers against 1: {seconds['1 worker'] / seconds['2 workers']:.2f} times as "
                  f"fast, start included, on {available_processors()} processors")  # fmt: skip
            under, killing = killed_labels(
                folder, options.texts, teacher, cluster, options.kills, options.seed
            )
            different += under.scores.tobytes() != alone.scores.tobytes()
            wait_until(lambda: not cluster.workers())
            here = compared(folder, "process", "process", options)
            there = compared(folder, "cluster", cluster.address, options)
            different += numbers(here) != numbers(there)
            print(f"lost {killing.lost}, doubled {killing.doubled}, different {different}")
            return int(bool(killing.lost or killing.doubled or different))
    finally:
        cluster.stop()


if __name__ == "__main__":
    sys.exit(main())
