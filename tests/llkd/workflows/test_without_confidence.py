"""Labels without a confidence: where they train, where they do not, and what is refused."""

import json

import numpy as np
import pandas as pd
import pytest

from llkd import cli, curation, jobs, workflows
from llkd.config import LabelSet, SelectionConfig, build
from llkd.config.selection_rule import read_rule, rule_of_choices
from llkd.curation.replay import history
from llkd.errors import NothingSelected, UserError
from llkd.evaluation.comparison.contrasts import ArmRun
from llkd.store.files.probabilities import read_probabilities
from llkd.teachers.base import ScoredBatch
from llkd.training import run_inputs
from llkd.workflows.comparison import check_same_rows
from tests.support.tiny_student import CLASSES, teacher_for, toy_texts
from tests.support.toy_projects import as_job, config, label, train
from ui.decision_plane import kept_mask, pack_plane, threshold_units

CONTROLLED = ["llkd", "all", "random", "teacher_then_random", "neighbours"]


class HalfSilent:
    """Names a class for every text, with a confidence only for some."""

    cut = 0

    def __init__(self, scores, silent):
        self.scores, self.silent = scores, silent

    def describe(self):
        return {"model": "half silent", "rows": len(self.scores)}

    def score(self, texts):
        at = np.array([int(text.split()[-1]) for text in texts])
        scores = np.log(self.scores[at]).astype(np.float32)
        for source, mine in (("none", self.silent[at]), ("logprob", ~self.silent[at])):
            index = np.flatnonzero(mine)
            if len(index):
                given = scores[index]
                answer = np.full(len(index), -1)
                if source == "none":
                    answer, given = given.argmax(axis=1), np.full_like(given, np.nan)
                yield ScoredBatch(index, given, answer, source, None, 1, 0)

    def content_free(self):
        return None

    def prompt(self, text):
        return text

    def close(self):
        pass


def labelled(store, n, silent=(), held_out=0, common=0.5):
    """A project of ``n`` texts; the teacher gives no confidence for those ``silent``.

    ``common`` is the share of the first class, half by default.
    """
    texts, gold = toy_texts(4 * n, seed=5)
    first = np.flatnonzero(gold == 0)[: round(common * n)]
    chosen = np.sort(np.concatenate([first, np.flatnonzero(gold == 1)[: n - len(first)]]))
    chosen = np.random.default_rng(0).permutation(chosen)
    frame = pd.DataFrame(
        {
            "id": [f"t{i}" for i in range(n)],
            "text": [f"{texts[k]} {i}" for i, k in enumerate(chosen)],
            "gold": [CLASSES[gold[k]] if held_out else None for k in chosen],
            "split": ["eval" if i >= n - held_out else "pool" for i in range(n)],
        }
    )
    project = store.projects.create(
        "toy", frame, source="toy", report={}, label_set=LabelSet.of(CLASSES)
    )
    mask = np.isin(np.arange(n), list(silent))
    label(store, project, HalfSilent(teacher_for(gold[chosen], wrong=0.1), mask))
    return store.projects.get("toy")


def batches_of(store, run):
    """Which rows each step of a run held."""
    decisions = store.runs.decisions(run)
    return [rows.tolist() for _, rows in decisions.groupby("step")["row"]]


def trained_on(store, run):
    decisions = store.runs.decisions(run)
    return set(decisions.loc[decisions["selected"], "row"])


def compared(store, project, settings, arms=CONTROLLED):
    found = as_job(
        store, lambda job: workflows.compare(store, project, settings, job, seeds=1, arms=arms)
    )
    runs = {(r["arm"], r["budget"]): store.runs.get(r["run"]) for r in found["runs"]}
    return found, runs


@pytest.mark.parametrize(
    ("texts", "silent", "held_out", "common"),
    [
        pytest.param(96, range(0, 96, 3), 36, 0.5, id="a third without confidence"),
        pytest.param(16, (), 0, 0.5, id="sixteen texts"),
        pytest.param(120, (), 40, 0.95, id="one class of 95 %"),
    ],
)
def test_all_arms_of_a_comparison_walk_the_same_batches(
    store, encoder, texts, silent, held_out, common
):
    project = labelled(store, texts, silent, held_out, common)
    found, runs = compared(store, project, config(encoder))
    assert {arm for arm, _ in runs} == set(CONTROLLED)
    walked = [batches_of(store, run) for run in runs.values()]
    assert all(one == walked[0] for one in walked)
    pool = set().union(*map(set, walked[0]))
    assert len({run.labels["rows_sha256"] for run in runs.values()}) == 1
    assert {run.labels["rows"] for run in runs.values()} == {len(pool)} == {found["texts"]}
    if held_out:  # without gold a tenth stays out of training
        assert pool == set(range(texts - held_out))
    # What each arm says it trained on is what its log says it trained on.
    for entry in found["runs"]:
        taken = store.runs.decisions(store.runs.get(entry["run"]))["selected"]
        assert entry["backpropagated"] == taken.sum() > 0
        assert entry["selected_share"] == pytest.approx(taken.mean())
    unsure = set(silent) & pool
    assert trained_on(store, runs["all", "epochs"]) == pool
    for arm in ("llkd", "teacher_then_random"):
        assert not trained_on(store, runs[arm, "epochs"]) & unsure
    if unsure:
        assert trained_on(store, runs["random", "epochs"]) & unsure
        assert trained_on(store, runs["neighbours", "epochs"]) & unsure
        assert all(run.labels["without_confidence"] == len(unsure) for run in runs.values())
        note = f"{len(unsure)} of the {len(pool)} labels have no confidence."
        assert any(said.startswith(note) for said in found["notes"])
        # Seen in the pool by every arm, so its student says something of them.
        rows, _ = store.runs.signals(runs["llkd", "epochs"])
        assert unsure <= set(rows)


