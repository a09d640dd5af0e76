"""What one run of each page costs the server, in CPU milliseconds; and one beat of the sidebar.

    python benchmarks/pages.py
    python benchmarks/pages.py --rows 5000 --visits 20

One session visits the pages in turn, each often enough for the caches to be warm (first visits are
printed apart), on a project with labels and two runs. Counted is the CPU time of the server's
process, all threads, so that what other programs do on the machine does not count.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import tempfile
from collections import defaultdict
from pathlib import Path

import psutil
from sessions import PAGES, PROJECT, Session, Tally, served

SIDEBAR = "sidebar"
REST = 0.15


def spent(process: psutil.Process) -> float:
    """CPU seconds of the server so far."""
    used = process.cpu_times()
    return used.user + used.system


async def measure(
    url: str, process: psutil.Process, visits: int
) -> tuple[dict[str, float], dict[str, list[float]], list[str]]:
    """CPU seconds of the first visit of each page, of the later ones, and what went wrong."""
    tally = Tally()
    tab = Session(url, tally, 0.0, 0)
    await tab.open()
    first: dict[str, float] = {}
    later: dict[str, list[float]] = defaultdict(list)
    for _ in range(visits + 1):
        # In another order each time: a page must not always follow the same one.
        for page in random.Random(visits).sample(PAGES, len(PAGES)):
            before = spent(process)
            await tab.visit(page)
            refreshed = list(tab.timers)
            tab._stop_timers()
            await asyncio.sleep(REST)  # what the server does after its last word counts too
            cost = spent(process) - before
            if page in first:
                later[page].append(cost)
            else:
                first[page] = cost
        before = spent(process)
        for part in refreshed:
            await tab._send(part, refresh=True)
        await asyncio.sleep(REST)
        later[SIDEBAR].append(spent(process) - before)
    await tab.close()
    return first, later, tally.errors


def main() -> None:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--visits", type=int, default=20)
    arguments = parser.parse_args()
    from tests.support.seeded_projects import seeded_project
    from tests.support.seeded_runs import add_run

    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        store, project = seeded_project(home, arguments.rows, name=PROJECT, holdout=0.1)
        for strategy in ("llkd", "all"):
            add_run(store, project, strategy)
        store.close()
        with served(home) as (url, process):
            first, later, errors = asyncio.run(measure(url, process, arguments.visits))
    print("| page | first visit, CPU ms | later, CPU ms (mean) | (most) |\n|---|---:|---:|---:|")
    for page in (*PAGES, SIDEBAR):
        shown = f"{1000 * first[page]:.0f}" if page in first else "–"
        middle, most = statistics.mean(later[page]), max(later[page])
        print(f"| {page} | {shown} | {1000 * middle:.0f} | {1000 * most:.0f} |")
    pages = [cost for page in PAGES for cost in later[page]]
    print(f"\nA page on average {1000 * statistics.mean(pages):.0f} CPU ms. Errors: {len(errors)}")
    for words in errors[:10]:
        print(f"  {words}")
    raise SystemExit(bool(errors))


if __name__ == "__main__":
    main()
