"""What adding texts to a project costs, what it repeats, and what a kill leaves.

    python benchmarks/add_texts.py                             # 100,000 added to a million
    python benchmarks/add_texts.py --texts 50000 --added 5000
    python benchmarks/add_texts.py --kills 50 --texts 5000 --added 500

Texts of about twenty words, some of the new ones equal to one that is there and some nearly.
`llkd add` runs in a process of its own, with one thread. Then a small project is labelled by a
stand-in server, grows by a tenth and is labelled again: what the server was asked is counted, and
decisions, scores and the manifests of two exports from before are compared. With `--kills` the
command is killed at random moments instead: nothing half may be left.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # run from anywhere, not installed

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

from benchmarks.imports import CHILD, rows  # noqa: E402
from llkd.config import LabelSet  # noqa: E402
from llkd.maintenance import examine  # noqa: E402
from llkd.store import Project, Store  # noqa: E402

CLASSES = ["red", "blue"]
WAYS = {"known": 20, "near": 25}
"""One in so many of the new texts is one that is there, or nearly one."""


def made_texts(count: int, seed: int) -> list[str]:
    """Texts unlike one another."""
    source = rows(seed, 20, 0)
    return [f"{next(source)[0]} {number:x}" for number in range(count)]


def new_texts(texts: list[str], count: int) -> list[str]:
    """Texts of which some are there already and some nearly."""
    draw = random.Random(5)
    fresh = made_texts(count, 11)
    for place in range(count):
        if place % WAYS["known"] == 0:
            fresh[place] = draw.choice(texts)
        elif place % WAYS["near"] == 0:
            like = draw.choice(texts)
            cut = draw.randrange(len(like))
            fresh[place] = like[:cut] + "*" + like[cut + 1 :]
    return fresh


def made_project(store: Store, texts: list[str], name: str = "p") -> Project:
    """A project of these texts, half of them with gold, a quarter of these held out."""
    gold = [CLASSES[k % 2] if k % 4 < 2 else None for k in range(len(texts))]
    held_out = [k % 8 == 0 and gold[k] is not None for k in range(len(texts))]
    frame = pd.DataFrame(
        {
            "id": [f"t{k}" for k in range(len(texts))],
            "text": texts,
            "gold": gold,
            "split": np.where(held_out, "eval", "pool"),
        }
    )
    report = {"kept": len(texts), "gold": sum(g is not None for g in gold), "holdout": 0.25}
    return store.projects.create(
        name, frame, source="made", report=report, label_set=LabelSet.of(CLASSES)
    )


def file_of(folder: Path, texts: list[str]) -> Path:
    """A CSV of texts with gold."""
    path = folder / "new.csv"
    frame = pd.DataFrame({"text": texts, "label": [CLASSES[k % 2] for k in range(len(texts))]})
    frame.to_csv(path, index=False)
    return path


def command(home: Path, path: Path) -> list[str]:
    """`llkd add` of a file, in a process that says its peak of memory."""
    options = ["--text-column", "text", "--label-column", "label", "--json"]
    return [sys.executable, "-c", CHILD, "add", "p", str(path), "--home", str(home), *options]


def environment() -> dict[str, str]:
    """One thread, and the package from here."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


def sum_of(store: Store, project: Project) -> str:
    """The digest of everything that is stored of a project's texts."""
    total = hashlib.sha256()
    for column in ("row", "id", "text", "gold", "split"):
        values = store.projects.texts(project, [column])[column]
        total.update("\0".join(map(str, values)).encode())
    return total.hexdigest()


def speed(folder: Path, count: int, added: int) -> None:
    """Seconds and memory of one addition."""
    store = Store(folder / "home")
    texts = made_texts(count, 7)
    project = made_project(store, texts)
    before = sum_of(store, project)
    path = file_of(folder, new_texts(texts, added))
    begun = time.perf_counter()
    done = subprocess.run(
        command(folder / "home", path), capture_output=True, text=True, env=environment()
    )
    seconds = time.perf_counter() - begun
    if done.returncode:
        raise SystemExit(done.stderr)
    body, _, peak = done.stdout.rpartition("PEAK")
    result: dict[str, Any] = json.loads(body)
    larger = store.projects.get("p")
    begun = time.perf_counter()
    store.projects.texts(larger)
    reading = time.perf_counter() - begun
    print(f"texts there          {count:>12,}")
    print(f"records read         {result['rows']:>12,}")
    print(f"added                {result['added']:>12,}")
    print(f"there already        {result['known']:>12,}")
    near = [line for line in result["warnings"] if "nearly repeat" in line]
    print(f"nearly there         {near[0].split()[0] if near else 0:>12}")
    print(f"held out             {result['held_out'] / max(1, result['gold']):>12.1%} of gold")
    print(f"llkd add             {seconds:>12.1f} s, peak {float(peak):,.0f} MiB")
    print(f"reading all texts    {reading:>12.1f} s")
    print(
        f"texts of before      {'unchanged' if sum_of(store, project) == before else 'CHANGED':>12}"
    )
    store.close()


