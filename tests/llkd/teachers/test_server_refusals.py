"""What servers refuse and how they say it: the words of real ones, forms shortened, data our own."""

import json

import numpy as np
import pytest

from llkd.config import LabelSet
from llkd.errors import ModelError
from llkd.teachers.api.request_form import RequestForm, fewer_listed
from llkd.teachers.api.server_errors import error_inside, error_of
from tests.support.api_teachers import teacher_at
from tests.support.stand_in_server import completion, serving

LABELS = LabelSet.of(["World", "Sports", "Science"])
TOP = [("B", -0.3), ("A", -1.5), ("C", -4.0)]
TEXTS = [f"text number {i} about temperature, logprobs and the system role" for i in range(8)]


def answered(request):
    top = TOP if request.get("logprobs") else None
    return completion("B", top and top[: request["top_logprobs"]])


def batches(answer, tmp_path, **settings):
    """Ask about all texts; gives the batches and the requests."""
    quick = {"retries": 2, "concurrency": 1, "samples": 3, "timeout": 20.0}
    with serving(answer) as served:
        teacher = teacher_at(served, tmp_path, LABELS, **{**quick, **settings})
        found = list(teacher.score(TEXTS))
        notices = teacher.notices
        teacher.close()
    return found, [request["body"] for request in served.requests], notices


def refusing(holds, status, body):
    """Refuses requests that ``holds`` is true of, and answers the others."""
    return lambda request, number: (status, body) if holds(request) else answered(request)


def openai(message, **more):
    return {"error": {"message": message, "type": "invalid_request_error", **more}}


LOGPROBS = [
    (403, openai("You are not allowed to request logprobs from this model", param=None)),
    (400, openai("Unsupported parameter: 'logprobs' is not supported with this model.")),
    (400, openai("Unsupported parameter for this model.", param="logprobs")),
    (400, [{"error": {"code": 400, "message": 'Unknown name "logprobs": Cannot find field.'}}]),
    (422, {"detail": [{"type": "extra_forbidden", "loc": ["body", "top_logprobs"], "msg": "Extra "
                       "inputs are not permitted", "input": 20}]}),
    (400, {"error": {"message": "Provider returned error", "code": 400, "metadata": {
        "raw": json.dumps({"error": {"message": "logprobs is not supported"}})}}}),
    (422, {"object": "error", "message": {"detail": [{"type": "extra_forbidden", "loc": ["body",
           "logprobs"], "msg": "Extra inputs are not permitted", "input": True}]}}),
    (400, {"logprobs": ["Unknown field."]}),
    (422, {"error": "Input validation error: `top_n_tokens` must be >= 0 and <= 0", "type": "v"}),
    (500, {"error": "logprobs not implemented"}),
    (501, "<html><title>logprobs are not supported</title></html>"),
    (404, {"error": {"message": "No endpoints found that can handle the requested parameters."}}),
    (400, {"error": {"message": "Bad request", "code": "400"}}),
    # A gateway that keeps the reason to itself, as LiteLLM 1 does.
    (400, openai("litellm.BadRequestError: OpenAIException - Error code: 422 LiteLLM: model group "
                 "'m' failed with the error above. No fallback was attempted.", code="400")),
    (500, {"detail": "Internal Server Error"}),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body"), LOGPROBS)
def test_logprobs_that_are_refused_are_left_out_and_votes_counted(tmp_path, status, body):
    found, requests, notices = batches(refusing(lambda r: "logprobs" in r, status, body), tmp_path)
    assert {batch.source for batch in found} == {"self_consistency"}
    assert all(batch.scores[0].argmax() == 1 for batch in found)
    assert sum("logprobs" in request for request in requests) <= 4, "it is remembered"
    assert "no log-probabilities" in notices[0]
    assert sum(request["temperature"] == 1 for request in requests) == 3 * len(TEXTS)


@pytest.mark.parametrize(
    ("status", "body", "kept"),
    [
        (422, {"detail": [{"type": "less_than_equal", "loc": ["body", "top_logprobs"],
               "msg": "Input should be less than or equal to 5", "input": 20}]}, 5),
        (400, {"message": "Requested sample logprobs of 20, which is greater than max allowed: 7"}, 7),
        (400, {"message": "Cannot request more than 3 logprobs."}, 3),
        (400, openai("Invalid value for 'top_logprobs': must be between 0 and 5"), 5),
    ],
)  # fmt: skip
def test_fewer_listed_words_are_asked_for(tmp_path, status, body, kept):
    found, requests, _ = batches(
        refusing(lambda r: r.get("top_logprobs", 0) > kept, status, body), tmp_path
    )
    assert {batch.source for batch in found} == {"logprob"}
    assert [request["top_logprobs"] for request in requests] == [20] + [kept] * len(TEXTS)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"object": "error", "message": "System role not supported", "code": 400}),
        (500, openai("System role not supported")),
        (400, openai("Unsupported value: 'messages[0].role' does not support 'system' here.")),
        (400, openai("Developer instruction is not enabled for models/g-1b-it")),
        (400, openai("Conversation roles must alternate user/assistant/user/assistant/...")),
        (422, {"detail": 'messages: Unexpected role "system"'}),
        (500, {"detail": "Internal Server Error"}),
        (400, {"error": "bad request"}),
        (400, openai("OpenAIException - Error code: 422. No fallback was attempted.")),
    ],
)
def test_an_instruction_that_no_system_may_give_goes_to_the_user(tmp_path, status, body):
    found, requests, _ = batches(
        refusing(lambda r: r["messages"][0]["role"] == "system", status, body), tmp_path
    )
    assert [batch.source for batch in found] == ["logprob"] * len(TEXTS)
    taken = [r for r in requests if r["messages"][0]["role"] != "system"]
    assert len(taken) >= len(TEXTS) and len(requests) - len(taken) <= 8
    (message,) = taken[-1]["messages"]
    assert "A. World\nB. Sports\nC. Science" in message["content"]
    assert message["content"].endswith(TEXTS[-1])


