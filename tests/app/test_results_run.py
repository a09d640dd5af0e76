"""The Results page: one run in detail."""

import numpy as np
import pandas as pd
import pytest

from llkd import curation
from llkd.curation.run_selection import Truth
from llkd.evaluation import (
    confidence_metrics,
    intervals,
    metrics,
    predictions,
)
from llkd.selection import signals
from tests.support.pages import button, opened, said, words
from tests.support.results_page import chosen_run, table_column
from tests.support.seeded_projects import seeded_project
from tests.support.seeded_runs import add_run
from ui.curate import view
from ui.results import cartography, curves, quality, selection, tables
from ui.runs import reads
from ui.shell.wording import unplain


def choose_view(app, name):
    app.get_by_key("results_view").set_value(name).run()
    return app


def charts_of(app):
    return [chart.key for chart in app.get("plotly_chart")]


def rows_read(app):
    """Buttons by what a reader sees on them."""
    return {unplain(one.label): one for one in app.button}


def test_the_texts_of_a_cell_are_shown_with_what_student_and_teacher_said(home):
    store, project = seeded_project(home, n=200)
    run = add_run(store, project)
    app = opened("results")
    assert "50 held-out texts. Click a cell" in words(app)
    rows, gold, probabilities = predictions.predictions_by_row(store, project, run)
    label = signals.pseudo_label(probabilities)
    matrix = metrics.confusion_matrix(label, gold, 3)
    np.fill_diagonal(matrix, 0)
    true, said_ = np.unravel_index(matrix.argmax(), matrix.shape)
    assert app.get_by_key("results_true").value == true, "the commonest mistake comes first"
    assert app.get_by_key("results_said").value == said_

    app.get_by_key("results_true").set_value(0)
    app.get_by_key("results_said").set_value(0).run()
    table = table_column(app, "Student says")
    mine = np.flatnonzero((gold == 0) & (label == 0))
    mine = mine[np.argsort(-probabilities[mine, 0], kind="stable")]
    assert list(table["Id"]) == [f"M{row:04d}" for row in rows[mine]]
    assert list(table["Probability"]) == pytest.approx(100 * probabilities[mine, 0])
    labels = curation.teacher_labels(store, store.labeling_runs.get(run.labelling_id))
    names = project.label_set.names
    assert list(table["Teacher says"]) == [names[k] for k in labels.label[rows[mine]]]
    assert list(table["Confidence"]) == pytest.approx(100 * labels.confidence[rows[mine]])
    assert f"{len(mine)} held-out texts of roads, called roads rightly" in words(app)


def test_a_cell_leads_to_its_like_in_the_pool_on_curate(home):
    store, project = seeded_project(home, n=200)
    run = add_run(store, project, sharpness=1.0)
    app = opened("results")
    app.get_by_key("results_true").set_value(1)
    app.get_by_key("results_said").set_value(2).run()
    rows, probabilities = store.runs.signals(run)
    taught = store.runs.targets(run)[1].argmax(axis=1)
    texts = store.projects.texts(project.id, ["text", "gold"])
    wanted = rows[(taught == 1) & (signals.pseudo_label(probabilities) == 2)]
    assert len(wanted) > 3
    assert rows_read(app)[f"{len(wanted)} texts taught as waste, student says water"]
    app.get_by_key("results_pool_label").click().run()
    assert app.title[0].value == "Curate"
    table = table_column(app, "Student's label")
    assert list(table["Text"]) == texts["text"].iloc[wanted].tolist()
    assert set(table["Label"]) == {"waste"} and set(table["Student's label"]) == {"water"}
    assert app.session_state[view.key(project)].run == run.id

    app = opened("results")
    app.get_by_key("results_true").set_value(1)
    app.get_by_key("results_said").set_value(2).run()
    gold = texts["gold"].to_numpy()[rows] == "waste"
    number = int((gold & (signals.pseudo_label(probabilities) == 2)).sum())
    assert f"{number} texts truly waste, student says water" in rows_read(app)


def test_names_of_classes_are_no_markup_in_the_way_to_curate(home):
    names = ["![i](http://e.com/x)", "**b** <i>", "c"]
    store, project = seeded_project(home, n=120, names=names)
    add_run(store, project, sharpness=0.5)
    app = opened("results")
    labels = [one.label for one in app.button if "student says" in one.label]
    assert labels and not any("![i](" in label or "**b**" in label for label in labels)


