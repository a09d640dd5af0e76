"""The fair comparison on the pages: who will judge, and the report with what it may claim."""

import numpy as np

from llkd.config import TrainingConfig, build
from llkd.config.selection_rule import read_rule
from llkd.curation.random_order import random_order
from llkd.evaluation.comparison import conclusion
from llkd.evaluation.comparison.arms import CONTROLS, RIVALS, USUAL_ARMS
from llkd.evaluation.comparison.report import ComparisonReport
from tests.support.pages import button, opened, said, words
from tests.support.seeded_projects import seeded_project, train_request
from tests.support.seeded_runs import add_run
from ui.curate import rows


def label_some(store, project, chosen):
    for k, name in enumerate(("roads", "waste")):
        store.decisions.decide(project.id, [int(row) for row in chosen[k::2]], "label", name)


# --- before: who will judge ---------------------------------------------------------------------


def test_held_out_gold_will_judge(home):
    seeded_project(home, n=80)
    assert "Evaluated on 20 held-out texts with gold." in words(opened("train"))


def test_labels_of_people_will_judge_and_not_train(home):
    store, project = seeded_project(home, n=100, gold=False)
    label_some(store, project, list(range(50)))
    shown = words(opened("train"))
    assert "Evaluated on 50 labels that people gave; they will not train." in shown
    assert "Unless they came from a random audit they are no random sample" in shown
    store.decisions.undo(project.id)
    store.decisions.undo(project.id)
    label_some(store, project, random_order(100)[:60])
    shown = words(opened("train"))
    assert "Evaluated on 60 labels that people gave; they will not train." in shown
    assert "They are a random sample, since they were given in random order." in shown


def test_without_judges_the_way_to_them_is_one_click(home):
    store, project = seeded_project(home, n=100, gold=False)
    label_some(store, project, random_order(100)[:12])
    app = opened("train")
    assert "nothing about accuracy. It takes 50 labels of people, of two classes (12 can be" in (
        words(app)
    )
    button(app, "Label a random sample").click().run()
    assert app.get_by_key("curate_shown").value == rows.ALL
    assert app.selectbox(key="curate_order").value == "random"
    # The walk goes on where the sample ends.
    walk = app.session_state["_curate_review"]
    assert (walk.at, len(walk.rows)) == (12, 100)
    assert walk.rows[walk.at] == random_order(100)[12]


def test_own_labels_judge_a_single_run_where_there_are_enough(home, started):
    store, project = seeded_project(home, n=100, gold=False)
    assert opened("train").toggle(key="train_judged_by_people").disabled
    label_some(store, project, list(range(50)))
    app = opened("train")
    app.selectbox(key="train_strategy").set_value("llkd").run()
    app.toggle(key="train_judged_by_people").set_value(True).run()
    button(app, "Start training").click().run()
    wanted = build(TrainingConfig, selection={"strategy": "llkd"}, judged_by="people")
    assert started == [train_request(wanted)]


def test_a_saved_selection_is_a_strategy_and_an_arm(home, started):
    store, project = seeded_project(home)
    app = opened("train")
    app.selectbox(key="train_strategy").set_value("saved").run()
    assert "Nothing is saved in this project yet" in words(app)
    button(app, "Start training").click().run()
    assert "needs the name of a selection that was saved on Curate" in said(app.error)
    assert started == []
    view = {"teacher_threshold": 0.6, "student_threshold": 0.0}
    store.selections.save(project.id, "first cut", read_rule(view), {"kept": 31})
    app = opened("train")
    app.selectbox(key="train_strategy").set_value("saved").run()
    assert app.selectbox(key="train_saved_rows").options == ["first cut (31 texts)"]
    button(app, "Start training").click().run()
    wanted = build(TrainingConfig, selection={"strategy": "saved", "saved": "first cut"})
    assert started == [train_request(wanted)]
    app = opened("train")
    app.session_state["train_compare_arms"] = [*USUAL_ARMS, "neighbours"]
    app.selectbox(key="train_compare_saved").set_value("first cut").run()
    button(app, "Compare: 24 runs").click().run()
    assert "--selection=first cut" in started[-1].command()
    assert "--arms=llkd,all,random,teacher_then_random,neighbours,saved" in started[-1].command()


# --- after: what the report says ----------------------------------------------------------------


def reported(store, project, kind="gold", arms=("llkd", "all", "random", "teacher_then_random")):
    """A finished comparison of invented figures, as a job leaves it."""
    run = add_run(store, project)
    accuracy = {
        "llkd": 0.81,
        "all": 0.80,
        "random": 0.79,
        "teacher_then_random": 0.8,
        "trust": 0.83,
    }
    judged = kind != "teacher"
    keys = [(arm, "epochs") for arm in arms] + ([("trust", "samples")] if "trust" in arms else [])
    table, runs, differences = [], [], []
    for arm, budget in keys:
        value = accuracy[arm] if judged else None
        table.append(
            {
                "strategy": arm, "arm": arm, "budget": budget, "seeds": 5, "accuracy": value,
                "macro_f1": value, "selected_share": 0.2, "updates": 40, "selected_accuracy": 0.7,
                "backpropagated": 1000 if arm == "all" else 180, "seconds": 60.0, "weights": "1",
            }
        )  # fmt: skip
        runs += [{"run": run.id, "arm": arm, "budget": budget, "accuracy": value}]
        rivals = [] if arm in RIVALS else ["all", *CONTROLS]
        for rival in rivals if judged else []:
            change = {"value": accuracy[arm] - accuracy[rival]}
            change |= {"low": change["value"] - 0.0151, "high": change["value"] + 0.015}
            differences.append(
                {
                    "arm": arm, "budget": budget, "rival": rival, "seeds": 5, "texts": 84, "among": 6,
                    "accuracy": change, "macro_f1": change,
                }
            )  # fmt: skip
    agreement = None
    if not judged:
        told = [
            {"arm": a, "budget": b, "with_teacher": 0.9, "with_all": None if a == "all" else 0.85}
            for a, b in keys
        ]
        agreement = {"texts": 40, "arms": told}
    found = {
        "project": project.name,
        "teacher": {"accuracy": 0.7 if judged else None, "macro_f1": 0.7 if judged else None},
        "judges": {"kind": kind, "texts": 84, "chosen": "by people", "given": 12, "least": 50},
        "texts": 5320, "notes": ["A <b>note</b>."], "arms": table, "runs": runs,
        "differences": differences, "agreement": agreement,
    }  # fmt: skip
    job = store.jobs.create("compare", "Compare", None, project.id, "auto")
    store.jobs.update(job.id, state="finished", result=found, finished=1.0)
    return found


