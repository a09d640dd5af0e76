"""The Results page: the runs side by side, and whether the selection helped."""

from dataclasses import replace

import numpy as np
import pytest

from llkd import charts, curation
from llkd.evaluation import intervals, metrics, predictions
from llkd.evaluation.comparison import paired_runs, rivals, single_run_conclusion
from llkd.evaluation.comparison.arms import CONTROLS, RIVALS
from llkd.evaluation.comparison.paired_runs import RivalComparison
from llkd.evaluation.intervals import Difference
from llkd.selection import signals
from llkd.store.files.probabilities import write_probabilities
from tests.support.pages import button, direct, opened, said, words
from tests.support.results_page import table_column
from tests.support.seeded_projects import living_job, seeded_project
from tests.support.seeded_runs import add_run
from ui.runs import reads


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
    table = table_column(opened("results"), "Who")
    assert list(table["Who"]) == ["the teacher itself", "run 1: LLKD", "run 2: All texts"]
    assert list(table["Seed"]) == ["", "0", "1"]

    texts = store.projects.texts(project.id)
    held_out = np.flatnonzero(texts["split"] == "eval")
    labels = curation.teacher_labels(store, store.labeling_runs.get(project.labelling_id))
    gold = curation.gold_indices(texts, project.label_set.names)
    right = int((labels.label[held_out] == gold[held_out]).sum())
    low, high = intervals.wilson(right, 50)
    assert table["Accuracy"][0] == (
        f"{100 * right / 50:.1f}\u00a0% ({100 * low:.1f} to {100 * high:.1f})"
    )
    rows, probabilities = store.runs.evaluation(run)
    assert list(rows) == list(held_out)
    share = (signals.pseudo_label(probabilities) == gold[held_out]).mean()
    assert table["Accuracy"][1].startswith(f"{100 * share:.1f}\u00a0% (")
    assert table["Back-propagated"][1] == run.summary.backpropagated
    assert table["Different texts"][2] == 150
    assert table["Share"][2] == "100.0\u00a0%"


def test_a_run_that_numbers_its_evaluation_by_place_is_read_alike(home):
    store, project = seeded_project(home, n=100, holdout=0.2)
    run = add_run(store, project)
    before = reads.answers(store, project, run)
    _, probabilities = store.runs.evaluation(run)
    path = run.folder / "eval-epoch-0002.parquet"
    texts = store.projects.texts(project.id)
    # Held-out rows are the first twenty here: move them, so that places and rows differ.
    write_probabilities(path, np.arange(20), probabilities[::-1])
    gold = curation.gold_indices(texts, project.label_set.names)
    found = reads.answers(store, project, run)
    assert list(found[0]) == list(gold[:20]) == list(before[0])
    assert found[1] == pytest.approx(before[1][::-1])


def test_the_interval_of_macro_f1_holds_the_score_and_narrows(home):
    rng = np.random.default_rng(0)
    widths = []
    for n in (60, 600):
        gold = rng.integers(0, 3, n)
        label = np.where(rng.random(n) < 0.7, gold, rng.integers(0, 3, n))
        low, high = intervals.f1_interval(label, gold, 3)
        assert low < metrics.macro_f1(label, gold, 3) < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2
    assert intervals.f1_interval(np.empty(0, int), np.empty(0, int), 3) is None


def difference(value, low, high, rival="all", seeds=5):
    difference = Difference(value, low, high)
    return RivalComparison(rival, seeds, 100, difference, difference)


BETTER, EQUAL, WORSE = (
    difference(0.05, 0.01, 0.09),
    difference(0.0, -0.02, 0.02),
    difference(-0.05, -0.09, -0.01),
)


def test_single_runs_are_judged_in_the_words_of_a_comparison():
    said_of = single_run_conclusion.sentence(dict.fromkeys(RIVALS, BETTER))
    assert said_of == (
        "'LLKD' is better than the stronger control, 'Random' (+5.0 points, +1.0 to +9.0; 5 seeds, "
        "100 texts)."
    )
    weighted = replace(BETTER, same_weights=False)
    assert single_run_conclusion.sentence(dict.fromkeys(RIVALS, weighted)).startswith(
        "'LLKD' with its weights is better than"
    )
    said_of = single_run_conclusion.sentence(
        {"all": WORSE, "random": BETTER, "teacher_then_random": EQUAL}
    )
    assert said_of.startswith(
        "Whether 'LLKD' is better than the stronger control, 'Random among confident', is not known"
    )
    assert said_of.endswith("; training on all texts is better.")


def test_a_missing_control_is_named_and_nothing_is_claimed():
    said_of = single_run_conclusion.sentence(
        {"all": BETTER, "random": None, "teacher_then_random": None}
    )
    assert said_of == (
        "Against 'All texts' 'LLKD' has +5.0 points, +1.0 to +9.0 (5 seeds, 100 texts); whether as "
        "many texts at random would do as well was not compared ('Random' and 'Random among "
        "confident')."
    )
    nothing = single_run_conclusion.sentence(dict.fromkeys(RIVALS))
    assert nothing.startswith("What 'LLKD' is worth is not known: there is no run to hold it")


