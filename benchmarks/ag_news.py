"""LLKD and its controls on AG News: the table of a fair comparison, over seeds.

The data folder holds ``ag_news_pool.csv.gz`` and ``ag_news_test.csv.gz`` with columns text, label.

    python benchmarks/ag_news.py --data DATA [--seeds 3] [--epochs 1] [--limit N] [--home DIR]

With ``--home`` a stopped benchmark goes on where it was.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run from anywhere, not installed

from llkd import jobs, pipeline  # noqa: E402
from llkd.cli.output import ProgressBar, print_json, print_table  # noqa: E402
from llkd.cli.reports import RUN_COLUMNS  # noqa: E402
from llkd.config import LabelSet, TeacherConfig, TrainingConfig  # noqa: E402
from llkd.errors import NotFound  # noqa: E402
from llkd.store import Project, Store  # noqa: E402

PROJECT = "AG News"


def import_ag_news(store: Store, data: Path, limit: int | None) -> Project:
    """The pool without its labels as far as training goes, and the test texts held out."""
    try:
        return store.projects.get(PROJECT)
    except NotFound:
        pass
    parts = []
    for name, split in (("ag_news_pool.csv.gz", "pool"), ("ag_news_test.csv.gz", "eval")):
        path = data / name
        if not path.exists():
            sys.exit(f"{path} is missing: --data names a folder that holds {name}.")
        part = pd.read_csv(path, keep_default_na=False)[:limit]
        parts.append(part.assign(split=split))
    texts = pd.concat(parts, ignore_index=True).drop_duplicates("text", ignore_index=True)
    texts = texts.rename(columns={"label": "gold"})
    texts["id"] = [str(row) for row in range(len(texts))]
    names = sorted(texts["gold"].unique())
    report = {
        "rows": len(texts),
        "kept": len(texts),
        "dropped": {},
        "labels": names,
        "warnings": [],
    }
    return store.projects.create(
        PROJECT, texts, source="AG News", report=report, label_set=LabelSet.of(names)
    )


def main() -> None:
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line does
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--limit", type=int, help="only the first texts of each file")
    parser.add_argument("--home", help="keep everything here")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()

    with tempfile.TemporaryDirectory() as temporary:
        store = Store(given.home or temporary)
        project = import_ag_news(store, given.data, given.limit)
        config = TrainingConfig(epochs=given.epochs)

        def work(job: jobs.JobContext) -> dict[str, Any]:
            taught = pipeline.label(store, project, TeacherConfig(), job)
            current = store.projects.get(project.name)
            compared = pipeline.compare(store, current, config, job, seeds=given.seeds)
            return {**compared, "labelling_seconds": taught["seconds"]}

        found = jobs.run(
            store, work, kind="benchmark", title="AG News", arguments=[], show=ProgressBar()
        )
        if given.json:
            print_json(found)
        else:
            columns = {key: value for key, value in RUN_COLUMNS.items() if key != "state"}
            print_table([{"strategy": "(teacher)", **found["teacher"]}, *found["runs"]], columns)
            print()
            print_table(
                found["arms"], {k: v for k, v in columns.items() if k not in {"run", "seed"}}
            )
            print(found["conclusion"])
            print(f"The teacher took {found['labelling_seconds']:,.0f} s.")
        store.close()


if __name__ == "__main__":
    main()
