"""What an import costs: memory against the file's size, and near-duplicates a second.

    python benchmarks/imports.py                 # files of 300 MB, 100,000 texts
    python benchmarks/imports.py --megabytes 60

Each file is imported by `llkd import` in a process of its own; the peak is the most memory that
process held at once (VmHWM), beyond what a process holds that has imported a file of ten rows.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # run from anywhere, not installed

_LETTERS = random.Random(7)
WORDS = [
    "".join(_LETTERS.choices("etaoinshrdlucmfwypvbgkjqxz", k=2 + k % 9)) for k in range(20_000)
]
CHILD = """
import sys
from llkd.cli import main
code = main(sys.argv[1:])
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(f"PEAK {int(peak.split()[1]) / 1024:.0f}")
sys.exit(code)
"""


def rows(seed: int, words: int, other: int) -> Iterator[tuple[str, str]]:
    """Texts of about ``words`` words, and an unused column of ``other`` characters."""
    draw = random.Random(seed)
    while True:
        text = " ".join(draw.choices(WORDS, k=max(3, int(draw.gauss(words, words / 4)))))
        yield text, "".join(draw.choices("abcdefghijklmnop", k=8)) * (other // 8)


def csv_file(path: Path, size: int, words: int, other: int) -> None:
    """A CSV of ``size`` bytes."""
    with path.open("w", encoding="utf-8") as stream:
        stream.write("id,text,other\n")
        for number, (text, unused) in enumerate(rows(1, words, other)):
            stream.write(f"{number},{text},{unused}\n")
            if stream.tell() > size:
                return


def jsonl_file(path: Path, size: int, words: int, other: int) -> None:
    """JSON Lines of ``size`` bytes."""
    with path.open("w", encoding="utf-8") as stream:
        for number, (text, unused) in enumerate(rows(2, words, other)):
            stream.write(json.dumps({"id": number, "text": text, "other": unused}) + "\n")
            if stream.tell() > size:
                return


def json_file(path: Path, size: int, words: int, other: int) -> None:
    """One JSON array of ``size`` bytes."""
    with path.open("w", encoding="utf-8") as stream:
        stream.write("[")
        for number, (text, unused) in enumerate(rows(3, words, other)):
            comma = ",\n" if number else ""
            stream.write(comma + json.dumps({"id": number, "text": text, "other": unused}))
            if stream.tell() > size:
                break
        stream.write("]")


def parquet_file(path: Path, size: int, words: int, other: int) -> None:
    """Parquet, uncompressed, of about ``size`` bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([("id", pa.int64()), ("text", pa.string()), ("other", pa.string())])
    source = enumerate(rows(4, words, other))
    with pq.ParquetWriter(path, schema, compression="none", use_dictionary=False) as writer:
        written = 0
        while written < size:
            part = [(number, *row) for number, row in (next(source) for _ in range(20_000))]
            table = pa.table(list(zip(*part, strict=True)), schema=schema)
            writer.write_table(table)
            written += table.nbytes


def utf16_file(path: Path, size: int, words: int, other: int) -> None:
    """A CSV of ``size`` bytes in UTF-16."""
    with path.open("w", encoding="utf-16") as stream:
        stream.write("id,text,other\n")
        for number, (text, unused) in enumerate(rows(5, words, other)):
            stream.write(f"{number},{text},{unused}\n")
            if number % 1000 == 0 and stream.tell() > size:
                return


