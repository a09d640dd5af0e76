"""The Curate page: saved selections, replay, one by one, comparing, and leaving with a selection."""

import numpy as np
import pytest

from llkd import curation
from llkd.config import TrainingConfig, build
from llkd.config.selection_rule import (
    ThresholdRule,
    read_rule,
)
from llkd.config.text_view import EVERY_TEXT
from tests.support.curate_page import (
    core_plane,
    kept_figures,
    move_lines,
    plane_view,
    table_rows,
)
from tests.support.pages import button, card_data, opened, press, said, words
from tests.support.seeded_projects import NAMES, seeded_project
from tests.support.seeded_runs import add_run
from ui.curate import controls, view, walk
from ui.curate.state import CurateState


def test_a_selection_is_saved_loaded_and_deleted(home):
    store, project = seeded_project(home, n=200)
    app = opened("curate", tt="0.6", ts="0.3")
    kept = kept_figures(app)
    app.text_input(key="curate_name_0").set_value("first <b>cut</b>").run()
    button(app, "Save selection").click().run()
    assert "Saved as 'first <b>cut</b>'." in said(app.success)
    (saved,) = store.selections.all(project.id)
    assert saved.rule.model_dump() == {
        "kind": "thresholds",
        "teacher_threshold": 0.6,
        "student_threshold": 0.3,
        "calibration": "batch",
        "run": None,
        "epoch": None,
    }
    assert saved.counts["kept"] == kept
    app.run()
    button(app, "Keep everything").click().run()
    assert kept_figures(app) == 150
    app.run()
    button(app, "Load").click().run()
    assert kept_figures(app) == kept
    app.run()
    button(app, "Delete").click().run()
    assert store.selections.all(project.id) == []
    assert "Saved selections" not in words(app)


def test_what_is_saved_is_what_is_kept_now_not_when_the_button_was_drawn(home):
    store, project = seeded_project(home, n=200)
    app = opened("curate", tt="0.6", ts="0.3")
    app.text_input(key="curate_name_0").set_value("moved").run()
    # A line that is released draws other parts of the page again, not this one.
    held = app.session_state[view.key(project)]
    app.session_state[view.key(project)] = held.model_copy(update={"teacher_threshold": 0.2})
    button(app, "Save selection").click().run()
    (saved,) = store.selections.all(project.id)
    assert saved.rule.teacher_threshold == 0.2
    app.run()
    assert saved.counts["kept"] == kept_figures(app)


def test_a_taken_or_missing_name_is_one_sentence(home):
    store, project = seeded_project(home)
    app = opened("curate")
    button(app, "Save selection").click().run()
    assert "A selection needs a name of 1 to 100 characters." in said(app.error)
    store.selections.save(project.id, "mine", read_rule({}), {"kept": 1})
    app.run()
    app.text_input(key="curate_name_0").set_value("mine").run()
    button(app, "Save selection").click().run()
    assert "There is a selection 'mine' already. Choose another name." in said(app.error)


def test_a_run_is_replayed_step_by_step(home):
    store, project = seeded_project(home, n=200)
    run = add_run(store, project)
    steps = store.runs.steps(run)
    app = opened("curate")
    app.toggle(key="curate_replay").set_value(True).run()
    slider = next(one for one in app.slider if one.label == "Step")
    assert (slider.min, slider.max) == (1, len(steps))
    # Nothing moves before one asks for it.
    assert plane_view(
        app, project
    ) == ThresholdRule() and "Put the thresholds of this step" in words(app)
    slider.set_value(3).run()
    seen = plane_view(app, project)
    assert (seen.run, seen.epoch) == (run.id, 1)
    for side in ("teacher", "student"):
        wanted = view.rounded_all(dict(zip(NAMES, steps.iloc[2][f"{side}_threshold"], strict=True)))
        assert getattr(seen, f"{side}_threshold") == wanted
    plane = core_plane(store, project, run=run, epoch=1)
    assert (
        kept_figures(app)
        == curation.kept_rows(plane, seen.teacher_threshold, seen.student_threshold).sum()
    )
    batch, selected = int(steps.iloc[2]["batch"]), int(steps.iloc[2]["selected"])
    assert f"Step 3 of {len(steps)}, in epoch 1: {selected} of the {batch} texts" in words(app)
    button(app, "Undo").click().run()
    assert plane_view(app, project) == ThresholdRule()


