"""Labelling in batches: the same answers for less, and nothing paid for twice whatever happens."""

from collections import Counter

import pytest

from llkd import maintenance
from llkd.config import LabelSet, OrderConfig, Spending, TeacherConfig
from llkd.errors import ConfigError, JobCancelled, ModelError, UserError
from llkd.jobs import SilentProgress
from llkd.store import Store
from llkd.store.cost_ledger import read_usage
from llkd.store.files.batch_journal import BatchJournal
from llkd.teachers.batch import batch_pass
from llkd.workflows import labeling
from tests.support.batch_labelling import (
    PRICES,
    Stopping,
    answered,
    impatient,
    in_batches,
    label,
    scores,
)
from tests.support.batch_server import ODD, batching
from tests.support.paid_labelling import make_project, marked


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    impatient(monkeypatch)


@pytest.fixture
def project(home):
    return lambda count: make_project(home, "p", count)


def test_a_batch_gives_the_same_answers_as_single_calls_at_half_the_price(project, home, tmp_path):
    project(30)
    with batching(tmp_path / "log", labels=["red", "blue"]) as server:
        done = label(server)
        lines = server.lines()
        assert done["labelled"] == 30 and done["asked"] == 30 and done["accuracy"] == 1.0
        assert max(answered(server).values()) == 1
        batched = in_batches(server)
        assert len(batched) == 29 and len({line["batch"] for line in batched}) == 1
        # The request for a text is that of a single call, but for the text.
        single = [line for line in lines if not line.get("batch") and marked(line)]
        assert batched[0]["options"] == single[0]["options"]
        full, half = (sum(x["tokens_in"] + x["tokens_out"] for x in part)
                      for part in ([x for x in lines if x not in batched], batched))  # fmt: skip
        assert done["money"] == pytest.approx((full + half / 2) / 1e6, rel=1e-12)
        assert done["tokens_in"] == sum(line["tokens_in"] for line in lines)
        assert done["calls"] == len(lines) and done["lost"] == done["refused"] == 0
        read, _ = scores(home)
        # Asked one by one from nothing, everything is the same and nothing is in the cache.
        store = Store()
        store.answers.delete()
        other = store.projects.create(
            "q", store.projects.texts(1), source="t", report={},
            label_set=LabelSet.of(["red", "blue"]),
        )  # fmt: skip
        config = TeacherConfig(teacher="api:m", base_url=server.url, retry_seconds=0.05)
        labeling.label(store, other, config, SilentProgress())
        run = store.labeling_runs.all(other.id)[0]
        alone = store.labeling_runs.scores(run)
        assert store.labeling_runs.all(1)[0].fingerprint == run.fingerprint
        store.close()
    order, others = read.row.argsort(), alone.row.argsort()
    assert (read.scores[order] == alone.scores[others]).all()
    assert (read.source[order] == alone.source[others]).all()


def test_what_was_answered_one_by_one_is_not_sent_in_a_batch_and_the_other_way_round(
    project, tmp_path
):
    project(24)
    with batching(tmp_path / "log", labels=["red", "blue"]) as server:
        assert label(server, batch=False, spending=Spending(calls=10))["stopped"] == "budget"
        label(server)
        assert set(answered(server).values()) == {1} and len(answered(server)) == 24
        assert label(server, batch=False)["asked"] == 0
        assert label(server)["asked"] == 0


def test_every_odd_line_has_its_rule(project, tmp_path):
    project(40)
    with batching(tmp_path / "log", labels=["red", "blue"], odd=ODD) as server:
        done = label(server)
        lines = in_batches(server)
    first = {line["did"]: line for line in lines if line["batch"] == lines[0]["batch"]}
    later = {line["text"] for line in lines if line["batch"] != lines[0]["batch"]}
    # Sent again: what is missing or cannot be read (counted as lost), what failed (free).
    again = {first[kind]["text"] for kind in ("missing", "garbled", "error_500", "error_429")}
    assert later == again
    assert done["lost"] == 2 and done["refused"] == 3
    # A refusal of the text itself is its answer, and waits for review.
    assert done["labelled"] == 39 and done["unanswered"] == 1
    [notice] = [words for words in done["notices"] if "lines" in words]
    assert "1 could not be read, 1 belonged to no request, 1 repeated an answer" in notice
    lost = [first[kind] for kind in ("missing", "garbled")]
    paid = [line for line in lines if line["billed"] and line not in lost]
    assert done["money"] >= sum(x["tokens_in"] + x["tokens_out"] for x in paid + lost) / 2e6


