"""How a server is asked: chosen by a few texts, kept with the pass, and paid for once."""

import pandas as pd
import pytest

from llkd import jobs, workflows
from llkd.config import LabelSet, Spending, build
from llkd.config import TeacherConfig as Config
from llkd.curation import random_order
from llkd.labeling.way_of_asking import account_of_trial
from llkd.store.cost_ledger import read_usage
from llkd.teachers.registry import TRIED_TEXTS
from tests.support.naming_server import SmallModel
from tests.support.stand_in_server import completion, serving

NAMES = ["World", "Sports", "Science"]
N = 60
CONTENT_FREE = 3


@pytest.fixture
def project(store):
    return make(store)


def make(store, name="toy", gold=False, rows=N):
    named = [NAMES[i % 3] for i in range(rows)]
    frame = pd.DataFrame(
        {
            "id": [f"t{i}" for i in range(rows)],
            "text": [f"{name} number {i} about {named[i]}" for i in range(rows)],
            "gold": named if gold else [None] * rows,
            "split": ["pool"] * rows,
        }
    )
    labels = LabelSet.of(NAMES)
    return store.projects.create(name, frame, source="t", report={}, label_set=labels)


def label(store, project, server, limit=None, spending=None, **settings):
    config = build(
        Config,
        {
            "teacher": "api:m",
            "base_url": server.url,
            "retry_seconds": 0.01,
            "timeout": 5,
            **settings,
        },
    )
    return jobs.run(
        store,
        lambda job: workflows.label(store, project, config, job, limit=limit, spending=spending),
        kind="label",
        title="t",
        device=None,
        project_id=project.id,
    )


def newest(store, project):
    return max(store.labeling_runs.all(project.id), key=lambda run: run.id)


def test_letters_that_hold_the_probability_stay_and_cost_nothing_more(store, project):
    with serving(SmallModel(NAMES, letters=None)) as served:
        result = label(store, project, served)
    assert len(served.requests) == N + CONTENT_FREE == result["calls"]
    assert not any("ssistant" in str(r["body"]["messages"]) for r in served.requests)
    assert result["notices"] == []
    assert (result["asked"], result["cached"]) == (N, 0), "what was tried was asked for this pass"
    assert "asked_by" not in newest(store, project).teacher


def test_a_tried_answer_that_says_nothing_is_not_paid_for_again(store, project):
    model, odd = SmallModel(NAMES, letters=None), set(random_order(N)[:3].tolist())

    def answer(request, number):
        words = request["messages"][-1]["content"].split()
        if len(words) > 2 and int(words[2]) in odd:
            return completion("Zebra", [("Zebra", -0.1), ("The", -3.0)])
        return model(request, number)

    with serving(answer) as served:
        result = label(store, project, served)
    assert len(served.requests) == N + CONTENT_FREE == result["calls"]
    assert (result["labelled"], result["unanswered"]) == (N - 3, 3)
    scores = store.labeling_runs.scores(newest(store, project))
    assert sum("Zebra" in raw for raw in scores.raw) == 3, "the model's own words can be read"


def test_names_are_asked_for_where_a_few_texts_speak_for_them(store, project):
    with serving(SmallModel(NAMES)) as served:
        result = label(store, project, served)
    run = newest(store, project)
    assert run.teacher["asked_by"] == "prefilled"
    (sentence,) = result["notices"]
    assert sentence.startswith(
        "Asked by class names behind a begun answer, as 12 texts speak for it: 60 % of the "
        "probability lies on them"
    )
    assert "(letters 40 %, 0 %; class names 4 %," in sentence
    # The texts that were tried are not asked again: two other ways, and two calls of 1 token more
    # than the question itself to see whether the server goes on from a begun answer, twice.
    tried = 2 * TRIED_TEXTS
    assert len(served.requests) == result["calls"] <= N + CONTENT_FREE + tried + 2 * 3
    assert result["labelled"] == N
    scores = store.labeling_runs.scores(run)
    assert all("[names: 60 %]" in raw for raw in scores.raw)
    assert not account_of_trial(store, project.id).exists()


def test_a_server_that_cannot_go_on_is_asked_by_plain_names(store, project):
    with serving(SmallModel(NAMES, "refused")) as served:
        result = label(store, project, served)
    assert newest(store, project).teacher["asked_by"] == "names"
    assert "class names behind a begun answer cannot be had" in result["notices"][0]


def test_what_was_chosen_is_chosen_for_every_pass(store, project):
    with serving(SmallModel(NAMES)) as served:
        label(store, project, served, limit=50)
        before = len(served.requests)
        first = newest(store, project)
        result = label(store, project, served)
        assert newest(store, project).id == first.id, "it goes on in the same pass"
        # What the server needs for a begun answer is found out anew: two calls of a token.
        assert len(served.requests) - before <= N - 50 + 3
        assert result["notices"][0].startswith("Asked by class names")
        before = len(served.requests)
        other = make(store, "other")
        label(store, other, served)
    assert newest(store, other).teacher["asked_by"] == "prefilled"
    assert len(served.requests) - before <= N + 3, "nothing is tried again"


def test_a_pass_that_began_by_letters_goes_on_by_letters(store, project):
    with serving(SmallModel(NAMES, letters=0.5)) as served:
        label(store, project, served, limit=50, ask="letters")
        began = newest(store, project)
        before = len(served.requests)
        label(store, project, served)
    assert newest(store, project).id == began.id
    assert len(served.requests) - before == N - 50


def test_known_classes_decide_where_there_are_enough(store):
    project = make(store, "known", gold=True)
    with serving(SmallModel(NAMES)) as served:
        result = label(store, project, served)
    assert "12 of 12 known texts right" in result["notices"][0]


def test_a_pass_of_few_texts_tries_nothing(store):
    project = make(store, "small", rows=20)
    with serving(SmallModel(NAMES, letters=0.5)) as served:
        label(store, project, served)
    assert len(served.requests) == 20 + CONTENT_FREE


@pytest.mark.parametrize("calls", [1, 5, 13, 20, 40, 70])
def test_choosing_keeps_within_the_budget_of_the_pass(store, project, calls):
    spending = Spending(calls=calls, price_in=1.0, price_out=1.0)
    with serving(SmallModel(NAMES)) as served:
        result = label(store, project, served, spending=spending)
        assert len(served.requests) == calls == result["calls"]
        assert result["stopped"] == "budget"
        usage = read_usage(store.labeling_runs.account(newest(store, project)))
        assert usage.calls == calls
        more = Spending(calls=200, price_in=1.0, price_out=1.0)
        result = label(store, project, served, spending=more)
    assert result["labelled"] == N
    assert result["calls"] <= len(served.requests) <= N + 3 * CONTENT_FREE + 3 * TRIED_TEXTS + 12


def test_a_dry_run_chooses_as_labelling_does(store, project):
    config = build(Config, teacher="api:m", base_url="x", retry_seconds=0.01)
    with serving(SmallModel(NAMES)) as served:
        config = build(Config, config.model_dump(), {"base_url": served.url})
        result = jobs.run(
            store,
            lambda job: workflows.dry_run(store, project, config, job),
            kind="dry-run",
            title="t",
            device=None,
            project_id=project.id,
        )
        assert result["notices"][0].startswith("Asked by class names behind a begun answer")
        assert result["calls"] == len(served.requests)
        before = len(served.requests)
        labelled = label(store, project, served)
    assert labelled["calls"] == len(served.requests) - before <= N - 5 + CONTENT_FREE + 3
    assert newest(store, project).teacher["asked_by"] == "prefilled"
