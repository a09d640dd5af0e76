"""Answers as servers and models really give them: thoughts, parts, odd numbers, nothing at all."""

import json

import numpy as np
import pytest

from llkd.config import LabelSet
from llkd.errors import ModelError
from llkd.teachers.api.completions import read_completion
from llkd.teachers.api.reasoning_text import answer_start, without_thoughts
from tests.support.api_teachers import teacher_at
from tests.support.counting_meter import CountingMeter
from tests.support.stand_in_server import completion, serving

LABELS = LabelSet.of(["World", "Sports", "Science"])
TOP = [("B", -0.3), ("A", -1.5), ("C", -4.0)]
SENTENCE = {"role": "assistant"}


def asked(answer, tmp_path, texts=12, **settings):
    """Ask about texts; gives the batches by text, the requests, the notices and the failure."""
    quick = {"retries": 0, "concurrency": 1, "samples": 2, "timeout": 20.0}
    failure = None
    found = {}
    with serving(answer) as served:
        teacher = teacher_at(served, tmp_path, LABELS, **{**quick, **settings})
        try:
            for batch in teacher.score([f"text {i}" for i in range(texts)]):
                found[int(batch.index[0])] = batch
        except ModelError as error:
            failure = str(error)
    return found, [request["body"] for request in served.requests], teacher.notices, failure


def message(fields, **more):
    body = completion("")
    body["choices"][0].update(message={**SENTENCE, **fields}, **more)
    return body


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("B", "B"),
        ("<think>\n\n</think>\n\nB", "B"),
        ("<think>It is A or C.</think>B", "B"),
        ("It is A or C.\n</think>\n\nB", "B"),
        ("<thinking>hm</thinking>\nB", "B"),
        ("<reasoning>A?</reasoning><answer>B</answer>", "B"),
        ("[THINK]hm[/THINK]B</s>", "B"),
        ("<|channel|>final<|message|>B", "B"),
        ("<|channel|>analysis<|message|>A?<|end|><|start|>assistant<|channel|>final<|message|>B", "B"),
        ("<|START_THINKING|>A<|END_THINKING|><|START_RESPONSE|>B<|END_RESPONSE|>", "B"),
        ("<|channel>thought\nA<channel|>B", "B"),
        ("\u25c1think\u25b7A\u25c1/think\u25b7B", "B"),
        ("<|im_start|>assistant\nB<|im_end|>", "B"),
        ("B<|eot_id|><|endoftext|>", "B"),
        ("$\\boxed{\\text{B}}$", "B"),
        ("<|begin_of_box|>B<|end_of_box|>", "B"),
        ("<think>It may be A", ""),
        ("<think>A</think><think>no", ""),
        ("<|channel|>analysis<|message|>It may be A", ""),
        ("<answer>A</answer> or <answer>B</answer>", "<answer>A</answer> or <answer>B</answer>"),
        ("A <thinking cap> is B", "A <thinking cap> is B"),
    ],
)  # fmt: skip
def test_thoughts_and_marks_are_taken_off(words, expected):
    assert without_thoughts(words).strip() == expected
    assert (answer_start(words) is None) == (words.startswith("<") and not expected)


CONTENTS = [
    {"content": [{"type": "text", "text": "B"}]},
    {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "A?"}]},
                 {"type": "text", "text": "B"}]},
    {"content": ["B"]},
    {"content": {"type": "text", "text": "B"}},
    {"content": [{"type": "output_text", "text": {"value": "B"}}]},
    {"content": "B", "reasoning_content": "It could be A."},
    {"content": "B", "reasoning": "It could be A."},
    {"content": None, "tool_calls": [{"function": {"name": "f", "arguments": '{"label": "Sports"}'}}]},
    {"content": "<think>\n\n</think>\n\nB"},
]  # fmt: skip


@pytest.mark.parametrize("fields", CONTENTS)
def test_words_are_found_wherever_a_message_holds_them(tmp_path, fields):
    found, _, _, failure = asked(lambda r, n: message(fields), tmp_path)
    assert failure is None
    assert all(batch.scores[0].argmax() == 1 for batch in found.values())
    assert len(found) == 12


