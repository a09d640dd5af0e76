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
from llkd.store.runs import write_probabilities  # noqa: E402

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
    labelling = store.labellings.find_or_create(
        project.id,
        label_set=label_set,
        config=TeacherConfig(),
        fingerprint="bench",
        teacher={"kind": "embedded", "name": "bench"},
        calibration="batch",
    )
    scores = rng.normal(0.0, 1.0, (rows, classes))
    scores[np.arange(rows), truth] += 2.0
    store.labellings.append(
        labelling,
        Scores(
            np.arange(rows),
            scores.astype(np.float32),
            np.full(rows, -1),
            np.full(rows, "logprob", dtype=object),
            np.full(rows, None, dtype=object),
        ),
    )
    store.projects.use_labelling(project.id, labelling.id)
    student = np.exp(rng.normal(0.0, 1.0, (rows, classes)))
    key = f"{store.labellings.version(labelling)}-batch-none"
    path = store.runs.probe_file(project.id, key)
    write_probabilities(path, np.arange(rows), student / student.sum(axis=1, keepdims=True))
    store.people.decide(project.id, range(0, rows, 100), "label", names[0])
    store.close()


def child(asked: argparse.Namespace) -> None:
    """One export or rebuild in this process; prints its figures as JSON."""
    from llkd.pipeline.rebuilding import rebuild
    from llkd.pipeline.selecting import export

    store = Store(asked.home)
    out = Path(asked.home) / f"out-{asked.child}"
    began = time.perf_counter()
    if asked.child == "rebuild":
        found = rebuild(store, Path(asked.home) / "out-all" / "manifest.json", out)
        assert all(found["files"].values()), found
    else:
        formats = list(FORMATS) if asked.child == "all" else [asked.child]
        project = store.projects.get("bench")
        found = export(store, project, out, formats=formats, validation=0.1)
    told = {
        "seconds": time.perf_counter() - began,
        "rows": found["rows"],
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    told["size"] = sum(f.stat().st_size for f in out.rglob("*") if f.is_file()) / 2**20
    if asked.child in {"csv", "jsonl", "parquet"}:
        if asked.child != "parquet":
            export(store, project, out, formats=["parquet"], validation=0.1)
        told["writing"], told["pandas"] = beside_pandas(out, asked.child)
        (out / "again").unlink()
    print(json.dumps(told))


def beside_pandas(out: Path, form: str) -> tuple[float, float]:
    """Seconds to write the rows of an export again: by this program's writer, and by pandas.

    Pandas writes no cell safe for spreadsheets and sums nothing up.
    """
    import pyarrow.parquet as pq

    from llkd.exporting.formats import write_csv
    from llkd.exporting.rows import json_lines

    table = pq.read_table(next(out.glob("curated-train.parquet")))
    frame, again = table.to_pandas(), out / "again"
    names = [f"class {k + 1}" for k in range(len(frame["teacher_probabilities"].iloc[0]))]
    if form == "csv":
        ours = timed(lambda: write_csv(table, again, names))
        frame[names] = np.stack(frame.pop("teacher_probabilities"))
        return ours, timed(lambda: frame.to_csv(again, index=False))
    if form == "jsonl":
        ours = timed(
            lambda: again.write_text("".join(f"{x}\n" for part in json_lines(table) for x in part))
        )
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
        found = json.loads(done.stdout)
        if not best or found["seconds"] < best["seconds"]:
            best = found
    return best


def main() -> None:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--classes", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--home", help=argparse.SUPPRESS)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        child(asked)
        return
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        make_project(home, asked.rows, asked.classes)
        print(f"{asked.rows:,} texts, {asked.classes} classes, all columns, validation 10 %")
        print(f"{'what':9} {'seconds':>8} {'rows/s':>9} {'peak MiB':>9} {'MiB':>7}  writing alone")
        for what in (*FORMATS, "all", "rebuild"):
            found = measured(home, what, asked.repeats)
            line = (
                f"{what:9} {found['seconds']:8.2f} {found['rows'] / found['seconds']:9,.0f} "
                f"{found['peak']:9,.0f} {found['size']:7,.1f}"
            )
            if "pandas" in found:
                ratio = found["pandas"] / found["writing"]
                line += (
                    f"  {found['writing']:.2f} s, pandas {found['pandas']:.2f} s "
                    f"(ratio {ratio:.1f})"
                )
            print(line, flush=True)


if __name__ == "__main__":
    main()
