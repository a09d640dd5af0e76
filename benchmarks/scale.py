"""How time and memory grow with the texts: import, near-duplicates, labels, plane, select, export.

    python benchmarks/scale.py [--rows 10000,100000,1000000] [--classes 4] [--seed 0] [--keep DIR]
        [--json FILE]

Makes a CSV file of varied texts and a file of a teacher's probabilities for each size, then runs
every stage as a process of its own, as a person would type it. A sampler adds up the resident
memory of that process and all it starts. *Reading alone* is what Arrow takes for the CSV file with
one thread: what all else is held against. The search for near-duplicates, which an import of many
texts begins in the background, is ended there and measured as a stage of its own, so that it
disturbs no other. Signals are given, not computed: a student's probabilities are written where the
probe would write them, so no model runs. Prints a Markdown table for each size with the seconds
that all processors spent, how each stage grows (the exponent k of rows to the power k, between
neighbouring sizes and over all), and the targets. Needs the packages of requirements-dev.txt.
Nothing is kept, unless --keep names a folder.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from llkd.datasets.limits import MANY_TEXTS  # noqa: E402

EVERY = 0.05
TARGET_ROWS, TARGET_SECONDS, TARGET_GIB = 1_000_000, 20.0, 2.0
STAGE_TARGETS = {
    "labels given": 4.0, "near-duplicates": 60.0, "export CSV": 5.0, "export Parquet": 5.0
}  # fmt: skip
READING = "reading alone"
TO_PLANE = ("import", "labels given", "signals given", "plane")
THRESHOLDS = ("--teacher-threshold=0.6", "--student-threshold=0.3")
LETTERS = np.array(list("etaoinshrdlucmfwypvbgkjqxz\u00e9\u00fc\u00df\u4e2d"))


@dataclass(frozen=True)
class Measured:
    """One stage at one size: seconds, those of processors, peak bytes of all its processes."""

    seconds: float
    peak: int
    processor: float


def write_files(folder: Path, rows: int, classes: int, seed: int) -> tuple[Path, Path]:
    """A CSV file of texts of 2 to 120 words, and a Parquet file of probabilities by class."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(seed)
    letters = rng.choice(LETTERS, (20_000, 12))
    sizes = rng.integers(2, 13, 20_000)
    words = ["".join(line[:size]) for line, size in zip(letters, sizes, strict=True)]
    # Commas, quotes, line ends and formulas: what a CSV reader stumbles over.
    words += ["yes,", '"no"', "and\nthen", "=SUM(A1)", "it's", "100%"] * 100
    lexicon = np.array(words, dtype=object)
    texts_path, labels_path = folder / "texts.csv", folder / "labels.parquet"
    schema = pa.schema(
        [("text", pa.string()), *((f"class {k + 1}", pa.float64()) for k in range(classes))]
    )
    with texts_path.open("w", encoding="utf-8", newline="") as file, pq.ParquetWriter(
        labels_path, schema
    ) as labels:  # fmt: skip
        file.write("id,text\n")
        for start in range(0, rows, 50_000):
            count = min(50_000, rows - start)
            lengths = np.clip(rng.lognormal(2.7, 0.7, count), 2, 120).astype(int)
            word_draws = lexicon[rng.integers(0, len(lexicon), int(lengths.sum()))]
            ends = np.cumsum(lengths)
            texts = [
                f"{start + k} {' '.join(word_draws[end - length : end])}"
                for k, (end, length) in enumerate(zip(ends, lengths, strict=True))
            ]
            file.writelines(
                f'M{start + k},"{text.replace(chr(34), chr(34) * 2)}"\n'
                for k, text in enumerate(texts)
            )
            table = dict(zip(schema.names[1:], probabilities(rng, count, classes).T, strict=True))
            labels.write_table(pa.table({"text": texts, **table}, schema=schema))
    return texts_path, labels_path


def probabilities(rng: np.random.Generator, rows: int, classes: int) -> np.ndarray:
    """``[rows, classes]``, from sure to unsure."""
    weights = rng.gamma(rng.uniform(0.05, 1.5, (rows, 1)), size=(rows, classes)) + 1e-6
    return weights / weights.sum(axis=1, keepdims=True)


def measured(command: list[str], home: Path) -> Measured:
    """Run a command to its end; its wall time and the peak memory of its process tree."""
    environment = {**os.environ, "LLKD_HOME": str(home), "PYTHONPATH": str(ROOT)}
    started, used = time.perf_counter(), processor_seconds()
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    peak = [0]
    done = threading.Event()

    def sample() -> None:
        own = psutil.Process(process.pid)
        while not done.wait(EVERY):
            peak[0] = max(peak[0], resident(own))

    sampler = threading.Thread(target=sample, daemon=True)
    sampler.start()
    output = process.communicate()[0]
    seconds = time.perf_counter() - started
    done.set()
    sampler.join()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}:\n{output[-2000:]}")
    return Measured(seconds, peak[0], processor_seconds() - used)