def thinker(need, form):
    """A model that answers only where it may write ``need`` tokens; before, it thinks."""

    def answer(request, number):
        limit = request.get("max_tokens")
        done = limit >= need
        body = message(form(done), finish_reason="stop" if done else "length")
        if request.get("logprobs") and not done:
            # Words of the thought: among them an article and a pronoun that look like options.
            noise = [("<think>", -1e-6), ("Okay", -15.2), ("A", -16.4), ("I", -17.3), ("B", -22.5)]
            listed = [{"token": t, "logprob": p} for t, p in noise]
            body["choices"][0]["logprobs"] = {"content": [{**listed[0], "top_logprobs": listed}]}
        return body

    return answer


def inline(done):
    return {"content": "<think>Okay" + ("</think>\n\nB" if done else "")}


def apart(done):
    return {"content": "B" if done else None, "reasoning_content": "Okay"}


def hidden(done):
    return {"content": "B" if done else ""}


@pytest.mark.parametrize("form", [inline, apart])
@pytest.mark.parametrize("need", [100, 2000])
def test_a_model_that_thinks_first_is_given_room_and_read_behind_its_thought(tmp_path, form, need):
    found, requests, notices, failure = asked(thinker(need, form), tmp_path)
    assert failure is None
    assert {batch.source for batch in found.values()} == {"self_consistency"}
    assert all(batch.scores[0].argmax() == 1 for batch in found.values())
    assert sum("logprobs" in request for request in requests) == 1
    assert sum("thinks before it answers" in sentence for sentence in notices) == 1
    assert {r["max_tokens"] for r in requests[-20:]} == {1024 if need == 100 else 4096}


@pytest.mark.parametrize("form", [inline, apart, hidden])
def test_a_stated_answer_behind_a_thought_is_given_room(tmp_path, form):
    def answer(request, number):
        done = request["max_tokens"] >= 500
        fields = form(done)
        if done:
            stated = json.dumps({"label": "Sports", "confidence": 70})
            fields["content"] = fields["content"].removesuffix("B") + stated
        return message(fields, finish_reason="stop" if done else "length")

    found, requests, notices, failure = asked(answer, tmp_path, confidence="verbalized")
    assert failure is None
    assert {batch.source for batch in found.values()} == {"verbalized"}
    assert len(requests) == 13
    assert len(notices) == 1 and "thinks before it answers" in notices[0]


def test_a_form_cut_short_is_given_room_without_talk_of_thoughts(tmp_path):
    stated = json.dumps({"label": "Sports", "confidence": 70}, indent=40)

    def answer(request, number):
        cut = request["max_tokens"] < 100
        body = completion(stated[:30] if cut else stated)
        body["choices"][0]["finish_reason"] = "length" if cut else "stop"
        return body

    found, _, notices, failure = asked(answer, tmp_path, confidence="verbalized")
    assert failure is None and notices == []
    assert {batch.source for batch in found.values()} == {"verbalized"}


def test_thinking_and_logprobs_demanded_is_said(tmp_path):
    found, _, _, failure = asked(thinker(100, inline), tmp_path, confidence="logprob")
    assert not found
    assert failure.startswith("The model thinks before it answers, so its first words' logprobs")


@pytest.mark.parametrize("mass", [1e-7, 1e-3, 0.05])
@pytest.mark.parametrize("content", ["Okay", None])
def test_letters_of_almost_no_probability_never_become_a_label(tmp_path, mass, content):
    """What was seen: all texts one class at 0.99 though the model began to say something else."""

    def answer(request, number):
        if not request.get("logprobs"):
            return completion("B")
        top = [("Okay", float(np.log(1 - mass))), ("A", float(np.log(mass))), ("I", -40.0)]
        return completion(content, top)

    found, requests, notices, _ = asked(answer, tmp_path)
    assert {batch.source for batch in found.values()} == {"self_consistency"}
    assert all(batch.scores[0].argmax() == 1 for batch in found.values())
    assert sum("logprobs" in request for request in requests) <= 4
    assert len([n for n in notices if "does not begin" in n]) == 1


