"""The API teacher against a server process that fails in every way it knows."""

import collections
import time

import numpy as np
import pytest

from llkd.config import LabelSet, TeacherConfig
from llkd.errors import BudgetSpent, JobCancelled, ModelError
from llkd.teachers import make_teacher
from tests.support.counting_meter import CountingMeter
from tests.support.faulty_server import CONTENT, FREE, KINDS, label_of, running
from tests.support.stand_in_server import completion, serving, text_of

NAMES = ["World", "Sports", "Science"]
LABELS = LabelSet.of(NAMES)
TOP = [("B", -0.3), ("A", -1.5), ("C", -4.0)]


def teacher_at(server, tmp_path, meter=None, **settings):
    quick = {"retry_seconds": 0.01, "timeout": 1.0, "base_url": server.url}
    config = TeacherConfig(**{"teacher": "api:tiny", **quick, **settings})
    return make_teacher(config, LABELS, tmp_path, meter=meter)


def ask(teacher, texts):
    """{index: (class or -1, raw)} of what was yielded, and the error that followed."""
    found, error = {}, None
    try:
        for batch in teacher.score(texts):
            (index,) = batch.index.tolist()
            assert index not in found, "a text was answered twice"
            named = batch.source == "none" or np.isnan(batch.scores).any()
            best = batch.answer[0] if named else batch.scores[0].argmax()
            found[index] = (int(best), batch.raw[0])
    except Exception as raised:
        error = raised
    return found, error


