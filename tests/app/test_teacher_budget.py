"""The Teacher page on cost: the estimate, prices, a budget that is spent, and what is left to do."""

from dataclasses import replace

import pandas as pd
import pytest

from llkd.config import OrderConfig, Spending, TeacherConfig
from llkd.store import Price, Store
from tests.support.pages import button, opened, said, words
from tests.support.seeded_projects import (
    asked_for,
    label_request,
    living_job,
    seeded_project,
)
from tests.support.teacher_page import (
    DOCUMENT,
    PRICED,
    SERVER,
    account,
    finish_tries,
    metrics,
    stopped,
    with_server,
)
from ui.shell.wording import money, size, spread
from ui.teacher.report import usage
from ui.teacher.setup import plan
from ui.teacher.setup.prices import lines_of
from ui.teacher.trial import estimate

# Before: the estimate and the plan.


def test_the_estimate_in_words_has_a_middle_and_a_range():
    priced = Spending(price_in=1.0, price_out=2.0)
    found = estimate.estimate_of(DOCUMENT, 50, priced)
    assert found.money == pytest.approx((0.6, 1.1, 1.7))
    assert estimate.figures(found) == {
        "Calls": ("55", "50 to 75"),
        "Tokens read": ("1,000,000", "500,000 to 1,500,000"),
        "Tokens written": ("50,000", "50,000 to 100,000"),
        "Time": ("a minute", "30 seconds to 2 minutes"),
        "Cost": ("1.10", "0.60 to 1.70"),
    }
    assert "Cost" not in estimate.figures(estimate.estimate_of(DOCUMENT, 50, Spending()))


def test_only_texts_not_yet_labelled_are_estimated():
    document = {"texts": 40}
    assert estimate.texts_to_ask(document, 100, None) == 40
    assert estimate.texts_to_ask(document, 100, 80) == 20
    assert estimate.texts_to_ask(document, 100, 50) == 0


def test_what_a_budget_is_enough_for():
    def reach(**limits):
        spending = Spending(price_in=1.0, price_out=2.0, **limits)
        return estimate.reach(estimate.estimate_of(DOCUMENT, 100, spending), spending)

    assert reach() is None
    assert reach(budget=10.0) == "The budget should be enough for all of them."
    assert reach(calls=120).startswith("The budget may just be enough for all of them")
    assert reach(budget=1.1).startswith("The budget is enough for about 50 texts (32 to 92)")
    # The nearer of the two limits counts.
    assert "about 10 texts" in reach(budget=10.0, calls=11)


def test_numbers_in_words():
    assert [money(x) for x in (0, 12.4, 0.5, 0.031, 0.000123, 1e-9)] == [
        "0.00",
        "12.40",
        "0.50",
        "0.031",
        "0.00012",
        "less than 0.000001",
    ]
    assert [size(n) for n in (1, 812, 4_200_000, 3_000_000_000)] == [
        "1 byte",
        "812 bytes",
        "4.2 MB",
        "3.0 GB",
    ]
    assert spread("about 3 minutes", "about 5 minutes") == "3 to 5 minutes"
    assert spread("about 3 minutes", "about 2 hours") == "3 minutes to 2 hours"
    assert spread("12", "12") == "12"


def test_prices_budget_limit_and_order_reach_the_command(home, started):
    store, _ = seeded_project(home, labelled=False)
    app = with_server(opened("teacher"))
    app.number_input(key="plan_budget_1").set_value(2.0).run()
    button(app, "Start labelling").click().run()
    assert "A limit of the cost needs the prices" in said(app.error) and not started
    app.number_input(key="plan_1_price_in_qwen").set_value(0.15).run()
    assert store.prices.of("qwen") is None  # half a price is none
    app.number_input(key="plan_1_price_out_qwen").set_value(0.6).run()
    assert store.prices.of("qwen") == Price("qwen", 0.15, 0.6)
    app.number_input(key="plan_calls_1").set_value(500).run()
    app.number_input(key="plan_limit_1").set_value(40).run()
    assert "40 texts of 60, each asked about once." in words(app)
    app.selectbox(key="plan_order_1").set_value("need").run()
    assert "a quick student learns from the labels so far" in words(app)
    app.slider(key="plan_explore_1").set_value(30).run()
    button(app, "Start labelling").click().run()
    spending = Spending(price_in=0.15, price_out=0.6, budget=2.0, calls=500)
    order = OrderConfig(order="need", rounds=8, explore=0.3)
    assert started == [label_request(SERVER, spending=spending, order=order, limit=40)]
    # And back again, as the page does to go on.
    job = store.jobs.all()[0]
    assert plan.plan_of(store, job) == plan.Plan(spending, order, 40)


