import json
import logging
import threading
import time

import numpy as np
import pytest

from llkd.config import LabelSet, TeacherConfig, build
from llkd.errors import ConfigError, ModelError
from tests.support.api_teachers import teacher_at
from tests.support.counting_meter import CountingMeter
from tests.support.stand_in_server import completion, serving, text_of

KEY = "sk-a-very-secret-key-123456"
TOP = [("B", -0.3), ("A", -1.5), ("The", -4.0)]


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


def by_text(batches):
    found = {}
    for batch in batches:
        for i, index in enumerate(batch.index):
            assert index not in found, "a text was answered twice"
            found[int(index)] = (
                batch.scores[i],
                int(batch.answer[i]),
                batch.source,
                batch.raw[i],
            )
    return found


def test_logprobs_of_letters_become_scores(tmp_path):
    with serving(lambda request, n: completion("B", TOP)) as served:
        teacher = teacher_at(served, tmp_path)
        batches = list(teacher.score(["a match", "a second match"]))
        teacher.close()
    found = by_text(batches)
    for k in (0, 1):
        scores, answer, source, raw = found[k]
        np.testing.assert_allclose(scores, [-1.5, -0.3, -4 - np.log(10)], rtol=1e-6)
        assert (answer, source, raw) == (-1, "logprob", "B [not listed: C]")
    assert [b.tokens_in for b in batches] == [11, 11]
    assert [b.tokens_out for b in batches] == [1, 1]
    request = served.requests[0]["body"]
    assert served.requests[0]["path"] == "/v1/chat/completions"
    assert (request["max_tokens"], request["logprobs"], request["top_logprobs"]) == (1, True, 20)
    assert request["temperature"] == 0
    system, user = request["messages"]
    assert "A. World\nB. Sports\nC. Science" in system["content"]
    assert user["content"] in {"a match", "a second match"}
    assert len(served.requests) == 2


def test_content_free_texts_are_scored_where_there_are_logprobs(tmp_path):
    with serving(lambda request, n: completion("B", TOP)) as served:
        free = teacher_at(served, tmp_path).content_free()
    assert free.shape == (3, 3)
    assert [text_of(r["body"]) for r in served.requests] == ["N/A", "", "[MASK]"]
    with serving(lambda request, n: completion("B")) as served:
        assert teacher_at(served, tmp_path).content_free() is None
    assert len(served.requests) == 1, "no votes are paid for"
    with serving(lambda request, n: (400, {"error": {"message": "no"}})) as served:
        assert teacher_at(served, tmp_path).content_free() is None


def test_without_logprobs_the_votes_are_counted(tmp_path):
    replies = ["B", "Sports.", "b) sports", "World", "who knows"]

    def answer(request, number):
        return completion("B" if number == 1 else replies[(number - 2) % 5], usage=(10, 2))

    with serving(answer) as served:
        teacher = teacher_at(served, tmp_path, concurrency=1)
        (batch,) = teacher.score(["a match"])
        list(teacher.score(["another"]))
    expected = np.log((np.array([1, 3, 0]) + 0.5) / (4 + 1.5))
    np.testing.assert_allclose(batch.scores[0], expected, rtol=1e-6)
    assert batch.source == "self_consistency"
    assert batch.answer.tolist() == [-1]
    assert batch.raw == ["B | Sports. | b) sports | World | who knows"]
    assert (batch.tokens_in, batch.tokens_out) == (50, 10)
    bodies = [r["body"] for r in served.requests]
    assert "logprobs" not in bodies[1]
    assert bodies[1]["temperature"] == 1
    assert len(bodies) == 1 + 5 + 5, "the server is asked for logprobs once only"


def test_one_sample_is_an_answer_without_a_confidence(tmp_path):
    with serving(lambda request, n: completion("Sports")) as served:
        found = by_text(teacher_at(served, tmp_path, samples=1).score(["a match"]))
    scores, answer, source, raw = found[0]
    assert np.isnan(scores).all()
    assert (answer, source, raw) == (1, "none", "Sports")


@pytest.mark.parametrize("samples", [1, 3])
def test_off_list_answers_stay_unanswered_and_are_kept(tmp_path, samples):
    with serving(lambda request, n: completion("<script>maybe</script>")) as served:
        found = by_text(teacher_at(served, tmp_path, samples=samples).score(["a match"]))
    scores, answer, source, raw = found[0]
    assert np.isnan(scores).all()
    assert (answer, source) == (-1, "none")
    assert raw == " | ".join(["<script>maybe</script>"] * samples)


def test_logprobs_without_any_letter_stay_unanswered(tmp_path):
    with serving(lambda request, n: completion("I", [("I", -0.1), ("The", -3.0)])) as served:
        teacher = teacher_at(served, tmp_path, confidence="logprob")
        found = by_text(teacher.score(["a match"]))
    scores, answer, source, raw = found[0]
    assert np.isnan(scores).all()
    assert (answer, source, raw) == (-1, "none", "I")
    assert len(served.requests) == 1