def test_an_answer_that_is_asked_for_again_is_not_taken_from_the_batch(project, tmp_path, home):
    project(12)
    with batching(tmp_path / "log", labels=["red", "blue"], odd=("error_400",)) as server:
        first = label(server)
        assert (first["labelled"], first["unanswered"], first["refused"]) == (11, 1, 1)
        assert label(server)["asked"] == 0
        again = label(server, ask_again=True)
        assert (again["labelled"], again["unanswered"], again["asked"]) == (12, 0, 1)
        assert again["calls"] == first["calls"] + 1 and again["refused"] == 1
    assert maintenance.examine(str(home)).document()["faults"] == 0


def test_an_expired_batch_is_taken_as_far_as_it_got_and_the_rest_is_sent_again(project, tmp_path):
    project(30)
    with batching(tmp_path / "log", labels=["red", "blue"], expire=0.4, expire_batches=1) as server:
        done = label(server)
        assert done["labelled"] == 30 and max(answered(server).values()) == 1
        assert len({line["batch"] for line in in_batches(server)}) == 2
        assert done["lost"] == 0 and done["refused"] == 18


def test_texts_that_no_batch_answers_are_said_and_can_be_resumed(project, tmp_path):
    project(12)
    with batching(tmp_path / "log", labels=["red", "blue"], expire=0.0, expire_batches=3) as server:
        with pytest.raises(ModelError, match="11 texts got no answer in 3 batches. This request"):
            label(server)
        assert label(server)["labelled"] == 12
        assert max(answered(server).values()) == 1


def test_a_batch_that_is_refused_as_a_whole_costs_nothing_and_says_why(project, tmp_path, home):
    project(12)
    with batching(tmp_path / "log", labels=["red", "blue"], invalid=True) as server:
        with pytest.raises(ModelError, match=r"refuses the batch: invalid_json_line.*\(line 3\)"):
            label(server)
        _, account = scores(home)
        usage = read_usage(account)
        assert (usage.lost, usage.refused) == (0, 11)
        assert not list(account.parent.glob("batches/*.jsonl")), "its requests are of no use"


def test_too_many_requests_at_once_are_sent_in_smaller_batches(project, tmp_path):
    project(30)
    with batching(tmp_path / "log", labels=["red", "blue"], most_queued=10) as server:
        done = label(server)
        assert done["labelled"] == 30 and max(answered(server).values()) == 1
        sizes = Counter(line["batch"] for line in in_batches(server))
        assert max(sizes.values()) <= 10


def test_one_file_holds_no_more_than_the_limits(project, tmp_path, monkeypatch):
    project(30)
    monkeypatch.setattr(batch_pass, "MOST_REQUESTS", 12)
    with batching(tmp_path / "log", labels=["red", "blue"]) as server:
        assert label(server)["labelled"] == 30
        sizes = sorted(Counter(line["batch"] for line in in_batches(server)).values())
        assert sizes == [5, 12, 12]
        monkeypatch.setattr(batch_pass, "MOST_BYTES", 3000)
        store = Store()
        store.answers.delete()
        store.close()
        make = Store()
        texts = make.projects.texts(1)
        project = make.projects.create(
            "q", texts, source="t", report={}, label_set=LabelSet.of(["red", "blue"])
        )
        config = TeacherConfig(teacher="api:m", base_url=server.url, retry_seconds=0.05)
        labeling.label(make, project, config, SilentProgress(), batch=True)
        run = make.labeling_runs.all(project.id)[0]
        folder = make.labeling_runs.account(run).parent / "batches"
        make.close()
        files = [
            path.stat().st_size for path in folder.glob("*.jsonl") if ".answers" not in path.name
        ]
        assert len(files) > 3 and max(files) <= 3000


@pytest.mark.parametrize(
    ("spending", "most"),
    [(Spending(price_in=1.0, price_out=1.0, budget=0.0012), None), (Spending(calls=20), 20)],
)
def test_a_budget_is_kept_by_the_most_that_a_batch_can_cost(project, tmp_path, spending, most):
    project(60)
    with batching(tmp_path / "log", labels=["red", "blue"]) as server:
        done = label(server, spending=spending)
        assert done["stopped"] == "budget" and 10 < done["labelled"] < 60
        lines = server.lines()
        if most is not None:
            assert len(lines) == most
        else:
            assert done["money"] <= 0.0012
        assert max(answered(server).values()) == 1
        assert label(server, spending=PRICES)["labelled"] == 60
        assert max(answered(server).values()) == 1