def measured(path: Path, home: Path, *more: str) -> tuple[float, float]:
    """Peak in MiB and seconds of importing ``path``."""
    begun = time.perf_counter()
    command = [sys.executable, "-c", CHILD, "import", str(path), "--project", path.name]
    done = subprocess.run(
        [*command, "--home", str(home), "--text-column", "text", *more],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    peak = next(line for line in done.stdout.splitlines() if line.startswith("PEAK"))
    return float(peak.split()[1]), time.perf_counter() - begun


def memory(folder: Path, size: int) -> None:
    """The table of files against peaks."""
    small = folder / "small.csv"
    csv_file(small, 500, 12, 8)
    base, _ = measured(small, folder / "home")
    print(f"A process that imports a few rows peaks at {base:,.0f} MiB; growth is beyond that.\n")
    heading = f"{'file':34}  {'file MiB':>8}  {'growth MiB':>10}  {'of the file':>11}  seconds"
    print(heading + "\n" + "-" * len(heading))
    cases: tuple[tuple[str, Callable[[Path, int, int, int], None], str, int, int], ...] = (
        ("CSV, short texts, big other column", csv_file, "a.csv", 12, 2000),
        ("CSV, long texts only", csv_file, "b.csv", 400, 8),
        ("CSV, short texts only", csv_file, "c.csv", 20, 8),
        ("JSON Lines, big other column", jsonl_file, "d.jsonl", 12, 2000),
        ("JSON Lines, long texts", jsonl_file, "e.jsonl", 400, 8),
        ("one JSON array", json_file, "f.json", 100, 800),
        ("Parquet, not compressed", parquet_file, "g.parquet", 100, 800),
        ("CSV in UTF-16", utf16_file, "h.csv", 100, 800),
    )
    for title, write, name, words, other in cases:
        path = folder / name
        write(path, size, words, other)
        peak, seconds = measured(path, folder / "home")
        mib = path.stat().st_size / 2**20
        print(
            f"{title:34}  {mib:8,.0f}  {peak - base:10,.0f}  {(peak - base) / mib:11.2f}  "
            f"{seconds:7.1f}",
            flush=True,
        )
        path.unlink()


def near(texts: int) -> None:
    """Seconds for near-duplicates among short texts, and how many of the planted are found."""
    from llkd.datasets.checks.near_duplicates import near_groups

    draw = random.Random(0)
    texts_made = [" ".join(draw.choices(WORDS, k=draw.randint(12, 24))) for _ in range(texts)]
    planted = draw.sample(range(texts // 2), texts // 20)
    for position, original in enumerate(planted):
        text = texts_made[original]
        cut = draw.randrange(len(text))
        texts_made[texts // 2 + position] = text[:cut] + "#" + text[cut + 1 :]
    begun = time.perf_counter()
    chunks = (texts_made[start : start + 20_000] for start in range(0, texts, 20_000))
    first = near_groups(chunks, texts, lambda rows: [texts_made[row] for row in rows])
    seconds = time.perf_counter() - begun
    hits = sum(first[texts // 2 + k] == first[o] for k, o in enumerate(planted))
    wrong = sum(first[row] != row for row in range(texts)) - hits
    print(
        f"\nNear-duplicates among {texts:,} short texts: {seconds:.1f} s "
        f"({texts / seconds:,.0f} a second); of {len(planted):,} planted {hits:,} found, "
        f"{wrong:,} others."
    )


def templated(texts: int) -> None:
    """Seconds where texts share a template, most pairs just above or just below the threshold."""
    from llkd.datasets.checks.near_duplicates import near_groups

    draw = random.Random(0)
    for what, filled in (("above", "today"), ("below", "on {} May in {} parcels and {} bags")):
        start = "Dear customer, your order number {:06d} has been shipped "
        form = (
            start + filled + " and will arrive within a few days. Thank you for shopping with us."
        )
        texts_made = [
            form.format(k, *(draw.randint(1, 99) for _ in range(3))) for k in range(texts)
        ]
        begun = time.perf_counter()
        chunks = (texts_made[first : first + 20_000] for first in range(0, texts, 20_000))
        groups = near_groups(
            chunks, texts, lambda rows, texts_made=texts_made: [texts_made[row] for row in rows]
        )
        seconds = time.perf_counter() - begun
        print(
            f"Of one template, most pairs {what} the threshold: {texts:,} texts, {seconds:.1f} s "
            f"({texts / seconds:,.0f} a second), {len(set(groups.tolist())):,} groups."
        )


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=300, help="of each file [300]")
    parser.add_argument("--texts", type=int, default=100_000, help="for near-duplicates [100000]")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        memory(Path(folder), arguments.megabytes << 20)
    near(arguments.texts)
    templated(arguments.texts // 5)


if __name__ == "__main__":
    main()