@pytest.mark.parametrize(
    ("refused", "message", "sent"),
    [
        ({0}, "Unsupported value: 'temperature' does not support 0 with this model.", None),
        ({0, 0.01}, "invalid temperature: only 1 is allowed for this model", None),
        ({0, 0.01, 1}, "`temperature` is deprecated for this model.", None),
        ({0}, "Input validation error: `temperature` must be strictly positive", 0.01),
        ({0}, "Invalid params: temperature must be in range (0, +inf)", 0.01),
        ({0, 0.01}, "temperature must be strictly positive", None),
        ({0}, "openai does not support parameters: {'temperature': 0}, for model=o1", None),
    ],
)
def test_a_temperature_that_is_refused_is_not_sent(tmp_path, refused, message, sent):
    found, requests, _ = batches(
        refusing(lambda r: r.get("temperature") in refused, 400, openai(message)), tmp_path
    )
    assert [batch.source for batch in found] == ["logprob"] * len(TEXTS)
    assert [r.get("temperature") for r in requests[-len(TEXTS) :]] == [sent] * len(TEXTS)
    assert len(requests) <= len(TEXTS) + 2


@pytest.mark.parametrize(
    ("least", "message"),
    [
        (16, "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16"),
        (10, "max_tokens must be at least 10"),
        (2, "max_tokens must be greater than 1"),
        (32, "max_completion_tokens: Input should be greater than or equal to 32"),
        (200, "Could not finish the message because max_tokens or model output limit was reached."),
    ],
)
def test_a_limit_that_is_too_small_is_raised_to_the_least(tmp_path, least, message):
    def holds(request):
        return (request.get("max_tokens") or request.get("max_completion_tokens")) < least

    found, requests, _ = batches(refusing(holds, 400, openai(message)), tmp_path)
    assert [batch.source for batch in found] == ["logprob"] * len(TEXTS)
    limits = [r.get("max_tokens") or r.get("max_completion_tokens") for r in requests]
    assert set(limits[-len(TEXTS) :]) == {least if least < 200 else 256}
    assert len(requests) <= len(TEXTS) + 2


