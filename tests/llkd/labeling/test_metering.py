"""A pass that costs: its account, its cache, its examples, and what a dry run says beforehand."""

import numpy as np
import pandas as pd
import pytest

from llkd import curation, jobs, workflows
from llkd.config import LabelSet, OrderConfig, Spending, build
from llkd.config import TeacherConfig as Config
from llkd.errors import BudgetSpent, JobCancelled, ModelError, UserError
from llkd.labeling import active_learning
from llkd.store.cost_ledger import read_usage
from tests.support.stand_in_server import completion, serving

N = 24
LETTERS = [("A", -0.2), ("B", -1.7)]


def said(letter):
    other = "B" if letter == "A" else "A"
    return completion(letter, [(letter, -0.2), (other, -1.7)], usage=(30, 1))


def words_of(request):
    return request["messages"][-1]["content"]


def usual(request, number):
    """A for red, B for the others; longer texts cost more."""
    body = said("A" if "red" in words_of(request) else "B")
    body["usage"]["prompt_tokens"] = 20 + len(words_of(request))
    return body


@pytest.fixture
def project(store):
    frame = pd.DataFrame(
        {
            "id": [f"t{i}" for i in range(N)],
            "text": [
                f"{'red' if i % 3 else 'blue'} number {i} {'very ' * i}long" for i in range(N)
            ],
            "gold": [None] * N,
            "split": ["pool"] * N,
        }
    )
    return store.projects.create(
        "toy", frame, source="t", report={}, label_set=LabelSet.of(["red", "blue"])
    )


def config(server, **values):
    return build(
        Config, teacher="api:m", base_url=server.url, retry_seconds=0.01, timeout=5, **values
    )


def run(store, work, kind="label", project=None):
    return jobs.run(store, work, kind=kind, title="t", device=None, project_id=project)


def label(store, project, settings, **options):
    return run(store, lambda job: workflows.label(store, project, settings, job, **options))


def dry(store, project, settings, **options):
    def work(job):
        return workflows.dry_run(store, project, settings, job, **options)

    return run(store, work, "dry-run", project.id)


def texts_sent(server):
    """The requests that ask about a text of the project."""
    return [one for one in server.requests if "number" in words_of(one["body"])]


def test_the_account_counts_every_call_with_those_about_texts_without_content(store, project):
    with serving(usual) as server:
        result = label(store, project, config(server), spending=Spending(price_in=2, price_out=5))
        sent = len(server.requests)
    assert (result["calls"], result["lost"], result["refused"]) == (sent, 0, 0)
    assert sent > N
    bill = read_usage(store.labeling_runs.account(store.labeling_runs.all(project.id)[0]))
    assert (result["tokens_in"], result["tokens_out"]) == (bill.tokens_in, bill.tokens_out)
    assert result["money"] == pytest.approx((2 * bill.tokens_in + 5 * bill.tokens_out) / 1e6)
    assert (result["asked"], result["cached"], result["stopped"]) == (N, 0, None)
    message = store.jobs.get(result["job"]).message
    assert "texts/s" in message
    assert "tokens, 0." in message
    assert message.endswith(" spent")


def test_when_the_calls_are_used_it_ends_in_good_order_and_more_goes_on(store, project):
    with serving(usual) as server:
        for allowed in (1, 10):
            result = label(store, project, config(server), spending=Spending(calls=allowed))
            assert len(server.requests) == allowed
            assert result["stopped"] == "budget"
            assert f"All {allowed:,} calls" in result["stopped_because"]
            assert result["left"] == N - result["labelled"]
        assert store.jobs.all()[0].state == "finished"
        rest = label(store, project, config(server))
        assert (rest["labelled"], rest["stopped"], rest["left"]) == (N, None, 0)
        assert rest["asked"] == N - result["labelled"]
        assert len(texts_sent(server)) == N