@pytest.mark.parametrize("first", [" ", "\n", "\u0120", "**", "("])
def test_white_space_before_the_letter_is_read_over(tmp_path, first):
    def answer(request, number):
        blank = [{"token": first, "logprob": -0.1}, {"token": "A", "logprob": -2.5}]
        tops = [{"token": t, "logprob": p} for t, p in TOP]
        places = [{**blank[0], "top_logprobs": blank}, {**tops[0], "top_logprobs": tops}]
        words = (
            ("" if first == "\u0120" else first) + " " + ("B" if request["max_tokens"] > 1 else "")
        )
        body = completion(words)
        kept = places[: request["max_tokens"]]
        body["choices"][0]["logprobs"] = {"content": kept} if request.get("logprobs") else None
        return body

    found, requests, _, failure = asked(answer, tmp_path)
    assert failure is None
    assert {batch.source for batch in found.values()} == {"logprob"}
    expected = [np.logaddexp(-1.5 - 0.1, -2.5), -0.3 - 0.1, -4.0 - 0.1]
    np.testing.assert_allclose(found[0].scores[0], expected, rtol=1e-5)
    assert len(requests) == 13, "found out once"


def test_logprobs_behind_a_finished_thought_are_those_of_the_answer():
    words = ["<think>", "A", "</think>", "\n\n", "B"]
    places = [
        {"token": w, "logprob": -0.1, "top_logprobs": [{"token": w, "logprob": -0.1}]}
        for w in words
    ]
    body = message({"content": "".join(words)}, logprobs={"content": places})
    assert read_completion(body).listed == [("B", -0.1)]
    apart = message({"content": "B", "reasoning_content": "A"}, logprobs={"content": places[1:]})
    assert read_completion(apart).listed[-1][0] == "B"
    open_thought = message({"content": "<think>A"}, logprobs={"content": places[:2]})
    assert read_completion(open_thought).listed == []


@pytest.mark.parametrize(
    "entry",
    [
        {"token": "C", "logprob": None},
        {"token": "C", "logprob": "nan"},
        {"token": "C"},
        {"token": None, "logprob": -1.0},
        "C",
        None,
        {"token": "C", "logprob": -9999.0},
        {"token": "C", "logprob": "-Infinity"},
    ],
)
def test_an_odd_entry_is_skipped_and_the_others_count(tmp_path, entry):
    def answer(request, number):
        body = completion("B", TOP[:2])
        body["choices"][0]["logprobs"]["content"][0]["top_logprobs"].append(entry)
        return body

    found, _, _, failure = asked(answer, tmp_path)
    assert failure is None
    np.testing.assert_allclose(found[0].scores[0], [-1.5, -0.3, -1.5 - np.log(10)], rtol=1e-5)


def test_logprobs_in_the_older_form_are_read(tmp_path):
    def answer(request, number):
        body = completion("B")
        top = dict(TOP)
        body["choices"][0]["logprobs"] = {
            "tokens": ["B"], "token_logprobs": [-0.3], "top_logprobs": [top],
        }  # fmt: skip
        return body

    found, _, _, _ = asked(answer, tmp_path)
    np.testing.assert_allclose(found[0].scores[0], [-1.5, -0.3, -4.0], rtol=1e-5)


@pytest.mark.parametrize(
    ("usage", "told"),
    [
        ({"prompt_tokens": 50, "completion_tokens": 7, "total_tokens": 57}, (50, 7)),
        ({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}, (None, None)),
        ({"prompt_tokens": 50, "completion_tokens": 0}, (50, None)),
        ({"prompt_tokens": "many", "completion_tokens": 7}, (None, 7)),
        ({"prompt_tokens": None, "completion_tokens": 7.0}, (None, 7)),
        ({"input_tokens": 50, "output_tokens": 7}, (50, 7)),
        # Thoughts that stand in the total alone are paid like words.
        ({"prompt_tokens": 50, "completion_tokens": 7, "total_tokens": 300}, (50, 250)),
        ({"prompt_tokens": 10**12, "completion_tokens": -1}, (None, None)),
        ([], (None, None)),
        (None, (None, None)),
    ],
)
def test_tokens_are_taken_as_told_only_where_they_can_be(usage, told):
    reply = read_completion({**completion("B"), "usage": usage})
    assert (reply.tokens_in, reply.tokens_out) == told