def test_everything_a_reasoning_model_refuses_is_learnt_at_once(tmp_path):
    def answer(request, number):
        if "max_tokens" in request:
            return 400, openai("Use 'max_completion_tokens' instead of 'max_tokens'.")
        if request.get("logprobs"):
            return 403, openai("You are not allowed to request logprobs from this model")
        if request.get("temperature", 1) != 1:
            return 400, openai("'temperature' does not support 0 with this model.")
        return completion("B")

    found, requests, _ = batches(answer, tmp_path)
    assert {batch.source for batch in found} == {"self_consistency"}
    assert len(requests) <= 3 * len(TEXTS) + 4


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, openai("Internal Server Error")), (400, openai("response_format is not supported"))],
)
def test_an_answer_format_that_breaks_a_server_is_left_out(tmp_path, status, body):
    stated = json.dumps({"label": "Sports", "confidence": 80})

    def answer(request, number):
        return (status, body) if "response_format" in request else completion(stated)

    found, requests, _ = batches(answer, tmp_path, confidence="verbalized")
    assert {batch.source for batch in found} == {"verbalized"}
    assert sum("response_format" in request for request in requests) <= 2


def test_a_server_that_only_streams_is_asked_for_a_stream(tmp_path):
    def events(request):
        first = {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}
        word = {"choices": [{"index": 0, "delta": {"content": "B"}, "finish_reason": "stop"}]}
        usage = {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 1}}
        lines = [f"data: {json.dumps(event)}\n\n" for event in (first, word, usage)]
        return "".join([": comment\n\n", *lines, "data: [DONE]\n\n"])

    def answer(request, number):
        words = "This model only support stream mode, please enable the stream parameter."
        return events(request) if request.get("stream") else (400, openai(words))

    found, requests, _ = batches(answer, tmp_path)
    assert {batch.source for batch in found} == {"self_consistency"}
    assert found[0].tokens_in == 27
    assert sum("stream" not in request for request in requests) == 1


def test_a_limit_of_another_name_is_taken(tmp_path):
    words = "Unrecognized request argument supplied: max_tokens"
    found, requests, _ = batches(
        refusing(lambda r: "max_tokens" in r, 400, openai(words)), tmp_path
    )
    assert {batch.source for batch in found} == {"logprob"}
    assert all(r["max_completion_tokens"] == 1 for r in requests[1:])


def test_a_flagged_text_is_not_the_keys_fault(tmp_path):
    def answer(request, number):
        if "number 5" in request["messages"][-1]["content"]:
            body = {"message": "Input was flagged", "code": 403, "metadata": {"flagged_input": "x"}}
            return 403, {"error": body}
        return answered(request)

    found, _, _ = batches(answer, tmp_path)
    assert len(found) == len(TEXTS)
    (flagged,) = [batch for batch in found if batch.index[0] == 5]
    assert flagged.raw == ["[refused] Input was flagged."]


def test_a_text_is_no_complaint():
    body = openai("Flagged: 'the temperature of the system role, logprobs and max_tokens'.")
    said = error_of(
        json.dumps(body), ("the temperature of the system role, logprobs and max_tokens",)
    )
    form = RequestForm()
    sent = form.body("m", [{"role": "system", "content": "x"}], 1, 0.0, {"logprobs": True})
    assert "logprob" not in said.words
    assert not form.learn(said.words, sent)
    assert "temperature" in said.sentence, "people read the whole sentence"


