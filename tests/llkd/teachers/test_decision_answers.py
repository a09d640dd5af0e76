"""What replies of decision servers mean, and how classes become options."""

import json
import math

import numpy as np
import pytest

from llkd.config import Label, LabelSet, TeacherConfig
from llkd.selection import signals
from llkd.teachers.base import Example, FewShot
from llkd.teachers.decisions import wire
from llkd.teachers.decisions.probabilities import scored
from llkd.teachers.decisions.questions import DecisionQuestions, option_names

NAMES = ("red", "blue", "green")


def listed(*pairs, choice="red", **more):
    answer = {"type": "choice", "name": "category", "choice": choice, "confidence": 0.1}
    answer["probabilities"] = [{"value": name, "probability": p} for name, p in pairs]
    return wire.read(wire.parse(json.dumps({"answers": [answer | more]})))


def by_name(words, choice="red"):
    """A System One reply whose probabilities are these words of JSON."""
    return wire.read(
        wire.parse(
            f'{{"answers": {{"category": {{"type": "choice", "choice": "{choice}", '
            f'"probabilities": {words}}}}}, "usage": {{"input_tokens": 7}}}}'
        )
    )


def test_probabilities_are_scores_in_the_order_of_the_classes_whatever_the_confidence_says():
    for told in (
        listed(("blue", 0.2), ("red", 0.7), ("green", 0.1)),
        by_name('{"blue": 0.2, "red": 0.7, "green": 0.1}'),
    ):
        result = scored(told, NAMES)
        np.testing.assert_allclose(np.exp(result.scores), [0.7, 0.2, 0.1], rtol=1e-6)
        assert (result.choice, result.remarks) == (0, ())
    assert by_name('{"blue": 0.2, "red": 0.7, "green": 0.1}').tokens_in == 7


@pytest.mark.parametrize(
    ("pairs", "probabilities", "remark"),
    [
        # Two digits: 0 is less than half of the last, and more than LEAST_KNOWN allows.
        ((("red", 0.99), ("blue", 0.01), ("green", 0.0)), [0.99, 0.01, 0.001], "probability 0: gre"),
        ((("red", 0.99991), ("blue", 9e-5), ("green", 0)), [0.99991, 9e-5, 5e-6], "probability 0"),
        ((("red", 0.9), ("blue", 0.1)), [0.9, 0.1, 0.001], "not listed: green"),
        ((("red", 1.2), ("blue", 0.3), ("green", 0.5)), [0.6, 0.15, 0.25], "sum: 2"),
        ((("red", 70), ("blue", 20), ("green", 10)), [0.7, 0.2, 0.1], "sum: 100"),
        ((("red", 0.6), ("violet", 0.2), ("blue", 0.1), ("green", 0.1)), [0.6, 0.1, 0.1],
         "unknown options: 'violet' 0.2"),
        ((("Red ", 0.7), ("BLUE", 0.2), ("green.", 0.1)), [0.7, 0.2, 0.1], ""),
    ],
)  # fmt: skip
def test_an_untidy_answer_is_used_and_marked(pairs, probabilities, remark):
    result = scored(listed(*pairs), NAMES)
    np.testing.assert_allclose(np.exp(result.scores), probabilities, rtol=1e-5)
    assert result.choice == 0
    assert remark in " ".join(result.remarks)
    assert bool(result.remarks) == bool(remark)


def test_the_probabilities_decide_and_another_choice_is_marked():
    result = scored(listed(("red", 0.2), ("blue", 0.5), ("green", 0.3), choice="red"), NAMES)
    assert (result.choice, result.remarks) == (1, ("[choice: red]",))
    tied = scored(listed(("red", 0.4), ("blue", 0.4), ("green", 0.2), choice="blue"), NAMES)
    assert tied.remarks == ()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ('{"red": NaN, "blue": 0.2, "green": 0.1}', "'red' has the probability nan"),
        ('{"red": Infinity, "blue": 0.2, "green": 0.1}', "probability inf"),
        ('{"red": -0.1, "blue": 0.2, "green": 0.9}', "'red' has the probability -0.1"),
        ('{"red": "0.7", "blue": 0.2, "green": 0.1}', "'red' has the probability '0.7'"),
        ('{"red": true, "blue": 0.2, "green": 0.1}', "'red' has the probability True"),
        ('{"red": null, "blue": 0.2, "green": 0.1}', "'red' has the probability None"),
        ('{"red": 0.5, "red": 0.4, "blue": 0.1}', "'red' stands twice"),
        ('{"red": 0.5, "RED": 0.4, "blue": 0.1}', "'RED' stands twice"),
        ('{"red": 0, "blue": 0, "green": 0}', "the probabilities add up to 0"),
        ('{"red": 1e308, "blue": 1e308, "green": 0}', "'red' has the probability 1e+308"),
        ('{"cat": 0.9, "red": 0.1}', "10% lie on the options"),
    ],
)
def test_what_can_be_no_probability_is_not_used(words, why):
    result = scored(by_name(words), NAMES)
    assert result.scores is None
    assert result.choice == -1
    assert why in result.why


def test_a_choice_without_probabilities_is_a_label_without_a_confidence():
    result = scored(by_name("null", choice="Blue"), NAMES)
    assert (result.scores, result.choice, result.why) == (None, 1, "")
    assert scored(by_name("{}", choice="Blue"), NAMES).choice == 1
    assert scored(by_name("null", choice="violet"), NAMES).why


