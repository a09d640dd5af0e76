"""How long a map takes, what it keeps of who is like whom, and which classes its topics propose.

    python benchmarks/map.py FOLDER [--cache DIR] [--rows 100000] [--parts speed,topics]

``speed``: a project of so many texts is mapped as ``llkd map`` does it, its embeddings apart: they
are made once, at a rate that is printed, or come from --cache. Where FOLDER has fewer texts, the
rest are near copies of them: the text with a word more, the embedding with some noise. A tenth
more is added then: how long placing takes, and that no other text moved. How alike neighbours on
the map are is the share of a text's ten nearest on the map that have its label, beside the share
among its ten nearest by embedding, of real texts and among real texts.

``topics``: of each set with human labels, mapped without them: how many of its classes are
proposed. A topic proposes the class that most of its texts have. ``covered`` counts classes that
some topic proposes, ``one to one`` those that have a topic of their own in the best pairing, of
which they are the majority. The number of topics is the product's default, then others. Rule and
default were set on ag_news and tweet_emotion; clinc_domains confirms.

FOLDER holds files NAME_….csv.gz with the columns text and label.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # run from anywhere, not installed

from llkd import curation  # noqa: E402
from llkd.curation.maps.pool_map import USUAL_TOPICS  # noqa: E402
from llkd.embedding.mapping import make_map  # noqa: E402
from llkd.jobs.progress import SilentProgress  # noqa: E402
from llkd.models.sources import student_digest  # noqa: E402
from llkd.store import Project, Store  # noqa: E402
from llkd.store.derived.embeddings import save_embeddings  # noqa: E402

STUDENT = "embedded"
TARGET_SECONDS, TARGET_COVERED = 180.0, 8
TOPICS = ("ag_news_pool", "tweet_emotion_train", "emotions_val", "csabstruct_train",
          "clinc_domains_train")  # fmt: skip
OTHER_NUMBERS = (8, 10, 16, 20)
JUDGED = 2_000
NEAR = 10
NOISE = 0.03


def labelled(folder: Path, name: str) -> pd.DataFrame:
    """The texts and labels of one file."""
    path = folder / f"{name}.csv.gz"
    if not path.exists():
        raise SystemExit(f"{path} is not there. Name the folder that has it.")
    return pd.read_csv(path, keep_default_na=False, dtype=str)[["text", "label"]]


def embedded(texts: pd.Series, name: str, cache: Path) -> np.ndarray:
    """The embeddings of one file's texts, kept; prints the rate at which they were made."""
    path = cache / f"{name}.npy"
    if not path.exists():
        from llkd.students import load_student

        model = load_student(STUDENT, ["a", "b"], seed=0)
        began = time.monotonic()
        pieces = [
            model.embed([str(text) for text in texts[start : start + 256]])
            for start in range(0, len(texts), 256)
        ]
        rate = len(texts) / (time.monotonic() - began)
        print(f"{name}: {len(texts):,} texts embedded, {rate:,.0f} a second", flush=True)
        np.save(path, np.concatenate(pieces))
    return np.load(path, allow_pickle=False)


def project_of(
    home: Path, name: str, texts: list[str], points: np.ndarray
) -> tuple[Store, Project]:
    """A project of these texts, without labels, whose embeddings are there."""
    store = Store(home, own_database=True)
    frame = pd.DataFrame(
        {
            "id": [str(row) for row in range(len(texts))],
            "text": texts,
            "gold": pd.Series([None] * len(texts), dtype=object),
            "split": "pool",
        }
    )
    report = {"rows": len(texts), "kept": len(texts), "dropped": {}, "warnings": []}
    project = store.projects.create(name, frame, source=name, report=report)
    save(store, project, points)
    return store, project


def save(store: Store, project: Project, points: np.ndarray) -> None:
    """Keep embeddings as if the student had made them now."""
    digest = student_digest(STUDENT, store.home.root)
    save_embeddings(
        curation.embeddings_path(store, project, STUDENT), points, digest, None, STUDENT
    )


