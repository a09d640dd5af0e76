"""Results in three lines: the best student beside its teacher, then a verdict a selection."""

from dataclasses import replace

import numpy as np

from llkd import curation
from llkd.cli import reports
from llkd.evaluation import predictions, student_and_teacher
from llkd.evaluation.best_run import best_run
from llkd.evaluation.comparison.arms import USUAL_ARMS, arm_label
from llkd.evaluation.comparison.contrasts import ArmRun
from llkd.evaluation.differences import paired_difference
from llkd.evaluation.intervals import wilson
from llkd.evaluation.wording import points
from llkd.exporting import model_card
from llkd.store.files.probabilities import write_probabilities
from llkd.store.run_summary import RunSummary
from llkd.workflows import comparison_report
from llkd.workflows.model_card import card_of_run
from tests.support.pages import button, opened, said, words
from tests.support.results_page import chosen_run, table_column
from tests.support.seeded_projects import seeded_project
from tests.support.seeded_runs import add_run


def answering(store, run, answer):
    """The run with a student that answers ``answer(gold)`` on its evaluation set, for sure."""
    project = store.projects.get("city")
    rows, gold, probabilities = predictions.predictions_by_row(store, project, run)
    values = np.eye(probabilities.shape[1])[answer(gold)] * 0.9 + 0.1 / probabilities.shape[1]
    write_probabilities(run.folder / "eval-epoch-0002.parquet", rows, values)
    return rows, gold


def teacher_answers(store, run, rows):
    labels = curation.teacher_labels(store, store.labeling_runs.get(run.labelling_id))
    return labels.label[np.isin(labels.row, rows)]


def difference(value, half):
    return {"value": value, "low": value - half, "high": value + half}


def stored_report(store, project, run, verdicts):
    """A finished comparison whose arms stand to both controls as ``verdicts`` says."""
    arms = [*verdicts, "all", "random", "teacher_then_random"]
    usual = {"seeds": 3, "accuracy": 0.8, "macro_f1": 0.8, "weights": "1", "backpropagated": 100}
    table = [
        {"arm": arm, "budget": budget, **usual, "accuracy": 0.9 - k / 100}
        for budget in ("epochs", "samples")
        for k, arm in enumerate(arms)
    ]
    behind = {"seeds": 3, "texts": 500, "among": 12}
    apart = [
        {"arm": arm, "budget": "samples", "rival": rival, **behind,
         "accuracy": difference(*of), "macro_f1": difference(*of)}
        for arm, of in verdicts.items() for rival in ("random", "teacher_then_random")
    ]  # fmt: skip
    runs = [{"run": run.id, "arm": "all", "budget": "epochs", "accuracy": 0.8}]
    found = {"project": project.name, "teacher": {"accuracy": 0.7, "macro_f1": 0.7}, "texts": 600,
             "judges": {"kind": "gold", "texts": 500}, "arms": table, "runs": runs,
             "differences": apart}  # fmt: skip
    job = store.jobs.create("compare", "Compare", None, project.id, "auto")
    store.jobs.update(job.id, state="finished", result=found, finished=1.0)


def test_four_verdicts_in_three_lines_and_a_fold(home):
    store, project = seeded_project(home, n=80)
    run = add_run(store, project)
    verdicts = {
        "neighbours": (0.05, 0.02),
        "learnability": (0.001, 0.008),
        "student_only": (0.0, 0.03),
        "teacher_only": (-0.05, 0.02),
    }
    stored_report(store, project, run, verdicts)
    app = opened("results")
    first, second, third = unbulleted(said([*app.info, *app.warning]).split("\n")[:3])
    assert first.startswith("The student of run 1 ")
    behind = "; 3 seeds, 500 texts)"
    assert second == (
        "'Neighbour agreement' is better than the stronger control, 'Random' (+5.0 points, +3.0 to "
        f"+7.0{behind}."
    )
    assert third.startswith(
        "'Learnability' is as good as the stronger control, 'Random', to within"
    )
    (fold,) = [
        one for one in app.expander if one.label.startswith("2 more selections, arms, charts")
    ]
    folded = said(fold.markdown)
    unclear, worse = arm_label("student_only"), arm_label("teacher_only")
    assert f"Whether '{unclear}' is better than the stronger control" in folded
    assert f"'{worse}' is worse than the stronger control, 'Random'" in folded
    assert not fold.proto.expanded
    # Of several comparisons the newest is told of, or the one that is chosen in the fold.
    stored_report(store, project, run, {"neighbours": (0.0, 0.03)})
    app.run()
    assert "- 'Neighbour agreement' is better" not in said(app.info)
    choice = next(one for one in app.selectbox if one.label == "Comparisons (2)")
    choice.set_value(1).run()
    assert "- 'Neighbour agreement' is better" in said(app.info)