def processor_seconds() -> float:
    """Of all processes that were started here and have ended, and of all that these started."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def resident(process: psutil.Process) -> int:
    """Bytes that a process and all below it hold now."""
    total = 0
    try:
        for part in (process, *process.children(recursive=True)):
            try:
                total += part.memory_info().rss
            except psutil.Error:
                continue
    except psutil.Error:
        pass
    return total


def stages(folder: Path, rows: int, classes: int, seed: int) -> dict[str, Measured]:
    """Every stage on so many texts, each in processes of its own."""
    texts, labels = write_files(folder, rows, classes, seed)
    home = folder / "home"
    llkd = [sys.executable, "-m", "llkd"]
    own = [sys.executable, str(Path(__file__).resolve()), "--stage"]
    names = ",".join(f"class {k + 1}" for k in range(classes))
    commands = {
        READING: [*own, "read", "--file", str(texts)],
        "import": [*llkd, "import", str(texts), "--project=scale", f"--labels={names}"],
        "near-duplicates": [*llkd, "near-duplicates", "scale"],
        "labels given": [
            *llkd, "label", "scale", f"--teacher=file:{labels}", "--calibration=none", "--no-probe",
        ],
        "signals given": [*own, "signals"],
        "plane": [*own, "plane"],
        "select": [*llkd, "select", "scale", *THRESHOLDS],
        "export CSV": [*llkd, "export", "scale", f"--out={folder / 'csv'}", *THRESHOLDS],
        "export Parquet": [
            *llkd, "export", "scale", f"--out={folder / 'parquet'}", "--format=parquet", *THRESHOLDS
        ],
    }  # fmt: skip
    stages_measured = {}
    for name, command in commands.items():
        if name == "near-duplicates":
            if rows < MANY_TEXTS:  # the import has looked for them
                continue
            end_search(home)
        stages_measured[name] = measured(command, home)
        print(
            f"{rows:>9,}  {name:15} {stages_measured[name].seconds:7.1f} s",
            file=sys.stderr,
            flush=True,
        )
    return stages_measured


def end_search(home: Path, name: str = "scale") -> None:
    """End the job that looks for near-duplicates in the background, if it has not ended."""
    from llkd import jobs
    from llkd.store import Store

    store = Store(home)
    for job in jobs.all_jobs(store):
        if jobs.refreshed(store, job.id).live:
            jobs.cancel(store, job.id)
        while jobs.refreshed(store, job.id).live:
            time.sleep(EVERY)
    project = store.projects.get(name)
    store.projects.add_to_report(project.id, {"near_duplicates": None}, without="", warnings=())
    store.close()


def read(path: str) -> None:
    """Read the CSV file as Arrow does, with one thread."""
    from pyarrow import csv

    csv.read_csv(
        path,
        read_options=csv.ReadOptions(use_threads=False),
        parse_options=csv.ParseOptions(newlines_in_values=True),
    )


def give_signals() -> None:
    """Write a student's probabilities where the probe would write them."""
    from llkd import curation
    from llkd.store import Store
    from llkd.store.files.probabilities import write_probabilities

    store = Store()
    project = store.projects.get("scale")
    labeling_run = curation.active_labeling_run(store, project)
    classes = len(labeling_run.label_set.labels)
    teacher_probs = probabilities(np.random.default_rng(1), project.rows, classes)
    # The last part names the embeddings that a probe was fitted on; there are none.
    key = f"{store.labeling_runs.version(labeling_run)}-{labeling_run.calibration}-none"
    write_probabilities(store.probes.path(project.id, key), np.arange(project.rows), teacher_probs)
    store.close()


def pack() -> None:
    """Everything the web process does until the plane can be sent: read, derive, pack."""
    from llkd import curation
    from llkd.store import Store
    from ui.decision_plane import pack_plane

    store = Store()
    project = store.projects.get("scale")
    plane = curation.load_plane(store, project)
    unknown = int(np.isnan(plane.frame["information_need"].to_numpy()).sum())
    if unknown or len(plane.frame) != project.rows:
        raise SystemExit(f"{unknown} of {len(plane.frame)} rows have no place on the plane")
    pack_plane(plane)
    store.projects.texts(project.id, ["text"])  # the table below the plane shows them
    store.close()


def exponent(small: float, large: float, ratio: float) -> float:
    """What k is in ``large / small = ratio ** k``."""
    return math.log(large / small) / math.log(ratio)