def test_the_last_step_is_put_on_the_plane_by_a_button(home):
    store, project = seeded_project(home, n=200)
    run = add_run(store, project)
    app = opened("curate")
    app.toggle(key="curate_replay").set_value(True).run()
    button(app, "Put the thresholds of this step on the plane").click().run()
    assert plane_view(app, project) == view.changed(controls.as_of_run(store, run), epoch=2)


def test_without_a_run_that_had_thresholds_there_is_no_replay(home):
    store, project = seeded_project(home)
    add_run(store, project, "all")
    assert "Replay a run step by step" not in words(opened("curate"))


def test_a_text_says_at_which_steps_it_was_selected_and_why_not_at_the_others(home):
    store, project = seeded_project(home, n=200)
    run = add_run(store, project)
    steps = store.runs.steps(run)
    decisions = store.runs.decisions(run)
    why = set()
    for row in decisions["row"].unique():
        found = curation.history(store, run, row)
        mine = decisions[decisions["row"] == row]
        assert found["step"].tolist() == (mine["step"] + 1).tolist()
        assert found["selected"].tolist() == mine["selected"].tolist()
        target = store.runs.target(run, row)
        for one in found.itertuples():
            thresholds = steps.iloc[one.step - 1]
            sure = target.max() >= thresholds["teacher_threshold"][target.argmax()] - 1e-6
            assert (one.why == "teacher not sure enough") == (not sure and not one.selected)
            assert sure or not one.selected
            why.add(one.why)
    assert why == {"selected", "teacher not sure enough", "student knew it already"}
    assert curation.history(store, run, 10**6).empty


def test_a_text_that_was_passed_over_by_chance_says_so(home):
    store, project = seeded_project(home, n=200)
    run = add_run(store, project, "random")
    row = store.runs.decisions(run).query("not selected")["row"].iloc[0]
    assert "not drawn" in set(curation.history(store, run, row)["why"])
    for strategy, why in (
        ("learnability", "others scored higher"),
        ("trust", "others scored higher"),
        ("small_loss", "its label looked wrong to the student"),
    ):
        # A window of one batch: with a longer one small_loss would still take everything.
        run = add_run(store, project, strategy, window=1, epochs=6)
        said = {
            reason
            for row in curation.load_plane(store, project).frame["row"]
            for reason in curation.history(store, run, int(row)).get("why", [])
        }
        assert said == {"selected", why}


def test_texts_are_decided_one_by_one_and_the_list_stays_as_it_was(home):
    store, project = seeded_project(home, n=100)
    app = opened("curate", tt="0.8")
    app.get_by_key("curate_shown").set_value("Not kept").run()
    listed = table_rows(app)["Text"].tolist()
    app.toggle(key="curate_one_by_one").set_value(True).run()
    data = card_data(app)
    assert (data["total"], data["at"], data["names"]) == (len(listed), 0, NAMES)
    assert [card["text"] for card in data["cards"]] == listed[: len(data["cards"])]
    first, second = (card["row"] for card in data["cards"][:2])
    ids = press(app, ("label", "waste"), ("exclude", None))
    after = card_data(app)
    assert after["confirmed"] == ids
    # The texts are decided now and left the list of those not kept; the walk goes on all the same.
    assert (after["list"], after["total"], after["at"]) == (data["list"], len(listed), 2)
    held = store.decisions.current(project.id)
    assert held.loc[first, "human_label"] == "waste" and held.loc[second, "excluded"]
    assert after["cards"][0]["state"] == {"label": "waste", "excluded": False}
    assert after["cards"][1]["state"] == {"label": None, "excluded": True}
    # What the list says of a text but for people stays.
    assert [card["why"] for card in after["cards"]] == [card["why"] for card in data["cards"]]
    assert [one["target"] for one in after["own"]] == ids[::-1]
    [name] = press(app, ("undo", ids[1]))
    back = card_data(app)
    assert back["to"] == {name: 1}
    assert back["messages"][name] == f"Undone: \u201c{listed[1]}\u201d is included again."
    press(app, ("undo", ids[0]))
    assert store.decisions.current(project.id).empty