def test_without_any_confidence_labels_train_or_the_run_is_refused(store, encoder):
    project = labelled(store, 60, range(60))
    for strategy in ("neighbours", "all", "needed_neighbours"):
        result = train(store, project, config(encoder, strategy))
        assert result["state"] == "finished" and result["backpropagated"] > 0, strategy
    run = store.runs.get(train(store, project, config(encoder, "random", share=0.5))["run"])
    assert 40 < run.summary.backpropagated < 80
    rows, targets = read_probabilities(run.folder / "targets.parquet")
    said = curation.teacher_labels(store, curation.active_labeling_run(store, project))
    np.testing.assert_array_equal(targets, np.eye(2)[said.label[rows]])  # certain, to train on
    before = len(store.runs.all(project.id))
    for strategy in ("llkd", "teacher_only", "student_only", "learnability"):
        with pytest.raises(UserError, match="none of the 60 labels has one"):
            train(store, project, config(encoder, strategy))
    with pytest.raises(UserError, match="--arms, such as neighbours,all"):
        compared(store, project, config(encoder))
    assert len(store.runs.all(project.id)) == before  # refused before it began
    _, runs = compared(store, project, config(encoder), ["neighbours", "all"])
    assert all(trained_on(store, run) for run in runs.values())


def test_fixed_thresholds_train_on_what_the_plane_keeps(store, encoder):
    project = labelled(store, 60, range(0, 60, 3))
    plane = curation.load_plane(store, project, need=False)
    rows = plane.frame["row"].to_numpy()
    for threshold in (0.0, 0.8, {CLASSES[0]: 0.8}, {CLASSES[1]: 0.95}):
        settings = config(encoder, "fixed", epochs=1)
        selection = build(
            SelectionConfig, settings.selection.model_dump(), teacher_threshold=threshold
        )
        settings = build(type(settings), settings.model_dump(), selection=selection.model_dump())
        run = store.runs.get(train(store, project, settings)["run"])
        kept = set(rows[curation.kept_rows(plane, threshold, 0.0)])
        assert trained_on(store, run) == kept
        weight = store.runs.decisions(run).groupby("row")["weight"].first()
        unsure = [row for row in kept if row % 3 == 0]
        assert (weight[unsure] == 1).all()  # as an export weighs them
    settings = build(
        type(settings),
        settings.model_dump(),
        selection={**settings.selection.model_dump(), "teacher_threshold": 1.0},
    )
    with pytest.raises(UserError, match="None of the 60 labels reaches the teacher threshold"):
        train(store, project, settings)


