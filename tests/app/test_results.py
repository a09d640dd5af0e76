"""The Results page: the same texts for everyone, a plain judgement, and a typed text."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from seed import button, direct, ended_job, living_job, opened, said, seeded_project, words
from seed_runs import add_run

from llkd import charts, commands, curation, evaluation, fairness, jobs, signals
from llkd.curation.chosen import Truth
from llkd.evaluation import Difference
from llkd.fairness import Comparison
from llkd.store.runs import write_probabilities
from ui import results_view, run_reads, view
from ui.results import cartography, confusion, curves, quality, selection, side_by_side
from ui.wording import unplain


def _table(app, column):
    return next(one.value for one in app.dataframe if column in one.value.columns)


@pytest.mark.parametrize("enter", [lambda: opened("results"), lambda: direct("results")])
def test_without_a_project_the_next_step_is_data(home, enter):
    app = enter()
    assert not app.exception
    button(app, "Go to Data")


def test_the_next_step_is_the_first_that_is_missing(home):
    seeded_project(home, labelled=False, probed=False)
    app = opened("results")
    assert "Results come from training, and training from the teacher's labels." in words(app)
    button(app, "Go to Teacher")
    store, project = seeded_project(home, name="labelled")
    app = opened("results", project="labelled")
    assert "No student has been trained yet." in words(app)
    button(app, "Go to Train")
    with living_job(store, project, "train"):
        app = opened("results", project="labelled")
        assert "A student is being trained; its results will be here." in words(app)


def test_everyone_is_measured_on_the_same_held_out_texts(home):
    store, project = seeded_project(home, n=200)
    run = add_run(store, project)
    add_run(store, project, "all", seed=1)
    table = _table(opened("results"), "Who")
    assert list(table["Who"]) == ["the teacher itself", "run 1: llkd", "run 2: all"]
    assert list(table["Seed"]) == ["", "0", "1"]

    texts = store.projects.texts(project.id)
    held_out = np.flatnonzero(texts["split"] == "eval")
    labels = curation.teacher_labels(store, store.labellings.get(project.labelling_id))
    gold = curation.gold_indices(texts, project.label_set.names)
    right = int((labels.label[held_out] == gold[held_out]).sum())
    low, high = evaluation.wilson(right, 50)
    assert table["Accuracy"][0] == (
        f"{100 * right / 50:.1f}\u00a0% ({100 * low:.1f} to {100 * high:.1f})"
    )
    rows, probabilities = store.runs.evaluation(run)
    assert list(rows) == list(held_out)
    share = (signals.pseudo_label(probabilities) == gold[held_out]).mean()
    assert table["Accuracy"][1].startswith(f"{100 * share:.1f}\u00a0% (")
    assert table["Back-propagated"][1] == run.summary["backpropagated"]
    assert table["Different texts"][2] == 150
    assert table["Share"][2] == "100.0\u00a0%"


def test_a_run_that_numbers_its_evaluation_by_place_is_read_alike(home):
    store, project = seeded_project(home, n=100, holdout=0.2)
    run = add_run(store, project)
    before = run_reads.answers(store, project, run)
    _, probabilities = store.runs.evaluation(run)
    path = run.folder / "eval-epoch-0002.parquet"
    texts = store.projects.texts(project.id)
    # Held-out rows are the first twenty here: move them, so that places and rows differ.
    write_probabilities(path, np.arange(20), probabilities[::-1])
    gold = curation.gold_indices(texts, project.label_set.names)
    found = run_reads.answers(store, project, run)
    assert list(found[0]) == list(gold[:20]) == list(before[0])
    assert found[1] == pytest.approx(before[1][::-1])


def test_the_interval_of_macro_f1_holds_the_score_and_narrows(home):
    rng = np.random.default_rng(0)
    widths = []
    for n in (60, 600):
        gold = rng.integers(0, 3, n)
        label = np.where(rng.random(n) < 0.7, gold, rng.integers(0, 3, n))
        low, high = run_reads.f1_interval(label, gold, 3)
        assert low < evaluation.macro_f1(label, gold, 3) < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2
    assert run_reads.f1_interval(np.empty(0, int), np.empty(0, int), 3) is None


# --- did the selection help ---------------------------------------------------------------------


def _made(value, low, high, rival="all", seeds=5):
    difference = Difference(value, low, high)
    return Comparison(rival, seeds, 100, difference, difference)


BETTER, EQUAL, WORSE = _made(0.05, 0.01, 0.09), _made(0.0, -0.02, 0.02), _made(-0.05, -0.09, -0.01)


def test_helped_is_said_only_when_every_rival_is_beaten():
    said_of = fairness.sentence(dict.fromkeys(fairness.RIVALS, BETTER))
    assert said_of == (
        "The selection helped here: it does better than 'all', 'random' and "
        "'teacher_then_random'. This rests on 5 seeds; more make the intervals narrower."
    )
    weighted = replace(BETTER, same_weights=False)
    assert fairness.sentence(dict.fromkeys(fairness.RIVALS, weighted)).startswith(
        "The selection with its weights helped here"
    )


def test_a_gain_that_a_control_has_too_is_not_the_selections():
    said_of = fairness.sentence({"all": BETTER, "random": EQUAL, "teacher_then_random": BETTER})
    assert said_of.startswith(
        "That the selection helps is not shown here: 'random' may do as well."
    )
    assert "It does better than 'all' and 'teacher_then_random'." in said_of
    assert "may come from using fewer texts or from the teacher's confidence" in said_of
    assert "helped" not in said_of


def test_a_missing_control_is_named_and_nothing_is_claimed():
    said_of = fairness.sentence({"all": BETTER, "random": None, "teacher_then_random": None})
    assert said_of.startswith(
        "It does better than 'all'. Missing for a fair judgement: 'random' and "
        "'teacher_then_random'. This rests"
    )
    nothing = fairness.sentence(dict.fromkeys(fairness.RIVALS))
    assert nothing.startswith("Nothing can be said yet on whether the selection helps")


def test_as_well_is_said_only_within_a_point():
    close = _made(0.0, -0.009, 0.01)
    said_of = fairness.sentence({"all": close, "random": EQUAL, "teacher_then_random": BETTER})
    assert "'all' does as well, to within a point. 'random' may do as well." in said_of


@pytest.mark.parametrize("made", [(0.05, 0.01, 0.09), (0, -0.02, 0.02), (-0.05, -0.09, -0.01)])
def test_from_one_seed_only_students_differ(made):
    one = _made(*made, seeds=1)
    said_of = fairness.sentence(dict.fromkeys(fairness.RIVALS, one))
    differ = "differ here" if one.differ else "do not clearly differ here"
    assert said_of.startswith(
        f"This student and that of 'all', 'random' or 'teacher_then_random' {differ}."
    )
    for claim in ("help", "better", "worse", "as well"):
        assert claim not in said_of
    assert one.verdict == 0


def test_worse_is_said_first():
    said_of = fairness.sentence({"all": WORSE, "random": BETTER, "teacher_then_random": EQUAL})
    assert said_of.startswith("The selection did not help here: it does worse than 'all'.")


def test_the_page_judges_and_shows_the_figures(home):
    store, project = seeded_project(home, n=400)
    run = add_run(store, project, sharpness=5.0)
    add_run(store, project, "all", sharpness=0.5)
    app = opened("results")
    assert "This student and that of 'all' differ here." in said(app.info)
    assert "better" not in said(app.info)
    assert list(_table(app, "Rival")["Verdict"]) == ["these two students differ"]
    second = add_run(store, project, sharpness=5.0, seed=1)
    third = add_run(store, project, sharpness=5.0, seed=2)
    for seed in (1, 2):
        add_run(store, project, "all", sharpness=0.5, seed=seed)
    app = opened("results")
    assert "It does better than 'all'." in said(app.info)
    assert "Missing for a fair judgement: 'random' and 'teacher_then_random'." in said(app.info)
    table = _table(app, "Rival")
    assert list(table["Rival"]) == ["all"] and list(table["Verdict"]) == ["llkd is better"]
    differences = []
    for one, other in ((run, 2), (second, 5), (third, 6)):
        gold, ours = run_reads.answers(store, project, one)
        theirs = run_reads.answers(store, project, store.runs.get(other))[1]
        right = [(signals.pseudo_label(p) == gold).mean() for p in (ours, theirs)]
        differences.append(right[0] - right[1])
    value = np.mean(differences)
    assert table["Accuracy, points"][0].startswith(f"{100 * value:+.1f} (+")
    button(app, "Add what is missing on Train")
    for one in (run, second, third):
        for control in fairness.CONTROLS:
            seed = one.config.seed
            add_run(store, project, control, reference=one, sharpness=0.5, seed=seed)
    app.run()
    # Its weights are c·u; those of the controls are 1 and c.
    assert "The selection with its weights helped here" in said(app.info)
    assert list(_table(app, "Rival")["Rival"]) == ["all", "random", "teacher_then_random"]


def test_seeds_are_paired_and_a_control_of_another_run_does_not_count(home):
    store, project = seeded_project(home, n=100)
    first = add_run(store, project, seed=0)
    second = add_run(store, project, seed=1)
    for run in (first, second):
        add_run(store, project, "random", seed=run.config.seed, reference=run)
    other = add_run(store, project, "all", seed=0, epochs=3)
    runs = fairness.finished(store, project)
    assert [run.id for run in fairness.family(second, runs)] == [first.id, second.id]
    found = fairness.compare(store, project, second, runs, "random")
    assert found.seeds == 2 and found.texts == 25
    assert fairness.rivals_of(first, runs, "random").config.reference_run == first.id
    assert fairness.rivals_of(first, runs, "all") is None  # it has other epochs
    assert other.config.epochs == 3
    assert fairness.compare(store, project, first, runs, "teacher_then_random") is None


def test_without_an_llkd_run_there_is_nothing_to_judge(home):
    store, project = seeded_project(home)
    add_run(store, project, "all")
    app = opened("results")
    assert "There is no finished run of **llkd** in this project" in words(app)
    assert button(app, "Compare fairly on Train")


def test_without_gold_the_agreement_with_the_teacher_is_all_that_is_said(home):
    store, project = seeded_project(home, n=100, gold=False)
    run = add_run(store, project, sharpness=3.0)
    app = opened("results")
    assert "No held-out text has a gold label" in said(app.info)
    assert "Did the selection help?" not in words(app)
    table = _table(app, "Agrees with the teacher")
    rows, probabilities = store.runs.signals(run)
    plane = curation.load_plane(store, project)
    teacher = plane.frame["teacher_label"].to_numpy()[rows]
    share = (signals.pseudo_label(probabilities) == teacher).mean()
    assert table["Agrees with the teacher"][0] == f"{100 * share:.1f}\u00a0% of 100 texts"
    assert "Accuracy" not in table.columns
    assert "How much of each class" in words(app)
    assert list(app.get_by_key("results_view").options) == ["What was selected", "Map of the pool"]


# --- one run in detail --------------------------------------------------------------------------


def _view(app, name):
    app.get_by_key("results_view").set_value(name).run()
    return app


def _charts(app):
    return [chart.key for chart in app.get("plotly_chart")]


def _run(app):
    """The choice of the run in detail."""
    return next(one for one in app.selectbox if one.label == "Run")


def _read(app):
    """Buttons by what a reader sees on them."""
    return {unplain(one.label): one for one in app.button}


def test_the_texts_of_a_cell_are_shown_with_what_student_and_teacher_said(home):
    store, project = seeded_project(home, n=200)
    run = add_run(store, project)
    app = opened("results")
    assert "50 held-out texts. Each row is a true class" in words(app)
    rows, gold, probabilities = fairness.answers_by_row(store, project, run)
    label = signals.pseudo_label(probabilities)
    matrix = evaluation.confusion_matrix(label, gold, 3)
    np.fill_diagonal(matrix, 0)
    true, said_ = np.unravel_index(matrix.argmax(), matrix.shape)
    assert app.get_by_key("results_true").value == true, "the commonest mistake comes first"
    assert app.get_by_key("results_said").value == said_

    app.get_by_key("results_true").set_value(0)
    app.get_by_key("results_said").set_value(0).run()
    table = _table(app, "Student says")
    mine = np.flatnonzero((gold == 0) & (label == 0))
    mine = mine[np.argsort(-probabilities[mine, 0], kind="stable")]
    assert list(table["Id"]) == [f"M{row:04d}" for row in rows[mine]]
    assert list(table["Probability"]) == pytest.approx(100 * probabilities[mine, 0])
    labels = curation.teacher_labels(store, store.labellings.get(run.labelling_id))
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
    assert _read(app)[f"{len(wanted)} texts taught as waste, student says water"]
    app.get_by_key("results_pool_label").click().run()
    assert app.title[0].value == "Curate"
    table = _table(app, "Student's label")
    assert list(table["Text"]) == texts["text"].iloc[wanted].tolist()
    assert set(table["Label"]) == {"waste"} and set(table["Student's label"]) == {"water"}
    assert app.session_state[view.key(project)].run == run.id

    app = opened("results")
    app.get_by_key("results_true").set_value(1)
    app.get_by_key("results_said").set_value(2).run()
    gold = texts["gold"].to_numpy()[rows] == "waste"
    number = int((gold & (signals.pseudo_label(probabilities) == 2)).sum())
    assert f"{number} texts truly waste, student says water" in _read(app)


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
    app = _view(opened("results"), "Per class")
    assert "results_f1" in _charts(app)
    gold, probabilities = fairness.answers(store, project, run)
    lines = evaluation.class_table(signals.pseudo_label(probabilities), gold, ["a", "b", "c"])
    table = _table(app, "Precision")
    assert list(table["Recall"]) == pytest.approx([100 * one["recall"] for one in lines])
    assert list(table["Texts"]) == [one["support"] for one in lines]
    teacher = run_reads.teacher_report(store, project, run)["per_class"]
    assert list(table["Teacher's F1"]) == pytest.approx([100 * one["f1"] for one in teacher])
    series = results_view.f1_series(store, project, store.runs.get(1))
    assert [name for name, _, _ in series] == ["the teacher itself", "run 1: llkd"]


def test_calibration_says_what_the_error_means(home):
    store, project = seeded_project(home, n=200)
    run = add_run(store, project, sharpness=4.0)
    app = _view(opened("results"), "Calibration")
    assert "results_reliability" in _charts(app)
    gold, probabilities = fairness.answers(store, project, run)
    right = signals.pseudo_label(probabilities) == gold
    error = evaluation.ece(probabilities, right)
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
    interval = evaluation.wilson(round(right * texts), texts)
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

    monkeypatch.setattr(fairness, "answers_by_row", answers)
    paired = fairness.paired_answers(store, project, zip(ours, theirs, strict=True))
    assert (paired.first.shape, paired.left_out) == ((2, 3), 1)
    assert (paired.first == paired.gold).all() and paired.gold.tolist() == [0, 1, 2]
    rows[0] = [7, 8, 9, 10]
    gold[0] = right[0] = [0, 1, 2, 0]  # as many as no other seed has: no crash
    assert fairness.paired_answers(store, project, zip(ours, theirs, strict=True)).left_out == 1


def test_learning_curves_count_samples_and_seconds_and_find_the_rivals(home):
    store, project = seeded_project(home, n=200)
    run = add_run(store, project, epochs=3)
    rival = add_run(store, project, "all", epochs=3)
    control = add_run(store, project, "random", epochs=3, reference=run)
    add_run(store, project, "all", epochs=2)  # other settings
    curve = run_reads.learning_curve(store, run)
    steps = store.runs.steps(run)
    assert [one["epoch"] for one in curve] == [1, 2, 3]
    assert curve[-1]["samples"] == run.summary["backpropagated"]
    assert curve[0]["samples"] == steps[steps["epoch"] == 1]["selected"].sum()
    assert curve[-1]["seconds"] == pytest.approx(steps["seconds"].sum())
    assert curve[-1]["accuracy"] == run.summary["accuracy"]
    runs = fairness.finished(store, project)
    found = curves.rivals(store, project, run, runs)
    assert [(one.run.id, one.matched) for one in found] == [(rival.id, False), (control.id, True)]
    app = opened("results")
    _run(app).set_value(run.id).run()
    app = _view(app, "Learning curves")
    assert app.get_by_key(f"results_beside_{run.id}").value == ["run 2: all", "run 3: random"]
    assert "A dotted line took in every step as many texts as llkd." in words(app)
    app.get_by_key("results_curve_against").set_value("seconds").run()
    assert not app.exception and "results_curves" in _charts(app)


def test_rivals_of_a_comparison_are_those_of_its_report_and_seed(home):
    store, project = seeded_project(home, n=100)
    made = [add_run(store, project, name, seed=seed) for seed in (0, 1) for name in ("llkd", "all")]
    entries = [
        {"run": run.id, "arm": name, "budget": budget, "seed": run.config.seed}
        for run, (name, budget) in zip(
            made, 2 * [("llkd", "epochs"), ("soft", "samples")], strict=True
        )
    ]
    job = store.jobs.create("compare", "Compare", ["compare"], project.id)
    store.jobs.update(job.id, state="finished", result={"arms": [], "runs": entries})
    found = curves.rivals(store, project, made[0], fairness.finished(store, project))
    assert [(one.name, one.run.id, one.matched) for one in found] == [
        ("soft, llkd's samples (run 2)", 2, True)
    ]


def test_what_was_selected_is_held_against_the_gold_of_the_pool(home):
    store, project = seeded_project(home, n=200)
    run = add_run(store, project)
    app = _view(opened("results"), "What was selected")
    assert {"results_when", "results_right"} <= set(_charts(app))
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
    table = _table(app, "Pool right")
    assert table["Selected"][0] == run.summary["backpropagated"] == table["Selected"][1:].sum()
    assert table["Selected right"][0] == pytest.approx(100 * np.mean(taken))
    assert table["Gain"][0] == pytest.approx(100 * (np.mean(taken) - pool))
    app.get_by_key("results_selected_epoch_2").set_value(1).run()
    assert _table(app, "Pool right")["Offered"][0] == 150


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
    app = _view(opened("results"), "What was selected")
    assert "It was trained on every label;" in said(app.info)


def test_without_gold_how_right_a_selection_was_is_not_claimed(home):
    store, project = seeded_project(home, n=100, gold=False)
    add_run(store, project)
    app = opened("results")
    assert "How right the selected labels are cannot be known" in said(app.info)
    assert "results_right" not in _charts(app)
    store.people.decide(project.id, range(30), "label", project.label_set.names[0])
    app = opened("results")
    assert "judged by the 30 labels that people gave" in said(app.info)


def test_the_map_lists_the_texts_of_a_region_and_opens_them_on_curate(home):
    store, project = seeded_project(home, n=200)
    run = add_run(store, project, epochs=3)
    app = _view(opened("results"), "Map of the pool")
    assert f"results_map_{run.id}" in _charts(app)
    rows, targets = store.runs.targets(run)
    label = targets.argmax(axis=1)
    own = np.stack([store.runs.signals(run, e)[1][np.arange(150), label] for e in (1, 2, 3)])
    hardest = rows[np.argsort(own.mean(axis=0), kind="stable")]
    table = _table(app, "Deviation")
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
    assert list(_table(app, "Deviation")["Id"]) == [f"M{row:04d}" for row in wavering]
    button(app, "Open them on Curate").click().run()
    assert app.title[0].value == "Curate"
    texts = store.projects.texts(project.id, ["text"])["text"]
    assert list(_table(app, "Student's label")["Text"]) == texts.iloc[wavering].tolist()


def test_what_is_marked_on_the_map_counts_every_text_drawn_or_not(home):
    store, project = seeded_project(home, n=100)
    run = add_run(store, project)
    mapped = run_reads.mapped(store, run)
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
    app = _view(opened("results"), "Map of the pool")
    assert "this run has 1 epoch. Train with 2 epochs or more." in said(app.info)
    button(app, "Train with more epochs")


def test_a_chosen_run_stays_chosen_when_it_gets_another_name(home):
    store, project = seeded_project(home)
    first = add_run(store, project, epochs=1)
    add_run(store, project, epochs=1, seed=1)
    app = opened("results")

    def judged():
        return next(one for one in app.selectbox if one.label.startswith("The llkd run to judge"))

    assert judged().options[judged().index] == "run 2: llkd, seed 1"
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


# --- many runs, and what people say of them -----------------------------------------------------


def test_a_comparisons_many_runs_are_folded_into_a_group_of_their_own(home):
    store, project = seeded_project(home)
    job = store.jobs.create("compare", "Compare", ["compare"], project.id)
    for seed in range(8):
        add_run(store, project, seed=seed, epochs=1, job_id=job.id)
    add_run(store, project, "all", epochs=1)
    store.runs.describe(3, pinned=True, title="the best")
    app = opened("results")
    table = _table(app, "Who")
    assert list(table["Who"]) == ["the teacher itself", "run 3: the best", "run 9: all"]
    assert list(table["★"]) == ["", "★", ""]
    app.get_by_key("results_which").set_value(str(job.id)).run()
    assert len(_table(app, "Who")) == 9
    assert _table(app, "Who")["Who"][1] == "run 3: the best"
    app.get_by_key("results_which").set_value("every").run()
    assert len(_table(app, "Who")) == 10
    assert _run(app).value == side_by_side.best(fairness.finished(store, project)).id


def test_few_runs_need_no_choice_and_nothing_said_takes_no_column(home):
    store, project = seeded_project(home)
    add_run(store, project)
    app = opened("results")
    with pytest.raises(KeyError):
        app.get_by_key("results_which")
    assert not {"★", "Note"} & set(_table(app, "Who").columns)


def test_a_table_of_many_runs_is_turned_page_by_page(home, monkeypatch):
    """Only the page that is shown is measured: each run's intervals take tens of milliseconds."""

    monkeypatch.setattr(side_by_side, "AT_ONCE", 4)
    measured = []
    report = run_reads.report
    monkeypatch.setattr(
        run_reads, "report", lambda s, p, run, *e: measured.append(run.id) or report(s, p, run, *e)
    )
    store, project = seeded_project(home)
    for seed in range(11):
        add_run(store, project, "all", seed=seed, epochs=1)
    app = opened("results")
    app.get_by_key("results_which").set_value("every").run()
    # The newest run is the one in detail, so its page is shown first.
    shown = [f"run {number}: all" for number in (9, 10, 11)]
    assert list(_table(app, "Who")["Who"]) == ["the teacher itself", *shown]
    assert "Runs 9 to 11 of 11" in words(app)
    measured.clear()
    app.session_state[side_by_side.page_key(range(1, 12))] = 1
    app.run()
    shown = [f"run {number}: all" for number in (1, 2, 3, 4)]
    assert list(_table(app, "Who")["Who"]) == ["the teacher itself", *shown]
    assert not {5, 6, 7, 8} & set(measured)


