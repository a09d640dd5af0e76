"""Are the certificate's promises kept, and how many labels does it take?

Audits are simulated on real texts with gold: a teacher labels 2,000 texts of each set, the chain is
the product's own, and answers are gold's, in random order, up to 1,000. Teachers: label similarity
on the embedded student's embeddings, and logistic regressions on 100 and on 1,000 other texts.
Looked at after every label, an audit breaks a promise if anything it shows is ever false: a
certificate, or a lower share promised of any set. ``fixed`` is the cheapest exact test of fixed
size (hypergeometric) that an oracle could choose, who knows which set to test and how many labels
give it a chance of one half; it may be looked at once. Intervals are Clopper and Pearson's.

    python benchmarks/certificate.py DATA [--sets ag_news,emotions] [--audits 1000] [--cache DIR]
        [--targets 0.95,0.9] [--starts 1,0.5,0.25]

"Cannot be met" is marked where some set of a useful size does meet the target. ``--starts`` tries
other shares from which the procedure starts, with equal parts of the error
(benchmarks/certificate_plans.py compares several).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run from anywhere, not installed

from benchmarks.distillation import DATA_SETS, texts_of  # noqa: E402
from llkd.evaluation.audits.population import chain_thresholds, levels  # noqa: E402
from llkd.evaluation.certificate import chain, evidence  # noqa: E402
from llkd.evaluation.certificate.certify import USEFUL_SHARE  # noqa: E402
from llkd.selection.signals import Floats, Ints  # noqa: E402

POPULATION, FITTING, LABELS, ERROR = 2000, 1000, 1000, 0.05


class Embedded(NamedTuple):
    """Texts of a set: embeddings ``[n, d]``, gold ``[n]``, embeddings of the classes ``[C, d]``."""

    points: Floats
    gold: Ints
    classes: Floats


def embedded(data: Path, name: str, cache: Path) -> Embedded:
    """The set's texts by the embedded student, made once."""
    path = cache / f"{name}.npz"
    if not path.exists():
        from llkd.students import load_student

        frame = texts_of(data, name, (POPULATION + FITTING) // 2, (POPULATION + FITTING) // 2)
        names = sorted(frame["gold"].unique())
        texts = frame["text"].astype(str).tolist()
        student = load_student("embedded", ["a", "b"], seed=0)
        points = [student.embed(texts[k : k + 256]) for k in range(0, len(texts), 256)]
        classes = student.embed([f"This text is about {n.replace('_', ' ')}." for n in names])
        gold = pd.Categorical(frame["gold"], categories=names).codes.astype(np.int64)
        np.savez(path, points=np.concatenate(points), gold=gold, classes=classes)
    with np.load(path, allow_pickle=False) as arrays:
        return Embedded(arrays["points"], arrays["gold"], arrays["classes"])


def teachers(texts: Embedded, seed: int = 0) -> Iterator[tuple[str, Floats, np.ndarray]]:
    """Name, confidence and whether the label is right, of each teacher over the population."""
    from sklearn.linear_model import LogisticRegression

    order = np.random.default_rng(seed).permutation(len(texts.gold))
    pool, others = order[:POPULATION], order[POPULATION:]
    scores = texts.points @ texts.classes.T / 0.05
    scores = (scores - scores.mean(axis=0))[pool]
    probs = np.exp(scores - scores.max(axis=1, keepdims=True))
    probs /= probs.sum(axis=1, keepdims=True)
    yield "similarity", probs.max(axis=1), probs.argmax(axis=1) == texts.gold[pool]
    for count in (100, 1000):
        rows = others[:count]
        model = LogisticRegression(C=5.0, max_iter=300).fit(texts.points[rows], texts.gold[rows])
        probs = model.predict_proba(texts.points[pool])
        label = model.classes_[probs.argmax(axis=1)]
        yield f"{len(rows):,} texts", probs.max(axis=1), label == texts.gold[pool]


class Paths(NamedTuple):
    """Audited ``n`` and wrong ``x`` of every audit, set and moment: ``[S, L, T + 1]``."""

    n: np.ndarray
    x: np.ndarray


def paths(level: Ints, right: np.ndarray, sets: int, audits: int, seed: int) -> Paths:
    """Audits in random order."""
    rng = np.random.default_rng(seed)
    length = min(LABELS, len(level))
    order = np.stack([rng.permutation(len(level))[:length] for _ in range(audits)])
    n = np.zeros((audits, sets, length + 1), dtype=np.int32)
    x = np.zeros_like(n)
    for k in range(sets):
        inside = level[order] <= k
        n[:, k, 1:] = np.cumsum(inside, axis=1)
        x[:, k, 1:] = np.cumsum(inside & ~right[order], axis=1)
    return Paths(n, x)


def log_evidence(size: int, boundary: int, n: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Largest log E so far against ``boundary`` wrong texts ``[S, T]``, as ``certify`` has it."""
    width = int(x.max()) + 1
    code = n.astype(np.int64) * width + x
    visited = np.zeros((int(n.max()) + 1) * width, dtype=bool)
    visited[code] = True
    pairs = np.flatnonzero(visited)
    pairs_n, pairs_x = pairs // width, pairs % width
    points = evidence.support(size, boundary)
    column = int(np.searchsorted(points, boundary))
    values = np.concatenate(
        [
            # What lies above the boundary says nothing of it, and takes time.
            evidence.log_evidence(
                size, points[: column + 1], pairs_n[k : k + 20_000], pairs_x[k : k + 20_000]
            )[:, column]
            for k in range(0, len(pairs), 20_000)
        ]
    )
    table = np.zeros(len(visited), dtype=np.float32)
    table[pairs] = values
    return np.maximum.accumulate(table[code], axis=1)


def spent(
    sizes: Ints,
    boundary: Ints,
    walks: Paths,
    weights: Floats,
    log_e: dict[int, np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """:func:`chain.spend` for all audits and moments: passed ``[S, L, T]`` and weights.

    ``log_e`` keeps evidence of the same audits for other weights.
    """
    sets = len(sizes)
    current = np.broadcast_to(weights[None, :, None].astype(np.float32), walks.n.shape).copy()
    passed = np.zeros(walks.n.shape, dtype=bool)
    log_e = {} if log_e is None else log_e
    changed = True
    while changed:
        changed = False
        for k in range(sets):
            if not current[:, k].any():
                continue  # no part of the error has come to it
            if k not in log_e:
                at = walks.n[:, k], walks.x[:, k]
                log_e[k] = log_evidence(int(sizes[k]), int(boundary[k]), *at)
            with np.errstate(divide="ignore"):
                ready = ~passed[:, k] & (log_e[k] >= -np.log(ERROR * current[:, k]))
            if not ready.any():
                continue
            changed = True
            passed[:, k] |= ready
            waiting = ready.copy()
            for j in [*range(k + 1, sets), *range(sets - 1, -1, -1)]:
                heir = waiting & ~passed[:, j]
                current[:, j][heir] += current[:, k][heir]
                waiting &= ~heir
            current[:, k][ready] = 0
    return passed, current


@dataclass(frozen=True)
class Outcome:
    """What the audits of one teacher and target came to; label counts are NaN where never."""

    broken: int
    labels: Floats
    share: Floats
    reached: bool
    fixed: float
    unreachable: Floats


def simulate(
    confidence: Floats, right: np.ndarray, target: float, audits: int, starts: Sequence[float]
) -> Outcome:
    """All audits of one teacher's labels with one target."""
    thresholds = chain_thresholds(confidence.astype(np.float32))
    level = levels(confidence.astype(np.float32), thresholds)
    sizes = np.cumsum(np.bincount(level, minlength=len(thresholds)))
    wrong = np.cumsum(np.bincount(level[~right], minlength=len(thresholds)))
    n, x = paths(level, right, len(sizes), audits, seed=1)
    boundary = np.array([evidence.fewest_too_many(int(size), target) for size in sizes])
    weights = chain.start_weights(sizes.tolist(), starts)
    passed, current = spent(sizes, boundary, Paths(n, x), weights)
    bad = wrong >= boundary
    broken = passed[:, bad].any(axis=(1, 2))
    for k in np.flatnonzero(bad & (current > 0).any(axis=(0, 2))):
        # A lower share promised of a bad set is false where its true count is rejected.
        miss = log_evidence(int(sizes[k]), int(wrong[k]), n[:, k], x[:, k])
        with np.errstate(divide="ignore"):
            broken |= ((miss >= -np.log(ERROR * current[:, k])) & (current[:, k] > 0)).any(axis=1)
    good = passed & ~bad[None, :, None]
    ever = passed.any(axis=1)
    first = np.where(ever.any(axis=1), ever.argmax(axis=1), np.nan)
    widest = sizes[np.where(good[:, :, -1], np.arange(len(sizes)), 0).max(axis=1)] / sizes[-1]
    share = np.where(good[:, :, -1].any(axis=1), widest, 0.0)
    useful = sizes >= USEFUL_SHARE * sizes[-1]
    return Outcome(
        broken=int(broken.sum()),
        labels=first,
        share=share,
        reached=bool((~bad & useful).any()),
        fixed=fixed_size(sizes[~bad], boundary[~bad], n[:, ~bad], x[:, ~bad]),
        unreachable=unreachable(sizes, boundary, n, x, useful, ever),
    )


def fixed_size(sizes: Ints, boundary: Ints, n: np.ndarray, x: np.ndarray) -> float:
    """Fewest labels that give some one set that meets the target a chance of one half."""
    best = np.nan
    for k, (size, limit) in enumerate(zip(sizes.tolist(), boundary.tolist(), strict=True)):
        counts = np.arange(int(n[:, k].max()) + 1)
        # The most wrong ones with which a fixed-size test at 5 % still rejects; -1 for none.
        most = stats.hypergeom.ppf(ERROR, size, limit, counts)
        most = np.where(stats.hypergeom.cdf(most, size, limit, counts) > ERROR, most - 1, most)
        power = (x[:, k] <= most[n[:, k]]).mean(axis=0)
        if (power >= 0.5).any():
            best = np.nanmin([best, float((power >= 0.5).argmax())])
    return best


def unreachable(
    sizes: Ints, boundary: Ints, n: np.ndarray, x: np.ndarray, useful: np.ndarray, ever: np.ndarray
) -> Floats:
    """Labels after which "cannot be met" was first said; NaN where it never was."""
    every = np.ones((n.shape[0], n.shape[2]), dtype=bool)
    for k in np.flatnonzero(useful):
        if not every.any():
            break
        size = int(sizes[k])
        enough = size - int(boundary[k]) + 1
        looked_at = np.zeros(size + 1, dtype=bool)
        looked_at[evidence.schedule(size)] = True
        # Between the moments of the schedule nothing is looked at: n stays at the last of them.
        moments = np.maximum.accumulate(
            np.where(looked_at[n[:, k]], np.arange(n.shape[2]), 0), axis=1
        )
        at_n = np.take_along_axis(n[:, k], moments, axis=1)
        at_x = np.take_along_axis(x[:, k], moments, axis=1)
        every &= log_evidence(size, enough, at_n, at_n - at_x) >= -np.log(ERROR)
    every &= ~np.maximum.accumulate(ever, axis=1)
    return np.where(every.any(axis=1), every.argmax(axis=1), np.nan)


def interval(count: int, total: int) -> str:
    """A share in percent with its exact interval."""
    test = stats.binomtest(count, total).proportion_ci(method="exact")
    return f"{100 * count / total:.1f} ({100 * test.low:.1f} to {100 * test.high:.1f})"


def quartiles(labels: Floats) -> str:
    """Median and quartiles over all audits, those without counted as over; "–" where none is."""
    values = np.quantile(
        np.where(np.isnan(labels), np.inf, labels), [0.5, 0.25, 0.75], method="higher"
    )
    middle, low, high = (f"{v:,.0f}" if np.isfinite(v) else f"> {LABELS:,}" for v in values)
    return "–" if np.isnan(labels).all() else f"{middle} ({low} to {high})"


def row(name: str, teacher: str, right: np.ndarray, target: float, outcome: Outcome) -> str:
    """A line of the table."""
    within = [(outcome.labels <= most).mean() for most in (500, LABELS)]
    first = outcome.unreachable
    fixed = "–" if np.isnan(outcome.fixed) else f"{outcome.fixed:.0f}"
    cells = [
        name,
        teacher,
        f"{100 * right.mean():.0f}",
        f"{100 * target:g}",
        interval(outcome.broken, len(outcome.labels)),
        quartiles(outcome.labels),
        f"{100 * within[0]:.0f} / {100 * within[1]:.0f}",
        f"{100 * outcome.share.mean():.0f}",
        fixed,
        f"{100 * np.mean(~np.isnan(first)):.0f}" + (" (falsely)" if outcome.reached else ""),
        "–" if np.isnan(first).all() else f"{np.nanmedian(first):.0f}",
    ]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Print the table, and how many promises were broken in each set."""
    parser = argparse.ArgumentParser(description="Simulated audits on real texts")
    parser.add_argument("data", type=Path, help="folder of the text sets")
    parser.add_argument("--sets", default=",".join(DATA_SETS))
    parser.add_argument("--audits", type=int, default=1000)
    parser.add_argument("--targets", default="0.95,0.9")
    parser.add_argument("--starts", default=",".join(str(share) for share in chain.STARTS))
    parser.add_argument("--cache", type=Path, help="folder of embeddings, to use them again")
    arguments = parser.parse_args()
    cache = arguments.cache or Path(tempfile.mkdtemp(prefix="llkd-certificate-"))
    cache.mkdir(parents=True, exist_ok=True)
    starts = [float(share) for share in arguments.starts.split(",")]
    print(
        "| set | teacher | right, % | target, % | broken, % | labels to a certificate | in 500 / "
        f"{LABELS:,}, % | share certified, % | fixed | cannot be met, % | after |"
    )
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    totals: dict[str, list[int]] = {}
    for name in arguments.sets.split(","):
        texts = embedded(arguments.data, name, cache)
        for teacher, confidence, right in teachers(texts):
            for target in (float(share) for share in arguments.targets.split(",")):
                outcome = simulate(confidence, right, target, arguments.audits, starts)
                print(row(name, teacher, right, target, outcome), flush=True)
                totals.setdefault(name, []).append(outcome.broken)
    # The rows of a set share their random orders, so they are not added up to one interval.
    print("\n| set | rows | promises broken, %: mean | most |\n|---|---:|---:|---:|")
    for name, counts in totals.items():
        mean = 100 * sum(counts) / (arguments.audits * len(counts))
        print(
            f"| {name} | {len(counts)} | {mean:.1f} | {interval(max(counts), arguments.audits)} |"
        )


if __name__ == "__main__":
    main()