def proposed(label: np.ndarray, topic: np.ndarray) -> tuple[int, int, int, float]:
    """Classes, how many are covered, how many one to one, and the topics' purity."""
    from scipy.optimize import linear_sum_assignment

    classes, code = np.unique(label, return_inverse=True)
    table = np.zeros((int(topic.max()) + 1, len(classes)), dtype=np.int64)
    np.add.at(table, (topic, code), 1)
    covered = len(set(table.argmax(axis=1).tolist()))
    rows, columns = linear_sum_assignment(-table)
    own = sum(table[t, c] > table[t].sum() / 2 for t, c in zip(rows, columns, strict=True))
    return len(classes), covered, own, float(table.max(axis=1).sum() / len(label))


def topics(folder: Path, cache: Path) -> None:
    """Which classes the topics of each set propose."""
    print("\n| set | texts | topics | classes | covered | one to one | purity |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    lines, verdict = [], ""
    for name in TOPICS:
        texts = labelled(folder, name)
        points = embedded(texts["text"], name, cache)
        with tempfile.TemporaryDirectory() as home:
            store, project = project_of(Path(home), name, texts["text"].tolist(), points)
            make_map(store, project, SilentProgress())
            for number in (USUAL_TOPICS, *OTHER_NUMBERS):
                pool_map = curation.needed_map(store, project, number)
                classes, covered, own, purity = proposed(texts["label"].to_numpy(), pool_map.topic)
                usual = " (default)" if number == USUAL_TOPICS else ""
                print(
                    f"| {name} | {len(texts):,} | {number}{usual} | {classes} | {covered} | {own} "
                    f"| {100 * purity:.0f} % |",
                    flush=True,
                )
                if usual and name.startswith("clinc"):
                    met = "met" if covered >= TARGET_COVERED else "MISSED"
                    verdict = f"{covered} of {classes} domains, target {TARGET_COVERED}: {met}"
                    lines = [
                        f"- {each.name}: {each.texts:,} texts, mostly "
                        + majority(texts["label"].to_numpy()[pool_map.topic == each.number])
                        for each in pool_map.topics
                    ]
            store.close()
    print(f"\nclinc_domains, {USUAL_TOPICS} topics: {verdict}\n")
    print("\n".join(lines))


def majority(label: np.ndarray) -> str:
    """The class that most have, and their share."""
    names, counts = np.unique(label, return_counts=True)
    return f"{names[counts.argmax()]} ({100 * counts.max() / len(label):.0f} %)"


def pool_of(folder: Path, cache: Path, rows: int) -> tuple[list[str], np.ndarray, np.ndarray, int]:
    """So many texts with embeddings and labels (of copies None), and how many of them are real."""
    texts, points, label = [], [], []
    for path in sorted(folder.glob("*.csv.gz")):
        name = path.name.removesuffix(".csv.gz")
        if sum(map(len, points)) >= rows or (len(points) and not has_room(cache, name)):
            continue
        frame = labelled(folder, name)
        points.append(embedded(frame["text"], name, cache))
        texts += frame["text"].tolist()
        label += [f"{name.rsplit('_', 1)[0]} {each}" for each in frame["label"]]
    real = min(len(texts), rows)
    every = np.concatenate(points)[:real]
    rng = np.random.default_rng(0)
    source = rng.integers(0, real, rows - real)
    copies = every[source] + rng.normal(0, NOISE, (len(source), every.shape[1]))
    copies /= np.linalg.norm(copies, axis=1, keepdims=True)
    order = rng.permutation(rows)
    whole = [*texts[:real], *(f"{texts[row]} copy{row}" for row in source.tolist())]
    names = np.array([*label[:real], *[None] * len(source)], dtype=object)
    stacked = np.concatenate([every, copies]).astype(np.float32)[order]
    return [whole[k] for k in order], stacked, names[order], real


def has_room(cache: Path, name: str) -> bool:
    """Whether a file's embeddings are there: what is not cached is made for the first sets only."""
    return (cache / f"{name}.npy").exists()


def alike(points: np.ndarray, label: np.ndarray, rows: np.ndarray) -> float:
    """The share of the ten nearest of these rows that have the row's label."""
    nearest = standing_near(points[rows], points, NEAR + 1)[:, 1:]
    return float((label[nearest] == label[rows][:, None]).mean())


def standing_near(points: np.ndarray, among: np.ndarray, count: int) -> np.ndarray:
    """The nearest by distance, whatever their length."""
    from sklearn.neighbors import NearestNeighbors

    model = NearestNeighbors(n_neighbors=count).fit(among)
    return np.asarray(model.kneighbors(points, return_distance=False))


def speed(folder: Path, cache: Path, rows: int) -> None:
    """Map so many texts, then place a tenth as many more."""
    texts, points, label, real = pool_of(folder, cache, rows + rows // 10)
    print(f"\n{rows:,} texts and {rows // 10:,} later ones; {real:,} of all are real.\n")
    with tempfile.TemporaryDirectory() as home:
        store, project = project_of(Path(home), "pool", texts[:rows], points[:rows])
        before = peak()
        began, spent = time.monotonic(), time.process_time()
        document = make_map(store, project, SilentProgress())
        seconds, spent = time.monotonic() - began, time.process_time() - spent
        pool_map = curation.needed_map(store, project)
        print("| stage | seconds |\n|---|---:|")
        for stage, value in document["seconds"].items():
            print(f"| {stage} | {value:,.1f} |")
        met = "met" if seconds < TARGET_SECONDS else "MISSED"
        print(f"\nmapped in {seconds:,.1f} s, target {TARGET_SECONDS:.0f} s: {met}; "
              f"{spent:,.0f} s of processor time, of all threads")  # fmt: skip
        print(f"peak memory {peak():,} MiB, {before:,} MiB of it before")
        known = np.flatnonzero([each is not None for each in label[:rows]])
        names = label[known]
        judged = np.random.default_rng(1).choice(len(known), min(JUDGED, len(known)), replace=False)
        on_map = alike(pool_map.coordinates[known].astype(np.float64), names, judged)
        by_embedding = alike(points[known], names, judged)
        print(f"neighbours of the same label: {on_map:.3f} on the map, {by_embedding:.3f} by "
              "embedding")  # fmt: skip
        larger = added(store, project, texts[rows:])
        save(store, larger, points)
        began = time.monotonic()
        make_map(store, larger, SilentProgress())
        seconds = time.monotonic() - began
        after = curation.needed_map(store, larger)
        moved = int((after.coordinates[:rows] != pool_map.coordinates).any(axis=1).sum())
        new = np.arange(rows, len(texts))
        new = new[[each is not None for each in label[new]]]
        standing = after.coordinates.astype(np.float64)
        nearest = standing_near(standing[new], standing[known], NEAR)
        share = float((names[nearest] == label[new][:, None]).mean())
        print(f"{rows // 10:,} later texts placed in {seconds:,.1f} s; {moved} others moved; "
              f"neighbours of the same label: {share:.3f}")  # fmt: skip
        store.close()


def added(store: Store, project: Project, texts: list[str]) -> Project:
    """The project with these texts behind the others, repeats among them."""
    frame = pd.DataFrame(
        {
            "id": [f"later {row}" for row in range(len(texts))],
            "text": texts,
            "gold": pd.Series([None] * len(texts), dtype=object),
            "split": "pool",
            "source": "later",
        }
    )
    return store.projects.append(
        project, frame, source="later", report={"rows": len(texts), "kept": len(texts)},
        label_set=None,
    )  # fmt: skip


def peak() -> int:
    """The most memory this process had so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cache", type=Path, help="where embeddings are kept [a temporary folder]")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--parts", default="speed,topics")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        cache = arguments.cache or Path(folder)
        cache.mkdir(parents=True, exist_ok=True)
        if "topics" in arguments.parts:
            topics(arguments.folder, cache)
        if "speed" in arguments.parts:
            speed(arguments.folder, cache, arguments.rows)


if __name__ == "__main__":
    main()
