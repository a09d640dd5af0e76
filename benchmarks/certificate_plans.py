"""From which of its nested sets should a certificate start? Plans, all valid, on real texts.

A plan names shares of the widest set; the sets nearest to them divide the error equally, and a set
that passes hands its part to the next wider one. "0.1" alone is strictest first, "1" the widest
alone. Audits are those of benchmarks/certificate.py, of the whole pool and of its surer half, with
targets of 95, 90 and 80 %, where any set meets them. Printed: the mean share certified after so
many labels, in percent of the largest set that meets the target.

    python benchmarks/certificate_plans.py DATA [--sets ag_news,emotions] [--audits 60]
        [--cache DIR]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run from anywhere, not installed

from benchmarks.certificate import embedded, paths, spent, teachers  # noqa: E402
from benchmarks.distillation import DATA_SETS  # noqa: E402
from llkd.evaluation.audits.population import chain_thresholds, levels  # noqa: E402
from llkd.evaluation.certificate import chain, evidence  # noqa: E402
from llkd.selection.signals import Floats  # noqa: E402

PLANS = ("0.1", "0.25", "0.5", "1", "1/0.5", "0.6/0.3", "1/0.6/0.3", "1/0.5/0.25", "1/0.7/0.4/0.2")
PLAN_SHARES = (0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
MOMENTS = np.array([50, 100, 200, 300, 500, 1000])


def plan_shares(
    confidence: Floats, right: np.ndarray, target: float, audits: int, plans: Sequence[str]
) -> np.ndarray | None:
    """Mean share certified ``[plans, moments]``, of the largest set that meets the target.

    None where none does.
    """
    thresholds = chain_thresholds(confidence.astype(np.float32), PLAN_SHARES)
    level = levels(confidence.astype(np.float32), thresholds)
    sizes = np.cumsum(np.bincount(level, minlength=len(thresholds)))
    wrong = np.cumsum(np.bincount(level[~right], minlength=len(thresholds)))
    boundary = np.array([evidence.fewest_too_many(int(size), target) for size in sizes])
    if (wrong >= boundary).all():
        return None
    walks = paths(level, right, len(sizes), audits, seed=1)
    most = sizes[wrong < boundary].max()
    log_e: dict[int, np.ndarray] = {}
    shares = []
    for plan in plans:
        starts = [float(share) for share in plan.split("/")]
        weights = chain.start_weights(sizes.tolist(), starts)
        passed, _ = spent(sizes, boundary, walks, weights, log_e)
        good = passed & (wrong < boundary)[None, :, None]
        largest = np.where(good, sizes[None, :, None], 0).max(axis=1)
        moments = np.minimum(MOMENTS, largest.shape[1] - 1)
        shares.append(largest[:, moments].mean(axis=0) / most)
    return np.array(shares)


def main() -> None:
    """Print what each plan certifies, over all sets, teachers and targets that can be met."""
    parser = argparse.ArgumentParser(description="From which sets a certificate should start")
    parser.add_argument("data", type=Path, help="folder of the text sets")
    parser.add_argument("--sets", default=",".join(DATA_SETS))
    parser.add_argument("--audits", type=int, default=60)
    parser.add_argument("--cache", type=Path, help="folder of embeddings, to use them again")
    arguments = parser.parse_args()
    data, sets, audits = arguments.data, arguments.sets.split(","), arguments.audits
    cache = arguments.cache or Path(tempfile.mkdtemp(prefix="llkd-certificate-"))
    cache.mkdir(parents=True, exist_ok=True)
    for keep in (1.0, 0.5):
        tables = []
        for name in sets:
            for _, confidence, right in teachers(embedded(data, name, cache)):
                surest = np.argsort(-confidence)[: int(keep * len(confidence))]
                for target in (0.95, 0.9, 0.8):
                    table = plan_shares(confidence[surest], right[surest], target, audits, PLANS)
                    if table is not None:
                        tables.append(table)
        whole = "the whole pool" if keep == 1 else "its surer half"
        print(f"\nAudits of {whole}, {len(tables)} cases of {audits} audits:\n")
        print("| starts | " + " | ".join(f"{count:,} labels" for count in MOMENTS) + " |")
        print("|---|" + "---:|" * len(MOMENTS))
        for plan, row_shares in zip(PLANS, np.mean(tables, axis=0), strict=True):
            print(
                f"| {plan} | " + " | ".join(f"{100 * s:.0f}" for s in row_shares) + " |", flush=True
            )


if __name__ == "__main__":
    main()