def test_a_server_without_batches_says_so_and_keeps_what_was_answered(project, tmp_path, home):
    project(12)
    with batching(tmp_path / "log", labels=["red", "blue"], no_batches=True) as server:
        with pytest.raises(ModelError, match=r"offers no batches \(status 404\).*without --batch"):
            label(server)
        assert label(server, batch=False)["labelled"] == 12
        assert max(answered(server).values()) == 1


def test_ways_of_asking_that_take_several_answers_are_refused_before_a_batch(project, tmp_path):
    project(20)
    with batching(tmp_path / "log", labels=["red", "blue"], logprobs=False) as server:
        with pytest.raises(ConfigError, match="takes several .5 for the last text tried"):
            label(server)
        assert in_batches(server) == []
        done = label(server, confidence="verbalized")
        assert done["labelled"] == 20 and len(in_batches(server)) == 19


@pytest.mark.parametrize(
    ("config", "order", "sentence"),
    [
        (TeacherConfig(), OrderConfig(), "'embedded' is none. Label without --batch"),
        (
            TeacherConfig(teacher="api:m", base_url="http://127.0.0.1:9/v1"),
            OrderConfig(order="need"),
            "--order need asks in rounds",
        ),
        (TeacherConfig(teacher="committee"), OrderConfig(), "'committee' is none"),
    ],
)
def test_what_cannot_be_batched_is_refused_at_once(project, config, order, sentence):
    project(4)
    store = Store()
    try:
        with pytest.raises(UserError, match=sentence):
            labeling.label(
                store, store.projects.all()[0], config, SilentProgress(), order=order, batch=True
            )
        assert store.labeling_runs.all(1) == []
    finally:
        store.close()


@pytest.mark.parametrize("batch", [True, False], ids=["in batches", "one by one"])
def test_stopped_while_it_waits_the_next_attempt_collects(project, tmp_path, batch):
    """Also one that asks one by one from then on: what is on its way is paid."""
    project(30)
    with batching(tmp_path / "log", labels=["red", "blue"], take=2.0) as server:
        with pytest.raises(JobCancelled):
            label(server, Stopping(lambda message: "Waiting for a batch" in message))
        done = label(server, batch=batch)
        assert done["labelled"] == 30 and set(answered(server).values()) == {1}
        assert len({line["batch"] for line in in_batches(server)}) == 1


def test_a_batch_that_a_person_cancels_is_collected_as_far_as_it_got(project, tmp_path, home):
    project(30)
    with batching(tmp_path / "log", labels=["red", "blue"], take=4.0) as server:

        class Cancelling(SilentProgress):
            def progress(self, done, total=None, message="", always=False):
                if "Waiting for a batch (0" not in message and "Waiting" in message:
                    _, account = scores(home)
                    journal = BatchJournal(account, None, 0.5)
                    for record in journal.records(("submitted",)):
                        journal.ask_to_stop(record.name)
                    journal.close()

        with pytest.raises(ModelError, match="was cancelled at the server. What it had answered"):
            label(server, Cancelling())
        half = len(in_batches(server))
        assert 0 < half < 29
        read, account = scores(home)
        assert len(read.row) == half + 1
        assert read_usage(account).lost == 0
        assert label(server)["labelled"] == 30
        assert set(answered(server).values()) == {1}


def test_a_batch_whose_number_never_came_is_searched_for_not_begun_again(project, tmp_path):
    project(20)
    with batching(
        tmp_path / "log", labels=["red", "blue"], lose_creates=1, listed_after=0.3
    ) as server:
        assert label(server)["labelled"] == 20
        assert set(answered(server).values()) == {1}
        assert len({line["batch"] for line in in_batches(server)}) == 1


def test_class_names_are_asked_for_in_batches_too(project, tmp_path):
    project(20)
    with batching(tmp_path / "log", labels=["red", "blue"]) as server:
        done = label(server, ask="names")
        assert done["labelled"] == 20 and done["accuracy"] == 1.0
        assert len(in_batches(server)) >= 16 and max(answered(server).values()) == 1