def test_prices_are_remembered_for_a_model_and_can_be_taken_back(home):
    store, _ = seeded_project(home, labelled=False)
    store.prices.set([Price("other", 1.0, 2.0), Price("qwen", 3.0, 4.0)])
    app = with_server(opened("teacher"))
    assert app.number_input(key="plan_1_price_in_qwen").value == 3.0
    assert app.number_input(key="plan_1_price_out_qwen").value == 4.0
    app.toggle(key="plan_table_1").set_value(True).run()
    assert not app.exception
    app.number_input(key="plan_1_price_out_qwen").set_value(None).run()
    assert [one.model for one in store.prices.all()] == ["other"]


def test_lines_of_the_price_table_are_prices_or_one_sentence():
    def lines(*rows):
        return lines_of(pd.DataFrame(rows, columns=["model", "price_in", "price_out"]))

    assert lines(("a", 1.0, 2.0), (" b ", 0, 0.5)) == [Price("a", 1.0, 2.0), Price("b", 0.0, 0.5)]
    assert lines() == []
    # A line that is being filled in is not there yet.
    assert lines(("a", 1.0, 2.0), ("b", None, 1.0)) == [Price("a", 1.0, 2.0)]
    assert "'a' twice" in lines(("a", 1.0, 2.0), (" a", 3.0, 4.0))
    assert "has no model" in lines((" ", 1.0, 2.0))


def test_typed_prices_show_their_effect_on_the_estimate_at_once(home, started):
    store, project = seeded_project(home, labelled=False)
    app = with_server(opened("teacher"))
    button(app, "Try it on five texts").click().run()
    finish_tries(store, project)
    app.run()
    assert "Cost" not in metrics(app)
    app.number_input(key="plan_1_price_in_qwen").set_value(100.0).run()
    app.number_input(key="plan_1_price_out_qwen").set_value(0.0).run()
    assert metrics(app)["Cost"] == "0.50"
    app.number_input(key="plan_limit_1").set_value(30).run()
    assert metrics(app)["Cost"] == "0.25" and "Asking about 30 texts more" in words(app)


# During and after: the account, the budget, the bill.


def test_while_it_runs_money_and_calls_stand_against_the_budget(home):
    store, project = seeded_project(home, labelled=0.5)
    labeling_run = store.labeling_runs.get(project.labelling_id)
    account(store, labeling_run, PRICED, calls=18, lost=2, refused=3)
    with living_job(store, project, labelling_id=labeling_run.id) as job:
        asked_for(store, job, label_request(SERVER, spending=PRICED))
        app = opened("teacher")
        shown = metrics(app)
        assert shown["Calls"] == "20" and shown["Refused / lost"] == "3 / 2"
        assert shown["Tokens read"] == "20,000" and shown["Cost"] == "0.20"
        bars = [one.proto for one in app.get("progress")]
        (budget,) = [one for one in bars if "of the budget" in one.text]
        assert budget.value == 50 and budget.text.startswith("0.20 of 0.40 spent")


def test_a_spent_budget_is_said_and_can_be_raised(home, started):
    store, project = seeded_project(home, labelled=0.5)
    labeling_run = store.labeling_runs.get(project.labelling_id)
    account(store, labeling_run, PRICED, calls=40)
    order = OrderConfig(order="need")
    job = stopped(store, project, PRICED, order=order)
    app = opened("teacher")
    shown = words(app)
    assert "**The budget is spent.** Labelling stopped cleanly with 30 texts left" in shown
    assert "0.40 of 0.40 spent" in shown and "All labels so far are kept." in shown
    # 30 texts cost 0.40, so the 30 left cost about as much, and a tenth to spare.
    wish = app.number_input(key=f"raise_budget_{job.id}")
    assert wish.value == pytest.approx(0.84)
    wish.set_value(1.0).run()
    button(app, "Raise the budget and go on").click().run()
    raised = PRICED.model_copy(update={"budget": 1.0})
    assert started[0] == label_request(
        labeling_run.config, calibration="batch", spending=raised, order=order
    )


