import socket
import threading
from email.utils import formatdate

import pytest

from llkd.teachers.api.chat_server import open_server
from llkd.teachers.api.retries import Caller, Query, TokenBound
from llkd.teachers.calls.metered import Backoff, Stopped, Unavailable
from llkd.teachers.calls.tries import asked_pause
from tests.support.counting_meter import CountingMeter
from tests.support.stand_in_server import completion, serving

QUERY = Query([{"role": "user", "content": "hello"}], "key", 5)
BUSY = {"error": {"message": "busy"}}


class Recorded(Backoff):
    """Pauses that are written down instead of waited for."""

    def __init__(self):
        super().__init__()
        self.waited, self.held = [], []

    def wait(self, seconds):
        if seconds:
            self.waited.append(round(seconds, 4))

    def hold(self, seconds):
        self.held.append(round(seconds, 4))


def caller_at(url, *, retries=9, draw=lambda: 0.0, meter=None, pauses=None):
    server = open_server("tiny", url, 5.0)
    options = {"retries": retries, "first_pause": 0.5, "draw": draw, "pauses": pauses or Recorded()}
    return Caller(server, meter or CountingMeter(), TokenBound(), **options), options["pauses"]


def ask_until(failures, **options):
    """Pauses of a call that is answered after these (status, headers)."""

    def answer(request, number):
        if number > len(failures):
            return completion("B")
        status, headers = failures[number - 1]
        return status, BUSY, headers

    with serving(answer) as served:
        caller, pauses = caller_at(served.url, **options)
        assert caller.ask(QUERY, max_tokens=3).text == "B"
    return pauses


def test_pauses_double_up_to_a_minute():
    assert ask_until([(503, {})] * 9).waited == [0.5, 1, 2, 4, 8, 16, 32, 60, 60]
    assert ask_until([(500, {})] * 2, draw=lambda: 1.0).waited == [0.375, 0.75]


@pytest.mark.parametrize("status", [429, 503, 408, 409])
def test_a_server_is_asked_again_when_it_says(status):
    pauses = ask_until([(status, {"Retry-After": "7"}), (status, {"retry-after-ms": "1500"})])
    assert pauses.waited == [7, 1.5]
    assert pauses.held == ([7, 1.5] if status == 429 else [])


def test_a_pause_of_hours_is_cut_and_said():
    with serving(lambda request, n: (429, BUSY, {"Retry-After": "7200"})) as served:
        caller, pauses = caller_at(served.url, retries=2)
        with pytest.raises(Unavailable, match="pause of 7,200 seconds, and 300 is the longest"):
            caller.ask(QUERY, max_tokens=3)
    assert pauses.waited == [300, 300]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-3"}, 0),
        ({"retry-after-ms": "250", "retry-after": "3"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "3"}, 3),
        ({"retry-after": formatdate(1_000_090, usegmt=True)}, 90),
        ({"retry-after": formatdate(999_000, usegmt=True)}, 0),
        ({"retry-after": "tomorrow"}, None),
        ({"retry-after": "nan"}, None),
    ],
)
def test_what_a_server_asks_for(headers, expected):
    assert asked_pause(headers, now=1_000_000) == expected


def test_a_call_that_never_arrived_is_free():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
        meter = CountingMeter()
        caller, _ = caller_at(url, retries=2, meter=meter)
        with pytest.raises(Unavailable, match="cannot be reached.*asked 3 times"):
            caller.ask(QUERY, max_tokens=3)
    assert dict(meter.counts) == {"reserve": 3, "release": 3}


def test_options_a_model_does_not_know_are_left_out_from_then_on():
    def answer(request, number):
        if "max_tokens" in request:
            words = "'max_tokens' is not supported. Use 'max_completion_tokens' instead."
            return 400, {"error": {"message": words}}
        if "temperature" in request:
            return 400, {"error": {"message": "Unsupported value: 'temperature'"}}
        return completion("B")

    meter = CountingMeter()
    with serving(answer) as served:
        caller, pauses = caller_at(served.url, retries=0, meter=meter)
        for _ in range(2):
            assert caller.ask(QUERY, max_tokens=3).text == "B"
        sent = [set(request["body"]) & {"max_tokens", "temperature"} for request in served.requests]
    assert sent == [{"max_tokens", "temperature"}, {"temperature"}, set(), set()]
    assert dict(meter.counts) == {"reserve": 4, "release": 2, "settle": 2}
    assert pauses.waited == []


def test_nothing_is_set_aside_during_a_pause():
    meter = CountingMeter()

    class Looking(Backoff):
        def wait(self, seconds):
            assert not meter.open

    with serving(lambda request, n: completion("B") if n > 2 else (500, BUSY)) as served:
        caller_at(served.url, meter=meter, pauses=Looking())[0].ask(QUERY, max_tokens=3)
    assert meter.counts["reserve"] == 3


def test_a_stopped_pause_ends_and_a_hold_is_for_all():
    pauses, ended = Backoff(), threading.Event()
    pauses.hold(60)

    def waiting():
        with pytest.raises(Stopped):
            pauses.wait(0)
        ended.set()

    thread = threading.Thread(target=waiting)
    thread.start()
    assert not ended.wait(0.1), "the hold is for those who have no pause of their own"
    pauses.stop()
    assert ended.wait(10)
    thread.join()


def test_an_ended_caller_sends_nothing():
    with serving(lambda request, n: completion("B")) as served:
        caller, _ = caller_at(served.url)
        caller.end()
        with pytest.raises(Stopped):
            caller.ask(QUERY, max_tokens=3)
        assert not served.requests


def test_bounds_are_bytes_first_and_then_what_was_seen():
    bounds = TokenBound()
    long = Query([{"role": "system", "content": "é" * 500}, *QUERY.messages], "key", 5)
    assert bounds.most(long) == 1000 + 5 + 2 * 32
    bounds.note(long, 0, 300)
    bounds.note(long, 0, 310)
    assert bounds.most(long) == 300 + 16 + 5
    assert bounds.most(Query(long.messages, "another", 5)) == 1069
    assert bounds.most(long, schema=40) == 1109, "an answer format is another fixed part"
    assert bounds.most(QUERY) == 37, "never more than its bytes"
    bounds.note(long, 0, 400)
    bounds.note(long, 0, 300)
    assert bounds.most(long) == 1069, "a server that has counted too little is not believed"