def test_each_class_has_its_figures_beside_the_teachers(home):
    store, project = seeded_project(home, n=200)
    run = add_run(store, project)
    app = choose_view(opened("results"), "Per class")
    assert "results_f1" in charts_of(app)
    gold, probabilities = predictions.run_predictions(store, project, run)
    lines = metrics.class_table(signals.pseudo_label(probabilities), gold, ["a", "b", "c"])
    table = table_column(app, "Precision")
    assert list(table["Recall"]) == pytest.approx([100 * one["recall"] for one in lines])
    assert list(table["Texts"]) == [one["support"] for one in lines]
    teacher = reads.teacher_report(store, project, run)["per_class"]
    assert list(table["Teacher's F1"]) == pytest.approx([100 * one["f1"] for one in teacher])
    series = tables.f1_series(store, project, store.runs.get(1))
    assert [name for name, _, _ in series] == ["the teacher itself", "run 1: LLKD"]


def test_calibration_says_what_the_error_means(home):
    store, project = seeded_project(home, n=200)
    run = add_run(store, project, sharpness=4.0)
    app = choose_view(opened("results"), "Calibration")
    assert "results_reliability" in charts_of(app)
    gold, probabilities = predictions.run_predictions(store, project, run)
    right = signals.pseudo_label(probabilities) == gold
    error = confidence_metrics.ece(probabilities, right)
    shown = {metric.label: metric.value for metric in app.metric}
    assert shown["Calibration error"] == f"{error:.3f}"
    mean = signals.confidence(probabilities).mean()
    assert (
        f"On average it is {100 * mean:.1f}\u00a0% sure, and right {100 * right.mean():.1f}\u00a0%"
    ) in words(app)
    assert "Measured on 50 held-out texts. These are few" in words(app)


@pytest.mark.parametrize(
    ("sure", "right", "texts", "told"),
    [
        (0.9, 0.8, 1000, "too sure of itself"),
        (0.7, 0.8, 1000, "right more often"),
        (0.8, 0.79, 1000, "**taken together, its probabilities can be believed"),
        (0.6, 1.0, 1, "too few texts to tell"),
        (0.9, 0.8, 20, "too few texts to tell"),
        (0.99, 0.5, 20, "too sure of itself"),
    ],
)
def test_confidence_is_held_against_accuracy(sure, right, texts, told):
    interval = intervals.wilson(round(right * texts), texts)
    assert told in quality.sentence(sure, right, interval)


def test_seeds_with_other_judging_texts_are_never_scored_against_each_others_gold(
    home, monkeypatch
):
    store, project = seeded_project(home)
    ours = [add_run(store, project, "all", seed=seed, epochs=1) for seed in range(3)]
    theirs = [add_run(store, project, "llkd", seed=seed, epochs=1) for seed in range(3)]
    rows = {0: [1, 2, 3], 1: [4, 5, 6], 2: [4, 5, 6]}  # the first seed was judged by other texts
    gold = {0: [0, 0, 0], 1: [0, 1, 2], 2: [0, 1, 2]}
    right = {0: [0, 0, 0], 1: [0, 1, 2], 2: [0, 1, 2]}

    def answers(store, project, run):
        labels = right[run.config.seed]
        return np.array(rows[run.config.seed]), np.array(gold[run.config.seed]), np.eye(3)[labels]

    monkeypatch.setattr(predictions, "predictions_by_row", answers)
    paired = predictions.paired_predictions(store, project, zip(ours, theirs, strict=True))
    assert (paired.first.shape, paired.left_out) == ((2, 3), 1)
    assert (paired.first == paired.gold).all() and paired.gold.tolist() == [0, 1, 2]
    rows[0] = [7, 8, 9, 10]
    gold[0] = right[0] = [0, 1, 2, 0]  # as many as no other seed has: no crash
    assert (
        predictions.paired_predictions(store, project, zip(ours, theirs, strict=True)).left_out == 1
    )