def test_a_press_that_comes_again_is_done_once_also_after_its_undo(home):
    store, project = seeded_project(home)
    app = opened("curate")
    app.toggle(key="curate_one_by_one").set_value(True).run()
    [name] = press(app, ("label", "water"))
    key = card_data(app)["key"]
    sent = app.session_state[key]
    app.run()
    assert len(store.decisions.edits(project.id)) == 1
    # The same session's mark in another session: a page loaded anew sends what it kept.
    again = opened("curate")
    again.session_state["_author_session"] = app.session_state["_author_session"]
    again.toggle(key="curate_one_by_one").set_value(True).run()
    again.session_state[key] = sent
    again.run()
    assert card_data(again)["confirmed"] == [name]
    assert len(store.decisions.edits(project.id)) == 1
    press(again, ("undo", name))
    assert store.decisions.edits(project.id) == []
    app.session_state[key] = sent
    app.run()
    third = opened("curate")
    third.session_state["_author_session"] = app.session_state["_author_session"]
    third.session_state[key] = sent
    third.run()
    assert store.decisions.edits(project.id) == []


def test_what_a_page_that_is_gone_left_unsent_is_stored_where_the_table_is_shown(home):
    store, project = seeded_project(home)
    app = opened("curate")
    data = card_data(app)
    assert data["hidden"] and "cards" not in data
    one = {"id": "0" * 20, "row": 20, "do": "label", "label": "water"}
    sent = {"told": {"list": "x", "at": 3, "presses": [one]}}
    for _ in range(2):
        app.session_state[data["key"]] = sent
        app.run()
    assert card_data(app)["confirmed"] == ["0" * 20]
    assert "By people: 1 text labelled" in words(app)
    assert store.decisions.current(project.id)["human_label"].to_dict() == {20: "water"}


def test_presses_that_make_no_sense_change_nothing(home):
    store, project = seeded_project(home)
    held_out = 0
    good = {"id": "a" * 20, "row": 20, "do": "label", "label": "water"}
    odd = [
        {**good, "id": "A" * 20},
        {**good, "id": 5},
        {**good, "id": "b" * 32},
        {**good, "row": -1},
        {**good, "row": True},
        {**good, "row": float("nan")},
        {**good, "row": 10**12},
        {**good, "id": "c" * 20, "row": held_out},
        {**good, "id": "d" * 20, "label": "no such class"},
        {**good, "id": "9" * 20, "key": "no such class"},
        {**good, "label": None},
        {**good, "do": "burn"},
        {**good, "do": "undo", "target": "x"},
        {**good, "id": "e" * 20, "do": "undo", "target": "f" * 20},
        [],
        None,
    ]
    app = opened("curate")
    app.toggle(key="curate_one_by_one").set_value(True).run()
    key = card_data(app)["key"]
    for told in ({"presses": odd, "at": "x", "list": 3}, {"presses": 7}, [], None):
        app.session_state[key] = {"told": told}
        app.run()
        assert not app.exception and not app.error
    assert store.decisions.edits(project.id) == []
    app.session_state[key] = {"told": {"presses": odd, "at": 0, "list": ""}}
    app.run()
    assert set(card_data(app)["refused"]) == {"c" * 20, "d" * 20, "9" * 20}


def test_nobody_undoes_somebody_elses_decision_by_its_name(home):
    store, project = seeded_project(home)
    other = store.decisions.decide(project.id, [20], "exclude")
    named = store.decisions.decide(project.id, [21], "exclude", who="Ana")
    app = opened("curate")
    app.toggle(key="curate_one_by_one").set_value(True).run()
    press(app, ("undo", other), ("undo", named), ("undo", other[-20:]))
    assert len(store.decisions.current(project.id)) == 2