HOSTILE = "<img src=x> ![i](http://e.com) **b** :red[c]"


def test_a_run_is_named_and_noted_and_pinned_on_the_page(home):
    store, project = seeded_project(home)
    run = add_run(store, project)
    app = opened("results")
    button(app, "Name and note").click().run()
    app.text_input[0].set_value(HOSTILE)
    next(a for a in app.text_area if a.label == "Note").set_value("first line\nsecond")
    button(app, "Save").click().run()
    named = store.runs.get(run.id)
    assert (named.title, named.note) == (HOSTILE, "first line\nsecond")
    assert f"run 1: {HOSTILE}" in list(_table(app, "Who")["Who"])
    assert "first line\nsecond" in [one.value for one in app.text]
    button(app, "Pin").click().run()
    assert store.runs.get(run.id).pinned
    button(app, "Unpin")
    for element in [*app.markdown, *app.caption, *app.text_area, *app.button]:
        said_ = getattr(element, "label", None) or getattr(element, "value", "")
        assert "![i](" not in str(said_), "a name is never markup"
    for page in ("train", "export", "curate"):
        assert not opened(page).exception


def test_what_cannot_be_stored_is_said_in_the_dialog(home):
    store, project = seeded_project(home)
    run = add_run(store, project)
    app = opened("results")
    button(app, "Name and note").click().run()
    app.text_input[0].set_value("a\x07b")
    button(app, "Save").click().run()
    assert "A title has at most 100 printable characters" in said(app.error)
    assert store.runs.get(run.id).title == ""