def test_learning_curves_count_samples_and_seconds_and_find_the_rivals(home):
    store, project = seeded_project(home, n=200)
    run = add_run(store, project, epochs=3)
    rival = add_run(store, project, "all", epochs=3)
    control = add_run(store, project, "random", epochs=3, reference=run)
    add_run(store, project, "all", epochs=2)  # other settings
    curve = reads.learning_curve(store, run)
    steps = store.runs.steps(run)
    assert [one["epoch"] for one in curve] == [1, 2, 3]
    assert curve[-1]["samples"] == run.summary.backpropagated
    assert curve[0]["samples"] == steps[steps["epoch"] == 1]["selected"].sum()
    assert curve[-1]["seconds"] == pytest.approx(steps["seconds"].sum())
    assert curve[-1]["accuracy"] == run.summary.accuracy
    runs = predictions.finished_runs(store, project)
    found = curves.comparable_runs(store, project, run, runs)
    assert [(one.run.id, one.matched) for one in found] == [(rival.id, False), (control.id, True)]
    app = opened("results")
    chosen_run(app).set_value(run.id).run()
    app = choose_view(app, "Learning curves")
    assert app.get_by_key(f"results_beside_{run.id}").value == ["run 2: All texts", "run 3: Random"]
    assert (
        "Dotted: matched, in every step as many texts as the arm whose counts it copies."
        in words(app)
    )
    app.get_by_key("results_curve_against").set_value("seconds").run()
    assert not app.exception and "results_curves" in charts_of(app)


def test_rivals_of_a_comparison_are_those_of_its_report_and_seed(home):
    store, project = seeded_project(home, n=100)
    made = [add_run(store, project, name, seed=seed) for seed in (0, 1) for name in ("llkd", "all")]
    entries = [
        {"run": run.id, "arm": name, "budget": budget, "seed": run.config.seed}
        for run, (name, budget) in zip(
            made, 2 * [("llkd", "epochs"), ("soft", "samples")], strict=True
        )
    ]
    job = store.jobs.create("compare", "Compare", None, project.id)
    store.jobs.update(job.id, state="finished", result={"arms": [], "runs": entries})
    found = curves.comparable_runs(
        store, project, made[0], predictions.finished_runs(store, project)
    )
    assert [(one.name, one.run.id, one.matched) for one in found] == [
        ("All texts, soft targets, matched (run 2)", 2, True)
    ]


def test_what_was_selected_is_held_against_the_gold_of_the_pool(home):
    store, project = seeded_project(home, n=200)
    run = add_run(store, project)
    app = choose_view(opened("results"), "What was selected")
    assert {"results_when", "results_right"} <= set(charts_of(app))
    rows, targets = store.runs.targets(run)
    gold = curation.gold_indices(
        store.projects.texts(project.id, ["gold"]), project.label_set.names
    )
    right = dict(zip(rows, targets.argmax(axis=1) == gold[rows], strict=True))
    taken = [right[row] for row in store.runs.decisions(run).query("selected")["row"]]
    pool = np.mean(list(right.values()))
    assert (
        f"Of the labels it was trained on {100 * np.mean(taken):.1f}\u00a0% were right, of those "
        f"of the whole pool {100 * pool:.1f}\u00a0%"
    ) in said(app.info)
    table = table_column(app, "Pool right")
    assert table["Selected"][0] == run.summary.backpropagated == table["Selected"][1:].sum()
    assert table["Selected right"][0] == pytest.approx(100 * np.mean(taken))
    assert table["Gain"][0] == pytest.approx(100 * (np.mean(taken) - pool))
    app.get_by_key("results_selected_epoch_2").set_value(1).run()
    assert table_column(app, "Pool right")["Offered"][0] == 150


def test_texts_taken_in_every_epoch_are_not_counted_as_further_evidence():
    truth = Truth("gold", np.zeros(200, int), np.zeros(200, int))
    epoch = {"offered": 200, "selected": 50, "known": 50, "right": 43,
             "pool_known": 200, "pool_right": 160}  # fmt: skip
    for epochs in (1, 8):
        told = selection.sentence(pd.DataFrame([epoch] * epochs), truth)
        assert "no clear difference" in told, told
    clear = selection.sentence(pd.DataFrame([{**epoch, "right": 50}] * 8), truth)
    assert "better by 20.0 points" in clear


def test_a_run_that_took_everything_has_nothing_to_compare(home):
    store, project = seeded_project(home, n=100)
    add_run(store, project, "all")
    app = choose_view(opened("results"), "What was selected")
    assert "It was trained on every label;" in said(app.info)