def test_booleans_are_the_words_they_are():
    names = ("true", "false")
    told = listed((True, 0.8), (False, 0.2), choice=True)
    np.testing.assert_allclose(np.exp(scored(told, names).scores), [0.8, 0.2], rtol=1e-6)
    assert scored(listed((True, 0.8), ("true", 0.1), ("false", 0.1)), names).why


@pytest.mark.parametrize(
    ("answers", "refusal"),
    [
        ([{"type": "refusal", "name": "category"}], ""),
        ([{"type": "refusal", "name": None}], ""),
        ([], "the question is missing among the answers"),
        ({}, "the question is missing among the answers"),
        ({"category": None}, "the question is missing among the answers"),
        ([{"type": "choice", "name": "other"}], "the question is missing among the answers"),
        ({"category": {"type": "refusal", "reason": "not this"}}, "not this"),
        ({"category": {"error": {"message": "no room"}}}, "no room"),
    ],
)
def test_a_refused_question_is_told_with_its_reason(answers, refusal):
    told = wire.read({"answers": answers, "model": "m", "usage": {"input_tokens": 3}})
    assert (told.refusal, told.model, told.tokens_in) == (refusal, "m", 3)


@pytest.mark.parametrize(
    "document", [None, 3, [], "x", {}, {"answers": None}, {"answers": 3}, {"choices": []}]
)
def test_a_body_without_answers_is_none(document):
    with pytest.raises(ValueError, match="no answers"):
        wire.read(document)


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"input_tokens": 12, "output_tokens": 0}, (12, 0)),
        ({"prompt_tokens": 12}, (12, None)),
        ({"input_tokens": True}, (None, None)),
        ({"input_tokens": -4, "output_tokens": "3"}, (None, None)),
        ({"input_tokens": 10**12}, (None, None)),
        ([], (None, None)),
        (None, (None, None)),
    ],
)
def test_tokens_that_are_none_are_not_taken_for_some(usage, tokens):
    told = wire.read({"answers": {}, "usage": usage})
    assert (told.tokens_in, told.tokens_out) == tokens


def asked_of(labels, text="the text", examples=None, **settings):
    config = TeacherConfig(teacher="systemone:m", base_url="http://127.0.0.1:9/v1", **settings)
    questions = DecisionQuestions(config, labels, examples or FewShot())
    return questions.about("classes", questions.options(), text)


def test_classes_are_options_and_the_instruction_is_filled_once():
    labels = LabelSet(
        labels=(
            Label(name="a", verbaliser="Apples {text}", description="fruit"),
            Label(name="b"),
        )
    )
    asked = asked_of(
        labels,
        text="about {labels}",
        instruction="Choose:\n{descriptions}",
        question="Message: {text}",
    )
    assert asked.instructions == "Choose:\n- Apples {text}: fruit\n- b"
    assert asked.text == "Message: about {labels}"
    one = wire.system_one_body("m", asked)
    assert one == {
        "model": "m",
        "state": "Message: about {labels}",
        "questions": {
            "category": {
                "type": "choice",
                "instructions": asked.instructions,
                "criteria": {"Apples {text}": "fruit", "b": None},
            }
        },
    }
    (question,) = wire.decisions_body("m", asked)["questions"]
    assert question["choices"] == [
        {"value": "Apples {text}", "description": "fruit"},
        {"value": "b"},
    ]


def test_examples_stand_in_the_instructions_and_no_text_sees_itself():
    labels = LabelSet.of(["red", "blue"])
    examples = FewShot(kind="fixed", fixed=(Example(0, "roses", 0), Example(1, "skies", 1)))
    asked = asked_of(labels, examples=examples)
    assert asked.instructions.endswith(
        "\n\nExamples:\nText: roses\nAnswer: red\n\nText: skies\nAnswer: blue"
    )
    itself = asked_of(labels, text="Roses", examples=examples)
    assert "Text: roses" not in itself.instructions
    assert (asked.key, itself.key) == ("classes", "classes without an example")
    within = asked_of(labels, examples=examples, question="{examples}\n\nNow: {text}")
    assert within.text.startswith("Text: roses\nAnswer: red")
    assert "roses" not in within.instructions
    nearest = FewShot(kind="nearest", choose=lambda text: [Example(2, "x" * 50, 1)])
    assert asked_of(labels, examples=nearest).own > 50 + len("the text")


def test_names_stay_apart_whatever_a_server_does_to_them():
    assert option_names(["red", "blue"]) == ("red", "blue")
    assert option_names(["A+", "A", "-1", "1"]) == ("A+", "A", "-1", "1")
    assert option_names(["Red", "red  ", "RED (1)"]) == ("Red (2)", "red (3)", "RED (1)")
    assert option_names(["ﬁsh", "fish"]) == ("ﬁsh (1)", "fish (2)")
    assert len({name.casefold() for name in option_names(["x", "X", "x ", "x (1)", " "])}) == 5


def test_a_calibrated_model_needs_no_calibration_on_an_unbalanced_pool():
    """Why the usual calibration of these kinds is none: 'batch' pulls a pool to equal shares."""
    rng = np.random.default_rng(0)
    share = rng.beta(0.6, 5.4, 20_000)  # of the rare class, 10 % on average
    rare = rng.random(len(share)) < share
    scores = np.log(np.stack([1 - share, share], axis=1).clip(1e-6)).astype(np.float32)
    errors = {}
    for calibration in ("none", "batch"):
        bias = signals.calibration_bias(scores, calibration)
        probabilities = signals.teacher_probabilities(scores, bias)
        errors[calibration] = abs(probabilities[:, 1].mean() - rare.mean())
    assert math.isclose(rare.mean(), 0.1, abs_tol=0.01)
    assert errors["none"] < 0.01
    assert errors["batch"] > 0.1
