"""Many people at once on one server: page times, errors, and whether a label is lost.

    python benchmarks/sessions.py [--sessions 20] [--seconds 60] [--rows 5000] [--think 2]

Starts the app on a temporary home with a labelled project and two finished runs, then opens
sessions over raw websockets that speak Streamlit's own protocol (so the server is measured, not
the drawing of twenty browsers on the same cores). Each reads the six pages in turn, thinking for a
while between two; as a browser does, it also asks again for what the page refreshes by itself.
Three of them label texts one by one on Curate with its buttons, and one starts a training job on
Train. A page's time is from the request to the end of the script, all of it received. At the end
the labels that the pages acknowledged are counted against those in the store. First one session
alone gives the figures to compare with. Needs the packages of requirements-dev.txt; nothing is
kept.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.page_session import PAGES, PATIENCE, PROJECT, TOKEN, Session, Tally  # noqa: E402

LABELLERS = 3
TARGET_P95 = 2.0


async def reader(session: Session, until: float) -> None:
    """Read the six pages in turn, beginning somewhere."""
    start = session.draw.randrange(len(PAGES))
    while time.perf_counter() < until:
        await session.visit(PAGES[start % len(PAGES)])
        start += 1


async def labeller(session: Session, until: float, name: str) -> None:
    """Between two pages, label three texts one by one on Curate."""
    start = session.draw.randrange(len(PAGES))
    switched = False
    while time.perf_counter() < until:
        await session.visit(PAGES[start % len(PAGES)])
        start += 1
        await session.visit("curate")
        if not switched:
            switched = await session.press("One by one", None, toggle=True)
        for _ in range(3):
            if time.perf_counter() < until and await session.label(name):
                session.tally.acknowledged[name] += 1
            await session.pause()


async def trainer(session: Session, until: float) -> None:
    """Start a training job, then read on."""
    await session.visit("train")
    session.finished.clear()
    await session.press("Start training", None)
    # Leaving a page while it answers a click takes the click back, in a browser as here.
    await asyncio.wait_for(session.finished.wait(), PATIENCE)
    await session.pause()
    await reader(session, until)


async def together(
    url: str, sessions: int, seconds: float, think: float, names: list[str]
) -> Tally:
    """All sessions at once; one alone only reads."""
    tally = Tally()
    tabs = [Session(url, tally, think, seed) for seed in range(sessions)]
    for tab in tabs:
        await tab.open()
    until = time.perf_counter() + seconds
    work = []
    for place, tab in enumerate(tabs):
        if sessions > 1 and place < LABELLERS:
            work.append(labeller(tab, until, names[place]))
        elif sessions > 1 and place == LABELLERS:
            work.append(trainer(tab, until))
        else:
            work.append(reader(tab, until))
    for ended in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(ended, BaseException):
            tally.errors.append(f"a session ended: {ended!r}")
    for tab in tabs:
        await tab.close()
    return tally


@contextmanager
def served(home: Path) -> Iterator[tuple[str, psutil.Process]]:
    """The app as a user starts it; gives its address and its process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={port}"],
        cwd=ROOT,
        env={**os.environ, "LLKD_HOME": str(home), "LLKD_TOKEN": TOKEN},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield f"ws://127.0.0.1:{port}", psutil.Process(process.pid)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


def percentile(values: list[float], share: float) -> float:
    """The value that a share of all lie at or below; NaN of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def row(name: str, values: list[float]) -> str:
    """A line of the table."""
    middle = statistics.median(values) if values else float("nan")
    most = max(values, default=float("nan"))
    return (
        f"| {name} | {len(values)} | {middle:.2f} | {percentile(values, 0.95):.2f} | {most:.2f} |"
    )


def report(title: str, tally: Tally) -> list[float]:
    """Print the pages' times; returns them all."""
    print(f"### {title}\n\n| page | visits | median s | p95 s | longest s |")
    print("|---|---:|---:|---:|---:|")
    for page in PAGES:
        print(row(page, tally.pages[page]))
    every = [value for values in tally.pages.values() for value in values]
    print(row("**every page**", every))
    if tally.clicks:
        print(row("a click, to its answer", tally.clicks))
    print()
    return every


def main() -> None:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--think", type=float, default=2, help="mean seconds between two pages")
    arguments = parser.parse_args()
    from llkd import jobs
    from tests.support.seeded_projects import NAMES, seeded_project
    from tests.support.seeded_runs import add_run

    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        store, project = seeded_project(home, arguments.rows, name=PROJECT, holdout=0.1)
        for strategy in ("llkd", "all"):
            add_run(store, project, strategy)
        with served(home) as (url, process):
            alone = asyncio.run(
                together(url, 1, max(8 * arguments.think, 10), arguments.think, NAMES)
            )
            before = sum(process.cpu_times()[:2])
            started = time.perf_counter()
            tally = asyncio.run(
                together(url, arguments.sessions, arguments.seconds, arguments.think, NAMES)
            )
            took = time.perf_counter() - started
            busy = (sum(process.cpu_times()[:2]) - before) / took
            memory = process.memory_info().rss
        labels_stored = Counter(store.decisions.current(project.id)["human_label"].tolist())
        written = store.decisions.version(project.id).partition("-")[0]
        training = [f"{job.state}, {job.done} steps" for job in store.jobs.all(project.id)]
        for job in jobs.live_jobs(store):
            jobs.cancel(store, job.id, force=True)
        store.close()
    report("One session alone", alone)
    every = report(f"{arguments.sessions} sessions at once, {took:.0f} s", tally)
    acknowledged = sum(tally.acknowledged.values())
    stored = int(written)
    p95 = percentile(every, 0.95)
    print(f"Labels acknowledged {acknowledged}, stored {stored}: {acknowledged - stored} lost "
          f"(rows with a label now: {sum(labels_stored.values())}).")  # fmt: skip
    print(f"Training started from the page: {'; '.join(training) or 'none'}.")
    print(f"The server used {busy:.2f} cores and holds {memory / 2**20:.0f} MiB; "
          f"{tally.refreshes} refreshes, {tally.received / 2**20:.1f} MiB sent.")  # fmt: skip
    errors = Counter(alone.errors + tally.errors)
    print(f"Errors: {sum(errors.values())}")
    for words, times in errors.most_common(10):
        print(f"  {times} x {words}")
    print(f"p95 of a page {p95:.2f} s, target under {TARGET_P95:.0f} s: "
          f"{'met' if p95 < TARGET_P95 else 'not met'}")  # fmt: skip
    raise SystemExit(bool(errors) or acknowledged > stored or not training)


if __name__ == "__main__":
    main()