def test_deleting_asks_first_and_says_what_goes(home):
    store, project = seeded_project(home)
    run = add_run(store, project)
    add_run(store, project, "random", reference=run)
    store.people.save_selection(project.id, "mine", {"run": run.id}, {"kept": 1})
    job = store.jobs.create("compare", "Compare", ["compare"], project.id)
    store.jobs.update(job.id, state="failed", result=None)
    app = opened("results")
    _run(app).set_value(run.id).run()
    button(app, "Delete …").click().run()
    told = said(app.markdown)
    assert "Its student, its logs and its settings (9 files, " in told
    assert "Run 2 copied how many texts it took in each step" in told
    assert "The saved selection 'mine' has its information need from it" in told
    button(app, "Keep it").click().run()
    assert store.runs.get(run.id) == run
    button(app, "Delete …").click().run()
    button(app, "Delete for good").click().run()
    assert [one.id for one in store.runs.all(project.id)] == [2]
    assert not run.folder.exists()
    assert _run(app).value == 2
    assert not app.exception and not app.error


def test_a_run_that_a_job_needs_stays(home):
    store, project = seeded_project(home)
    run = add_run(store, project)
    app = opened("results")
    with living_job(store, project, "compare"):
        button(app, "Delete …").click().run()
        assert "is running and needs it. Stop it first." in said(app.error)
        assert button(app, "Delete for good").disabled
    assert store.runs.get(run.id) == run


