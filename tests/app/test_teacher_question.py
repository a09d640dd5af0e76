"""The Teacher page before it asks: the question, the preview, trying it on a few texts."""

import pytest

from llkd.config import TeacherConfig, build
from llkd.jobs.requests import DryRunRequest
from tests.support.pages import button, opened, said, words
from tests.support.seeded_projects import (
    label_request,
    seeded_project,
)
from tests.support.teacher_page import (
    HOSTILE,
    SERVER,
    finish_tries,
    metrics,
    opened_question,
    with_server,
)
from ui.teacher.setup import sample_texts
from ui.teacher.setup.question import misplaced

FRESH = TeacherConfig(teacher="committee")  # what a project without labels is offered


def asked(instruction):
    return FRESH.model_copy(update={"instruction": instruction})


def test_question_lead_and_examples_reach_the_command(home, started):
    store, project = seeded_project(home, labelled=False)
    store.decisions.decide(project.id, [20, 21, 22], "label", "roads")
    app = opened("teacher")
    app.text_area(key="teacher_question_1").set_value("Message: {text}").run()
    app.text_input(key="teacher_lead_1").set_value("It is about").run()
    app.segmented_control(key="teacher_examples_1").set_value("balanced").run()
    app.number_input(key="teacher_example_count_1").set_value(4).run()
    options = app.selectbox(key="teacher_example_source_1").options
    assert options == ["People's labels (3)", "Gold of the pool (45)"]
    assert "There are only 3 labels to take examples from." in said(app.warning)
    app.selectbox(key="teacher_example_source_1").set_value("gold").run()
    assert not app.warning
    button(app, "Start labelling").click().run()
    wanted = TeacherConfig(
        teacher="committee",
        question="Message: {text}",
        lead="It is about",
        examples="balanced",
        example_count=4,
        example_source="gold",
    )
    assert started[0] == label_request(wanted)


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
    first = sample_texts.at_random(60, 0)
    assert len(set(first)) == 5 and first == sample_texts.at_random(
        60, 0
    ) != sample_texts.at_random(60, 1)
    assert sample_texts.at_random(3, 0) == [0, 1, 2]
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
    assert started[0] == label_request(wanted)


# Trying it.


def test_a_dry_run_shows_answers_prompts_and_the_estimate(home, started):
    store, project = seeded_project(home, labelled=False)
    app = opened("teacher")
    button(app, "Try it on five texts").click().run()
    rows = sample_texts.at_random(60, 0)
    assert started == [build(DryRunRequest, project="city", teacher=FRESH, rows=rows)]
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
    rows = sample_texts.at_random(60, 0)
    assert started == [
        build(DryRunRequest, project="city", teacher=asked(way), rows=rows)
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
    assert started[-1] == label_request(asked("First way."))


def test_two_sides_that_ask_alike_are_asked_once(home, started):
    seeded_project(home, labelled=False)
    app = opened("teacher")
    app.toggle(key="compare_1").set_value(True).run()
    button(app, "Try both on five texts").click().run()
    assert len(started) == 1