def test_a_run_that_selected_nothing_fails_everywhere(store, encoder, capsys):
    """Nobody can know beforehand what the student will say; afterwards it is no finished run."""
    project = labelled(store, 40)
    arguments = ["train", "toy", "--student", encoder, "--strategy", "fixed", "--epochs", "1"]
    code = cli.main([*arguments, "--student-threshold", "1.0", "--json"])
    out, err = capsys.readouterr()
    assert code == 1 and "selected no text in any of the 2 steps" in err + out
    job = store.jobs.all()[0]
    assert job.state == "failed" and "there is no student" in job.error
    run = store.runs.all(project.id)[-1]
    assert run.summary is None and run.state == "failed" and "no text" in run.failure
    assert cli.main(["runs", "toy", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["runs"][-1]
    assert listed["state"] == "failed" and listed["failure"] == run.failure
    with pytest.raises(NothingSelected):
        jobs.run(
            store, lambda job: workflows.training.fit(store, project, run, job),
            kind="t", title="t", device=None,
        )  # fmt: skip


def test_a_comparison_of_other_rows_is_refused(store, encoder):
    project = labelled(store, 60)
    first = store.runs.get(train(store, project, config(encoder, "all"))["run"])
    store.decisions.decide(project.id, [3], "exclude", None)
    second = store.runs.get(train(store, project, config(encoder, "all"))["run"])
    with pytest.raises(UserError, match="would be trained on different texts"):
        check_same_rows([ArmRun("all", "epochs", first), ArmRun("soft", "epochs", second)])
    check_same_rows([ArmRun("all", "epochs", first), ArmRun("soft", "epochs", first)])


def test_what_a_run_kept_of_its_labels_is_read_again(store, encoder):
    project = labelled(store, 60, range(0, 60, 3))
    run = store.runs.get(train(store, project, config(encoder, "neighbours"))["run"])
    kept = run_inputs.read(run.folder)
    assert kept.without_confidence.sum() == 20 and kept.passes.any() and not kept.passes.all()
    assert ((kept.support >= 0) & (kept.support <= 1)).all()
    assert trained_on(store, run) <= set(range(60)) & set(np.flatnonzero(kept.passes))


@pytest.mark.parametrize("written", ["1", "1.0", "1e0"])
def test_a_stated_confidence_of_one_is_one(store, tmp_path, written):
    records = [("a goal", "x", written), ("b goal", "y", "0.7"), ("c goal", "y", "0.999999")]
    lines = [f'{{"text": "{t}", "label": "{k}", "confidence": {c}}}' for t, k, c in records]
    (tmp_path / "labels.jsonl").write_text("\n".join(lines))
    (tmp_path / "texts.csv").write_text("text\n" + "\n".join(text for text, _, _ in records))
    for command in (
        ["import", tmp_path / "texts.csv", "--project", "p", "--labels", "x,y,z"],
        ["label", "p", "--teacher", f"file:{tmp_path / 'labels.jsonl'}", "--no-probe"],
    ):
        assert cli.main([str(part) for part in command]) == 0
    plane = curation.load_plane(store, store.projects.get("p"), need=False)
    assert plane.frame["confidence"].tolist() == pytest.approx([1, 0.7, 0.999999], abs=1e-7)
    # On 0.3.0 a threshold of 1 kept nothing: 1 had become 0.999999999.
    assert curation.kept_rows(plane, 1.0, 0.0).tolist() == [True, False, False]


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_stated_confidences_meet_their_own_threshold_on_plane_export_and_in_training(
    store, encoder, tmp_path, classes
):
    """Kept in 32 bits 0.52 comes back as 0.51999999: a threshold of 0.52 is meant for it."""
    names = [f"c{k}" for k in range(classes)]
    stated = np.arange(51, 100)
    rows = [f"goal number {k},{names[k % classes]},0.{k}" for k in stated]
    (tmp_path / "labels.csv").write_text("text,label,confidence\n" + "\n".join(rows))
    (tmp_path / "texts.csv").write_text("text\n" + "\n".join(f"goal number {k}" for k in stated))
    for command in (
        ["import", tmp_path / "texts.csv", "--project", "p", "--labels", ",".join(names)],
        ["label", "p", "--teacher", f"file:{tmp_path / 'labels.csv'}", "--no-probe"],
    ):
        assert cli.main([str(part) for part in command]) == 0
    project = store.projects.get("p")
    plane = curation.load_plane(store, project, need=False)
    for k in (52, 54, 70, 83, 99):
        threshold = k / 100
        kept = curation.kept_rows(plane, threshold, 0.0)
        assert kept.tolist() == (stated >= k).tolist()
        packed = pack_plane(plane)
        units = threshold_units(threshold, names)
        assert kept_mask(packed, units, units * 0).tolist() == kept.tolist()
        settings = config(encoder, "fixed", epochs=1)
        selection = {**settings.selection.model_dump(), "teacher_threshold": threshold}
        settings = build(type(settings), settings.model_dump(), selection=selection)
        run = store.runs.get(train(store, project, settings)["run"])
        assert trained_on(store, run) == set(np.flatnonzero(kept))
        assert (
            workflows.select(store, project, rule=rule_of_choices(run=run.id))["kept"] == kept.sum()
        )


def test_replay_says_why_a_text_was_left_out(store, encoder):
    project = labelled(store, 60, range(0, 60, 3))
    run = store.runs.get(train(store, project, config(encoder, epochs=1))["run"])
    assert set(history(store, run, 3)["why"]) == {"its label has no confidence"}
    assert history(store, run, 3)["confidence"].isna().all()
    view = {"teacher_threshold": 0.8, "student_threshold": 0.0}
    store.selections.save(project.id, "sure ones", read_rule(view), {"kept": 1, "rows": 60})
    settings = config(encoder, epochs=1)
    selection = {**settings.selection.model_dump(), "strategy": "saved", "saved": "sure ones"}
    settings = build(type(settings), settings.model_dump(), selection=selection)
    run = store.runs.get(train(store, project, settings)["run"])
    reasons = {row: set(history(store, run, row)["why"]) for row in range(60)}
    kept = trained_on(store, run)
    assert kept and len(kept) < 60
    for row, why in reasons.items():
        # On 0.3.0: "student knew it already", of a student that was never asked.
        assert why == ({"selected"} if row in kept else {"not in the saved selection"})