def test_without_gold_how_right_a_selection_was_is_not_claimed(home):
    store, project = seeded_project(home, n=100, gold=False)
    add_run(store, project)
    app = opened("results")
    assert "How right the selected labels are cannot be known" in said(app.info)
    assert "results_right" not in charts_of(app)
    store.decisions.decide(project.id, range(30), "label", project.label_set.names[0])
    app = opened("results")
    assert "judged by the 30 labels that people gave" in said(app.info)


def test_the_map_lists_the_texts_of_a_region_and_opens_them_on_curate(home):
    store, project = seeded_project(home, n=200)
    run = add_run(store, project, epochs=3)
    app = choose_view(opened("results"), "Map of the pool")
    assert f"results_map_{run.id}" in charts_of(app)
    rows, targets = store.runs.targets(run)
    label = targets.argmax(axis=1)
    own = np.stack([store.runs.signals(run, e)[1][np.arange(150), label] for e in (1, 2, 3)])
    hardest = rows[np.argsort(own.mean(axis=0), kind="stable")]
    table = table_column(app, "Deviation")
    assert list(table["Id"]) == [f"M{row:04d}" for row in hardest[:100]]
    assert list(table["Mean"]) == pytest.approx(100 * np.sort(own.mean(axis=0))[:100])
    gold = curation.gold_indices(
        store.projects.texts(project.id, ["gold"]), project.label_set.names
    )
    right = label == gold[rows]
    worst = right[np.argsort(own.mean(axis=0), kind="stable")[:100]].mean()
    assert f"By gold, {100 * worst:.1f}\u00a0% of these labels are right (100 texts" in words(app)
    app.get_by_key("results_region_3").set_value("ambiguous").run()
    app.get_by_key("results_region_many_150").set_value(5).run()
    wavering = rows[np.argsort(-own.std(axis=0), kind="stable")[:5]]
    assert list(table_column(app, "Deviation")["Id"]) == [f"M{row:04d}" for row in wavering]
    button(app, "Open them on Curate").click().run()
    assert app.title[0].value == "Curate"
    texts = store.projects.texts(project.id, ["text"])["text"]
    assert list(table_column(app, "Student's label")["Text"]) == texts.iloc[wavering].tolist()


def test_what_is_marked_on_the_map_counts_every_text_drawn_or_not(home):
    store, project = seeded_project(home, n=100)
    run = add_run(store, project)
    mapped = reads.mapped(store, run)
    x, y = mapped.map.variability, mapped.map.confidence
    box = {"x": [0.05, 0.2], "y": [0.9, 0.4]}
    inside = np.flatnonzero((x >= 0.05) & (x <= 0.2) & (y >= 0.4) & (y <= 0.9))
    assert 0 < len(inside) < len(x)
    assert cartography.marked(mapped, {"box": [box]}).tolist() == inside.tolist()
    corners = {"x": [0.05, 0.2, 0.2, 0.05], "y": [0.4, 0.4, 0.9, 0.9]}
    assert cartography.marked(mapped, {"lasso": [corners]}).tolist() == inside.tolist()
    assert cartography.marked(mapped, {"box": [], "lasso": []}) is None


def test_one_epoch_is_no_map(home):
    store, project = seeded_project(home)
    add_run(store, project, epochs=1)
    app = choose_view(opened("results"), "Map of the pool")
    assert "this run has 1 epoch. Train with 2 epochs or more." in said(app.info)
    button(app, "Train with more epochs")


def test_a_chosen_run_stays_chosen_when_it_gets_another_name(home):
    store, project = seeded_project(home)
    first = add_run(store, project, epochs=1)
    add_run(store, project, epochs=1, seed=1)
    app = opened("results")

    def judged():
        return next(one for one in app.selectbox if one.label.startswith("The LLKD run to judge"))

    assert judged().options[judged().index] == "run 2: LLKD, seed 1"
    judged().set_value(first.id).run()
    store.runs.describe(first.id, title="our best")
    app.run()
    assert judged().options[judged().index] == "run 1: our best, seed 0"
    # What the browser sends from now on is the new name.
    app.run()
    assert judged().options[judged().index] == "run 1: our best, seed 0"
    app.switch_page("pages/train.py").run()
    app.switch_page("pages/results.py").run()
    app.run()
    assert judged().value == first.id
