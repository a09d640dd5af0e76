"""What labels that people give before any teacher are worth to it, as examples.

    python benchmarks/first_labels.py --data DATA [--sets AG_News CLINC] [--texts 600] [--draws 5]
        [--llm-texts 80] [--llm-draws 2]

DATA holds the .csv.gz files named in SETS. Of each class 0, 2 and 8 texts of the pool are examples,
drawn anew for each draw, and never among the texts that judge. Label similarity gets them beside
the names; the embedded language model reads them in its prompt, under the calibration ``batch``.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run from anywhere, not installed

from llkd.config import LabelSet, TeacherConfig  # noqa: E402
from llkd.selection import signals  # noqa: E402
from llkd.teachers.base import NO_EXAMPLES, Example, FewShot, Teacher  # noqa: E402
from llkd.teachers.registry import make_teacher  # noqa: E402
from llkd.teachers.similarity import SimilarityTeacher  # noqa: E402

SETS = {
    "AG_News": "ag_news_pool",
    "CLINC": "clinc_domains_train",
    "CSAbstruct": "csabstruct_train",
    "TweetEval": "tweet_emotion_train",
}
USUAL = ("AG_News", "TweetEval")
SHOTS = (0, 2, 8)


@dataclass(frozen=True)
class TextSet:
    """Texts ``[n]`` in random order with the place of each one's class."""

    labels: LabelSet
    texts: list[str]
    label: np.ndarray
    vectors: list[np.ndarray] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(USUAL))
    parser.add_argument("--texts", type=int, default=600)
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--llm-texts", type=int, default=80)
    parser.add_argument("--llm-draws", type=int, default=2)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ.setdefault("LLKD_HOME", home)
        print("| set | teacher | examples a class | right | spread |")
        print("|---|---|---:|---:|---:|")
        for name in arguments.sets:
            texts = read(arguments.data, name)
            row(name, "similarity", texts, arguments.texts, arguments.draws)
            if arguments.llm_texts:
                row(name, "embedded", texts, arguments.llm_texts, arguments.llm_draws)


def read(folder: Path, name: str) -> TextSet:
    """A set of DATA, shuffled once."""
    path = folder / f"{SETS[name]}.csv.gz"
    if not path.is_file():
        raise SystemExit(f"{path} is missing: --data names the folder that holds it.")
    frame = pd.read_csv(path).sample(frac=1.0, random_state=0)
    names = sorted(frame["label"].unique())
    places = frame["label"].map({each: k for k, each in enumerate(names)})
    labels = LabelSet.of([each.replace("_", " ") for each in names])
    return TextSet(labels, frame["text"].astype(str).tolist(), places.to_numpy())


def row(name: str, kind: str, texts: TextSet, count: int, draws: int) -> None:
    """Print the shares right of one teacher, with each number of examples."""
    judged, pool = np.arange(count), np.arange(count, len(texts.texts))
    judged_texts = [texts.texts[k] for k in judged]
    home = Path(os.environ["LLKD_HOME"])
    for shots in SHOTS:
        rights = []
        for seed in range(draws if shots else 1):
            config = TeacherConfig(
                teacher=kind,
                examples="balanced" if shots else "none",
                example_count=max(1, min(64, shots * len(texts.labels.names))),
            )
            few = examples(texts, pool, shots, seed)
            teacher = make_teacher(config, texts.labels, home, examples=few)
            if isinstance(teacher, SimilarityTeacher):
                teacher.expect(judged_texts, vectors_of(texts, count))
            scores = answered(teacher, judged_texts, len(texts.labels.names))
            if kind == "embedded":
                scores = scores - signals.calibration_bias(scores, "batch")
            rights.append(float((scores.argmax(axis=1) == texts.label[judged]).mean()))
            teacher.close()
        figures = f"{100 * np.mean(rights):.1f} % | {100 * np.std(rights):.1f}"
        print(f"| {name} | {kind} | {shots} | {figures} |", flush=True)


def vectors_of(texts: TextSet, count: int) -> np.ndarray:
    """Embeddings of the first texts, made once."""
    if len(texts.vectors) != count:
        from llkd.students import load_student

        student = load_student("embedded", ["a", "b"], seed=0)
        texts.vectors[:] = list(student.embed(texts.texts[:count]))
    return np.stack(texts.vectors)


def examples(texts: TextSet, pool: np.ndarray, shots: int, seed: int) -> FewShot:
    """So many texts of each class, well mixed."""
    if not shots:
        return NO_EXAMPLES
    rng = np.random.default_rng(seed)
    rows = [
        rng.choice(pool[texts.label[pool] == k], shots, replace=False)
        for k in range(len(texts.labels.names))
    ]
    mixed = np.stack(rows).T.ravel()  # one of each class in turn
    fixed = tuple(Example(int(k), texts.texts[k], int(texts.label[k])) for k in mixed)
    return FewShot("balanced", fixed, identity={"rows": [[e.row, e.label] for e in fixed]})


def answered(teacher: Teacher, texts: list[str], classes: int) -> np.ndarray:
    """Scores ``[n, C]``."""
    scores = np.full((len(texts), classes), -np.inf)
    for batch in teacher.score(texts):
        scores[batch.index] = batch.scores
    return scores


if __name__ == "__main__":
    main()