def test_a_server_with_a_smaller_list_is_asked_for_that(tmp_path):
    def answer(request, number):
        if request.get("top_logprobs", 0) > 5:
            return 400, {"error": {"message": "top_logprobs must be at most 5"}}
        return completion("B", TOP)

    with serving(answer) as served:
        teacher = teacher_at(served, tmp_path, concurrency=1)
        found = by_text(teacher.score(["a", "b", "c"]))
    assert {source for _, _, source, _ in found.values()} == {"logprob"}
    assert [r["body"]["top_logprobs"] for r in served.requests] == [20, 5, 5, 5]


def test_a_server_that_refuses_logprobs_is_asked_for_votes(tmp_path):
    def answer(request, number):
        if "logprobs" in request:
            return 400, {"error": {"message": "logprobs is not supported"}}
        return completion("C")

    with serving(answer) as served:
        found = by_text(teacher_at(served, tmp_path, samples=2).score(["a"]))
    assert found[0][2] == "self_consistency"
    assert found[0][0].argmax() == 2
    assert len(served.requests) == 4


def test_without_logprobs_more_than_twenty_classes_are_asked_by_name(tmp_path):
    labels = LabelSet.of([f"topic {i:02d}" for i in range(21)])
    with serving(lambda request, n: completion("Topic 07")) as served:
        teacher = teacher_at(served, tmp_path, labels=labels, samples=3)
        found = by_text(teacher.score(["a"]))
    scores, _, source, _ = found[0]
    assert source == "self_consistency"
    np.testing.assert_allclose(scores[7], np.log(3.5 / 13.5), rtol=1e-6)
    assert len(served.requests) == 1 + 3, "one try of two stages, then three votes"
    assert "- topic 20" in served.requests[1]["body"]["messages"][0]["content"]


def test_busy_servers_are_asked_again_when_they_say(tmp_path):
    times = []

    def answer(request, number):
        times.append(time.monotonic())
        if number == 1:
            return 429, {"error": {"message": "slow down"}}, {"Retry-After": "1"}
        return [(503, {"error": {"message": "busy"}}), (0, ""), completion("B", TOP)][
            min(number - 2, 2)
        ]

    with serving(answer) as served:
        found = by_text(teacher_at(served, tmp_path).score(["a"]))
    assert found[0][2] == "logprob"
    assert len(times) == 4
    assert times[1] - times[0] >= 0.95


def test_what_was_answered_is_yielded_before_the_failure(tmp_path):
    both_in = threading.Barrier(2)

    def answer(request, number):
        text = text_of(request)
        if text in {"slow", "bad"}:
            both_in.wait(10)
        if text == "bad":
            return 401, {"error": {"message": f"Incorrect API key provided: {KEY}"}}
        if text == "slow":
            time.sleep(0.3)
        return completion("B", TOP)

    seen = []
    with serving(answer) as served:
        teacher = teacher_at(served, tmp_path, concurrency=2)
        with pytest.raises(ModelError, match="refuses the key .status 401.. Set OPENAI_API_KEY"):
            for batch in teacher.score(["one", "two", "slow", "bad", "never", "never"]):
                seen += batch.index.tolist()
    assert sorted(seen) == [0, 1, 2]
    assert [text_of(r["body"]) for r in served.requests].count("never") <= 1


def test_each_result_comes_before_later_texts_are_asked(tmp_path):
    with serving(lambda request, n: completion("B", TOP)) as served:
        batches = teacher_at(served, tmp_path, concurrency=2).score(map_to_list(50))
        next(batches)
        batches.close()
        time.sleep(0.2)
        assert len(served.requests) <= 4


def map_to_list(n):
    return [f"text {i}" for i in range(n)]


def test_requests_run_side_by_side_but_no_more_than_wanted(tmp_path):
    running, most, lock = 0, 0, threading.Lock()

    def answer(request, number):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.05)
        with lock:
            running -= 1
        return completion("B", TOP)

    with serving(answer) as served:
        found = by_text(teacher_at(served, tmp_path, concurrency=3).score(map_to_list(60)))
    assert len(found) == 60
    assert most == 3


def test_one_refused_text_does_not_stop_the_rest(tmp_path):
    def answer(request, number):
        if "forbidden" in text_of(request):
            return 400, {"error": {"message": "content policy"}}
        return completion("B", TOP)

    with serving(answer) as served:
        found = by_text(teacher_at(served, tmp_path).score(["forbidden", "fine"]))
    assert found[0][1:] == (-1, "none", "[refused] content policy.")
    assert found[1][2] == "logprob"