def test_a_server_that_counts_nothing_is_charged_at_the_most(tmp_path):
    meter = CountingMeter()
    with serving(lambda r, n: completion("B", TOP, usage=(0, 0))) as served:
        list(teacher_at(served, tmp_path, LABELS, meter=meter).score(["a", "b"]))
    assert meter.settled == [(most, most) for most in meter.reserved]
    assert all(written >= 1 for _, written in meter.reserved)


@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_pass_that_yields_nothing_stops_early_and_shows_two_answers(tmp_path, concurrency):
    found, requests, _, failure = asked(
        lambda r, n: completion(f"I think [a]({n}) **x**"),
        tmp_path, texts=300, confidence="none", concurrency=concurrency,
    )  # fmt: skip
    assert 20 <= len(found) <= 20 + concurrency
    assert len(requests) == len(found)
    assert failure.startswith("None of the 20 texts asked about got a usable answer")
    assert failure.count("\u201cI think [a](") == 2
    assert all(batch.raw for batch in found.values()), "what was paid is kept"


def test_one_usable_answer_lets_the_pass_go_on(tmp_path):
    found, _, _, failure = asked(
        lambda r, n: completion("B" if n == 19 else "who knows"),
        tmp_path, texts=60, confidence="none",
    )  # fmt: skip
    assert failure is None and len(found) == 60


@pytest.mark.parametrize(("texts", "said"), [(12, True), (6, True), (4, False)])
def test_answers_that_never_differ_are_told(tmp_path, texts, said):
    found, _, notices, _ = asked(lambda r, n: completion("B"), tmp_path, texts=texts, samples=3)
    assert len(found) == texts
    alike = [n for n in notices if n.startswith("All 3 answers were the same for each of the")]
    assert len(alike) == said
    if said:
        assert f"first {min(texts, 10)} texts" in alike[0]


def test_answers_that_differ_once_are_not_called_the_same(tmp_path):
    _, _, notices, _ = asked(lambda r, n: completion("A" if n == 9 else "B"), tmp_path, samples=3)
    assert not [n for n in notices if "were the same" in n]


@pytest.mark.parametrize("names", [["C", "A", "B"], ["World", "A", "B"], ["A+", "A", "B"]])
def test_a_class_called_like_anothers_letter_is_not_swapped(tmp_path, names):
    """The server answers with the letter of the option that the text names, or with its words."""

    def answer(request, number):
        system = request["messages"][0]["content"]
        lines = [line.split(". ", 1) for line in system.splitlines() if line[1:3] == ". "]
        wanted = request["messages"][-1]["content"].removeprefix("about ")
        mark = next(mark for mark, name in lines if name == wanted)
        if way == "words":
            return completion(wanted)
        top = [(mark, -0.1)] + [(other, -4.0) for other, _ in lines if other != mark]
        return completion(mark, top if request.get("logprobs") else None)

    for way in ("letters", "words"):
        with serving(answer) as served:
            teacher = teacher_at(served, tmp_path, LabelSet.of(names), samples=2)
            found = {int(b.index[0]): b for b in teacher.score([f"about {n}" for n in names])}
        assert [found[k].scores[0].argmax() for k in range(3)] == [0, 1, 2], way


def test_one_address_is_one_teacher(tmp_path):
    urls = ["http://h:8000/v1", " http://h:8000/v1/ ", "http://H:8000/v1/chat/completions"]
    described = [teacher_at(url, tmp_path, LABELS).describe() for url in urls]
    assert described[0] == described[1] == described[2]