# --- try the student ----------------------------------------------------------------------------


@pytest.fixture
def asked(monkeypatch):
    """What was asked; the answer is there at once."""
    calls = []

    def start(store, arguments, **facts):
        calls.append((list(arguments), facts))
        job = ended_job(store, store.projects.by_id(facts["project_id"]), "finished", "predict")
        answer = {"label": "<b>waste</b>", "probabilities": {"roads": 0.2, "<b>waste</b>": 0.8}}
        store.jobs.update(job.id, result=answer)
        return store.jobs.get(job.id)

    monkeypatch.setattr(jobs, "start", start)
    return calls


def test_a_typed_text_is_a_job_and_its_answer_is_shown(home, asked):
    store, project = seeded_project(home)
    run = add_run(store, project)
    app = opened("results")
    typed = "--home=/ bins & <img src=x>"
    app.text_area[0].set_value(typed).run()
    button(app, "Ask the student").click().run()
    ((arguments, facts),) = asked
    assert arguments == commands.predict("city", run.id, typed)
    assert facts["kind"] == "predict" and facts["device"] is None
    assert "**<b>waste</b>** is the student's answer to:" in words(app)
    assert "<b>" not in next(m.value for m in app.markdown if "answer to" in m.value)
    assert typed in [one.value for one in app.text]