def test_the_browser_holds_enough_texts_and_not_too_much(home):
    seeded_project(home, n=400, holdout=0.0, words=["x" * 30_000, "y" * 3_000, "short"])
    app = opened("curate")
    app.toggle(key="curate_one_by_one").set_value(True).run()
    for at in (0, 7, 200, 398, 399, 400):
        data = card_data(app)
        app.session_state[data["key"]] = {"told": {"list": data["list"], "at": at, "presses": []}}
        app.run()
        data = card_data(app)
        rows_held = [card["row"] for card in data["cards"]]
        assert data["at"] == at and rows_held == list(
            range(data["start"], data["start"] + len(rows_held))
        )
        assert not rows_held or rows_held[-1] >= min(at + 2, 399)
        assert sum(len(card["text"]) for card in data["cards"]) <= 2 * walk.LETTERS_AHEAD + 60_000
        for card in data["cards"]:
            assert len(card["text"]) <= walk.LONGEST_TEXT
            assert card["cut"] in (0, 30_000 + len(f", message number {card['row']}") - 20_000)


def test_with_many_classes_the_names_are_all_there(home):
    names = [f"class {k}" for k in range(12)]
    store, project = seeded_project(home, n=100, names=names)
    app = opened("curate")
    app.toggle(key="curate_one_by_one").set_value(True).run()
    assert card_data(app)["names"] == names
    press(app, ("label", "class 11"))
    assert store.decisions.current(project.id)["human_label"].tolist() == ["class 11"]


def save_selection(app, store, project, name, **view_of):
    seen = ThresholdRule(**view_of)
    plane = core_plane(store, project)
    kept = curation.kept_rows(plane, seen.teacher_threshold, seen.student_threshold)
    counts = curation.summary(plane, kept)
    store.selections.save(project.id, name, view.as_saved(seen, plane), counts)
    return kept


def test_two_saved_selections_are_compared_and_a_part_is_listed(home):
    store, project = seeded_project(home, n=200)
    sure = save_selection(None, store, project, "sure", teacher_threshold=0.7)
    needy = save_selection(None, store, project, "needy", student_threshold=0.5)
    app = opened("curate")
    app.toggle(key="curate_compare").set_value(True).run()
    assert [one.value for one in app.selectbox if one.label in {"First", "Second"}] == [
        "sure",
        "needy",
    ]
    table = app.dataframe[0].value.set_index("Texts")
    frame = core_plane(store, project).frame
    for title, rows_ in (
        ("Only in the first", sure & ~needy),
        ("In both", sure & needy),
        ("Only in the second", needy & ~sure),
    ):
        line = table.loc[title]
        assert line["How many"] == rows_.sum() > 0
        assert line["Mean confidence"] == pytest.approx(100 * frame["confidence"][rows_].mean())
        assert line["Mean uncertainty"] == pytest.approx(
            100 * frame["information_need"][rows_].mean()
        )
        assert line["of waste"] == (frame["label"][rows_] == 1).sum()
        right = (frame["label"] == frame["gold"])[rows_].mean()
        assert line["Right, of those with gold"] == pytest.approx(100 * right)
    app.button(key="curate_list_first").click().run()
    assert f"of {(sure & ~needy).sum()}" in words(app)
    assert (app.dataframe[-1].value["Confidence"] >= 70).all()
    assert (app.dataframe[-1].value["Student uncertainty"] < 50).all()


def test_a_compared_selection_may_be_deleted(home):
    store, project = seeded_project(home, n=200)
    for k in range(3):
        save_selection(None, store, project, f"cut {k}", teacher_threshold=0.5 + k / 10)
    app = opened("curate")
    app.toggle(key="curate_compare").set_value(True).run()
    app.selectbox(key="curate_first").set_value("cut 0").run()
    app.selectbox(key="curate_saved").set_value("cut 0").run()
    button(app, "Delete").click().run()
    assert not app.exception and not app.error
    assert app.selectbox(key="curate_first").value in {"cut 1", "cut 2"}
    button(app, "Delete").click().run()
    assert not app.exception and not app.error


