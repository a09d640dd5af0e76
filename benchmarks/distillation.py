"""Which selection earns its keep: every arm of a fair comparison, on real sets, over seeds.

The data folder holds gzip CSV files with columns text, label (DATA_SETS names them). The pool's
labels are never trained on: a teacher labels it (by default the usual one of a fresh project, the
committee), the test texts judge. Arms of a seed see the same batches from the same start;
``samples`` means as many texts in every step as LLKD took. Prints Markdown: means over seeds with
whole times, and paired differences whose intervals over seeds and test texts hold together at 95 %
for each set.

    python benchmarks/distillation.py --data DATA [--sets ag_news,emotions] [--seeds 5] [--fresh]
        [--teacher embedded] [--epochs auto] [--pool N] [--test N] [--arms llkd,all,...]
        [--budgets epochs] [--evaluate-at end] [--home DIR] [--peers]

The rules of the neighbour strategies were tuned on draws of these sets. ``--fresh`` takes other
texts: of the half that ``benchmarks/labels.py`` and ``benchmarks/teacher_strength.py`` keep for
confirming, those first that no run of this script without it could have held; how many of the
others had to be taken is printed. ``--teacher right:0.9`` is a simulated one that is right in that
share and wrong at random. With ``--home`` a stopped benchmark goes on where it was.
``--peers`` trains Hugging Face's Trainer and ours in turn instead, and prints how fast each is
(benchmarks/peers.py).
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run from anywhere, not installed

from benchmarks import peers  # noqa: E402
from benchmarks.label_evidence.texts import text_rows  # noqa: E402
from llkd import jobs, workflows  # noqa: E402
from llkd.cli.output import ProgressBar, print_json  # noqa: E402
from llkd.config import LabelSet, TeacherConfig, TrainingConfig, build  # noqa: E402
from llkd.errors import NotFound  # noqa: E402
from llkd.evaluation.comparison.report import BUDGETS  # noqa: E402
from llkd.jobs.requests.teacher import usual_teacher  # noqa: E402
from llkd.store import Project, Store  # noqa: E402

DATA_SETS = {
    "ag_news": ("ag_news_pool", "ag_news_test"),
    "emotions": ("emotions_train", "emotions_test"),
    "csabstruct": ("csabstruct_train", "csabstruct_test"),
    "tweet_emotion": ("tweet_emotion_train", "tweet_emotion_test"),
    "clinc_domains": ("clinc_domains_train", "clinc_domains_test"),
}
ARMS = "llkd,all,random,teacher_then_random,neighbours"


def texts_of(data: Path, name: str, pool: int | None, test: int | None) -> pd.DataFrame:
    """Texts, gold and split of one set, at most so many of each part, drawn with a fixed seed."""
    parts = []
    for file, split, most in zip(DATA_SETS[name], ("pool", "eval"), (pool, test), strict=True):
        path = data / f"{file}.csv.gz"
        if not path.exists():
            sys.exit(f"{path} is missing: --data names a folder that holds {path.name}.")
        part = pd.read_csv(path, keep_default_na=False).drop_duplicates("text")
        part = part.sample(frac=1, random_state=0)[:most]
        parts.append(part.assign(split=split))
    # A text of both parts stays in the test part: the student must not have seen it.
    texts = pd.concat(parts[::-1], ignore_index=True).drop_duplicates("text", ignore_index=True)
    texts = texts.rename(columns={"label": "gold"})
    return texts.assign(id=[str(row) for row in range(len(texts))])


TUNED_POOL, TUNED_TEST = 2000, 1000
"""The largest draws without ``--fresh`` by which rules were tuned (docs/experiments.md)."""


def fresh_texts(data: Path, name: str, pool: int, test: int) -> tuple[pd.DataFrame, int]:
    """Texts to confirm on, those first that were not tuned on; how many of them were.

    Of the half of the set that is kept for confirming, the test texts first.
    """
    half = text_rows(data, name, "confirm")
    tuned = set(texts_of(data, name, TUNED_POOL, TUNED_TEST)["text"])
    known = half["text"].isin(tuned)
    half = pd.concat([half[~known], half[known]])[: pool + test]
    if len(half) <= test:
        sys.exit(f"{name} has {len(half):,} texts to confirm on: --test must be less.")
    half = half.rename(columns={"label": "gold"}).reset_index(drop=True)
    half["split"] = ["eval"] * test + ["pool"] * (len(half) - test)
    half = half.sample(frac=1, random_state=0, ignore_index=True)
    texts = half.assign(id=[str(row) for row in range(len(half))])
    return texts, int(half["text"].isin(tuned).sum())


def simulated(texts: pd.DataFrame, right: float, path: Path) -> TeacherConfig:
    """A file of labels that are right in the share ``right`` and otherwise any other, at random."""
    rng = np.random.default_rng(5)
    names = sorted(texts["gold"].unique())
    wrong = rng.random(len(texts)) >= right
    label = [
        rng.choice([name for name in names if name != gold]) if errs else gold
        for gold, errs in zip(texts["gold"], wrong, strict=True)
    ]
    pd.DataFrame({"id": texts["id"], "label": label}).to_csv(path, index=False)
    return TeacherConfig(teacher=f"file:{path}")


def teacher_of(named: str, project: Project, texts: pd.DataFrame, folder: Path) -> TeacherConfig:
    """The teacher of ``--teacher``; files of labels of simulated ones lie in ``folder``."""
    kind, _, value = named.partition(":")
    if kind == "right":
        return simulated(texts, float(value), folder / f"{project.name}-{value}.csv")
    return usual_teacher(project.rows) if named == "usual" else TeacherConfig(teacher=named)


def project_of(store: Store, name: str, texts: pd.DataFrame) -> Project:
    """The set as a project, made once."""
    try:
        return store.projects.get(name)
    except NotFound:
        names = sorted(texts["gold"].unique())
        report = {"rows": len(texts), "kept": len(texts), "labels": names}
        return store.projects.create(
            name,
            texts,
            source=name,
            report={**report, "dropped": {}, "warnings": []},
            label_set=LabelSet.of(names),
        )


def compared(
    store: Store,
    project: Project,
    config: TrainingConfig,
    teacher: TeacherConfig,
    seeds: int,
    arms: Sequence[str],
    budgets: Sequence[str] = BUDGETS,
) -> dict[str, Any]:
    """Label, embed, and train every arm with every seed."""

    def work(job: jobs.JobContext) -> dict[str, Any]:
        labelled = workflows.label(store, project, teacher, job)
        current = store.projects.get(project.name)
        workflows.embed_and_probe(store, current, job)
        report = workflows.compare(
            store, current, config, job, seeds=seeds, arms=arms, budgets=budgets
        )
        return {**report.document(), "labelling_seconds": labelled["seconds"]}

    title = f"Distillation on {project.name}"
    return jobs.run(store, work, kind="benchmark", title=title, show=ProgressBar())


def raced(
    store: Store, project: Project, config: TrainingConfig, rounds: int
) -> list[dict[str, Any]]:
    """Label, embed, and let the peers and ours train in turn."""

    def work(job: jobs.JobContext) -> list[dict[str, Any]]:
        workflows.label(store, project, TeacherConfig(), job)
        current = store.projects.get(project.name)
        workflows.embed_and_probe(store, current, job)
        return peers.race(store, current, config, job, rounds)

    title = f"Training speed on {project.name}"
    return jobs.run(store, work, kind="benchmark", title=title, show=ProgressBar())


def print_tables(report: Mapping[str, Any], seeds: int) -> None:
    """The arms, then what may be said of their differences."""
    teacher = report["teacher"]
    print(f"\n### {report['project']}: {seeds} seed{'s' * (seeds > 1)}\n")
    print("| arm | budget | accuracy | macro-F1 | samples | share | labels right | seconds |")
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    print(f"| (teacher) | | {teacher['accuracy']:.3f} | {teacher['macro_f1']:.3f} | | | | |")
    for row in report["arms"]:
        print(
            f"| {row['arm']} | {row['budget']} | {row['accuracy']:.3f} | {row['macro_f1']:.3f} "
            f"| {row['backpropagated']:,} | {row['selected_share']:.3f} "
            f"| {row['selected_accuracy']:.3f} | {_seconds(row['seconds'])} |"
        )
    print("\n| arm | budget | minus | accuracy (points) | macro-F1 (points) |")
    print("|---|---|---|---|---|")
    for difference in report["differences"]:
        cells = [_points(difference[metric]) for metric in ("accuracy", "macro_f1")]
        cells = [difference[key] for key in ("arm", "budget", "rival")] + cells
        print(f"| {' | '.join(cells)} |")
    print(f"\n{report['conclusion']}")


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _points(value: Mapping[str, float]) -> str:
    clear = " **" if value["low"] > 0 or value["high"] < 0 else " "
    low, high = 100 * value["low"], 100 * value["high"]
    return f"{clear}{100 * value['value']:+.1f}{clear.strip()} [{low:+.1f}, {high:+.1f}]".strip()


def main() -> None:
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line does
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", default=",".join(DATA_SETS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument(
        "--epochs", default="auto", help="of every arm, or as usual for each (auto)"
    )
    parser.add_argument(
        "--teacher", default="usual", help="usual (the default), right:0.9, or one by name"
    )
    parser.add_argument("--fresh", action="store_true", help="texts that nothing was tuned on")
    parser.add_argument("--budgets", default=",".join(BUDGETS), help="epochs, samples or both")
    parser.add_argument("--evaluate-at", choices=("epoch", "end"), default="epoch")
    parser.add_argument("--pool", type=int, help="at most so many texts to learn from")
    parser.add_argument("--test", type=int, help="at most so many texts to judge on")
    parser.add_argument("--arms", default=ARMS, help="or every")
    parser.add_argument("--home", help="keep everything here")
    parser.add_argument("--peers", action="store_true", help="training speed beside Trainer")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    unknown = set(arguments.sets.split(",")) - set(DATA_SETS)
    if unknown:
        sys.exit(f"There is no set {min(unknown)!r}. The sets are {', '.join(DATA_SETS)}.")

    with tempfile.TemporaryDirectory() as temporary:
        store = Store(arguments.home or temporary)
        documents: list[dict[str, Any]] = []
        for name in arguments.sets.split(","):
            if arguments.fresh:
                texts, before = fresh_texts(
                    arguments.data,
                    name,
                    arguments.pool or TUNED_POOL,
                    arguments.test or TUNED_TEST,
                )
                if not arguments.json:
                    print(f"{name}: {before:,} of {len(texts):,} texts were drawn in tuning, too.")
            else:
                texts = texts_of(arguments.data, name, arguments.pool, arguments.test)
            project = project_of(store, name, texts)
            config = build(
                TrainingConfig, epochs=arguments.epochs, evaluate_at=arguments.evaluate_at
            )
            if arguments.peers:
                config = build(TrainingConfig, config.model_dump(), epochs=config.epochs or 1)
                rows = raced(store, project, config, arguments.seeds)
                documents.append({"project": name, "peers": rows})
                if not arguments.json:
                    peers.print_table(name, rows, arguments.seeds)
                continue
            report = compared(
                store,
                project,
                config,
                teacher_of(arguments.teacher, project, texts, Path(arguments.home or temporary)),
                arguments.seeds,
                arguments.arms.split(","),
                arguments.budgets.split(","),
            )
            documents.append(report)
            if not arguments.json:
                print_tables(report, arguments.seeds)
        if arguments.json:
            print_json(documents)
        store.close()


if __name__ == "__main__":
    main()
