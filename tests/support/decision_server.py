"""A separate process on 127.0.0.1 that speaks both decision interfaces and fails as it is told.

    with deciding(tmp_path / "log.jsonl", rate=0.1, seed=3) as server:
        ...                      # server.url is the base URL, for decisions: and systemone: alike
    lines = server.lines()

Options, log and behaviour are those of tests/support/faulty_server.py; the class of a text is the
first of the options that stands in it as a word, else one picked by a hash. Kinds of failures:

    without an answer: timeout, drop, 429_after, 429, 500, malformed, truncated (as there), 503
        (free), error_inside (status 200, an error of the moment in the body; billed)
    with an answer that cannot be used, billed: refusal (of the question), no_answer (the question
        is missing among the answers), nan, negative, strings and booleans (as probabilities),
        unknown (nearly all lies on an option that nobody asked about), twice (an option)
    of the text itself, free: too_long (400 with a reason)
    with a label and no confidence, billed: choice_only
    with a usable answer, billed: unnormalised (a sum of 1.7), zero (probabilities of 0 and 1),
        partial (an option is not listed), renamed (another model answers), slow

``--most-options N``: more in one question are refused with 400. ``--speaks systemone`` (or
decisions): the other address is unknown (404).
"""

import argparse
import json
from contextlib import contextmanager

try:
    from tests.support.faulty_server import (
        LoggingHandler,
        Server,
        fault_of,
        label_of,
        options_of,
        running,
        share,
    )
except ImportError:  # as a process of its own it is a script in its folder
    from faulty_server import LoggingHandler, Server, fault_of, label_of, options_of, running, share

UNANSWERED = {
    *("timeout", "drop", "429_after", "429", "500", "503", "malformed", "truncated"),
    "error_inside",
}
UNUSABLE = {
    *("refusal", "no_answer", "nan", "negative", "strings", "booleans", "unknown", "twice"),
    "too_long",
}
USABLE = {"unnormalised", "zero", "partial", "renamed", "slow"}
KINDS = (*sorted(UNANSWERED), *sorted(UNUSABLE), "choice_only", *sorted(USABLE))
FREE = {"429_after", "429", "500", "503", "too_long", "refused"}


def probabilities_of(text, label, options):
    """What the model holds for probable: the text's class is the likeliest."""
    sure = 0.55 + 0.4 * share("sure", text)
    rest = (1 - sure) / max(1, len(options) - 1)
    return {option: sure if option == label else rest for option in options}


def pairs_of(did, text, label, options):
    """(option, probability) pairs as this failure spoils them; None for none."""
    told = probabilities_of(text, label, options)
    other = next(option for option in options if option != label)
    if did == "choice_only":
        return None
    if did in {"nan", "negative", "strings", "booleans"}:
        told[label] = {"nan": float("nan"), "negative": -0.5, "strings": "0.8", "booleans": True}[
            did
        ]
    elif did == "unknown":
        return [("something else", 0.97), *((option, 0.01) for option in options)]
    elif did == "unnormalised":
        told = {option: value * 1.7 for option, value in told.items()}
    elif did == "zero":
        told = {option: 1.0 if option == label else 0.0 for option in options}
    pairs = list(told.items())
    if did == "partial":
        pairs = [pair for pair in pairs if pair[0] != other]
    if did == "twice":
        pairs.append((other, 0.1))
    return pairs


def as_object(pairs):
    """A JSON object with members in this order, also such as stand twice."""
    return "{" + ", ".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in pairs) + "}"


def system_one_answer(did, name, label, pairs):
    if did == "no_answer":
        return "{}"
    if did == "refusal":
        answer = json.dumps({"type": "refusal", "reason": "I cannot help with that."})
    else:
        answer = json.dumps({"type": "choice", "choice": label, "confidence": 0.5})
        if pairs is not None:
            answer = f'{answer[:-1]}, "probabilities": {as_object(pairs)}}}'
    return f"{{{json.dumps(name)}: {answer}}}"


def decisions_answer(did, name, label, pairs):
    if did == "no_answer":
        return "[]"
    if did == "refusal":
        return json.dumps([{"type": "refusal", "name": name}])
    answer = {"type": "choice", "name": name, "choice": label, "confidence": 0.5}
    if pairs is not None:
        answer["probabilities"] = [{"value": k, "probability": v} for k, v in pairs]
    return json.dumps([answer])


class Handler(LoggingHandler):
    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server, settings = self.server, self.server.settings
        interface = self.path.rpartition("/")[2]
        if interface not in ({settings.speaks} if settings.speaks else {"systemone", "decisions"}):
            self.send(404, {"error": {"message": f"no route for {self.path}"}})
            return
        if interface == "systemone":
            text, ((name, question),) = request["state"], request["questions"].items()
            options, answered = list(question["criteria"]), system_one_answer
        else:
            text, (question,) = request["input"], request["questions"]
            name, options = question["name"], [each["value"] for each in question["choices"]]
            answered = decisions_answer
        with server.lock:
            server.count += 1
            number = server.count
            attempt = server.attempts[text] = server.attempts.get(text, 0) + 1
        label = label_of(text, options)
        too_many = settings.most_options and len(options) > settings.most_options
        did = "refused" if too_many else fault_of(text, attempt, settings) or "ok"
        read = 20 + sum(map(len, (text, question["instructions"], *options))) // 4
        model = "another-model" if did == "renamed" else request["model"]
        answers = answered(did, name, label, pairs_of(did, text, label, options))
        usage = {"input_tokens": read, "output_tokens": 0} if settings.usage else {}
        body = (
            f'{{"model": {json.dumps(model)}, "answers": {answers}, "usage": {json.dumps(usage)}}}'
        )
        if did == "error_inside":
            body = json.dumps({"error": {"message": "the backend is overloaded", "code": 503}})
        billed = did not in FREE
        server.note(
            n=number, text=text, attempt=attempt, did=did, label=label,
            answer=answers if billed else "", billed=billed, tokens_in=read if billed else 0,
            tokens_out=0, interface=interface, options=options, model=request["model"],
        )  # fmt: skip
        if did == "refused":
            words = f"too many options ({len(options)}), at most {settings.most_options} are taken"
            self.send(400, {"error": {"message": words}})
        elif did == "too_long":
            self.send(400, {"error": {"message": "the input is longer than the context"}})
        elif did == "503":
            self.send(503, {"error": {"message": "loading"}})
        elif did == "truncated":
            self.send(200, body[: len(body) // 2])
        else:
            self.behave(did, body)


@contextmanager
def deciding(log_file, **options):
    """Start the server process, give a ``faulty_server.Running``, end the process."""
    with running(log_file, script=__file__, **options) as server:
        yield server


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A stand-in for a server of decision models.")
    parser.add_argument("--most-options", type=int, default=0, help="of one question; 0: any")
    parser.add_argument("--speaks", default="", help="the one interface that is there")
    served = Server(options_of(parser, KINDS), Handler)
    print(served.server_address[1], flush=True)
    served.serve_forever()
