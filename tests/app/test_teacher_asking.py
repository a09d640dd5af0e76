"""The asking side of the Teacher page: the question, trying it, the plan, the bill, kept answers."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import streamlit as st
from seed import button, ended_job, living_job, opened, said, seeded_project, words

from llkd import commands, jobs
from llkd.config import OrderConfig, Spending, TeacherConfig
from llkd.store import Answer, Price
from llkd.store.spending import Ledger
from ui.teacher import bill, estimate, five, plan
from ui.teacher.prices import lines_of
from ui.teacher.prompt_editor import misplaced
from ui.wording import money, size, spread

URL = "http://127.0.0.1:8000/v1"
HOSTILE = "<b>prompt</b> [l](http://e.com) :material/home:"
SERVER = TeacherConfig(teacher="api:qwen", base_url=URL)


@pytest.fixture
def started(monkeypatch):
    """What was started instead of a process."""
    calls = []

    def start(store, arguments, **facts):
        calls.append((list(arguments), facts))
        return store.jobs.create(
            facts["kind"], facts["title"], list(arguments), facts["project_id"], "auto"
        )

    monkeypatch.setattr(jobs, "start", start)
    return calls


def opened_question(key="teacher_question_box_1"):
    app = opened("teacher")
    app.session_state[key] = True
    return app.run()


def with_server(app):
    app.radio(key="teacher_kind_1").set_value("api").run()
    return app.text_input(key="teacher_model_1").set_value("qwen").run()


def finish_tries(store, project, **more):
    """End the dry runs that were started, each with its own answers."""
    texts = store.projects.texts(project.id, ["text"])["text"]
    for number, job in enumerate(reversed(store.jobs.all(project.id))):
        if job.kind != "dry-run" or job.state == "finished":
            continue
        (rows,) = [a[len("--rows=") :] for a in job.arguments if a.startswith("--rows=")]
        examples = [
            {
                "row": int(row),
                "text": str(texts.iloc[int(row)]),
                "prompt": f"{HOSTILE} {number} {row}",
                "label": ["roads", "waste"][number % 2],
                "confidence": 0.5 + number / 10,
                "source": "logprob",
                "raw": f"{HOSTILE} raw",
                "scores": {"roads": -0.1, "waste": -3.0, "water": -4.0},
                "tokens_in": 90 + number,
                "tokens_out": 2,
                "cached": False,
            }
            for row in rows.split(",")
        ]
        result = {
            "examples": examples,
            "seconds_per_text": 0.5,
            "tokens_per_text": 92.0,
            "texts": 60,
            "estimate": {
                "texts": 60,
                "calls": [60, 66, 90],
                "tokens_in": [4000, 5000, 7000],
                "tokens_out": [60, 120, 180],
                "seconds": [120.0, 180.0, 360.0],
                "money": None,
            },
            **more,
        }
        store.jobs.update(job.id, state="finished", result=result)


def metrics(app):
    return {one.label: one.value for one in app.metric}


# The question.


def test_question_lead_and_examples_reach_the_command(home, started):
    store, project = seeded_project(home, labelled=False)
    store.people.decide(project.id, [20, 21, 22], "label", "roads")
    app = opened("teacher")
    app.text_area(key="teacher_question_1").set_value("Message: {text}").run()
    app.text_input(key="teacher_lead_1").set_value("It is about").run()
    app.segmented_control(key="teacher_examples_1").set_value("balanced").run()
    app.number_input(key="teacher_example_count_1").set_value(4).run()
    options = app.selectbox(key="teacher_example_source_1").options
    assert options == ["People's labels (3 by now)", "Gold of the pool (45 by now)"]
    assert "There are only 3 labels to take examples from." in said(app.warning)
    app.selectbox(key="teacher_example_source_1").set_value("gold").run()
    assert not app.warning
    button(app, "Start labelling").click().run()
    wanted = TeacherConfig(
        question="Message: {text}",
        lead="It is about",
        examples="balanced",
        example_count=4,
        example_source="gold",
    )
    assert started[0][0] == commands.label("city", wanted)


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("teacher_question_1", "What is it?", "The question holds {text} exactly once"),
        ("teacher_question_1", "{text} or {text}", "The question holds {text} exactly once"),
        ("teacher_instruction_1", "Sort {text}", "{text} belongs into the question"),
    ],
)
def test_a_text_placeholder_at_the_wrong_place_is_one_sentence(home, started, key, value, sentence):
    seeded_project(home, labelled=False)
    app = opened("teacher")
    app.text_area(key=key).set_value(value).run()
    assert sentence in said(app.error)
    button(app, "Start labelling").click().run()
    assert not started


def test_words_in_braces_that_stand_for_nothing_are_pointed_out(home):
    assert (
        misplaced({"instruction": "{labels} {descriptions} {examples}", "question": "{text}"}) == []
    )
    (typo,) = misplaced({"instruction": "{lables} and {lables}", "question": "{text}", "lead": ""})
    assert typo.startswith("{lables} is no placeholder") and "{labels}, {descriptions}" in typo
    (lead,) = misplaced({"instruction": "", "question": "{text}", "lead": "One of {labels}:"})
    assert lead.startswith("{labels} belongs into the instruction")
    seeded_project(home, labelled=False)
    app = opened("teacher")
    app.text_area(key="teacher_instruction_1").set_value("Pick [x](http://e.com) {city}").run()
    assert "{city} is no placeholder" in said(app.warning)


def test_the_preview_shows_the_turns_and_counts_them(home):
    seeded_project(home, labelled=False)
    assert not opened("teacher").code, "nothing is rendered while the box is closed"
    app = opened_question()
    app.text_area(key="teacher_instruction_1").set_value(f"Sort. {HOSTILE}").run()
    app.text_area(key="teacher_question_1").set_value("Message: {text}").run()
    system, question, lead = [one.value for one in app.code]
    assert system.startswith(f"Sort. {HOSTILE}")
    assert all(name in system for name in ("roads", "waste", "water"))
    assert question.startswith("Message: ") and "message number" in question
    assert lead == "The category of this text is"
    assert "tokens" in words(app)
    rendered = "\n".join(str(one.value) for one in [*app.markdown, *app.caption])
    assert HOSTILE not in rendered and "message number" not in rendered
    app.segmented_control(key="teacher_preview_1_5").set_value(1).run()
    assert app.code[1].value != question


def test_the_preview_of_a_server_shows_how_it_is_told_to_answer(home):
    seeded_project(home, labelled=False)
    app = opened_question()
    app.radio(key="teacher_kind_1").set_value("api").run()
    system, question = [one.value for one in app.code]  # even before a model is named
    assert "A. roads" in system and "message number" in question


def test_examples_stand_in_the_preview_and_too_few_are_one_sentence(home):
    store, project = seeded_project(home, labelled=False)
    app = opened_question()
    app.segmented_control(key="teacher_examples_1").set_value("balanced").run()
    app.number_input(key="teacher_example_count_1").set_value(3).run()
    assert "has 0 human labels in its pool, and 3 examples are wanted" in said(app.error)
    app.selectbox(key="teacher_example_source_1").set_value("gold").run()
    system = app.code[0].value
    assert system.count("Category: ") == 3 and not app.error
    # Each class once, and only texts of the pool.
    assert {f"Category: {name}" in system for name in ("roads", "waste", "water")} == {True}
    shown = [int(part.split()[0]) for part in system.split("message number ")[1:]]
    texts = store.projects.texts(project.id, ["split"])["split"]
    assert list(texts.iloc[shown]) == ["pool"] * 3


def test_texts_to_look_at_are_drawn_or_chosen(home):
    _, project = seeded_project(home, labelled=False)
    first = five.at_random(60, 0)
    assert len(set(first)) == 5 and first == five.at_random(60, 0) != five.at_random(60, 1)
    assert five.at_random(3, 0) == [0, 1, 2]
    app = opened_question()
    before = app.code[1].value
    button(app, "Five others").click().run()
    assert app.code[1].value != before
    app.segmented_control(key="five_how_1").set_value("Chosen").run()
    app.text_input(key="five_words_1").set_value("M0007, M0003").run()
    assert app.code[1].value.endswith("message number 3")
    app.text_input(key="five_words_1").set_value("NUMBER 11").run()
    assert app.code[1].value.endswith("message number 11")
    app.text_input(key="five_words_1").set_value("<b>nothing</b>").run()
    assert "No text has this id or holds these words: <b>nothing</b>" in said(app.warning)
    assert "<b>" not in app.warning[0].value
    button(app, "Try it on five texts").click().run()
    assert "There is no text to try it on" in said(app.error)


def test_how_a_server_is_asked_reaches_the_command(home, started):
    seeded_project(home, labelled=False)
    app = with_server(opened("teacher"))
    app.selectbox(key="teacher_confidence_1").set_value("verbalized").run()
    assert "models tend to overstate it" in words(app)
    assert not [one for one in app.number_input if one.key == "teacher_samples_1"]
    app.number_input(key="teacher_timeout_1").set_value(30.0).run()
    app.number_input(key="teacher_retries_1").set_value(2).run()
    button(app, "Start labelling").click().run()
    wanted = SERVER.model_copy(update={"confidence": "verbalized", "timeout": 30.0, "retries": 2})
    assert started[0][0] == commands.label("city", wanted)


# Trying it.


def test_a_dry_run_shows_answers_prompts_and_the_estimate(home, started):
    store, project = seeded_project(home, labelled=False)
    app = opened("teacher")
    button(app, "Try it on five texts").click().run()
    ((arguments, facts),) = started
    rows = five.at_random(60, 0)
    assert facts["kind"] == "dry-run"
    assert arguments == commands.label("city", TeacherConfig(), dry_run=True, rows=rows)
    finish_tries(store, project)
    app.run()
    assert metrics(app) == {
        "Calls": "66",
        "Tokens read": "5,000",
        "Tokens written": "120",
        "Time": "3 minutes",
    }
    table = app.dataframe[0].value
    gold = store.projects.texts(project.id, ["gold"])["gold"].iloc[rows]
    assert list(table["gold"]) == list(gold)
    marks = ["\u2713" if one == "roads" else "\u2717" for one in gold]
    assert list(table["answer"]) == [f"roads {mark}" for mark in marks]
    assert list(table["confidence"]) == [0.5] * 5 and list(table["tokens"]) == [92] * 5
    assert f"{marks.count(chr(0x2713))} of 5 right" in words(app)
    assert "These answers are not calibrated yet" in words(app)
    app.toggle(key=f"prompts_{project.id}").set_value(True).run()
    assert [one.value for one in app.code] == [f"{HOSTILE} 0 {rows[0]}", f"{HOSTILE} raw"]
    assert HOSTILE not in "\n".join(str(one.value) for one in [*app.markdown, *app.caption])
    # Other settings: what the dry run said does not hold for them.
    app.number_input(key="teacher_tokens_1").set_value(64).run()
    assert not app.metric


def test_two_ways_to_ask_are_tried_on_the_same_texts_side_by_side(home, started):
    store, project = seeded_project(home, labelled=False)
    app = opened("teacher")
    app.text_area(key="teacher_instruction_1").set_value("First way.").run()
    app.toggle(key="compare_1").set_value(True).run()
    assert app.text_area(key="teacher_instruction_1_b").value == "First way."
    assert "So far B is the same as A." in words(app)
    app.text_area(key="teacher_instruction_1_b").set_value("Second way.").run()
    button(app, "Try both on five texts").click().run()
    rows = five.at_random(60, 0)
    assert [arguments for arguments, _ in started] == [
        commands.label("city", TeacherConfig(instruction=way), dry_run=True, rows=rows)
        for way in ("First way.", "Second way.")
    ]
    finish_tries(store, project)
    app.run()
    table = app.dataframe[0].value
    assert [one[:5] for one in table["answer A"]] == ["roads"] * 5
    assert [one[:5] for one in table["answer B"]] == ["waste"] * 5
    assert list(table["confidence A"]) == [0.5] * 5 and list(table["confidence B"]) == [0.6] * 5
    app.toggle(key=f"prompts_{project.id}").set_value(True).run()
    prompts = [one.value for one in app.code if not one.value.endswith("raw")]
    assert prompts == [f"{HOSTILE} 0 {rows[0]}", f"{HOSTILE} 1 {rows[0]}"]
    button(app, "Start labelling with A").click().run()
    assert started[-1][0] == commands.label("city", TeacherConfig(instruction="First way."))


def test_two_sides_that_ask_alike_are_asked_once(home, started):
    seeded_project(home, labelled=False)
    app = opened("teacher")
    app.toggle(key="compare_1").set_value(True).run()
    button(app, "Try both on five texts").click().run()
    assert len(started) == 1


# Before: the estimate and the plan.

DOCUMENT = {
    "texts": 100,
    "calls": [100, 110, 150],
    "tokens_in": [1_000_000, 2_000_000, 3_000_000],
    "tokens_out": [100_000, 100_000, 200_000],
    "seconds": [60, 120, 300],
}


def test_the_estimate_in_words_has_a_middle_and_a_range():
    priced = Spending(price_in=1.0, price_out=2.0)
    found = estimate.estimate_of(DOCUMENT, 50, priced)
    assert found.money == pytest.approx((0.6, 1.1, 1.7))
    assert estimate.figures(found) == {
        "Calls": ("55", "50 to 75"),
        "Tokens read": ("1,000,000", "500,000 to 1,500,000"),
        "Tokens written": ("50,000", "50,000 to 100,000"),
        "Time": ("a minute", "30 seconds to 2 minutes"),
        "Money": ("1.10", "0.60 to 1.70"),
    }
    assert "Money" not in estimate.figures(estimate.estimate_of(DOCUMENT, 50, Spending()))


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
    assert "A budget in money needs the prices" in said(app.error) and not started
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
    arguments = started[0][0]
    assert arguments == commands.label("city", SERVER, spending=spending, order=order, limit=40)
    # And back again, as the page does to go on.
    assert plan.plan_of(arguments) == plan.Plan(spending, order, 40)


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
    assert "Money" not in metrics(app)
    app.number_input(key="plan_1_price_in_qwen").set_value(100.0).run()
    app.number_input(key="plan_1_price_out_qwen").set_value(0.0).run()
    assert metrics(app)["Money"] == "0.50"
    app.number_input(key="plan_limit_1").set_value(30).run()
    assert metrics(app)["Money"] == "0.25" and "Asking about 30 texts more" in words(app)


# During and after: the account, the budget, the bill.


def account(store, labelling, spending, *, calls=10, lost=0, refused=0):
    """Write down calls of 1,000 tokens in and 10 out, as a labelling job does."""
    ledger = Ledger(store.labellings.account(labelling), spending)
    for _ in range(calls):
        ledger.settle(ledger.reserve(1000, 10), 1000, 10)
    for _ in range(lost):
        ledger.lose(ledger.reserve(1000, 10))
    for _ in range(refused):
        ledger.release(ledger.reserve(1000, 10))
    ledger.close()


PRICED = Spending(price_in=10.0, price_out=0.0, budget=0.4)


def test_while_it_runs_money_and_calls_stand_against_the_budget(home):
    store, project = seeded_project(home, labelled=0.5)
    labelling = store.labellings.get(project.labelling_id)
    account(store, labelling, PRICED, calls=18, lost=2, refused=3)
    with living_job(store, project, labelling_id=labelling.id) as job:
        store.jobs.update(job.id, arguments=commands.label("city", SERVER, spending=PRICED))
        app = opened("teacher")
        shown = metrics(app)
        assert shown["Calls"] == "20" and shown["Refused / lost"] == "3 / 2"
        assert shown["Tokens read"] == "20,000" and shown["Money"] == "0.20"
        bars = [one.proto for one in app.get("progress")]
        (budget,) = [one for one in bars if "of the budget" in one.text]
        assert budget.value == 50 and budget.text.startswith("0.20 of 0.40 spent")


def stopped(store, project, spending, **more):
    job = ended_job(store, project, "finished")
    store.jobs.update(
        job.id,
        arguments=commands.label("city", SERVER, spending=spending, **more),
        result={"stopped": "budget"},
    )
    store.jobs.remember(job.id, labelling_id=project.labelling_id)
    return job


def test_a_spent_budget_is_said_and_can_be_raised(home, started):
    store, project = seeded_project(home, labelled=0.5)
    labelling = store.labellings.get(project.labelling_id)
    account(store, labelling, PRICED, calls=40)
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
    assert started[0][0] == commands.label("city", labelling.config, spending=raised, order=order)


def test_spent_calls_are_raised_in_calls(home, started):
    store, project = seeded_project(home, labelled=0.5)
    spending = Spending(calls=30)
    account(store, store.labellings.get(project.labelling_id), spending, calls=30)
    job = stopped(store, project, spending)
    app = opened("teacher")
    assert "30 of 30 calls made" in words(app)
    assert app.number_input(key=f"raise_calls_{job.id}").value == 63
    assert not [one for one in app.number_input if (one.key or "").startswith("raise_budget")]


def test_a_pass_that_stopped_short_offers_the_rest_under_the_same_budget(home, started):
    store, project = seeded_project(home, labelled=0.5)
    app = opened("teacher")
    button(app, "Label the remaining 30 texts").click().run()
    assert started[0][0] == commands.label("city", TeacherConfig(), calibration="batch")
    for job in store.jobs.all(project.id):
        store.jobs.update(job.id, state="finished")
    job = stopped(store, project, PRICED, limit=30)
    store.jobs.update(job.id, result={"stopped": None})
    app = opened("teacher")
    button(app, "Label the remaining 30 texts").click().run()
    assert started[-1][0] == commands.label("city", TeacherConfig(), spending=PRICED)


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
        (SERVER, PRICED, "The budget stays: 0.40 of money in all."),
        (TeacherConfig(), Spending(), "It costs nothing but time."),
    ],
)
def test_what_bounds_the_cost_of_the_rest(home, config, spending, sentence):
    store, project = seeded_project(home, labelled=0.5)
    labelling = replace(store.labellings.get(project.labelling_id), config=config)
    assert bill.bound_words(labelling, spending).startswith(sentence)


def test_a_spent_budget_of_a_limited_pass_is_raised_for_the_limit_alone(home):
    store, project = seeded_project(home, labelled=0.5)
    account(store, store.labellings.get(project.labelling_id), PRICED, calls=30)
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


def test_a_failed_attempt_is_said_beside_a_complete_pass(home):
    store, project = seeded_project(home)
    job = ended_job(store, project, "failed", error="The server at x does not answer.", total=None)
    app = opened("teacher")
    assert said(app.error) == "The server at x does not answer."
    assert button(app, "Resume") and button(app, "Next: choose what to keep")
    # That of another pass is not this one's business.
    store.jobs.remember(job.id, labelling_id=project.labelling_id + 1)
    app = opened("teacher")
    assert not app.error and button(app, "Next: choose what to keep")


def test_too_few_labels_for_the_examples_are_said_before_a_job_is_started(home, started):
    seeded_project(home, labelled=False)
    app = opened("teacher")
    app.segmented_control(key="teacher_examples_1").set_value("balanced").run()
    button(app, "Start labelling").click().run()
    assert "has 0 human labels in its pool, and 8 examples are wanted" in said(app.error)
    assert not started


def test_what_is_labelled_already_is_said_at_the_start_button(home):
    store, project = seeded_project(home)
    app = opened("teacher")
    app.toggle(key="again_1").set_value(True).run()
    assert "60 texts of 60 are labelled like this already: there is nothing left" in words(app)
    app.text_input(key="teacher_lead_1").set_value("It is about").run()
    assert "60 texts, each asked about once." in words(app)
    assert (
        plan.extent_words(60, 60, 20) == "40 texts more of 60; 20 are labelled like this already."
    )
    assert plan.extent_words(60, 30, 0) == "30 texts of 60, each asked about once."


def test_the_bill_of_a_finished_pass(home):
    store, project = seeded_project(home)
    labelling = store.labellings.get(project.labelling_id)
    assert "Cut" in metrics(opened("teacher"))
    account(store, labelling, PRICED, calls=30, lost=1, refused=2)
    store.labellings.add_cost(labelling.id, 0, 0, 0.0, cached=20, cut=3)
    shown = metrics(opened("teacher"))
    assert shown["Asked about"] == "40" and shown["Known"] == "20"
    assert shown["Calls"] == "31" and shown["Refused / lost"] == "2 / 1"
    assert shown["Money"] == "0.31" and shown["Cut"] == "3"
    assert shown["Unusable"] == "0"


def test_enough_for_the_rest_is_never_less_than_there_was():
    spent = bill.Bill(10, 0, 0, 1000, 10, 0.5, 0.0)
    spending = Spending(price_in=1.0, price_out=1.0, budget=2.0, calls=100)
    wanted = bill.enough_for(spent, spending, done=10, left=10)
    assert wanted.budget == pytest.approx(2.6) and wanted.calls == 111
    nothing = bill.Bill(0, 0, 0, 0, 0, 0.0, 0.0)
    assert bill.enough_for(nothing, spending, done=0, left=10).budget >= 2.0


# Kept answers and the key.


def test_kept_answers_are_deleted_after_a_question(home):
    store, project = seeded_project(home)
    answer = Answer(np.zeros(3, np.float32), 0, "logprob", None)
    store.answers.put("key", ["one", "two"], [answer, answer])
    app = opened("teacher")
    app.session_state["kept"] = True
    app.run()
    assert "**2 answers**" in words(app)
    button(app, "Delete kept answers \u2026").click().run()
    assert "Labels stay as they are" in said(app.markdown) and store.answers.size()[0] == 2
    button(app, "Keep them").click().run()
    assert store.answers.size()[0] == 2
    button(app, "Delete kept answers \u2026").click().run()
    button(app, "Delete for good").click().run()
    assert store.answers.size()[0] == 0
    assert len(store.labellings.done(store.labellings.get(project.labelling_id))) == 60
    app = opened("teacher")
    app.session_state["kept"] = True
    assert "None yet." in words(app.run())


def test_a_key_among_the_secrets_is_found_and_not_shown(home, tmp_path, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    seeded_project(home, labelled=False)
    secrets = tmp_path / "secrets.toml"
    st.secrets._reset()
    monkeypatch.setattr(
        "streamlit.config.get_option",
        lambda name, real=st.get_option: [str(secrets)] if name == "secrets.files" else real(name),
    )
    try:
        app = with_server(opened("teacher"))
        assert "No key is set" in words(app) and not app.error  # and no word of a missing file
        secrets.write_text('OPENAI_API_KEY = "sk-very-secret"\n')
        app.run()
        assert "A key was found in the environment or the app's secrets" in words(app)
        assert "sk-very-secret" not in str(app.main)
    finally:
        st.secrets._reset()
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def test_settings_that_were_recommended_fill_the_form(home, started):
    """What the bake-off's button does, and the page after it."""
    store, project = seeded_project(home, labelled=False)
    pool = store.projects.texts(project.id, ["split"])["split"] == "pool"
    store.people.decide(project.id, pool[pool].index[:8].tolist(), "label", "roads")
    app = opened("teacher")
    config = SERVER.model_copy(update={"question": "Say: {text}", "examples": "fixed"})
    kept = {"kind": "api", "model": "qwen", "url": URL, "question": "Say: {text}"}
    from ui.teacher import form

    states = {}
    real = form.st
    try:
        form.st = type("Page", (), {"session_state": states})
        form.fill_in(type("P", (), {"id": 1}), config)
    finally:
        form.st = real
    assert kept.items() <= {k[len("teacher_") : -2]: v for k, v in states.items()}.items()
    for name, value in states.items():
        app.session_state[name] = value
    app.run()
    button(app, "Start labelling").click().run()
    assert started[0][0] == commands.label("city", config)