def test_a_request_no_text_can_mend_is_said(tmp_path):
    with (
        serving(
            lambda request, n: (400, {"error": {"message": f"bad model, key {KEY}"}})
        ) as served,
        pytest.raises(ModelError, match=r"refuses the request: bad model, key \*\*\*\.") as caught,
    ):
        list(teacher_at(served, tmp_path).score(["a", "b"]))
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ((401, {"error": {"message": f"wrong key {KEY}"}}), "refuses the key"),
        ((403, {"error": {"message": "no"}}), "refuses the key"),
        ((404, {"error": {"message": "no such model"}}), "does not know the model 'tiny'"),
        ((500, {"error": {"message": f"boom {KEY}"}}), "failed with status 500: boom ...,"),
        ((200, "<html>hello</html>"), "answers in another format"),
        ((200, {"hello": 1}), "answers in another format"),
        ((200, {"choices": []}), "answers in another format"),
        ((200, {"choices": [{"message": None}]}), "answers in another format"),
        ((200, [1, 2]), "answers in another format"),
        ((200, '{"a":' * 5000), "answers in another format"),
        ((0, ""), "cannot be reached"),
    ],
)
def test_failures_are_said_clearly(tmp_path, reply, words):
    with (
        serving(lambda request, n: reply) as served,
        pytest.raises(ModelError, match=words) as caught,
    ):
        list(teacher_at(served, tmp_path, samples=1, retries=1).score(["a"]))
    message = str(caught.value)
    assert served.url in message
    assert KEY not in message
    assert "\n" not in message


def test_a_server_that_is_not_there_is_said(tmp_path):
    with serving(lambda request, n: None) as served:
        url = served.url
    with pytest.raises(ModelError, match="cannot be reached. Check that it runs"):
        list(teacher_at(url, tmp_path, retries=1).score(["a"]))


def test_a_server_that_never_answers_is_said(tmp_path):
    done = threading.Event()
    with serving(lambda request, n: done.wait(5) and completion("B", TOP)) as served:
        with pytest.raises(ModelError, match="did not answer within 0.2 seconds, asked 2 times"):
            list(teacher_at(served, tmp_path, retries=1, timeout=0.2).score(["a"]))
        done.set()


@pytest.mark.parametrize("url", ["ftp://x/v1", "localhost:8000", "http://", "http://[x/v1"])
def test_a_base_url_that_is_none_is_refused(tmp_path, url):
    with pytest.raises(ConfigError, match="begins with http:// or https://"):
        teacher_at(url, tmp_path)


@pytest.mark.parametrize(
    "url",
    [
        "http://me:hidden@host/v1",
        "ftp://me:hidden@host",
        "me:hidden@x",
        "http://host/v1?api-key=hidden",
        "http://host/v1#hidden",
    ],
)
def test_a_base_url_with_a_secret_in_it_is_refused(url):
    with pytest.raises(ConfigError, match="Set OPENAI_API_KEY to the key") as caught:
        build(TeacherConfig, teacher="api:tiny", base_url=url)
    assert "hidden" not in str(caught.value)


def test_the_key_is_shown_nowhere(tmp_path, caplog):
    with (
        caplog.at_level(logging.DEBUG),
        serving(lambda request, n: completion("B", TOP)) as served,
    ):
        teacher = teacher_at(served, tmp_path)
        batches = list(teacher.score(["a"]))
        described = json.dumps(teacher.describe())
    shown = (described, caplog.text, repr(batches), repr(teacher), teacher.prompt("a"))
    assert not [words for words in shown if KEY in words]
    assert json.loads(described)["base_url"] == served.url


def test_the_key_goes_to_the_server(tmp_path):
    with serving(lambda request, n: completion("B", TOP)) as served:
        list(teacher_at(served, tmp_path).score(["a"]))
    assert served.requests[0]["headers"]["authorization"] == f"Bearer {KEY}"


def test_description_and_prompt_hold_what_is_asked(tmp_path):
    with serving(lambda request, n: completion("B", TOP)) as served:
        teacher = teacher_at(served, tmp_path, instruction="Sort it.")
        first = teacher.describe()
        list(teacher.score(["a"]))
        shown = teacher.prompt("a")
    assert teacher.describe() == first
    for message in served.requests[0]["body"]["messages"]:
        assert message["content"] in shown
    assert first["model"] == "tiny"
    assert "Sort it." in first["prompt"][0]


def test_long_texts_lose_their_middle_and_are_counted(tmp_path):
    with serving(lambda request, n: completion("B", TOP)) as served:
        teacher = teacher_at(served, tmp_path, max_text_tokens=8)
        list(teacher.score(["start " + "x" * 500 + " end", "short \ud800"]))
    texts = sorted(text_of(r["body"]) for r in served.requests)
    assert texts[0] == "short ?"
    assert len(texts[1]) == 32
    assert texts[1].startswith("start xx")
    assert texts[1].endswith("x end")
    assert " ... " in texts[1]
    assert teacher.cut == 1


def test_tokens_that_cannot_be_and_endless_answers_are_not_believed(tmp_path):
    meter = CountingMeter()
    body = completion("no class " * 100_000, usage=(-50, -1))
    with serving(lambda request, n: body) as served:
        (batch,) = teacher_at(served, tmp_path, confidence="none", meter=meter).score(["a"])
    assert meter.settled == [(meter.reserved[0], meter.reserved[0])]
    assert len(batch.raw[0]) == 10_000