def test_a_saved_selection_is_taken_to_export_and_to_train(home):
    store, project = seeded_project(home, n=200)
    kept = save_selection(None, store, project, "sure", teacher_threshold=0.7)
    save_selection(None, store, project, "later", teacher_threshold=0.9)
    app = opened("curate")
    app.selectbox(key="curate_saved").set_value("sure").run()
    app.button(key="curate_export_saved").click().run()
    assert app.get_by_key("export_what").value == "A saved selection"
    assert app.selectbox(key="export_saved").value == "sure"
    assert app.metric[0].value == str(kept.sum())
    app.switch_page("pages/curate.py").run()
    app.selectbox(key="curate_saved").set_value("sure").run()
    app.button(key="curate_train_saved").click().run()
    assert app.selectbox(key="train_strategy").value == "saved"
    assert app.selectbox(key="train_saved_rows").value == "sure"


def test_what_is_kept_now_is_trained_on_with_one_click(home):
    store, project = seeded_project(home, n=200)
    app = opened("curate", tt="0.7")
    kept = int(curation.kept_rows(core_plane(store, project), 0.7, 0.0).sum())
    app.button(key="curate_train_kept").click().run()
    assert not app.exception and not app.error
    [saved] = store.selections.all(project.id)
    assert saved.name.startswith("kept on ") and saved.counts["kept"] == kept
    assert saved.rule.teacher_threshold == 0.7
    assert app.selectbox(key="train_strategy").value == "saved"
    assert app.selectbox(key="train_saved_rows").value == saved.name

    app.switch_page("pages/curate.py").run()
    next(f for f in app.text_input if f.label == "Name of this selection").input("sure ones").run()
    app.button(key="curate_train_kept").click().run()
    assert app.selectbox(key="train_saved_rows").value == "sure ones"
    app.switch_page("pages/curate.py").run()
    move_lines(app, project, 0.8)
    next(f for f in app.text_input if f.label == "Name of this selection").input("sure ones").run()
    app.button(key="curate_train_kept").click().run()
    assert "There is a selection 'sure ones' already" in said(app.error)
    assert len(store.selections.all(project.id)) == 2


def test_a_selection_just_saved_is_the_one_that_is_picked(home):
    store, project = seeded_project(home, n=200)
    app = opened("curate", tt="0.6")
    for k, (name, threshold) in enumerate((("first", 0.6), ("second", 0.8))):
        move_lines(app, project, threshold)
        app.text_input(key=f"curate_name_{k}").set_value(name).run()
        button(app, "Save selection").click().run()
        assert app.selectbox(key="curate_saved").value == name
    app.selectbox(key="curate_saved").set_value("first").run()
    app.run()
    assert app.selectbox(key="curate_saved").value == "first"
    app.selectbox(key="curate_saved").set_value("second").run()
    app.button(key="curate_train_saved").click().run()
    assert app.selectbox(key="train_saved_rows").value == "second"
    app.switch_page("pages/curate.py").run()
    app.run()
    app.selectbox(key="curate_saved").set_value("second").run()
    app.button(key="curate_export_saved").click().run()
    assert app.selectbox(key="export_saved").value == "second"


def test_what_is_kept_is_carried_to_train_and_export_and_named_by_the_run(home):
    store, project = seeded_project(home, n=200)
    app = opened("curate", tt="0.7")
    kept = kept_figures(app)
    button(app, f"Train on these {kept}").click().run()
    [selection] = store.selections.all(project.id)
    assert selection.counts["kept"] == kept
    plane = core_plane(store, project)
    mask = curation.kept_rows(plane, 0.7, 0.0)
    right = round(100 * (plane.frame["label"] == plane.frame["gold"])[mask].mean())
    sentence = f"You train on {kept} texts kept on Curate** ({right}\u00a0% right)"
    assert sentence in words(app) and selection.name in words(app)
    assert app.selectbox(key="train_saved_rows").value == selection.name
    # The same again is not saved twice, and Export begins with it.
    app.switch_page("pages/curate.py").run()
    app.run()
    button(app, f"Train on these {kept}").click().run()
    assert len(store.selections.all(project.id)) == 1
    app.switch_page("pages/export.py").run()
    app.run()
    assert app.get_by_key("export_what").value == "A saved selection"
    assert app.selectbox(key="export_saved").value == selection.name
    # Another strategy takes no selection, and nothing says that it does.
    app.switch_page("pages/train.py").run()
    app.selectbox(key="train_strategy").set_value("all").run()
    assert "You train on" not in words(app)
    assert [one.label for one in app.button if one.proto.type == "primary"] == ["Start training"]