def test_gold_is_shown_only_where_it_is():
    from ui.teacher.dry_run import answers_frame, right_words

    result = {
        "examples": [
            {"row": 3, "text": "a", "label": "x", "confidence": None},
            {"row": 5, "text": "b", "label": None, "confidence": 0.2},
        ]
    }
    bare = answers_frame([("", result)], {})
    assert list(bare) == ["text", "answer", "confidence", "tokens"]
    assert list(bare["answer"]) == ["x", "\u2013"]
    assert right_words([("", result)], {}) == ""
    some = answers_frame([("", result)], {3: "x"})
    assert list(some["gold"]) == ["x", "\u2013"] and list(some["answer"]) == ["x \u2713", "\u2013"]
    assert pd.isna(some["confidence"][0])


def empty_pass(store, project):
    """A pass of another way to ask that failed before its first answer."""
    return store.labellings.find_or_create(
        project.id,
        label_set=project.label_set,
        config=SERVER.model_copy(update={"examples": "balanced"}),
        fingerprint="empty",
        teacher={"kind": "api", "name": "qwen"},
        calibration="batch",
    )


def test_a_pass_that_failed_at_once_locks_no_page(home):
    """In 0.3.0 it was in use at once, and Curate said that there were no labels yet."""
    store, project = seeded_project(home)
    empty = empty_pass(store, project)
    job = ended_job(store, project, "failed", error="The server at x does not answer.", total=None)
    store.jobs.remember(job.id, labelling_id=empty.id)
    app = opened("teacher")
    assert said(app.error) == "The server at x does not answer."
    assert button(app, "Resume") and button(app, "Next: choose what to keep")
    store.projects.use_labelling(project.id, empty.id)  # as 0.3.0 left it
    app = opened("teacher")
    assert "go on with pass 1, the newest that does" in words(app)
    for page in ("curate", "train", "export"):
        app = opened(page)
        assert not app.exception and not app.error, page
        assert "no teacher labels yet" not in words(app), page


@pytest.mark.parametrize("press", ["Start labelling", "Try it on five texts"])
@pytest.mark.parametrize("before", ["nothing", "an empty pass"])
def test_examples_without_any_label_start_nothing_and_the_way_out_can_be_gone(
    home, started, press, before
):
    store, project = seeded_project(home, labelled=False, gold=False)
    if before == "an empty pass":
        empty_pass(store, project)
        app = opened("teacher")
        app.toggle(key=f"again_{project.id}").set_value(True).run()
        app.segmented_control(key="teacher_examples_1").set_value("balanced").run()
    else:
        app = opened("teacher")
        app.segmented_control(key="teacher_examples_1").set_value("balanced").run()
    button(app, press).click().run()
    assert not started
    assert (
        "8 examples are wanted: label a few texts without examples first (a limit of 50 will do), "
        "give labels on the Curate page, which then opens, and ask again" in said(app.error)
    )
    app.segmented_control(key="teacher_examples_1").set_value("none").run()
    button(app, "Start labelling").click().run()
    assert len(started) == 1 and "no teacher labels yet" in words(opened("curate"))