def unbulleted(lines):
    return [line.removeprefix("- ") for line in lines]


def test_the_student_is_held_against_its_teacher_on_the_same_texts(home):
    store, project = seeded_project(home, n=400)
    run = add_run(store, project, "student_only", sharpness=5.0)
    rows, gold = answering(store, run, lambda gold: gold)
    teacher = teacher_answers(store, run, rows)
    apart = paired_difference(gold, teacher, gold)
    low, high = wilson(100, 100)
    app = opened("results")
    line = unbulleted(said(app.info).split("\n"))[0]
    assert line == (
        f"The student of run 1 is right in 100.0\u00a0% ({100 * low:.1f} to {100 * high:.1f}) of 100 "
        f"held-out texts, its teacher in {100 * (teacher == gold).mean():.1f}\u00a0%: it is better "
        f"({points(apart).replace(' (', ' points, ')}."
    )
    assert not app.warning
    # The card that goes with the student says the same difference.
    card = model_card(card_of_run(store, project, store.runs.get(run.id), None, {}))
    assert (
        f"Student minus teacher on the same 100 texts, points of accuracy: {points(apart)}." in card
    )
    # Other settings have been compared with nothing yet.
    assert "Whether choosing texts helped is not known: no comparison has been made" in said(
        app.info
    )
    button(app, "Compare fairly on Train")


def test_a_student_below_its_teacher_is_said_first_with_what_to_change(home):
    store, project = seeded_project(home, n=400)
    run = add_run(store, project, "student_only")
    answering(store, run, lambda gold: (gold + (np.arange(len(gold)) % 2)) % 3)
    summary = run.summary.model_copy(update={"epochs": (), "selected_share": 0.2})
    store.runs.finish(run.id, summary)
    app = opened("results")
    assert said(app.warning).startswith(
        "- The student of run 1 is worse than its teacher: right in 50.0\u00a0% ("
    )
    assert "It learned from 20.0\u00a0% of its samples: lower the thresholds, or" in said(
        app.warning
    )


def test_a_class_that_is_never_answered_is_named_in_the_first_line(home):
    store, project = seeded_project(home, n=400, names=["roads", "<b>waste</b>", "water"])
    run = add_run(store, project, "student_only")
    _, gold = answering(store, run, lambda gold: np.where(gold == 1, 0, gold))
    app = opened("results")
    first = said(app.warning).split("\n")[0]
    assert f"It never answers '<b>waste</b>' ({(gold == 1).sum()} held-out texts)." in first
    assert "It never answers" in said(app.markdown)  # beside the confusion, too


def test_many_unused_classes_are_counted_and_those_without_texts_are_no_news():
    names = [f"c{k}" for k in range(7)]
    confusion = np.zeros((7, 7), dtype=int)
    confusion[:, 0] = [9, 5, 1, 4, 3, 2, 0]
    unused = student_and_teacher.unused_classes(confusion, names)
    assert unused == (("c1", 5), ("c3", 4), ("c4", 3), ("c5", 2), ("c2", 1))
    assert student_and_teacher.unused_sentence(unused) == (
        "It never answers 'c1' (5 held-out texts), 'c3' (4), 'c4' (3) and 2 more classes."
    )
    assert student_and_teacher.unused_sentence(()) == ""


