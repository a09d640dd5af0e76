"""One person at the app, by its own socket: pages opened, buttons pressed, answers awaited."""

from __future__ import annotations

import asyncio
import json
import random
import secrets
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

PAGES = ("data", "teacher", "curate", "train", "results", "export")
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
        self.sentences: list[str] = []
        self.card: tuple[str, str, dict] = ("", "", {})
        self.finished = asyncio.Event()
        self.news = asyncio.Event()
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
        self.page, self.script, self.controls, self.sentences = page, "", {}, []
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
        self.sentences = []
        started = time.perf_counter()
        await self._send(fragment, state)
        while answer is not None and not any(answer in line for line in self.sentences):
            self.news.clear()
            left = PATIENCE - (time.perf_counter() - started)
            try:
                await asyncio.wait_for(self.news.wait(), max(0.01, left))
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
        walk = {"list": card["list"], "at": card["at"] + 1, "presses": [press], "attempt": 0}
        state = WidgetState(id=widget, json_value=json.dumps({"told": walk}))
        self.widgets[widget] = state
        started = time.perf_counter()
        await self._send(fragment)
        while press["id"] not in self.card[2].get("confirmed", []):
            self.news.clear()
            left = PATIENCE - (time.perf_counter() - started)
            try:
                await asyncio.wait_for(self.news.wait(), max(0.01, left))
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
            self.news.set()

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
            self.news.set()
        elif kind == "navigation":
            self.script = message.navigation.page_script_hash
            self.arriving = True
        elif kind == "auto_rerun":
            beat = message.auto_rerun
            self._stop_timers(beat.fragment_id)
            self.timers[beat.fragment_id] = asyncio.create_task(
                self._refresh(beat.fragment_id, beat.interval)
            )
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            self._element(message.delta.new_element, message.delta.fragment_id)

    def _element(self, element, fragment: str) -> None:  # noqa: ANN001
        kind = element.WhichOneof("type")
        if kind == "exception":
            message = element.exception
            self.tally.errors.append(f"{self.page}: {message.type} {message.message}".strip())
        elif kind == "alert":
            self.sentences.append(element.alert.body)
            if element.alert.format == element.alert.ERROR:
                self.tally.errors.append(f"{self.page}: {element.alert.body}")
        elif kind == "markdown":
            self.sentences.append(element.markdown.body)
        elif kind == "bidi_component" and element.bidi_component.component_name == CARD:
            card = element.bidi_component
            self.card = (card.id, fragment, json.loads(card.json))
            self.news.set()
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