def _table(app, column):
    return next(one.value for one in app.dataframe if column in one.value.columns)


def test_the_report_is_its_sentence_a_verdict_a_line_and_charts(home):
    store, project = seeded_project(home, n=80)
    found = reported(store, project, arms=("llkd", "all", *CONTROLS, "trust"))
    app = opened("results")
    read = ComparisonReport.read(found)
    for line in conclusion.verdict_lines(read):
        assert f"- {line}" in said(app.info)
    assert said(app.info).count("\n- ") == 2  # three lines: the student, and two selections
    assert "'LLKD' loses at most a point, if any, against training on all 5,320" in words(app)
    assert " ".join(conclusion.basis(ComparisonReport.read(found))) in words(app)
    (fold,) = [one for one in app.expander if one.label.startswith("Arms, charts")]
    assert not fold.proto.expanded and len(fold.dataframe) == 2  # the conclusion, the rest folded
    assert "A <b>note</b>." in words(app)
    table = _table(app, "Against the controls").astype(object).fillna("")
    lines = {(row["Arm"], row["Budget"]): row for _, row in table.iterrows()}
    assert lines["LLKD", "Own budget"]["Against all texts"] == "loses at most a point"
    assert lines["LLKD", "Own budget"]["Against the controls"] == "not known"
    assert lines["Trust", "Own budget"]["Against all texts"] == "better"
    assert lines["Trust", "Own budget"]["Against the controls"] == ""
    assert lines["Trust", "Matched"]["Against the controls"] == "better"
    assert lines["Random", "Own budget"]["Against all texts"] == ""
    differences = _table(app, "Minus")
    assert differences["Accuracy, points"][0] == "+1.0 (\u22120.5 to +2.5)"
    assert differences["Accuracy, points"][1] == "+2.0 (+0.5 to +3.5)"
    app.get_by_key("results_against").set_value("each other, matched").run()
    assert "Every arm trains in every step on as many texts as LLKD." in words(app)
    app.get_by_key("results_against").set_value("time").run()
    assert not app.exception and "Circle: own budget" in words(app)


def test_a_report_judged_by_people_says_so(home):
    store, project = seeded_project(home, n=80, gold=False)
    reported(store, project, "people")
    told = words(opened("results"))
    assert "Evaluated on the 84 texts that people labelled, which trained no student." in told
    assert "They are no random sample unless they came from a random audit" in told


def test_a_report_that_nobody_judged_claims_nothing(home):
    store, project = seeded_project(home, n=80, gold=False)
    reported(store, project, "teacher")
    app = opened("results")
    assert "is right is not known" in said(app.info)
    assert "nothing can be said about accuracy" in words(app)
    assert "12 labels can be used so far" in words(app)
    assert "as well" not in words(app) and "better than" not in said(app.info)
    table = _table(app, "Agrees with 'All texts'")
    assert list(table["Agrees with the teacher"]) == ["90.0\u00a0%"] * 4
    assert "Accuracy" not in table.columns and "Against the controls" not in table.columns
    assert "results_arms" not in [chart.key for chart in app.get("plotly_chart")]


def test_runs_that_people_judged_are_named_and_measured(home):
    store, project = seeded_project(home, n=80, gold=False)
    run = add_run(store, project)
    from llkd.store.files.evaluation_labels import write_evaluation_labels
    from llkd.store.files.probabilities import write_probabilities

    config = build(TrainingConfig, run.config.model_dump(), judged_by="people")
    judges = {"kind": "people", "texts": 40, "chosen": "by people", "given": 40}
    labels = {**run.labels, "judges": judges}
    judged = store.runs.create(project.id, run.labelling_id, config, labels)
    rows_, label = np.arange(0, 80, 2), np.arange(40) % 3
    write_evaluation_labels(judged.files.evaluation_labels, rows_, label)
    said_ = np.eye(3)[np.where(np.arange(40) < 30, label, (label + 1) % 3)] * 0.9 + 0.1 / 3
    write_probabilities(judged.folder / "eval-epoch-0001.parquet", np.arange(40), said_)
    write_probabilities(judged.folder / "signals-epoch-0001.parquet", rows_ + 1, said_)
    store.runs.finish(judged.id, run.summary.model_copy(update={"accuracy": 0.75}))
    app = opened("results")
    table = _table(app, "Different texts").astype(object).fillna("")
    assert table["Accuracy"][2].startswith("75.0\u00a0% (")
    assert table["Accuracy"][1] == "–"
    assert "Evaluated on 40 labels that people gave; they did not train these runs." in words(app)
    assert "Evaluated on labels that people gave, which did not train: 1 run (2)." in words(app)
