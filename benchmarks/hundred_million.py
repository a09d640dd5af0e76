"""What 100 million texts would take on a cluster: arithmetic from what is measured here.

    python benchmarks/hundred_million.py [--texts 100000000] [--rows 100000,200000] [--classes 4]
        [--scale FILE] [--rates 20,500,5000] [--workers 1,8,64] [--worker-hour 2.0] [--json]

Two things are measured, at the two sizes of ``--rows``, each in a process of its own; the
difference between the sizes is what a further text costs:

- the process that drives labelling: a teacher that answers at once stands where the workers of a
  cluster would be, in ranges planned as theirs are (``text-ranges.npz``), so what remains is the
  driver's own work: reading texts, planning, keeping answers, writing parts;
- what then lies on the disk, by folder.

``--scale`` names what ``benchmarks/scale.py --json`` wrote: its stages are extended the same way,
from its two largest sizes. ``--rates`` are texts a second of one worker and ``--worker-hour`` the
price of one for an hour: assumptions to choose by what one's own workers do, not measured here.
Nothing of 100 million texts is run.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # run from anywhere, not installed

from benchmarks.scale import LETTERS, probabilities  # noqa: E402
from llkd import jobs, workflows  # noqa: E402
from llkd.config import LabelSet, TeacherConfig  # noqa: E402
from llkd.labeling.cluster_teacher import RANGE_TEXTS, RANGE_TEXTS_ON_GPUS  # noqa: E402
from llkd.labeling.session import FLUSH_SECONDS  # noqa: E402
from llkd.labeling.text_ranges import text_ranges  # noqa: E402
from llkd.store import Store  # noqa: E402
from llkd.teachers.base import ScoredBatch  # noqa: E402

WORDS = 20
DISK = ("texts", "scores", "answers", "database", "plan", "rest")


class AtOnce:
    """Answers at once, in ranges planned as a cluster's: what remains is the driver's own work."""

    def __init__(self, classes: int, plan: Path, size: int) -> None:
        """``plan``: the file of the ranges, of ``size`` texts each."""
        self.cut = 0
        self._classes, self._plan, self._size = classes, plan, size
        self.heartbeat = lambda: None
        self.ranges = 0

    def describe(self) -> dict[str, Any]:
        """Its fingerprint."""
        return {"kind": "local", "model": "at once"}

    def score(self, texts: Sequence[str]) -> Iterator[ScoredBatch]:
        """Yield made-up scores of each range."""
        rng = np.random.default_rng(0)
        for each in text_ranges(texts, self._size, self._plan):
            self.ranges += 1
            index = np.array(each.positions, dtype=np.int64)
            scores = np.log(probabilities(rng, len(index), self._classes)).astype(np.float32)
            yield ScoredBatch(index, scores, np.full(len(index), -1), "logprob", None, 100, 0)

    def content_free(self) -> np.ndarray:
        """Scores of texts without content."""
        return np.zeros((3, self._classes), dtype=np.float32)

    def prompt(self, text: str) -> str:
        """Not sent to anybody."""
        return text

    def close(self) -> None:
        """Nothing is held."""


def drive(rows: int, classes: int, size: int) -> dict[str, Any]:
    """Label ``rows`` made-up texts with the teacher that answers at once; what that took."""
    rng = np.random.default_rng(1)
    lexicon = np.array(["".join(rng.choice(LETTERS, 6)) for _ in range(5_000)], dtype=object)
    texts = [
        f"{row} {' '.join(words)}"
        for row, words in enumerate(lexicon[rng.integers(0, len(lexicon), (rows, WORDS))])
    ]
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "home")
        names = [f"class {k + 1}" for k in range(classes)]
        frame = pd.DataFrame({"id": list(map(str, range(rows))), "text": texts})
        frame = frame.assign(gold=None, split="pool")
        report = {"rows": rows, "kept": rows, "dropped": {}, "labels": [], "warnings": []}
        project = store.projects.create(
            "far", frame, source="made up", report=report, label_set=LabelSet.of(names)
        )
        del frame, texts
        plan = Path(folder) / "text-ranges.npz"
        teacher = AtOnce(classes, plan, size)

        def work(job: jobs.JobContext) -> dict[str, Any]:
            config = TeacherConfig(teacher="embedded")
            return workflows.label(store, project, config, job, teacher=teacher, calibration="none")

        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started = time.perf_counter()
        jobs.run(store, work, kind="benchmark", title="far", device=None)
        seconds = time.perf_counter() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        store.close()
        home = Path(folder) / "home"
        return {
            "rows": rows,
            "seconds": seconds,
            "memory": (peak - before) * 1024,
            "ranges": teacher.ranges,
            "disk": {**disk_of(home), "plan": plan.stat().st_size},
        }


def disk_of(home: Path) -> dict[str, int]:
    """Bytes below a home by what they are."""
    measures = dict.fromkeys(DISK, 0)
    for path in home.rglob("*"):
        if not path.is_file():
            continue
        parts = path.relative_to(home).parts
        if path.name == "texts.parquet":
            measures["texts"] += path.stat().st_size
        elif path.name.startswith("answers.db"):
            measures["answers"] += path.stat().st_size
        elif path.name.startswith("part-"):
            measures["scores"] += path.stat().st_size
        elif path.name.startswith("llkd.db"):
            measures["database"] += path.stat().st_size
        elif parts[0] not in ("locks", "jobs"):
            measures["rest"] += path.stat().st_size
    return measures


def in_own_process(rows: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """:func:`drive` in a process of its own, so that memory is its own."""
    command = [
        sys.executable, str(Path(__file__).resolve()), "--drive", str(rows),
        "--classes", str(arguments.classes), "--range-texts", str(arguments.range_texts),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def at_size(rows: Sequence[int], values: Sequence[float], texts: int) -> tuple[float, float]:
    """What a further text costs between two sizes, and what so many ``texts`` would."""
    slope = max(0.0, (values[1] - values[0]) / (rows[1] - rows[0]))
    return slope, values[1] + slope * (texts - rows[1])


def spelled_bytes(value: float) -> str:
    """GiB or MiB."""
    return f"{value / 2**30:,.1f} GiB" if value >= 2**30 else f"{value / 2**20:,.1f} MiB"


def spelled_seconds(value: float) -> str:
    """Days, hours, minutes or seconds."""
    for size, name in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if value >= 2 * size:
            return f"{value / size:,.1f} {name}"
    return f"{value:,.1f} s"


def print_driver(measures: Sequence[dict[str, Any]], texts: int) -> float:
    """The driver's table; the texts a second that it can take."""
    rows = [each["rows"] for each in measures]
    print(f"### The process that drives labelling, and the disk, at {texts:,} texts\n")
    print(f"| what | at {rows[0]:,} | at {rows[1]:,} | a further text | at {texts:,} |")
    print("|---|---:|---:|---:|---:|")
    values = [each["seconds"] for each in measures]
    slope, total = at_size(rows, values, texts)
    cells = [spelled_seconds(value) for value in values]
    print(
        f"| seconds of its own | {' | '.join(cells)} | {1e6 * slope:,.0f} µs "
        f"| {spelled_seconds(total)} |"
    )
    most = 1 / slope if slope else float("inf")
    rows_of = {"memory it needs": [each["memory"] for each in measures]}
    rows_of |= {f"disk: {name}": [each["disk"][name] for each in measures] for name in DISK}
    for name, sizes in rows_of.items():
        slope, total = at_size(rows, sizes, texts)
        cells = [spelled_bytes(value) for value in sizes]
        print(f"| {name} | {' | '.join(cells)} | {slope:,.0f} B | {spelled_bytes(total)} |")
    ranges = [-(-texts // size) for size in (RANGE_TEXTS, RANGE_TEXTS_ON_GPUS)]
    print(
        f"\n{ranges[0]:,} ranges of {RANGE_TEXTS} texts on processors, {ranges[1]:,} of "
        f"{RANGE_TEXTS_ON_GPUS:,} on GPUs. The driver takes at most {most:,.0f} texts a second, "
        "however many workers there are.\n"
    )
    return most


def print_stages(document: dict[str, Any], texts: int) -> None:
    """Every stage of benchmarks/scale.py at so many texts."""
    sizes = sorted(int(rows) for rows in document)[-2:]
    print(f"### The stages of benchmarks/scale.py, from {sizes[0]:,} and {sizes[1]:,} texts\n")
    print(
        f"| stage | seconds at {sizes[1]:,} | at {texts:,} | memory at {sizes[1]:,} "
        f"| at {texts:,} |"
    )
    print("|---|---:|---:|---:|---:|")
    for name in document[str(sizes[1])]:
        pairs = [document[str(size)].get(name) for size in sizes]
        if None in pairs:
            continue
        seconds = at_size(sizes, [pair["seconds"] for pair in pairs], texts)[1]
        peak = at_size(sizes, [pair["peak"] for pair in pairs], texts)[1]
        last = pairs[1]
        print(
            f"| {name} | {last['seconds']:.1f} | {spelled_seconds(seconds)} "
            f"| {spelled_bytes(last['peak'])} | {spelled_bytes(peak)} |"
        )
    print()


def print_workers(arguments: argparse.Namespace, most: float) -> None:
    """Time and money by the rate and the number of the workers, bounded by the driver.

    A part is written every FLUSH_SECONDS; they are merged at the end.
    """
    print(
        f"### Labelling {arguments.texts:,} texts at {arguments.worker_hour:g} an hour and worker\n"
    )
    print("| texts/s of a worker | workers | texts/s | time | price | parts | bound by |")
    print("|---:|---:|---:|---:|---:|---:|---|")
    for rate in map(float, arguments.rates.split(",")):
        for workers in map(int, arguments.workers.split(",")):
            pace = min(rate * workers, most)
            seconds = arguments.texts / pace
            price = seconds / 3600 * workers * arguments.worker_hour
            bound = "driver" if most < rate * workers else "workers"
            print(
                f"| {rate:g} | {workers} | {pace:,.0f} | {spelled_seconds(seconds)} "
                f"| {price:,.0f} | {seconds / FLUSH_SECONDS:,.0f} | {bound} |"
            )


def main() -> None:
    """Read the options, measure, extend, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=int, default=100_000_000)
    parser.add_argument("--rows", default="100000,200000")
    parser.add_argument("--classes", type=int, default=4)
    parser.add_argument("--range-texts", type=int, default=RANGE_TEXTS_ON_GPUS)
    parser.add_argument("--scale", type=Path, metavar="FILE", help="of benchmarks/scale.py --json")
    parser.add_argument("--rates", default="20,500,5000")
    parser.add_argument("--workers", default="1,8,64")
    parser.add_argument("--worker-hour", type=float, default=2.0)
    parser.add_argument("--json", action="store_true", help="print what was measured, too")
    parser.add_argument("--drive", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.drive:
        print(json.dumps(drive(arguments.drive, arguments.classes, arguments.range_texts)))
        return
    rows = sorted(int(part) for part in arguments.rows.split(","))
    if len(rows) != 2:
        sys.exit("--rows names two sizes, such as 100000,200000.")
    measures = [in_own_process(count, arguments) for count in rows]
    most = print_driver(measures, arguments.texts)
    if arguments.scale:
        print_stages(json.loads(arguments.scale.read_text("utf-8")), arguments.texts)
    print_workers(arguments, most)
    if arguments.json:
        print(json.dumps(measures))


if __name__ == "__main__":
    main()
