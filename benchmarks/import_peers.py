"""Import beside reading with other libraries, and near-duplicates beside two other packages.

    python benchmarks/import_peers.py [--rows 1000000] [--pairs-rows 100000] [--threads 1]

Needs what requirements-dev.txt does not bring: polars, duckdb, datasketch and rensa, installed in
any way (of those that are not there nothing is printed).

*Reading*: the CSV file of ``benchmarks/scale.py`` is read to strings by Arrow, polars, duckdb and
pandas, and imported by ``llkd import``, which also looks at every text, numbers, hashes, measures
and stores them. Each in a process of its own with so many threads; seconds of the clock and of
processors, peak memory, and the ratio of processor seconds to Arrow's, all of one run.

*Near-duplicates*: texts of 12 to 24 words of which one in twenty is a near copy of another. The
same pairs are wanted of all: five-character pieces, a Jaccard similarity of 0.85 or more. Wanted
pairs are known exactly: every pair that shares a piece is compared among a sample of 2,000 texts
and their copies. ``datasketch`` and ``rensa`` give candidates by 168 minima in 24 bands, as the
import does; precision is theirs before any pair is compared, as they compare none.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

THRESHOLD, BANDS, ROUNDS = 0.85, 24, 7
SAMPLE = 2_000
READERS = ("pyarrow", "polars", "duckdb", "pandas")
FINDERS = ("llkd", "datasketch", "rensa")
Pairs = set[tuple[int, int]]


def read(library: str, path: str, threads: int) -> int:
    """Read a CSV file to strings; how many rows it has."""
    if library == "pyarrow":
        import pyarrow as pa
        from pyarrow import csv

        table = csv.read_csv(
            path,
            read_options=csv.ReadOptions(use_threads=threads > 1),
            parse_options=csv.ParseOptions(newlines_in_values=True),
            convert_options=csv.ConvertOptions(column_types={"id": pa.string()}),
        )
        return int(table.num_rows)
    if library == "polars":
        import polars

        return len(polars.read_csv(path, infer_schema=False))
    if library == "duckdb":
        import duckdb

        duckdb.execute(f"SET threads = {threads}")
        query = "CREATE TABLE t AS SELECT * FROM read_csv(?, all_varchar = true)"
        duckdb.execute(query, [path])
        return int(duckdb.execute("SELECT count(*) FROM t").fetchall()[0][0])
    import pandas as pd

    return len(pd.read_csv(path, dtype=str, keep_default_na=False))


def texts_with_copies(rows: int) -> list[str]:
    """Short texts, the last twentieth of them near copies of the first ones."""
    from imports import WORDS

    draw = random.Random(0)
    texts = [" ".join(draw.choices(WORDS, k=draw.randint(12, 24))) for _ in range(rows)]
    for copy in range(rows // 20):
        original = texts[copy]
        cut = draw.randrange(len(original))
        changed = original[:cut] + "#" + original[cut + 1 :]
        # Some stay above the threshold and some fall below it.
        texts[rows - 1 - copy] = changed + " " + " ".join(draw.choices(WORDS, k=copy % 4))
    return texts


def pieces(text: str) -> set[str]:
    """The five-character pieces of a text as the import sees it."""
    from llkd.datasets.checks.near_duplicates import normal

    comparable = normal(text)
    return {comparable[k : k + 5] for k in range(max(len(comparable) - 4, 1))}


def near_by_llkd(texts: list[str]) -> Pairs:
    """Pairs of a text and the first one of its group."""
    from llkd.datasets.checks.near_duplicates import near_groups

    parts = (texts[start : start + 20_000] for start in range(0, len(texts), 20_000))
    first = near_groups(parts, len(texts), lambda rows: [texts[row] for row in rows])
    return {(int(a), b) for b, a in enumerate(first) if a != b}


def near_by_datasketch(texts: list[str]) -> Pairs:
    """Candidates of an index of MinHash signatures."""
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(num_perm=BANDS * ROUNDS, params=(BANDS, ROUNDS))
    pairs: Pairs = set()
    for row, text in enumerate(texts):
        signature = MinHash(num_perm=BANDS * ROUNDS)
        signature.update_batch([piece.encode() for piece in pieces(text)])
        pairs.update((other, row) for other in index.query(signature))
        index.insert(row, signature, check_duplication=False)
    return pairs


def near_by_rensa(texts: list[str]) -> Pairs:
    """Candidates of an index of MinHash signatures, in Rust."""
    from rensa import RMinHash, RMinHashLSH

    index = RMinHashLSH(threshold=THRESHOLD, num_perm=BANDS * ROUNDS, num_bands=BANDS)
    pairs: Pairs = set()
    for row, text in enumerate(texts):
        signature = RMinHash(num_perm=BANDS * ROUNDS, seed=1)
        signature.update(list(pieces(text)))
        pairs.update((other, row) for other in index.query(signature) if other != row)
        index.insert(row, signature)
    return pairs


def wanted_pairs(texts: list[str]) -> tuple[Pairs, set[int]]:
    """Every pair at the threshold that has a text of the sample in it, and the sample."""
    rows = len(texts)
    half = min(SAMPLE, rows // 20)
    sample = [*range(half), *(rows - 1 - k for k in range(half))]
    sets = {row: pieces(texts[row]) for row in sample}
    holders: dict[str, list[int]] = {}
    for row in sample:
        for piece in sets[row]:
            holders.setdefault(piece, []).append(row)
    pairs: Pairs = set()
    for row, text in enumerate(texts):
        own = sets.get(row) or pieces(text)
        shared: dict[int, int] = {}
        for piece in own:
            for other in holders.get(piece, ()):
                shared[other] = shared.get(other, 0) + 1
        for other, both in shared.items():
            if other != row and both >= THRESHOLD * (len(own) + len(sets[other]) - both):
                pairs.add((min(row, other), max(row, other)))
    return pairs, set(sample)


def child(arguments: argparse.Namespace) -> None:
    """One reading or one search in this process; prints its figures as JSON."""
    what: str = arguments.child
    work: Callable[[], Any]
    importlib.import_module({"llkd": "llkd.datasets.checks.near_duplicates"}.get(what, what))
    if what in READERS:
        work = lambda: read(what, arguments.file, arguments.threads)  # noqa: E731
    else:
        texts = json.loads(Path(arguments.file).read_text(encoding="utf-8"))
        finder = {"llkd": near_by_llkd, "datasketch": near_by_datasketch, "rensa": near_by_rensa}
        work = lambda: finder[what](texts)  # noqa: E731
    began, used = time.perf_counter(), time.process_time()
    result = work()
    document: dict[str, Any] = {
        "seconds": time.perf_counter() - began,
        "processor": time.process_time() - used,
    }
    if isinstance(result, set):
        document["pairs"] = sorted(map(list, result))
    status = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    print(json.dumps({**document, "peak": peak / 2**20}, default=int))


def measured(arguments: argparse.Namespace, what: str, file: Path) -> dict[str, Any] | None:
    """The figures of one child; None where its package is not there."""
    if what != "llkd" and importlib.util.find_spec(what) is None:
        return None
    threads = str(arguments.threads)
    environment = {**os.environ, "POLARS_MAX_THREADS": threads, "OMP_NUM_THREADS": threads}
    command = [
        sys.executable,
        __file__,
        f"--child={what}",
        f"--file={file}",
        f"--threads={threads}",
    ]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(done.stderr)
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def reading(arguments: argparse.Namespace, folder: Path) -> None:
    """The table of imports beside reading."""
    import scale

    texts, _ = scale.write_files(folder, arguments.rows, 4, 0)
    print(f"### {arguments.rows:,} texts, {texts.stat().st_size >> 20:,} MiB of CSV\n")
    print("| what | seconds | of processors | times Arrow's | peak memory |")
    print("|---|---:|---:|---:|---:|")
    alone = 0.0
    for library in READERS:
        figures = measured(arguments, library, texts)
        if figures is not None:
            alone = alone or figures["processor"]
            _line(f"read by {library}", figures, alone)
    command = [sys.executable, "-m", "llkd", "import", str(texts), "--project=peers"]
    stage = scale.measured(command, folder / "home")
    figures = {"seconds": stage.seconds, "processor": stage.processor, "peak": stage.peak / 2**30}
    _line("`llkd import`", figures, alone)
    scale.end_search(folder / "home", "peers")
    stage = scale.measured(
        [sys.executable, "-m", "llkd", "near-duplicates", "peers"], folder / "home"
    )
    figures = {"seconds": stage.seconds, "processor": stage.processor, "peak": stage.peak / 2**30}
    _line("`llkd near-duplicates`, in the background of it", figures, alone)


def _line(name: str, figures: dict[str, Any], alone: float) -> None:
    print(
        f"| {name} | {figures['seconds']:.1f} | {figures['processor']:.1f} | "
        f"{figures['processor'] / alone:.1f} | {figures['peak']:.2f} GiB |",
        flush=True,
    )


def near(arguments: argparse.Namespace, folder: Path) -> None:
    """The table of near-duplicates."""
    texts = texts_with_copies(arguments.pairs_rows)
    file = folder / "texts.json"
    file.write_text(json.dumps(texts), encoding="utf-8")
    wanted, sample = wanted_pairs(texts)
    print(f"\n### Near-duplicates among {len(texts):,} texts\n")
    print("| package | seconds | of processors | peak memory | recall | precision |")
    print("|---|---:|---:|---:|---:|---:|")
    for finder in FINDERS:
        figures = measured(arguments, finder, file)
        if figures is None:
            continue
        pairs = {(min(pair), max(pair)) for pair in figures["pairs"] if sample & set(pair)}
        hits = len(pairs & wanted)
        print(
            f"| {finder} | {figures['seconds']:.1f} | {figures['processor']:.1f} | "
            f"{figures['peak']:.2f} GiB | {hits / len(wanted):.2%} | "
            f"{hits / max(len(pairs), 1):.2%} |",
            flush=True,
        )
    print(f"\n{len(wanted):,} pairs with a text of the sample in them are wanted.")


def main() -> None:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--pairs-rows", type=int, default=100_000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--file", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments)
        return
    with tempfile.TemporaryDirectory() as scratch:
        if arguments.rows:
            reading(arguments, Path(scratch))
        if arguments.pairs_rows:
            near(arguments, Path(scratch))


if __name__ == "__main__":
    main()