def test_numbers_that_bound_nothing_are_no_bound():
    assert fewer_listed("top_logprobs 20 is not supported", 20) is None
    assert fewer_listed("logprobs: at most 5 (error 12345)", 20) == 5


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"detail": "Model not loaded"}, "Model not loaded."),
        ({"detail": [{"loc": ["body", "model"], "msg": "Field required"}]}, "model: Field required."),
        ({"error": "model 'm' not found, try pulling it first"},
         "model 'm' not found, try pulling it first."),
        ([{"error": {"message": "API key not valid."}}], "API key not valid."),
        ({"success": False, "errors": [{"code": 7, "message": "No route"}]}, "No route."),
        ({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
         "Overloaded."),
        ({"error": {"message": "Provider returned error",
                    "metadata": {"raw": '{"detail": "It is asleep"}'}}}, "It is asleep."),
        ("<html><head><title>502 Bad Gateway</title></head></html>", "502 Bad Gateway."),
        ("upstream \x1b[31mfailed\nbadly", "upstream [31mfailed badly."),
        ({"message": "x" * 1000}, "x" * 299 + "…"),
        ("", ""),
        ({"base_resp": {"status_code": 1004, "status_msg": "login fail"}}, "login fail."),
    ],
)  # fmt: skip
def test_the_sentence_of_a_failure_is_found_wherever_it_stands(body, sentence):
    words = body if isinstance(body, str) else json.dumps(body)
    assert error_of(words).sentence == sentence


INSIDE = [
    ({"error": {"message": "Rate limit exceeded: free models", "code": 429}, "user_id": "u"}, 429),
    ({"id": "x", "choices": None, "error": {"message": "Provider returned error", "code": 502}}, 502),
    ({"choices": [{"finish_reason": "error", "error": {"message": "Idle timeout", "code": 504},
                   "message": {"role": "assistant", "content": ""}}]}, 504),
    ({"error": "The model is overloaded"}, 503),
    ({"detail": "Too many requests"}, 429),
    ({"code": 1113, "msg": "Insufficient balance"}, 402),
    ({"error": {"type": "authentication_error", "message": "no"}}, 401),
]  # fmt: skip


@pytest.mark.parametrize(("body", "status"), INSIDE)
def test_an_error_under_status_200_is_an_error_of_its_kind(body, status):
    assert error_inside(body).status(502) == status


def test_an_answer_holds_no_error():
    assert error_inside({**completion("B"), "error": None}) is None
    assert error_inside({"hello": 1}) is None
    assert error_inside([1, 2]) is None


@pytest.mark.parametrize(("body", "status"), [INSIDE[0], INSIDE[2], INSIDE[3]])
def test_an_error_under_status_200_is_tried_again_and_never_stored(tmp_path, body, status):
    found, requests, _ = batches(lambda r, number: body if number < 3 else answered(r), tmp_path)
    assert [batch.source for batch in found] == ["logprob"] * len(TEXTS)
    assert len(requests) == len(TEXTS) + 2
    with pytest.raises(ModelError, match="answers with an error: .*, asked 3 times") as caught:
        batches(lambda r, number: body, tmp_path)
    assert error_inside(body).sentence.rstrip(".") in str(caught.value)


def test_an_error_that_no_try_mends_ends_the_pass(tmp_path):
    broke = {"error": {"message": "Insufficient credits", "code": 402}}
    with pytest.raises(ModelError, match="answers with an error: Insufficient credits. What was"):
        batches(lambda r, number: broke, tmp_path)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_the_servers_own_sentence_goes_along(tmp_path, status):
    body = {"detail": "The project of this key was closed"}
    with pytest.raises(ModelError, match="It says: The project of this key was closed."):
        batches(lambda r, number: (status, body), tmp_path)


def test_texts_refused_for_what_they_hold_change_nothing(tmp_path):
    def answer(request, number):
        if "number 3" in request["messages"][-1]["content"]:
            return 400, openai("Content policy", code="content_policy_violation")
        return answered(request)

    found, requests, _ = batches(answer, tmp_path)
    by_index = {int(batch.index[0]): batch for batch in found}
    assert by_index[3].raw == ["[refused] Content policy."]
    assert all(np.isfinite(by_index[i].scores).all() for i in range(8) if i != 3)
    assert requests[-1]["messages"][0]["role"] == "system"
    assert requests[-1]["temperature"] == 0