@pytest.mark.parametrize("logprobs", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_one_fault_of_each_kind_costs_one_more_try_at_most(tmp_path, kind, logprobs):
    meter = CountingMeter()
    options = {"rate": 1.0, "kinds": [kind], "faulty_tries": 1, "hang": 3, "slow": 0.1}
    way = {"confidence": "logprob" if logprobs else "none", "timeout": 0.5}
    with running(tmp_path / "log", labels=NAMES, logprobs=logprobs, **options) as server:
        found, error = ask(teacher_at(server, tmp_path, meter, **way), ["a match"])
        lines = server.lines()
    assert error is None
    answered = kind in CONTENT or kind == "slow"
    assert [line["did"] for line in lines] == ([kind] if answered else [kind, "ok"])
    assert found[0][0] == (-1 if kind in CONTENT else NAMES.index(label_of("a match", NAMES)))
    again = "release" if kind in FREE else "lose"
    tries = {"reserve": 1, "settle": 1} if answered else {"reserve": 2, "settle": 1, again: 1}
    assert dict(meter.counts) == tries
    assert not meter.open


@pytest.mark.parametrize("logprobs", [True, False])
def test_many_faults_lose_no_text_and_pay_none_twice(tmp_path, logprobs):
    meter = CountingMeter()
    texts = [f"text {i} about something" for i in range(120)]
    way = {"concurrency": 8, "timeout": 0.5, "confidence": "logprob" if logprobs else "none"}
    options = {"rate": 0.3, "hang": 1, "slow": 0.05, "seed": 5, "retry_after": "0.02"}
    with running(tmp_path / "log", labels=NAMES, logprobs=logprobs, **options) as server:
        found, error = ask(teacher_at(server, tmp_path, meter, **way), texts)
        lines = server.lines()
    assert error is None
    tries = collections.defaultdict(list)
    for line in lines:
        tries[line["text"]].append(line["did"])
    assert len(found) == len(texts)
    for i, text in enumerate(texts):
        *failed, last = tries[text]
        assert not set(failed) & (CONTENT | {"ok", "slow"}), "answered, and asked again"
        expected = -1 if last in CONTENT else NAMES.index(label_of(text, NAMES))
        assert found[i][0] == expected, (text, tries[text])
    assert {line["did"] for line in lines} == {*KINDS, "ok"}, "every kind was met"
    assert len(lines) == meter.counts["reserve"]
    assert not meter.open
    billed = [line for line in lines if line["billed"]]
    assert meter.counts["settle"] + meter.counts["lose"] == len(billed)
    assert meter.tokens[0] >= sum(line["tokens_in"] for line in billed)
    assert meter.tokens[1] >= sum(line["tokens_out"] for line in billed)
    for (most_in, most_out), (used_in, used_out) in meter.settled:
        assert used_in <= most_in
        assert used_out <= most_out


def test_what_is_set_aside_comes_near_to_what_is_used(tmp_path):
    meter = CountingMeter()
    with running(tmp_path / "log") as server:
        ask(teacher_at(server, tmp_path, meter, concurrency=1), ["short"] * 5)
    first, *later = [most[0] for most, _ in meter.settled]
    used = meter.settled[0][1][0]
    assert later == [used + 16 + len("short")] * 4
    assert first > later[0]


def test_without_usage_the_most_is_settled(tmp_path):
    meter = CountingMeter()
    with running(tmp_path / "log", usage=False) as server:
        (batch,) = teacher_at(server, tmp_path, meter).score(["a"])
    assert meter.settled == [(meter.reserved[0], meter.reserved[0])]
    assert (batch.tokens_in, batch.tokens_out) == meter.reserved[0]


def test_a_spent_budget_keeps_what_was_answered(tmp_path):
    meter = CountingMeter(calls=7)
    with running(tmp_path / "log", pace=0.02) as server:
        teacher = teacher_at(server, tmp_path, meter, concurrency=4)
        found, error = ask(teacher, [f"text {i}" for i in range(30)])
        assert len(server.lines()) == 7
    assert isinstance(error, BudgetSpent)
    assert len(found) == 7
    assert not meter.open


def test_a_server_that_is_down_ends_the_pass_soon(tmp_path):
    meter = CountingMeter()
    with running(tmp_path / "log", rate=1.0, kinds=["500"]) as server:
        teacher = teacher_at(server, tmp_path, meter, concurrency=2, retries=2)
        found, error = ask(teacher, [f"text {i}" for i in range(100)])
        # Two tries with logprobs, three without, and one without a message of the system.
        assert len(server.lines()) <= 4 * 7
    assert not found
    assert isinstance(error, ModelError)
    assert "3 of them in a row, got no answer. The server" in str(error)
    assert "failed with status 500: it broke, asked 3 times." in str(error)
    assert meter.counts["release"] == meter.counts["reserve"]


def test_a_text_the_server_fails_on_is_left_out_and_said(tmp_path):
    def answer(request, number):
        if "bad" in request["messages"][-1]["content"]:
            return 500, {"error": {"message": "boom"}}
        return completion("B", TOP)

    with serving(answer) as served:
        teacher = teacher_at(served, tmp_path, concurrency=1, retries=1)
        found, error = ask(teacher, ["one", "bad", "two", "bad again", "three"])
    assert sorted(found) == [0, 2, 4]
    assert isinstance(error, ModelError)
    assert str(error).startswith("2 texts got no answer. The server")


def test_a_text_whose_answers_cannot_be_read_goes_to_review(tmp_path):
    def answer(request, number):
        bad = "bad" in request["messages"][-1]["content"]
        return "{oh no" if bad else completion("B", TOP)

    with serving(answer) as served:
        teacher = teacher_at(served, tmp_path, concurrency=1, retries=1)
        found, error = ask(teacher, ["one", "bad", "two"])
    assert error is None
    assert found[1][0] == -1
    assert found[1][1].startswith("[no usable answer] The server")
    assert found[2][0] == 1


def test_a_server_that_only_talks_nonsense_ends_the_pass(tmp_path):
    with running(tmp_path / "log", rate=1.0, kinds=["malformed"]) as server:
        teacher = teacher_at(server, tmp_path, retries=0, concurrency=1)
        found, error = ask(teacher, [f"text {i}" for i in range(50)])
        assert len(server.lines()) == 3
    assert not found
    assert "answers in another format" in str(error)


def test_a_refused_key_stops_at_once(tmp_path):
    meter = CountingMeter()
    with serving(lambda request, n: (401, {"error": {"message": "no"}})) as served:
        teacher = teacher_at(served, tmp_path, meter, concurrency=1)
        _, error = ask(teacher, ["a", "b", "c"])
        assert len(served.requests) == 1
    assert "wants a key" in str(error)
    assert dict(meter.counts) == {"reserve": 1, "release": 1}


def test_no_credit_left_is_not_asked_for_again(tmp_path):
    body = {"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}
    with serving(lambda request, n: (429, body)) as served:
        _, error = ask(teacher_at(served, tmp_path, concurrency=1), ["a", "b"])
        assert len(served.requests) == 1
    assert "You exceeded your quota" in str(error)


def test_a_busy_server_holds_all_threads_back(tmp_path):
    times = []

    def answer(request, number):
        times.append(time.monotonic())
        if number == 1:
            return 429, {"error": {"message": "slow"}}, {"retry-after-ms": "700"}
        time.sleep(0.05)  # so that the other thread learns of it before its next text
        return completion("B", TOP)

    with serving(answer) as served:
        found, error = ask(teacher_at(served, tmp_path, concurrency=2), [f"{i}" for i in range(20)])
    assert error is None
    assert len(found) == 20
    assert sum(moment - times[0] < 0.6 for moment in times) <= 2, "only what was on its way"


def test_a_pause_can_be_stopped_and_what_is_on_its_way_is_kept(tmp_path):
    def answer(request, number):
        text = request["messages"][-1]["content"]
        if text == "busy":
            return 429, {"error": {"message": "slow"}}, {"Retry-After": "250"}
        if text == "slow":
            time.sleep(2.0)
        return completion("B", TOP)

    with serving(answer) as served:

        def stop():
            if any(text_of(sent["body"]) == "busy" for sent in served.requests):
                raise JobCancelled("stop")

        teacher = teacher_at(served, tmp_path, concurrency=2, timeout=100)
        teacher.heartbeat = stop
        # After two answers a second request is sent beside the first.
        found, error = ask(teacher, ["one", "two", "slow", "busy", "never", "never"])
        assert len(served.requests) == 4
    assert isinstance(error, JobCancelled)
    assert sorted(found) == [0, 1, 2], "the slow one was paid and is kept"


def test_a_heartbeat_is_felt_while_nothing_comes(tmp_path):
    beats = []
    with running(tmp_path / "log", pace=2.3) as server:
        teacher = teacher_at(server, tmp_path, timeout=10)
        teacher.heartbeat = lambda: beats.append(1)
        found, error = ask(teacher, ["a"])
    assert error is None
    assert found
    assert beats


def test_content_free_calls_are_metered_and_faults_left_out(tmp_path):
    meter = CountingMeter()
    with running(tmp_path / "log", rate=1.0, kinds=["off_list"], faulty_tries=1) as server:
        teacher = teacher_at(server, tmp_path, meter)
        assert teacher.content_free() is None
        assert teacher.content_free().shape == (3, 3)
    assert dict(meter.counts) == {"reserve": 6, "settle": 6}


def test_content_free_calls_that_fail_are_said(tmp_path):
    with running(tmp_path / "log", rate=1.0, kinds=["500"]) as server:
        teacher = teacher_at(server, tmp_path, retries=1)
        with pytest.raises(ModelError, match="failed with status 500: it broke, asked 2 times"):
            teacher.content_free()
        with pytest.raises(BudgetSpent):
            teacher_at(server, tmp_path, CountingMeter(calls=0)).content_free()


def test_content_free_pauses_can_be_stopped(tmp_path):
    def stop():
        raise JobCancelled("stop")

    def busy(request, number):
        return 429, {"error": {"message": "slow"}}, {"Retry-After": "250"}

    with serving(busy) as served:
        teacher = teacher_at(served, tmp_path)
        teacher.heartbeat = stop
        with pytest.raises(JobCancelled):
            teacher.content_free()
        assert len(served.requests) == 1


@pytest.mark.parametrize("told", [10**30, -3, 0])
def test_tokens_that_cannot_be_are_taken_as_not_told(tmp_path, told):
    meter = CountingMeter()
    with serving(lambda request, number: completion("B", TOP, usage=(told, 1))) as served:
        found, error = ask(teacher_at(served, tmp_path, meter), ["a"])
    assert error is None and found[0][0] == 1
    (((most_in, _), (read, _)),) = meter.settled
    assert read == most_in
