"""The number of requests at a time against models of servers, in time that is only counted."""

import heapq
import random
import threading
import time

import pytest

from llkd.config import LabelSet, TeacherConfig
from llkd.teachers.api.teacher import api_teacher
from llkd.teachers.calls.concurrency import Allowed, Try, after
from tests.support.stand_in_server import completion, serving


class Refusing:
    """Answers in a second what it has room for, and refuses the rest at once."""

    def __init__(self, room):
        self.room = room

    def answer(self, under_way):
        return ("answered", 1.0) if under_way <= self.room else ("congested", 0.05)


class Queueing(Refusing):
    """Works on so many at a time; what is more waits."""

    def answer(self, under_way):
        return "answered", max(1.0, under_way / self.room)


class Hanging(Refusing):
    """Does not answer in time what it has no room for."""

    def answer(self, under_way):
        return ("answered", 1.0) if under_way <= self.room else ("congested", 30.0)


class Batching(Refusing):
    """Takes longer for more at a time, by a line: twice as long at ``room``."""

    def answer(self, under_way):
        return "answered", 1.0 + under_way / self.room


def simulate(server, *, most=64, answers=3000, seed=0, change=None, pause=1.0):
    """The states after every try, and how many answers a second came in the second half."""
    rng, now, allowed = random.Random(seed), 0.0, Allowed(most)
    flying, under_way, states, times = [], 0, [], []
    while len(times) < answers:
        if change and len(times) == change[0]:
            server, change = change[1], None
        while len(flying) < allowed.number:
            outcome, seconds = server.answer(under_way + 1)
            end = now + seconds * rng.uniform(0.9, 1.1)
            under_way += 1
            heapq.heappush(flying, (end, rng.random(), now, outcome, under_way))
        now, _, sent, outcome, beside = heapq.heappop(flying)
        if outcome == "waits":  # a pause before another try: it takes a place, but not the server's
            continue
        under_way -= 1
        allowed = after(allowed, Try(sent, now, outcome, beside))
        states.append(allowed)
        if outcome == "answered":
            times.append(now)
        else:
            heapq.heappush(flying, (now + pause, rng.random(), now, "waits", 0))
    half = len(times) // 2
    return states, (len(times) - half) / (times[-1] - times[half])


def mean_of(states, share=0.5):
    late = states[int(len(states) * (1 - share)) :]
    return sum(state.exact for state in late) / len(late)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("room", [1, 3, 8, 30])
def test_it_settles_near_what_a_server_has_room_for(room, seed):
    states, pace = simulate(Refusing(room), seed=seed)
    assert 0.7 * room <= mean_of(states) <= 1.3 * room + 1
    assert pace >= 0.6 * room, "most of what the server can do is used"
    assert len(states) < 1.25 * 3000 + 40, "each state is an answer or a refusal"
    states, pace = simulate(Hanging(room), seed=seed)
    assert 0.5 * room <= mean_of(states) <= 1.3 * room + 1
    states, pace = simulate(Queueing(room), seed=seed)
    assert pace >= 0.9 * room
    assert room <= mean_of(states) <= 2.2 * room + 1, "a queue of ours is as long as its work"
    states, pace = simulate(Batching(room), seed=seed)
    assert 0.5 * room <= mean_of(states) <= 3 * room + 2


def test_a_server_that_bears_it_gets_the_most_soon_and_no_more():
    states, _ = simulate(Refusing(1000), most=16, answers=200)
    assert max(state.number for state in states) == 16
    assert next(n for n, state in enumerate(states) if state.number == 16) < 30
    assert all(state.number == 16 for state in states[30:])
    states, _ = simulate(Refusing(1000), most=1, answers=50)
    assert {state.number for state in states} == {1}


def test_it_never_leaves_its_bounds_whatever_comes():
    rng, allowed, now = random.Random(1), Allowed(12), 0.0
    for _ in range(20_000):
        now += rng.random()
        outcome = rng.choice(["answered"] * 9 + ["congested", "failed"])
        allowed = after(allowed, Try(now - rng.expovariate(1.0), now, outcome, 12))
        assert 1 <= allowed.number <= 12
        assert 1.0 <= allowed.exact <= 12.0
    for _ in range(50):
        now += 1
        allowed = after(allowed, Try(now - 0.5, now, "congested", 12))
    assert allowed.number == 1


def test_it_backs_off_when_a_server_gets_busy_and_recovers():
    states, _ = simulate(Refusing(30), answers=2500, change=(1500, Refusing(4)))
    assert mean_of(states[:1500]) > 20
    assert mean_of(states, 0.25) < 7
    states, pace = simulate(Refusing(4), answers=4000, change=(1000, Refusing(30)))
    assert mean_of(states) > 20
    slow = type("Slow", (Queueing,), {"answer": lambda self, n: ("answered", 5 * max(1, n / 8))})
    states, pace = simulate(Queueing(8), answers=4000, change=(1000, slow(8)))
    assert mean_of(states) >= 7, "a server that got slower by itself is not taken for a full one"
    assert pace >= 0.9 * 8 / 5


def test_many_refusals_of_one_moment_are_one_sign():
    allowed = Allowed(64, exact=40.0, doubling=False)
    for n in range(20):
        allowed = after(allowed, Try(1.0, 2.0 + n / 100, "congested", 40))
    assert allowed.number == 28
    assert after(allowed, Try(2.5, 3.0, "failed", 28)) == allowed, (
        "a broken server is not a full one"
    )


def test_answers_that_are_a_little_slower_are_no_sign():
    allowed, now = Allowed(16), 0.0
    for _ in range(300):
        now += 1
        seconds = 0.005 * allowed.number  # a server on this machine, never idle
        allowed = after(allowed, Try(now, now + seconds, "answered", 16))
    assert allowed.number == 16


def test_it_does_not_grow_on_what_was_never_tried():
    allowed = Allowed(64)
    for now in range(100):
        allowed = after(allowed, Try(now, now + 0.5, "answered", 1))
    assert allowed.number == 2, "one at a time says that one is borne, and nothing of more"


def test_a_pass_sends_what_its_server_takes_at_a_time(tmp_path):
    lock, under_way, seen = threading.Lock(), [0], []

    def answer(request, number):
        with lock:
            under_way[0] += 1
            seen.append(under_way[0])
            full = under_way[0] > 3
        if not full:
            time.sleep(0.02)
        with lock:
            under_way[0] -= 1
        if full:
            return 429, {"error": {"message": "too many at a time"}}
        return completion("A", [("A", -0.1), ("B", -2.0)])

    with serving(answer) as served:
        config = TeacherConfig(
            teacher="api:m", base_url=served.url, retry_seconds=0.01, retries=20, concurrency=12
        )
        teacher = api_teacher(config, LabelSet.of(["red", "blue"]), tmp_path)
        found = list(teacher.score([f"text {n}" for n in range(150)]))
        teacher.close()
    assert sorted(int(batch.index[0]) for batch in found) == list(range(150))
    assert max(seen) <= 12
    assert len(seen) < 300, "fewer refusals than answers"