def test_a_new_session_exports_what_the_newest_run_was_trained_on(home):
    store, project = seeded_project(home, n=200)
    save_selection(None, store, project, "sure", teacher_threshold=0.7)
    save_selection(None, store, project, "later", teacher_threshold=0.9)
    config = build(TrainingConfig, selection={"strategy": "saved", "saved": "sure"})
    labeling_run = curation.active_labeling_run(store, project)
    run = store.runs.create(project.id, labeling_run.id, config, {})
    assert run.name == f"run {run.id}: trained on 'sure'"
    app = opened("export")
    assert app.get_by_key("export_what").value == "A saved selection"
    assert app.selectbox(key="export_saved").value == "sure"


def test_texts_nearest_in_meaning_are_listed_nearest_first(home):
    store, project = seeded_project(home, n=200)
    values = curation.load_embeddings(store, project)
    unit = values / np.linalg.norm(values, axis=1, keepdims=True)
    among = core_plane(store, project).frame["row"].to_numpy()
    found = curation.nearest_rows(store, project, int(among[7]), among, 20)
    expected = among[np.argsort(-(unit @ unit[among[7]])[among])[:20]]
    assert found.tolist() == expected.tolist() and found[0] == among[7]
    assert curation.nearest_rows(store, project, 10**6, among) is None

    app = opened("curate")
    app.toggle(key="curate_one_by_one").set_value(True).run()
    first = card_data(app)["cards"][0]
    app.button(key=f"curate_like_{first['row']}").click().run()
    assert "Nearest in meaning" in app.get_by_key("curate_shown").options
    assert card_data(app)["cards"][0]["text"] == first["text"]
    app.toggle(key="curate_one_by_one").set_value(False).run()
    texts = store.projects.texts(project.id)["text"]
    nearest = curation.nearest_rows(store, project, int(among[0]), among, 200)
    assert table_rows(app)["Text"].tolist() == texts.iloc[nearest].tolist()[:100]
    button(app, "Clear list").click().run()
    assert "Nearest in meaning" not in app.get_by_key("curate_shown").options
    assert f"of {len(among)}" in words(app)


def test_without_a_probe_nothing_is_searched_by_meaning(home):
    store, project = seeded_project(home, probed=False)
    assert not curation.has_embeddings(store, project)
    assert curation.nearest_rows(store, project, 0, np.arange(3)) is None
    app = opened("curate")
    app.toggle(key="curate_one_by_one").set_value(True).run()
    assert not [one for one in app.button if "like this" in one.label]


def test_a_comparison_colours_the_plane_by_which_selection_holds_a_text(home):
    store, project = seeded_project(home, n=200)
    sure = save_selection(None, store, project, "sure", teacher_threshold=0.7)
    needy = save_selection(None, store, project, "needy", student_threshold=0.5)
    plane = core_plane(store, project)
    where = CurateState.__new__(CurateState)
    where.text_view = EVERY_TEXT
    where.key, where.people, where.plane, where.gate = ("test", str(home)), "0", plane, None
    parts = {"only a": sure & ~needy, "both": sure & needy, "only b": needy & ~sure}
    (one,) = where.coloured_by("a / b", (1, 2), parts).categories
    assert one.values == ("only a", "both", "only b")
    for code, rows_ in enumerate(parts.values()):
        assert ((one.codes == code) == rows_).all()


def test_a_click_that_meets_no_part_of_the_page_draws_all_of_it(home):
    """Streamlit refuses to draw a part alone that has not been drawn yet."""

    def script():
        import streamlit as st

        from ui.curate import state as scene

        st.session_state["runs"] = st.session_state.get("runs", 0) + 1
        st.button("Decide", on_click=scene.redraw)

    from streamlit.testing.v1 import AppTest

    app = AppTest.from_function(script).run()
    app.button[0].click().run()
    assert not app.exception
    assert app.session_state["runs"] == 2