def test_an_empty_text_is_not_asked_about(home, asked):
    store, project = seeded_project(home)
    add_run(store, project)
    app = opened("results")
    button(app, "Ask the student").click().run()
    assert "There is no text to ask about yet. Type one." in said(app.error)
    assert asked == []


def test_a_student_that_cannot_answer_says_why_in_one_sentence(home, monkeypatch):
    store, project = seeded_project(home)
    run = add_run(store, project)

    def start(store, arguments, **facts):
        return ended_job(store, project, "failed", "predict", error="It is gone.\nTraceback <b>")

    monkeypatch.setattr(jobs, "start", start)
    app = opened("results")
    app.text_area[0].set_value("x").run()
    button(app, "Ask the student").click().run()
    assert said(app.error) == "It is gone."
    assert run.name in words(app)


def test_while_the_student_is_asked_the_page_says_so(home, monkeypatch):
    store, project = seeded_project(home)
    add_run(store, project)
    with living_job(store, project, "predict") as job:
        monkeypatch.setattr(jobs, "start", lambda *_, **__: job)
        app = opened("results")
        app.text_area[0].set_value("x").run()
        button(app, "Ask the student").click().run()
        assert "The student is being loaded and asked" in words(app)


# --- what is under way, and which run is opened -------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("train", "A student is being trained"),
        ("compare", "A comparison is running; its first student will be here."),
        ("bake-off", "A bake-off is running; what comes out stands on Teacher."),
    ],
)
def test_what_runs_before_the_first_result_is_said(home, kind, sentence):
    store, project = seeded_project(home)
    with living_job(store, project, kind):
        shown = words(opened("results"))
    assert sentence in shown and "No student has been trained yet" not in shown


