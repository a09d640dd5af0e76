"""How fast a curated set of n rows is exported and rebuilt: seconds, rows a second, peak memory.

    python benchmarks/export.py [--rows 100000] [--classes 4] [--repeats 3]

Makes a project of n texts of about 100 bytes in a temporary home (signals are drawn, not computed:
no model runs). Each export is `llkd export` in a process of its own, with all columns and a
validation split: format by format, then all of them together, then `llkd rebuild` of that. Seconds
are the whole command without starting Python and importing, the best of the repeats; beside each
format stands what pandas takes to write the same frame, in the same process. Nothing is kept.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from llkd.config import LabelSet, TeacherConfig  # noqa: E402
from llkd.store import Scores, Store  # noqa: E402
from llkd.store.files.probabilities import write_probabilities  # noqa: E402

FORMATS = ("csv", "jsonl", "parquet", "hf", "hf-zip")
WORDS = np.array(
    "street light water bridge market school garden winter council report train museum".split()
)


def make_project(home: Path, rows: int, classes: int) -> None:
    """A labelled project with the probe's signals and one edit in a hundred rows."""
    rng = np.random.default_rng(0)
    names = [f"class {k + 1}" for k in range(classes)]
    words = WORDS[rng.integers(0, len(WORDS), (rows, 14))]
    texts = [f"{k} {' '.join(line)}"[:100] for k, line in enumerate(words.tolist())]
    truth = rng.integers(0, classes, rows)
    store = Store(home)
    frame = pd.DataFrame(
        {
            "id": [str(k) for k in range(rows)],
            "text": texts,
            "gold": np.array(names)[truth],
            "split": "pool",
        }
    )
    report = {"rows": rows, "kept": rows, "dropped": {}, "labels": names, "warnings": []}
    label_set = LabelSet.of(names)
    project = store.projects.create(
        "bench", frame, source="bench.csv", report=report, label_set=label_set
    )
    labeling_run = store.labeling_runs.find_or_create(
        project.id,
        label_set=label_set,
        config=TeacherConfig(),
        fingerprint="bench",
        teacher={"kind": "embedded", "name": "bench"},
        calibration="batch",
    )
    scores = rng.normal(0.0, 1.0, (rows, classes))
    scores[np.arange(rows), truth] += 2.0
    store.labeling_runs.append(
        labeling_run,
        Scores(
            np.arange(rows),
            scores.astype(np.float32),
            np.full(rows, -1),
            np.full(rows, "logprob", dtype=object),
            np.full(rows, None, dtype=object),
        ),
    )
    store.projects.use_labelling(project.id, labeling_run.id)
    student = np.exp(rng.normal(0.0, 1.0, (rows, classes)))
    key = f"{store.labeling_runs.version(labeling_run)}-batch-none"
    path = store.probes.path(project.id, key)
    write_probabilities(path, np.arange(rows), student / student.sum(axis=1, keepdims=True))
    store.decisions.decide(project.id, range(0, rows, 100), "label", names[0])
    store.close()


def child(arguments: argparse.Namespace) -> None:
    """One export or rebuild in this process; prints its figures as JSON."""
    from llkd.workflows.rebuilding import rebuild
    from llkd.workflows.selection import export

    store = Store(arguments.home)
    out = Path(arguments.home) / f"out-{arguments.child}"
    began = time.perf_counter()
    if arguments.child == "rebuild":
        rebuilt = rebuild(store, Path(arguments.home) / "out-all" / "manifest.json", out)
        assert all(rebuilt["files"].values()), rebuilt
    else:
        formats = list(FORMATS) if arguments.child == "all" else [arguments.child]
        project = store.projects.get("bench")
        rebuilt = export(store, project, out, formats=formats, validation=0.1)
    document = {
        "seconds": time.perf_counter() - began,
        "rows": rebuilt["rows"],
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    document["size"] = sum(f.stat().st_size for f in out.rglob("*") if f.is_file()) / 2**20
    if arguments.child in {"csv", "jsonl", "parquet"}:
        if arguments.child != "parquet":
            export(store, project, out, formats=["parquet"], validation=0.1)
        document["writing"], document["pandas"] = beside_pandas(out, arguments.child)
        (out / "again").unlink()
    print(json.dumps(document))


def beside_pandas(out: Path, form: str) -> tuple[float, float]:
    """Seconds to write the rows of an export again: by this program's writer, and by pandas.

    Pandas writes no cell safe for spreadsheets and sums nothing up.
    """
    import pyarrow.parquet as pq

    from llkd.exporting.formats import write_csv
    from llkd.exporting.json_rows import json_lines, line_bytes

    table = pq.read_table(next(out.glob("curated-train.parquet")))
    frame, again = table.to_pandas(), out / "again"
    names = [f"class {k + 1}" for k in range(len(frame["teacher_probabilities"].iloc[0]))]
    if form == "csv":
        ours = timed(lambda: write_csv(table, again, names))
        frame[names] = np.stack(frame.pop("teacher_probabilities"))
        return ours, timed(lambda: frame.to_csv(again, index=False))
    if form == "jsonl":
        ours = timed(lambda: again.write_bytes(b"".join(map(line_bytes, json_lines(table)))))
        return ours, timed(lambda: frame.to_json(again, orient="records", lines=True))
    ours = timed(lambda: pq.write_table(table, again, compression="zstd"))
    return ours, timed(lambda: frame.to_parquet(again, index=False, compression="zstd"))


def timed(work: Callable[[], object]) -> float:
    """Seconds that it takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def measured(home: Path, what: str, repeats: int) -> dict[str, float]:
    """The best of some runs, each in a fresh process."""
    command = [sys.executable, __file__, "--home", str(home), "--child", what]
    best: dict[str, float] = {}
    for _ in range(repeats):
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        if done.returncode:
            raise SystemExit(done.stderr)
        document = json.loads(done.stdout)
        if not best or document["seconds"] < best["seconds"]:
            best = document
    return best


def main() -> None:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--classes", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--home", help=argparse.SUPPRESS)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments)
        return
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        make_project(home, arguments.rows, arguments.classes)
        print(
            f"{arguments.rows:,} texts, {arguments.classes} classes, all columns, validation 10 %"
        )
        print(f"{'what':9} {'seconds':>8} {'rows/s':>9} {'peak MiB':>9} {'MiB':>7}  writing alone")
        for what in (*FORMATS, "all", "rebuild"):
            times = measured(home, what, arguments.repeats)
            line = (
                f"{what:9} {times['seconds']:8.2f} {times['rows'] / times['seconds']:9,.0f} "
                f"{times['peak']:9,.0f} {times['size']:7,.1f}"
            )
            if "pandas" in times:
                ratio = times["pandas"] / times["writing"]
                line += (
                    f"  {times['writing']:.2f} s, pandas {times['pandas']:.2f} s "
                    f"(ratio {ratio:.1f})"
                )
            print(line, flush=True)


if __name__ == "__main__":
    main()