def size_table(rows: int, stages: dict[str, Measured]) -> str:
    """Seconds and peak memory of each stage at one size."""
    lines = [
        f"### {rows:,} texts", "",
        "| stage | seconds | of processors | times reading alone | peak memory |",
        "|---|---:|---:|---:|---:|",
    ]  # fmt: skip
    alone = stages[READING].processor

    def line(name: str, seconds: float, processor: float, peak: int) -> str:
        ratio = f"{processor / alone:.1f}"
        return f"| {name} | {seconds:.1f} | {processor:.1f} | {ratio} | {peak / 2**30:.2f} GiB |"

    for name, stage in stages.items():
        lines.append(line(name, stage.seconds, stage.processor, stage.peak))
    path = [stages[name] for name in TO_PLANE]
    seconds, peak = sum(stage.seconds for stage in path), max(stage.peak for stage in path)
    processor = sum(stage.processor for stage in path)
    lines.append(line("**import to plane**", seconds, processor, peak))
    return "\n".join(lines)


def growth_table(all_found: dict[int, dict[str, Measured]]) -> str:
    """The exponents of time and of memory between neighbouring sizes."""
    sizes = sorted(all_found)
    pairs = list(zip(sizes, sizes[1:], strict=False))
    heads = " | ".join(f"{short(a)} to {short(b)}" for a, b in pairs)
    lines = [
        "### How it grows", "",
        f"| stage | time: {heads} | memory: {heads} |",
        "|---|" + "---:|" * (2 * len(pairs)),
    ]  # fmt: skip
    for name in all_found[sizes[-1]]:
        cells = []
        for what in ("seconds", "peak"):
            for a, b in pairs:
                if name not in all_found[a]:
                    cells.append("–")
                    continue
                before, after = (getattr(all_found[n][name], what) for n in (a, b))
                cells.append(f"{exponent(before, after, b / a):.2f}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def short(rows: int) -> str:
    """10k, 1M."""
    if rows % 1_000_000 == 0:
        return f"{rows // 1_000_000}M"
    return f"{rows // 1000}k" if rows % 1000 == 0 else f"{rows:,}"


def targets(stages: dict[str, Measured]) -> str:
    """The targets for a million texts, met or not."""
    path = [stages[name] for name in TO_PLANE]
    seconds, peak = sum(stage.seconds for stage in path), max(stage.peak for stage in path)
    largest = max(stage.peak for stage in stages.values())
    rows = [
        ("import to plane", f"{seconds:.1f} s", f"< {TARGET_SECONDS:.0f} s",
         seconds < TARGET_SECONDS),
        ("memory, import to plane", f"{peak / 2**30:.2f} GiB", f"< {TARGET_GIB:.0f} GiB",
         peak < TARGET_GIB * 2**30),
        ("memory, every stage", f"{largest / 2**30:.2f} GiB", f"< {TARGET_GIB:.0f} GiB",
         largest < TARGET_GIB * 2**30),
    ]  # fmt: skip
    rows += [
        (name, f"{stages[name].seconds:.1f} s", f"< {most:.0f} s", stages[name].seconds < most)
        for name, most in STAGE_TARGETS.items()
    ]
    lines = [
        "### Targets for 1,000,000 texts",
        "",
        "| what | measured | target | |",
        "|---|---:|---:|---|",
    ]
    lines += [f"| {a} | {b} | {c} | {'met' if met else '**not met**'} |" for a, b, c, met in rows]
    return "\n".join(lines)


def main() -> None:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", default="10000,100000,1000000")
    parser.add_argument("--classes", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", metavar="DIR", help="keep the files and homes there")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write what was measured there, too"
    )
    parser.add_argument("--stage", choices=("read", "signals", "plane"), help=argparse.SUPPRESS)
    parser.add_argument("--file", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.stage == "read":
        read(arguments.file)
        return
    if arguments.stage:
        {"signals": give_signals, "plane": pack}[arguments.stage]()
        return
    by_size: dict[int, dict[str, Measured]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for rows in sorted(int(part) for part in arguments.rows.split(",")):
            folder = Path(arguments.keep or scratch).resolve() / str(rows)
            folder.mkdir(parents=True)
            by_size[rows] = stages(folder, rows, arguments.classes, arguments.seed)
            print(size_table(rows, by_size[rows]), end="\n\n", flush=True)
            if arguments.json:
                document = {
                    size: {name: asdict(stage) for name, stage in by_stage.items()}
                    for size, by_stage in by_size.items()
                }
                arguments.json.write_text(json.dumps(document), "utf-8")
    if len(by_size) > 1:
        print(growth_table(by_size), end="\n\n")
    if TARGET_ROWS in by_size:
        print(targets(by_size[TARGET_ROWS]))


if __name__ == "__main__":
    main()
