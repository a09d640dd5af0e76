"""What each calibration and prompt is worth: the embedded teacher on AG News and Emotions.

The data folder holds ``ag_news_pool.csv.gz``, ``ag_news_test.csv.gz``, ``emotions_train.csv.gz``
and ``emotions_test.csv.gz`` with columns text, label. Test texts judge; few-shot examples come
from the other file, with its labels. ``batch`` takes its bias from the judged texts (no label is
needed for it), a temperature is fitted on four fifths of them and used on the last fifth in turn.

    python benchmarks/calibration.py --data DATA [--texts 400] [--pool 1000] [--home DIR]

With ``--home`` answers are kept, so that a stopped benchmark goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run from anywhere, not installed

from llkd import jobs, workflows  # noqa: E402
from llkd.cli.output import ProgressBar  # noqa: E402
from llkd.config import LabelSet, TeacherConfig  # noqa: E402
from llkd.errors import NotFound  # noqa: E402
from llkd.store import Project, Store  # noqa: E402

DATA_SETS = {
    "AG News": ("ag_news_pool.csv.gz", "ag_news_test.csv.gz"),
    "Emotions": ("emotions_train.csv.gz", "emotions_test.csv.gz"),
}
SHOTS = 8
PROMPTS = {
    "zero-shot, sum": {"verbaliser_score": "sum"},
    "zero-shot, mean": {"verbaliser_score": "mean"},
    "zero-shot, first token": {"verbaliser_score": "first_token"},
    f"{SHOTS} balanced examples": {"examples": "balanced"},
    f"{SHOTS} nearest examples": {"examples": "nearest"},
}
FIGURES = {
    "accuracy": "accuracy",
    "macro_f1": "macro-F1",
    "auroc": "AUROC",
    "ece": "ECE",
    "aurc": "AURC",
}


def import_texts(store: Store, name: str, data: Path, pool: int, texts: int, seed: int) -> Project:
    """A project of ``texts`` held-out texts and a pool to take examples from."""
    title = f"{name}, {texts} of {pool} texts, seed {seed}"
    try:
        return store.projects.get(title)
    except NotFound:
        pass
    parts = []
    for file, split, count in zip(DATA_SETS[name], ("pool", "eval"), (pool, texts), strict=True):
        path = data / file
        if not path.exists():
            sys.exit(f"{path} is missing: --data names a folder that holds {file}.")
        part = pd.read_csv(path, keep_default_na=False)
        part = part.sample(min(count, len(part)), random_state=seed)
        parts.append(part.assign(split=split))
    # The held-out copy of a text stays: no example may be a text that judges.
    frame = pd.concat(parts[::-1]).drop_duplicates("text", ignore_index=True)
    frame = frame.rename(columns={"label": "gold"})
    frame["id"] = [str(row) for row in range(len(frame))]
    names = sorted(frame["gold"].unique())
    report = {
        "rows": len(frame),
        "kept": len(frame),
        "dropped": {},
        "labels": names,
        "warnings": [],
    }
    return store.projects.create(
        title, frame, source=name, report=report, label_set=LabelSet.of(names)
    )


def measure(
    store: Store, project: Project, texts: int, seed: int, job: jobs.JobContext
) -> list[dict[str, Any]]:
    """One line for each prompt and calibration; prompts that come out alike stand together.

    Where every class is one token, the rules of scoring several tokens are the same.
    """
    lines: list[dict[str, Any]] = []
    alike: dict[str, str] = {}
    for prompt, changes in PROMPTS.items():
        config = TeacherConfig(example_source="gold", example_count=SHOTS, **changes)
        result = workflows.compare_prompts(store, project, config, {}, job, rows=texts, seed=seed)
        (candidate,) = result["candidates"]
        figures = json.dumps(candidate["measures"])
        first = alike.setdefault(figures, prompt)
        if first != prompt:
            for line in lines:
                line["prompt"] += f" = {prompt.split(', ')[-1]}" if line["key"] == first else ""
            continue
        for line in candidate["measures"]:
            lines.append(
                {"key": prompt, "prompt": prompt, "rows": result["rows"], **candidate, **line}
            )
    return lines


def show(name: str, lines: list[dict[str, Any]]) -> None:
    """Print one data set's table as Markdown."""
    print(f"\n### {name}: {lines[0]['rows']:,} texts\n")
    print(f"| prompt | calibration | {' | '.join(FIGURES.values())} | T |")
    print("|---|---|" + "---:|" * (len(FIGURES) + 1))
    for line in lines:
        figures = ["-" if line[key] is None else f"{line[key]:.3f}" for key in FIGURES]
        low, high = line["accuracy_low"], line["accuracy_high"]
        figures[0] += f" ({low:.3f} to {high:.3f})"
        temperature = f"{line['temperature']:.2f}"
        print(
            f"| {line['prompt']} | {line['calibration']} | {' | '.join(figures)} | {temperature} |"
        )
    pace_of = {line["prompt"]: line["texts_per_second"] for line in lines}
    rates = [f"{prompt} {rate:.1f}" for prompt, rate in pace_of.items() if rate is not None]
    if rates:
        print(f"\nTexts a second: {'; '.join(rates)}.")


def main() -> None:
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line does
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--texts", type=int, default=400, help="judged texts of each data set")
    parser.add_argument("--pool", type=int, default=1000, help="texts to take examples from")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--home", help="keep answers here")
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory() as temporary:
        store = Store(arguments.home or temporary)
        for name in DATA_SETS:
            project = import_texts(
                store, name, arguments.data, arguments.pool, arguments.texts, arguments.seed
            )
            results: list[dict[str, Any]] = []

            def work(
                job: jobs.JobContext,
                project: Project = project,
                results: list[dict[str, Any]] = results,
            ) -> dict[str, Any]:
                results += measure(store, project, arguments.texts, arguments.seed, job)
                return {"lines": len(results)}

            jobs.run(store, work, kind="benchmark", title=name, show=ProgressBar())
            show(name, results)
        store.close()


if __name__ == "__main__":
    main()