def test_spent_calls_are_raised_in_calls(home, started):
    store, project = seeded_project(home, labelled=0.5)
    spending = Spending(calls=30)
    account(store, store.labeling_runs.get(project.labelling_id), spending, calls=30)
    job = stopped(store, project, spending)
    app = opened("teacher")
    assert "30 of 30 calls made" in words(app)
    assert app.number_input(key=f"raise_calls_{job.id}").value == 63
    assert not [one for one in app.number_input if (one.key or "").startswith("raise_budget")]


def test_a_pass_that_stopped_short_offers_the_rest_under_the_same_budget(home, started):
    store, project = seeded_project(home, labelled=0.5)
    app = opened("teacher")
    button(app, "Label the remaining 30 texts").click().run()
    assert started[0] == label_request(TeacherConfig(), calibration="batch")
    for job in store.jobs.all(project.id):
        store.jobs.update(job.id, state="finished")
    job = stopped(store, project, PRICED, limit=30)
    store.jobs.update(job.id, result={"stopped": None})
    app = opened("teacher")
    button(app, "Label the remaining 30 texts").click().run()
    assert started[-1] == label_request(TeacherConfig(), calibration="batch", spending=PRICED)


def test_a_limited_pass_leads_on_and_offers_the_rest_with_what_bounds_it(home, started):
    store, project = seeded_project(home, labelled=0.5)
    job = stopped(store, project, Spending(), limit=30)
    store.jobs.update(job.id, result={"stopped": None})
    app = opened("teacher")
    assert "**30 of 60 texts** have been asked about." in words(app)
    # It is not short of anything: the next step comes first.
    assert button(app, "Next: choose what to keep").proto.type == "primary"
    assert button(app, "Label the remaining 30 texts").proto.type == "secondary"
    assert "It costs nothing but time." in words(app)


@pytest.mark.parametrize(
    ("config", "spending", "sentence"),
    [
        (SERVER, Spending(), "**There is no budget:** every text is sent to the server"),
        (SERVER, Spending(calls=9), "The budget stays: 9 calls in all."),
        (SERVER, PRICED, "The budget stays: a cost of 0.40 in all."),
        (TeacherConfig(), Spending(), "It costs nothing but time."),
    ],
)
def test_what_bounds_the_cost_of_the_rest(home, config, spending, sentence):
    store, project = seeded_project(home, labelled=0.5)
    labeling_run = replace(store.labeling_runs.get(project.labelling_id), config=config)
    assert usage.bound_words(labeling_run, spending).startswith(sentence)


def test_a_spent_budget_of_a_limited_pass_is_raised_for_the_limit_alone(home):
    store, project = seeded_project(home, labelled=0.5)
    account(store, store.labeling_runs.get(project.labelling_id), PRICED, calls=30)
    job = stopped(store, project, PRICED, limit=40)
    app = opened("teacher")
    assert "stopped cleanly with 10 texts left" in words(app)
    # 30 texts cost 0.30, so ten cost a third of that, and a tenth to spare.
    assert app.number_input(key=f"raise_budget_{job.id}").value == pytest.approx(0.51)


def test_a_limited_pass_by_need_never_holds_more_than_the_pool(home):
    store, project = seeded_project(home, labelled=False)
    need = plan.Plan(order=OrderConfig(order="need"), limit=50)
    assert plan.wanted_rows(store, project, need) == 45
    assert plan.wanted_rows(store, project, replace(need, limit=20)) == 20
    # Without a limit the held-out texts follow the pool.
    assert plan.wanted_rows(store, project, replace(need, limit=None)) == 60


def test_batches_are_half_the_price_and_ask_in_no_rounds(home, started):
    seeded_project(home, labelled=False)
    app = with_server(opened("teacher"))
    for name, value in (("in", 1.0), ("out", 2.0)):
        app.number_input(key=f"plan_1_price_{name}_qwen").set_value(value).run()
    button(app, "Try it on five texts").click().run()
    store = Store()
    finish_tries(store, store.projects.all()[0])
    app.run()
    full = metrics(app)["Cost"]
    app.toggle(key="plan_batch_1").set_value(True).run()
    assert metrics(app)["Cost"] != full and "Time" not in metrics(app)
    app.selectbox(key="plan_order_1").set_value("need").run()
    button(app, "Start labelling").click().run()
    assert "asks in rounds, and a batch may take a day" in said(app.error)
    app.selectbox(key="plan_order_1").set_value("random").run()
    button(app, "Start labelling").click().run()
    assert [request.kind for request in started] == ["dry-run", "label"]
    assert started[-1].batch and "--batch" in started[-1].command()
    store.close()