def test_rounds_stop_at_the_budget_as_well(store, project, monkeypatch):
    from llkd.labeling import active_learning

    seen = []

    def two_rounds(*arguments, limit, order, label_rows, **more):
        seen.append((limit, order.rounds))
        for rows in (np.arange(6), np.arange(6, 12)):
            label_rows(rows)

    monkeypatch.setattr(active_learning, "label_in_rounds", two_rounds)
    order = OrderConfig(order="need", rounds=2)
    with serving(usual) as server:
        settings = config(server, concurrency=1)
        result = label(store, project, settings, order=order, limit=12, spending=Spending(calls=8))
        assert result["stopped"] == "budget"
        whole = label(store, project, settings, order=order, limit=12)
    assert seen == [(12, 2)] * 2
    assert (whole["labelled"], whole["left"]) == (12, 0)
    assert len(texts_sent(server)) == 12


def test_a_limit_counts_what_was_labelled_by_need_before(store, project, monkeypatch):
    from llkd.labeling import active_learning

    def by_need(*arguments, label_rows, **more):
        label_rows(curation.random_order(N)[-12:])

    monkeypatch.setattr(active_learning, "label_in_rounds", by_need)
    with serving(usual) as server:
        settings = config(server)
        label(store, project, settings, order=OrderConfig(order="need"), limit=12)
        result = label(store, project, settings, limit=20)
        assert (result["labelled"], result["left"]) == (20, 0)
        assert label(store, project, settings, limit=15)["labelled"] == 20
        assert len(texts_sent(server)) == 20


def test_stopping_keeps_what_was_on_its_way(store, project):
    holder = []

    def stopping(request, number):
        if number == 12:
            holder[0].stop()
        return usual(request, number)

    def work(job):
        holder.append(job)
        return workflows.label(store, project, settings, job)

    with serving(stopping) as server:
        settings = config(server, concurrency=4)
        try:
            run(store, work)
        except JobCancelled:
            pass
        result = label(store, project, settings)
        assert result["labelled"] == N
        assert len(texts_sent(server)) == N, "nothing that was answered is sent again"


def test_asking_again_is_only_about_answers_that_could_not_be_used(store, project):
    def shy(request, number):
        refuses = number < 30 and "number 7 " in words_of(request)
        return (
            completion("I would rather not", [("I", -0.1)]) if refuses else usual(request, number)
        )

    with serving(shy) as server:
        first = label(store, project, config(server))
        assert (first["labelled"], first["unanswered"]) == (N - 1, 1)
        same = label(store, project, config(server))
        assert (same["asked"], same["cached"], same["unanswered"]) == (0, 0, 1)
        sent = len(server.requests)
        while len(server.requests) < 30:  # from then on the server answers
            again = label(store, project, config(server), ask_again=True)
        again = label(store, project, config(server), ask_again=True)
        assert (again["labelled"], again["unanswered"], again["left"]) == (N, 0, 0)
        assert {words_of(one["body"]) for one in server.requests[sent:]} == {
            words_of(one["body"]) for one in server.requests if "number 7 " in words_of(one["body"])
        }
        calls = len(server.requests)
        assert label(store, project, config(server), ask_again=True)["asked"] == 0
        assert len(server.requests) == calls


def test_what_a_person_has_decided_is_not_asked_again(store, project):
    with serving(lambda request, number: completion("I would rather not", None)) as server:
        label(store, project, config(server, samples=1), limit=4)
        rows = curation.random_order(project.rows)[:4]
        store.decisions.decide(project.id, [int(rows[0])], "label", "blue")
        store.decisions.decide(project.id, [int(rows[1])], "exclude")
        again = label(store, project, config(server, samples=1), limit=4, ask_again=True)
        assert again["asked"] == 2


def test_a_resumed_pass_keeps_its_examples_though_people_have_labelled_more(store, project):
    store.decisions.decide(project.id, [0, 3], "label", "blue")
    store.decisions.decide(project.id, [1, 2], "label", "red")
    with serving(usual) as server:
        settings = config(server, examples="fixed", example_count=4, concurrency=2)
        label(store, project, settings, limit=8)
        store.decisions.decide(project.id, [6, 9], "label", "blue")
        result = label(store, project, settings)
        assert result["labelled"] == N
        assert len(store.labeling_runs.all(project.id)) == 1, "the same pass went on"
        assert len(texts_sent(server)) == len({words_of(r["body"]) for r in texts_sent(server)})
        finished = label(store, project, config(server, examples="fixed", example_count=6))
        assert finished["asked"] > 0
        assert len(store.labeling_runs.all(project.id)) == 2