def repeats(folder: Path) -> None:
    """Calls, decisions and manifests over an addition of a tenth."""
    from llkd import workflows
    from llkd.config.selection_rule import rule_of_choices
    from tests.support.command_line import typed_document
    from tests.support.stand_in_server import completion, serving

    home = folder / "labelled"
    os.environ["LLKD_HOME"] = str(home)
    store = Store(home)
    texts = [f"message {k:04d} about {CLASSES[k % 2]}" for k in range(220)]
    project = made_project(store, texts[:200])

    def answer(request: dict[str, Any], _number: int) -> Any:
        first = ("A", "B") if "about red" in request["messages"][-1]["content"] else ("B", "A")
        return completion(first[0], [(first[0], -0.2), (first[1], -1.7)])

    with serving(answer) as server:
        label = (
            "label", "p", "--teacher=api:m", f"--base-url={server.url}", "--ask=letters",
            "--no-probe", "--concurrency=4",
        )  # fmt: skip
        typed_document(*label)
        [run] = store.labeling_runs.all(project.id)
        scores = store.labeling_runs.scores(run)
        store.decisions.decide(project.id, list(range(3, 60, 4)), "label", "blue")
        edits = store.decisions.edits(project.id)
        for number, choices in enumerate(({}, {"teacher_threshold": 0.7})):
            out = folder / f"out{number}"
            rule = rule_of_choices(**choices)
            workflows.export(store, store.projects.get("p"), out, rule, formats=["csv", "jsonl"])
        calls = len(server.requests)
        added = typed_document("add", "p", str(file_of(folder, texts[190:])))
        result = typed_document(*label)
        words = [json.dumps(entry["body"]) for entry in server.requests]
    calls_of_text = [sum(text in line for line in words) for text in texts]
    now = store.labeling_runs.scores(store.labeling_runs.get(run.id))
    print(f"\nadded to 200 labelled texts   {added['added']}, {added['known']} there already")
    print(
        f"calls before, and after       {calls}, {len(words) - calls} for {result['asked']} texts"
    )
    print(f"texts asked about twice       {sum(times > 1 for times in calls_of_text)}")
    changed = [edit for edit in store.decisions.edits(project.id) if edit not in edits]
    print(f"decisions changed             {len(changed)}")
    print(f"scores changed                {int((now.scores[:200] != scores.scores).sum())}")
    for number in range(2):
        again = workflows.rebuild(store, folder / f"out{number}" / "manifest.json")
        alike = all(again["files"].values())
        print(f"manifest {number} rebuilt            {'hash for hash' if alike else 'OTHERWISE'}")
    store.close()


def kills(folder: Path, count: int, added: int, number: int) -> None:
    """Kill `llkd add` at random moments; what is left is all of it or nothing."""
    store = Store(folder / "home")
    texts = made_texts(count, 7)
    project = made_project(store, texts)
    path = file_of(folder, new_texts(texts, added))
    before = sum_of(store, project)
    begun = time.perf_counter()
    subprocess.run(command(folder / "home", path), capture_output=True, env=environment())
    whole = time.perf_counter() - begun
    rows_of_all = store.projects.get("p").rows
    draw = random.Random(1)
    through = nothing = half = 0
    for attempt in range(number):
        store.projects.delete(store.projects.get("p").id)
        project = made_project(store, texts)
        process = subprocess.Popen(
            command(folder / "home", path), stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, env=environment(),
        )  # fmt: skip
        # Mostly late, where it writes; the imports of its libraries are the first half.
        time.sleep(whole * draw.uniform(0.3, 1.05) if attempt % 4 else whole * draw.random())
        process.kill()
        process.wait()
        now = store.projects.get("p")
        errors = [f for f in examine(store.home).findings if f.severity == "error"]
        texts_now = len(store.projects.texts(now))
        whole_or_none = now.rows in (count, rows_of_all) and texts_now == now.rows
        if errors or not whole_or_none or sum_of(store, project) != before:
            half += 1
        elif now.rows == count:
            nothing += 1
        else:
            through += 1
        again = subprocess.run(
            command(folder / "home", path), capture_output=True, text=True, env=environment()
        )
        if again.returncode or store.projects.get("p").rows != rows_of_all:
            half += 1
    left = f"{nothing} left nothing, {through} everything, {half} half"
    print(f"{number} kills of {whole:.1f} s: {left}")
    store.close()


def main() -> None:
    """Read the arguments and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=int, default=1_000_000)
    parser.add_argument("--added", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.kills:
            kills(folder, options.texts, options.added, options.kills)
            return
        speed(folder, options.texts, options.added)
        repeats(folder)


if __name__ == "__main__":
    main()
