"""What ``llkd label``, ``bake-off`` and ``cache`` say to a person."""

import json

import pytest

from llkd.cli import main
from llkd.store import Price, Store
from tests.support.paid_labelling import make_project
from tests.support.stand_in_server import completion, serving


@pytest.fixture
def server():
    def answer(request, number):
        words = request["messages"][-1]["content"]
        if "0007" in words:
            return completion("Zebra", [("Zebra", -0.1)], usage=(1000, 1))
        letter = "A" if "red" in words else "B"
        top = [(letter, -0.2), ("B" if letter == "A" else "A", -1.7)]
        return completion(letter, top, usage=(1000, 1))

    with serving(answer) as served:
        yield served


@pytest.fixture
def said(home, capsys):
    """Run a command in this process; gives what it printed on standard output."""

    def run(*arguments, code=0):
        assert main(list(map(str, arguments))) == code
        out = capsys.readouterr()
        return out.out if code == 0 else out.err

    return run


@pytest.fixture
def label(home, server):
    make_project(home, "toy", 60)
    return ("label", "toy", "--teacher=api:m", f"--base-url={server.url}", "--no-probe")


def test_a_dry_run_shows_answers_and_the_estimate(said, label, server):
    text = said(*label, "--dry-run", "--ask=letters", "--price-in=2", "--price-out=5")
    assert text.count("→") == len(server.requests) == 5
    assert "For the 55 texts that are left, about:" in text
    assert "tokens read     55,000  55,000  55,000" in text
    assert "money           0.1103  0.1103  0.1103" in text
    again = said(*label, "--dry-run", "--ask=letters", "--rows=3,12")
    assert "message 0003 about blue" in again
    assert "→ blue (81.8 %, uncalibrated, logprob" in again
    assert "money" not in again


def test_prices_come_from_the_table_unless_they_are_given(said, label, home):
    Store(home).prices.set([Price("m", 1.0, 3.0), Price("n", 9.0, 9.0)])
    listed = json.loads(said(*label, "--limit=3", "--json"))
    tokens = (listed["tokens_in"], listed["tokens_out"])
    assert listed["money"] == pytest.approx((tokens[0] + 3 * tokens[1]) / 1e6)
    Store(home).prices.set([])
    assert json.loads(said(*label, "--limit=4", "--json"))["money"] is None
    assert "a budget needs the prices" in said(*label, "--budget=1", code=2).lower()
    Store(home).prices.set([Price("m", 1.0, 3.0)])
    assert json.loads(said(*label, "--budget=1", "--json"))["stopped"] is None
    (home / "prices.json").write_text("{")
    assert "prices.json cannot be read" in said(*label, code=1)
    assert "Usage of this labelling run" in said(*label, "--price-in=1", "--price-out=1")


def test_the_bill_the_queue_and_what_is_left_are_said(said, label, server):
    text = said(*label, "--calls=12", "--price-in=1", "--price-out=1", "--concurrency=1")
    assert "Usage of this labelling run: 12 calls, 12,000 tokens read" in text
    assert "Stopped: All 12 calls of this pass are used. Allow more to go on." in text
    assert "texts are left. The same command with more allowed goes on." in text
    text = said(*label)
    assert "Without a usable answer, kept for review: 1. --ask-again" in text
    sent = len(server.requests)
    said(*label, "--ask-again")
    assert len(server.requests) > sent
    assert all("0007" in one["body"]["messages"][-1]["content"] for one in server.requests[sent:])


def test_flags_that_do_not_fit_together_are_refused(said, label):
    assert "--rows chooses the texts of a dry run" in said(*label, "--rows=1", code=2)
    assert "a dry run labels nothing" in said(*label, "--dry-run", "--ask-again", code=2)
    assert "rows 0 to 59; 60 is none" in said(*label, "--dry-run", "--rows=60", code=2)
    assert "'rounds'" in said(*label, "--order=need", "--rounds=1", code=2)


def test_the_cache_has_a_size_and_can_be_deleted(said, label):
    assert said("cache") == "0 answers (0.0 MB) kept from teachers.\n"
    said(*label, "--limit=4")
    assert said("cache").startswith("5 answers (0.0 MB) kept")
    assert "5 answers (0.0 MB) deleted; labels stay." in said("cache", "--delete")
    assert json.loads(said("cache", "--json"))["answers"] == 0


def test_a_bake_off_shows_each_candidate_and_the_sentence(said, label):
    command = ("bake-off", *label[1:4], "--rows=25", "--try=instruction=Which one, please?")
    text = said(*command)
    assert "as it is" in text
    assert "instruction 1" in text
    assert "tokens read" in text
    found = json.loads(said(*command, "--json"))
    assert found["best"]["sentence"] in text
    assert len(found["candidates"]) == 2
    assert "--try is NAME=V1,V2" in said(*command, "--try=colour=red", code=2)