def test_one_difference_has_one_interval_on_page_command_line_and_document(home, capsys):
    store, project = seeded_project(home, n=200)
    arm_runs = []
    for seed in range(2):
        method = add_run(store, project, sharpness=3.0, seed=seed)
        arm_runs.append(ArmRun("llkd", "epochs", method))
        for arm in USUAL_ARMS[1:]:
            reference = None if arm == "all" else method
            run = add_run(store, project, arm, sharpness=1.5, seed=seed, reference=reference)
            arm_runs.append(ArmRun(arm, "epochs", run))
    document = comparison_report.report(store, project, arm_runs).document()
    job = store.jobs.create("compare", "Compare", None, project.id, "auto")
    store.jobs.update(job.id, state="finished", result=document, finished=1.0)
    app = opened("results")
    page = words(app)
    reports.REPORTS["compare"](document)
    printed = capsys.readouterr().out
    assert document["student"] and len(document["lines"]) == 2
    for line in (document["student"], *document["lines"], " ".join(document["basis"])):
        assert line in printed and line in page
    shown = list(table_column(app, "Minus")["Accuracy, points"])
    assert len(shown) == 3 and all(text in printed for text in shown)
    # The verdict's interval is one of those of the table.
    verdict = document["lines"][0]
    assert any(text.replace(" (", " points, ").rstrip(")") in verdict for text in shown)


def test_the_best_run_is_that_of_the_best_way_to_train_and_is_opened(home):
    store, project = seeded_project(home, n=100)
    lucky, poor = (add_run(store, project, "all", seed=seed) for seed in (0, 1))
    good, better = (add_run(store, project, "student_only", seed=seed) for seed in (0, 1))
    for run, accuracy in ((lucky, 0.9), (poor, 0.5), (good, 0.8), (better, 0.85)):
        store.runs.finish(run.id, run.summary.model_copy(update={"accuracy": accuracy}))
    runs = predictions.finished_runs(store, project)
    assert best_run(runs).id == better.id
    equal = [replace(run, summary=run.summary.model_copy(update={"accuracy": 0.7})) for run in runs]
    assert best_run(equal).id == lucky.id
    unmeasured = [replace(run, summary=RunSummary()) for run in runs]
    assert best_run(unmeasured).id == better.id
    app = opened("results")
    assert chosen_run(app).value == better.id
    assert "The best of 4 runs on these texts." in words(app)
    # A better one that comes later is opened unless a person chose another.
    last = add_run(store, project, "learnability")
    store.runs.finish(last.id, last.summary.model_copy(update={"accuracy": 0.99}))
    app.run()
    assert chosen_run(app).value == last.id


def test_a_run_says_which_selection_it_was_trained_on_and_whose_labels(home):
    store, project = seeded_project(home)
    run = add_run(store, project)
    saved = {"name": "first <i>cut</i>", "view": {"kind": "thresholds"}, "texts": 1258}
    labels = {**run.labels, "saved": saved, "calibration": "batch+temperature"}
    other = store.runs.create(project.id, run.labelling_id, run.config, labels)
    assert other.name == "run 2: trained on 'first <i>cut</i>' (1,258 texts)"
    certified = {**labels, "saved": {**saved, "view": {"kind": "certified"}}}
    third = store.runs.create(project.id, run.labelling_id, run.config, certified)
    assert third.name == "run 3: trained on 'first <i>cut</i>', certified (1,258 texts)"
    for one in (other, third):
        store.runs.finish(one.id, run.summary)
    store.runs.describe(third.id, title="Mine")
    table = table_column(opened("results"), "Who")
    assert list(table["Who"])[2] == other.name
    assert list(table["Trained on"]) == ["", "", "", "'first <i>cut</i>', certified (1,258 texts)"]
    assert "Labels" not in table