def test_the_best_run_is_opened_and_its_figure_is_said_to_flatter(home):
    store, project = seeded_project(home, n=200)
    runs = [add_run(store, project, "all", sharpness=s) for s in (0.3, 6.0, 0.3)]
    found = [store.runs.get(run.id) for run in runs]
    chosen = side_by_side.best(found)
    assert chosen.id == runs[1].id
    shown = words(opened("results"))
    assert "The most accurate of 3 runs on these texts." in shown
    assert "its figure is likely a little too high" in shown
    unmeasured = [replace(run, summary={"accuracy": None}) for run in found]
    assert side_by_side.best(unmeasured).id == runs[-1].id


def test_a_class_that_is_never_said_is_named():
    names = ["roads", "waste", "<b>water</b>"]
    assert confusion.never_said([[3, 1, 0], [2, 5, 0], [4, 0, 0]], names) == (
        "The student never says “<b>water</b>” here."
    )
    assert confusion.never_said([[3, 0, 0], [5, 0, 0], [4, 0, 0]], names) == (
        "The student never says “waste” and “<b>water</b>” here."
    )
    assert confusion.never_said(np.eye(3, dtype=int).tolist(), names) == ""


@pytest.mark.parametrize("classes", [3, 12, 60])
def test_the_confusion_matrix_shows_every_label_and_has_no_bright_boxes(classes):
    names = [f"class {k}" for k in range(classes)]
    figure = charts.confusion(np.eye(classes, dtype=int).tolist(), names)
    for axis in (figure.layout.xaxis, figure.layout.yaxis):
        assert list(axis.ticktext) == names and axis.automargin
    assert figure.layout.height >= 20 * classes
    assert all(one.bgcolor is None and one.font.color is None for one in figure.layout.annotations)