class TestDryRun:
    def test_its_answers_are_not_paid_for_again_and_are_in_no_account(self, store, project):
        with serving(usual) as server:
            prices = Spending(price_in=1, price_out=2)
            found = dry(store, project, config(server), spending=prices)
            assert (found["calls"], len(server.requests)) == (5, 5)
            read = sum(one["tokens_in"] for one in found["examples"])
            assert (found["tokens_in"], found["tokens_out"]) == (read, 5)
            assert found["money"] == pytest.approx((read + 2 * 5) / 1e6)
            again = dry(store, project, config(server), spending=prices)
            assert len(server.requests) == 5, "the second time nothing is sent"
            assert [one["cached"] for one in again["examples"]] == [True] * 5
            assert again["estimate"] == found["estimate"]
            result = label(store, project, config(server))
            assert (result["cached"], result["asked"]) == (5, N - 5)
            assert result["calls"] == len(server.requests) - 5

    def test_the_estimate_is_of_what_is_left_and_holds_the_truth(self, store, project):
        with serving(usual) as server:
            prices = Spending(price_in=1, price_out=2)
            found = dry(store, project, config(server), spending=prices)["estimate"]
            assert found["texts"] == N - 5
            assert found["calls"] == [N - 5] * 3
            assert found["tokens_out"] == [N - 5] * 3
            before = len(server.requests)
            label(store, project, config(server))
            sent = [one for one in texts_sent(server) if one in server.requests[before:]]
            read = sum(20 + len(words_of(one["body"])) for one in sent)
            low, middle, high = found["tokens_in"]
            assert low - 1 <= read <= high + 1
            assert middle == pytest.approx(read, rel=0.01)
            assert found["money"][1] == pytest.approx((middle + 2 * (N - 5)) / 1e6)
            # On a busy machine five calls differ so much that the low end is 0.
            low, middle, high = found["seconds"]
            assert 0 <= low <= middle <= high and middle > 0
            nothing = dry(store, project, config(server))["estimate"]
            assert (nothing["texts"], nothing["calls"]) == (0, [0, 0, 0])
            assert nothing["money"] is None

    def test_chosen_rows_and_rows_that_are_none(self, store, project):
        with serving(usual) as server:
            found = dry(store, project, config(server), rows=[3, 7, 3])
            assert [one["row"] for one in found["examples"]] == [3, 7]
            assert found["examples"][1]["text"].startswith("red number 7 ")
            assert found["examples"][0]["label"] == "blue"
            for wrong in ([N], [-1], []):
                with pytest.raises(UserError, match=f"rows 0 to {N - 1}"):
                    dry(store, project, config(server), rows=wrong)

    def test_it_is_bounded_too(self, store, project):
        with serving(usual) as server:
            with pytest.raises(BudgetSpent):
                dry(store, project, config(server), spending=Spending(calls=3))
            assert len(server.requests) == 3

    def test_where_all_were_known_one_more_text_gives_the_pace(self, store, project):
        with serving(usual) as server:
            other = store.projects.create(
                "other", store.projects.texts(project.id), source="t", report={},
                label_set=project.label_set,
            )  # fmt: skip
            dry(store, other, config(server))
            found = dry(store, project, config(server))
            assert len(server.requests) == 6
            assert found["estimate"]["texts"] == N - 6
            assert found["estimate"]["seconds"][1] > 0
            assert len(found["examples"]) == 5


@pytest.mark.parametrize("limit", [None, N])
def test_a_text_the_server_fails_on_does_not_stop_the_rounds(store, project, limit, monkeypatch):
    def answer(request, number):
        if "number 7 " in words_of(request):
            return 500, {"error": {"message": "it broke"}}
        return usual(request, number)

    points = np.random.default_rng(0).normal(size=(N, 4)).astype(np.float32)
    monkeypatch.setattr(active_learning, "kept_embeddings", lambda *_: points)
    order = OrderConfig(order="need", rounds=4)
    with serving(answer) as server:
        settings = config(server, retries=0, confidence="logprob")
        for _ in range(2):  # a resumed attempt meets it again
            with pytest.raises(ModelError, match="1 text got no answer"):
                label(store, project, settings, order=order, limit=limit)
        labeling_run = store.labeling_runs.all(project.id)[0]
        assert set(range(N)) - set(store.labeling_runs.done(labeling_run).tolist()) == {7}
