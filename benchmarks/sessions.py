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
import json
import os
import random
import secrets
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "app")]

PAGES = ("data", "teacher", "curate", "train", "results", "export")
LABELLERS = 3
TARGET_P95 = 2.0
PATIENCE = 60.0
DONE = ForwardMsg.FINISHED_SUCCESSFULLY
PROJECT = "bench"
CARD = "llkd_review_card"
TOKEN = secrets.token_urlsafe()


@dataclass
class Tally:
    """What all sessions saw together."""

    pages: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    clicks: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    acknowledged: Counter[str] = field(default_factory=Counter)
    refreshes: int = 0
    received: int = 0


class Session:
    """One browser tab, as the server sees it."""

    def __init__(self, url: str, tally: Tally, think: float, seed: int) -> None:
        self.url, self.tally, self.think = url, tally, think
        self.draw = random.Random(seed)
        self.page, self.script, self.arriving = "data", "", False
        self.widgets: dict[str, WidgetState] = {}
        self.controls: dict[str, tuple[str, str]] = {}
        self.said: list[str] = []
        self.card: tuple[str, str, dict] = ("", "", {})
        self.finished = asyncio.Event()
        self.heard = asyncio.Event()
        self.timers: dict[str, asyncio.Task[None]] = {}

    async def open(self) -> None:
        """Connect, as the page's own script does."""
        origin = self.url.replace("ws", "http", 1)
        self.socket = await websockets.connect(
            f"{self.url}/_stcore/stream",
            origin=origin,
            additional_headers={"Authorization": f"Bearer {TOKEN}"},
            subprotocols=["streamlit"],
            max_size=None,
            ping_interval=None,
        )
        self.reader = asyncio.create_task(self._read())

    async def close(self) -> None:
        """Close the tab."""
        for timer in self.timers.values():
            timer.cancel()
        self.reader.cancel()
        await self.socket.close()

    async def visit(self, page: str) -> None:
        """Go to a page, wait until it is there, think."""
        self._stop_timers()
        # By its address: which script that is the server says, and every later request repeats.
        self.page, self.script, self.controls, self.said = page, "", {}, []
        self.arriving = False
        started = time.perf_counter()
        self.finished.clear()
        await self._send()
        try:
            await asyncio.wait_for(self.finished.wait(), PATIENCE)
        except TimeoutError:
            self.tally.errors.append(f"{page}: nothing came for {PATIENCE:.0f} s")
        self.tally.pages[page].append(time.perf_counter() - started)
        await self.pause()

    async def press(self, label: str, answer: str | None, *, toggle: bool = False) -> bool:
        """Press a button or switch a toggle; wait for ``answer`` among what the page says."""
        if label not in self.controls:
            self.tally.errors.append(f"{self.page}: no {label!r} among {sorted(self.controls)}")
            return False
        widget, fragment = self.controls[label]
        state = WidgetState(id=widget)
        if toggle:
            state.bool_value = True
            self.widgets[widget] = state
        else:
            state.trigger_value = True
        self.said = []
        started = time.perf_counter()
        await self._send(fragment, state)
        while answer is not None and not any(answer in line for line in self.said):
            self.heard.clear()
            left = PATIENCE - (time.perf_counter() - started)
            try:
                await asyncio.wait_for(self.heard.wait(), max(0.01, left))
            except TimeoutError:
                self.tally.errors.append(f"{self.page}: {label!r} was not answered")
                return False
        self.tally.clicks.append(time.perf_counter() - started)
        return True

    async def label(self, name: str) -> bool:
        """Give the text of the card this class, as its component does; wait until it is stored."""
        for _ in range(round(PATIENCE / 0.05)):
            if not self.card[2].get("hidden", True):
                break
            await asyncio.sleep(0.05)
        widget, fragment, card = self.card
        if card.get("hidden", True) or card["at"] >= card["total"]:
            self.tally.errors.append(f"{self.page}: no text to label")
            return False
        text = card["cards"][card["at"] - card["start"]]
        press = {"id": secrets.token_hex(10), "row": text["row"], "do": "label", "label": name}
        told = {"list": card["list"], "at": card["at"] + 1, "presses": [press], "attempt": 0}
        state = WidgetState(id=widget, json_value=json.dumps({"told": told}))
        self.widgets[widget] = state
        started = time.perf_counter()
        await self._send(fragment)
        while press["id"] not in self.card[2].get("confirmed", []):
            self.heard.clear()
            left = PATIENCE - (time.perf_counter() - started)
            try:
                await asyncio.wait_for(self.heard.wait(), max(0.01, left))
            except TimeoutError:
                self.tally.errors.append(f"{self.page}: the label was not stored")
                return False
        self.tally.clicks.append(time.perf_counter() - started)
        return True

    async def pause(self) -> None:
        """Read what is there, for half to one and a half times as long as usual."""
        await asyncio.sleep(self.think * self.draw.uniform(0.5, 1.5))

    async def _send(self, fragment: str = "", *also: WidgetState, refresh: bool = False) -> None:
        message = BackMsg()
        wanted = message.rerun_script
        wanted.query_string = f"project={PROJECT}"
        wanted.page_script_hash = self.script
        wanted.page_name = "" if self.script else self.page
        wanted.fragment_id = fragment
        wanted.is_auto_rerun = refresh
        for state in (*self.widgets.values(), *also):
            wanted.widget_states.widgets.append(state)
        await self.socket.send(message.SerializeToString())

    async def _read(self) -> None:
        try:
            async for data in self.socket:
                self.tally.received += len(data)
                message = ForwardMsg()
                message.ParseFromString(data)
                self._take(message)
        except websockets.ConnectionClosedError as error:
            self.tally.errors.append(f"{self.page}: the connection was lost ({error})")
            self.finished.set()
            self.heard.set()

    def _take(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "script_finished":
            # The server may drop a page's end for that of the part drawn next; no part is drawn
            # before the page that it stands on has ended.
            part = message.script_finished == ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY
            if message.script_finished == DONE or (part and self.arriving):
                self.finished.set()
            elif message.script_finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
                self.tally.errors.append(f"{self.page}: the script did not run")
            self.heard.set()
        elif kind == "navigation":
            self.script = message.navigation.page_script_hash
            self.arriving = True
        elif kind == "auto_rerun":
            one = message.auto_rerun
            self._stop_timers(one.fragment_id)
            self.timers[one.fragment_id] = asyncio.create_task(
                self._refresh(one.fragment_id, one.interval)
            )
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            self._element(message.delta.new_element, message.delta.fragment_id)

    def _element(self, element, fragment: str) -> None:  # noqa: ANN001
        kind = element.WhichOneof("type")
        if kind == "exception":
            said = element.exception
            self.tally.errors.append(f"{self.page}: {said.type} {said.message}".strip())
        elif kind == "alert":
            self.said.append(element.alert.body)
            if element.alert.format == element.alert.ERROR:
                self.tally.errors.append(f"{self.page}: {element.alert.body}")
        elif kind == "markdown":
            self.said.append(element.markdown.body)
        elif kind == "bidi_component" and element.bidi_component.component_name == CARD:
            card = element.bidi_component
            self.card = (card.id, fragment, json.loads(card.json))
            self.heard.set()
        elif kind in {"button", "checkbox"}:
            control = getattr(element, kind)
            self.controls[control.label] = (control.id, fragment)

    async def _refresh(self, fragment: str, every: float) -> None:
        while True:
            await asyncio.sleep(every)
            self.tally.refreshes += 1
            await self._send(fragment, refresh=True)

    def _stop_timers(self, *names: str) -> None:
        for name in names or list(self.timers):
            if name in self.timers:
                self.timers.pop(name).cancel()


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
    asked = parser.parse_args()
    from seed import NAMES, seeded_project
    from seed_runs import add_run

    from llkd import jobs

    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        store, project = seeded_project(home, asked.rows, name=PROJECT, holdout=0.1)
        for strategy in ("llkd", "all"):
            add_run(store, project, strategy)
        with served(home) as (url, process):
            alone = asyncio.run(together(url, 1, max(8 * asked.think, 10), asked.think, NAMES))
            before = sum(process.cpu_times()[:2])
            started = time.perf_counter()
            tally = asyncio.run(together(url, asked.sessions, asked.seconds, asked.think, NAMES))
            took = time.perf_counter() - started
            busy = (sum(process.cpu_times()[:2]) - before) / took
            memory = process.memory_info().rss
        kept = Counter(store.people.decisions(project.id)["human_label"].tolist())
        written = store.people.version(project.id).partition("-")[0]
        training = [f"{job.state}, {job.done} steps" for job in store.jobs.all(project.id)]
        for job in jobs.live_jobs(store):
            jobs.cancel(store, job.id, force=True)
        store.close()
    report("One session alone", alone)
    every = report(f"{asked.sessions} sessions at once, {took:.0f} s", tally)
    given = sum(tally.acknowledged.values())
    stored = int(written)
    p95 = percentile(every, 0.95)
    print(f"Labels acknowledged {given}, stored {stored}: {given - stored} lost "
          f"(rows with a label now: {sum(kept.values())}).")  # fmt: skip
    print(f"Training started from the page: {'; '.join(training) or 'none'}.")
    print(f"The server used {busy:.2f} cores and holds {memory / 2**20:.0f} MiB; "
          f"{tally.refreshes} refreshes, {tally.received / 2**20:.1f} MiB sent.")  # fmt: skip
    errors = Counter(alone.errors + tally.errors)
    print(f"Errors: {sum(errors.values())}")
    for words, times in errors.most_common(10):
        print(f"  {times} x {words}")
    print(f"p95 of a page {p95:.2f} s, target under {TARGET_P95:.0f} s: "
          f"{'met' if p95 < TARGET_P95 else 'not met'}")  # fmt: skip
    raise SystemExit(bool(errors) or given > stored or not training)


if __name__ == "__main__":
    main()