@pytest.mark.parametrize("made", [(0.05, 0.01, 0.09), (0, -0.02, 0.02), (-0.05, -0.09, -0.01)])
def test_from_one_seed_only_students_differ(made):
    one = difference(*made, seeds=1)
    said_of = single_run_conclusion.sentence(dict.fromkeys(RIVALS, one))
    differ = "differ here" if one.differ else "do not clearly differ here"
    assert said_of.startswith(
        "What 'LLKD' is worth is not known from one seed: its student and that of the stronger "
        f"control, 'Random', {differ} ("
    )
    for claim in ("help", "better", "worse", "as good"):
        assert claim not in said_of
    assert one.verdict == 0


def test_the_page_judges_and_shows_the_figures(home):
    store, project = seeded_project(home, n=400)
    run = add_run(store, project, sharpness=5.0)
    add_run(store, project, "all", sharpness=0.5)
    app = opened("results")
    assert "Its student and that of 'All texts' differ here (+" in said(app.info)
    assert "'LLKD' is better" not in said(app.info)
    assert list(table_column(app, "Rival")["Verdict"]) == ["these two students differ"]
    second = add_run(store, project, sharpness=5.0, seed=1)
    third = add_run(store, project, sharpness=5.0, seed=2)
    for seed in (1, 2):
        add_run(store, project, "all", sharpness=0.5, seed=seed)
    app = opened("results")
    assert "Against 'All texts' 'LLKD' has +" in said(app.info)
    assert "was not compared ('Random' and 'Random among confident')." in said(app.info)
    table = table_column(app, "Rival")
    assert list(table["Rival"]) == ["All texts"] and list(table["Verdict"]) == ["LLKD is better"]
    differences = []
    for one, other in ((run, 2), (second, 5), (third, 6)):
        gold, ours = reads.answers(store, project, one)
        theirs = reads.answers(store, project, store.runs.get(other))[1]
        right = [(signals.pseudo_label(p) == gold).mean() for p in (ours, theirs)]
        differences.append(right[0] - right[1])
    value = np.mean(differences)
    assert table["Accuracy, points"][0].startswith(f"{100 * value:+.1f} (+")
    button(app, "Add what is missing on Train")
    for one in (run, second, third):
        for control in CONTROLS:
            seed = one.config.seed
            add_run(store, project, control, reference=one, sharpness=0.5, seed=seed)
    app.run()
    # Its weights are c·u; those of the controls are 1 and c.
    assert "'LLKD' with its weights is better than the stronger control" in said(app.info)
    assert list(table_column(app, "Rival")["Rival"]) == [
        "All texts", "Random", "Random among confident",
    ]  # fmt: skip


def test_seeds_are_paired_and_a_control_of_another_run_does_not_count(home):
    store, project = seeded_project(home, n=100)
    first = add_run(store, project, seed=0)
    second = add_run(store, project, seed=1)
    for run in (first, second):
        add_run(store, project, "random", seed=run.config.seed, reference=run)
    other = add_run(store, project, "all", seed=0, epochs=3)
    runs = predictions.finished_runs(store, project)
    assert [run.id for run in rivals.runs_by_seed(second, runs)] == [first.id, second.id]
    found = paired_runs.compare(store, project, second, runs, "random")
    assert found.seeds == 2 and found.texts == 25
    assert rivals.rival_run(first, runs, "random").config.reference_run == first.id
    assert rivals.rival_run(first, runs, "all") is None  # it has other epochs
    assert other.config.epochs == 3
    assert paired_runs.compare(store, project, first, runs, "teacher_then_random") is None


def test_without_an_llkd_run_there_is_nothing_to_judge(home):
    store, project = seeded_project(home)
    add_run(store, project, "all")
    app = opened("results")
    assert "no comparison has been made in this project" in words(app)
    assert button(app, "Compare fairly on Train")


def test_without_gold_the_agreement_with_the_teacher_is_all_that_is_said(home):
    store, project = seeded_project(home, n=100, gold=False)
    run = add_run(store, project, sharpness=3.0)
    app = opened("results")
    assert said(app.info).startswith("How often the student of run 1 is right is not known: ")
    table = table_column(app, "Agrees with the teacher")
    rows, probabilities = store.runs.signals(run)
    plane = curation.load_plane(store, project)
    teacher = plane.frame["teacher_label"].to_numpy()[rows]
    share = (signals.pseudo_label(probabilities) == teacher).mean()
    agrees = f"{100 * share:.1f}\u00a0% of 100 texts of the pool, which is not accuracy."
    assert agrees in said(app.info)
    assert table["Agrees with the teacher"][0] == f"{100 * share:.1f}\u00a0% of 100 texts"
    assert "Accuracy" not in table.columns
    assert "How much of each class" in words(app)
    assert list(app.get_by_key("results_view").options) == ["What was selected", "Map of the pool"]


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


@pytest.mark.parametrize("classes", [3, 12, 60])
def test_the_confusion_matrix_shows_every_label_and_has_no_bright_boxes(classes):
    names = [f"class {k}" for k in range(classes)]
    figure = charts.confusion(np.eye(classes, dtype=int).tolist(), names)
    for axis in (figure.layout.xaxis, figure.layout.yaxis):
        assert list(axis.ticktext) == names and axis.automargin
    assert figure.layout.height >= 20 * classes
    for number in figure.layout.annotations:
        # White only on the dark cells, here those of the diagonal.
        dark = number.x == number.y
        assert number.bgcolor is None and number.font.color == ("#ffffff" if dark else None)
