"""benchmarks/teacher_strength.py: simulated problems whose answer is known, and a run that stops."""

import gzip
import json
from xml.etree import ElementTree

import numpy as np
import pytest

from benchmarks import teacher_strength
from benchmarks.false_claims import students as simulated_students
from benchmarks.strength import (
    bar,
    cells,
    lessons,
    picture,
    plan,
    problems,
    students,
    summary,
    tables,
)
from benchmarks.strength.arms import ALL, CONFIDENT, NEEDED, NEIGHBOURS, RANDOM, Arm, arms
from benchmarks.strength.cells import RAW, REFINED, Cell
from benchmarks.strength.teachers import Teacher, refined, simulated
from llkd.config import LabelSet
from llkd.evaluation import confidence_metrics

CLASSES = 3


def part(rng, centres, count, mark, spread):
    gold = rng.integers(0, CLASSES, count)
    points = centres[gold] + spread * rng.normal(size=(count, centres.shape[1]))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    words = rng.integers(0, 30, (count, 6)) + 20 * gold[:, None]
    texts = [f"{mark}{place} " + " ".join(f"w{w}" for w in words[place]) for place in range(count)]
    return texts, points, gold


def pool(size=320, spread=0.6, seed=0):
    """Three clusters of texts that share words within a class, and less so between classes."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(CLASSES, 24))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True) / 2
    labels = LabelSet.of([f"class {k}" for k in range(CLASSES)])
    parts = {
        name: part(rng, centres, count, name, spread)
        for name, count in (("pool", size), ("held", 300), ("fit", 200))
    }
    return problems.problem_of("toy", "300", "tune", labels, parts)


@pytest.fixture(scope="module")
def toy():
    return pool()


def cell(**changes):
    values = dict(
        half="tune", set_name="toy", draw="300", teacher="random 70", student="linear",
        start="chance", wide=False, seeds=3,
    )  # fmt: skip
    return Cell(**{**values, **changes})


@pytest.mark.parametrize("kind", ["words", "overconfident", "embeddings", "random"])
@pytest.mark.parametrize("accuracy", [0.5, 0.7, 0.95])
def test_a_simulated_teacher_is_right_as_often_as_wanted(toy, kind, accuracy):
    teacher = Teacher(kind, simulated(toy, kind, accuracy))
    assert (teacher.label == toy.gold).mean() == pytest.approx(accuracy, abs=0.006)
    assert teacher.probabilities.sum(axis=1) == pytest.approx(np.ones(len(toy.gold)))


def test_only_a_fitted_teachers_confidence_tells_right_from_wrong(toy):
    def auroc(kind):
        probs = simulated(toy, kind, 0.7)
        return confidence_metrics.auroc(probs.max(axis=1), probs.argmax(axis=1) == toy.gold)

    assert auroc("words") > 0.65
    assert auroc("random") == pytest.approx(0.5, abs=0.08)


def test_an_overconfident_teacher_gives_the_same_labels_and_is_surer(toy):
    plain, sure = (simulated(toy, kind, 0.7) for kind in ("words", "overconfident"))
    assert (plain.argmax(axis=1) == sure.argmax(axis=1)).all()
    assert sure.max(axis=1).mean() > plain.max(axis=1).mean() + 0.05
    right = (plain.argmax(axis=1) == toy.gold).mean()
    assert plain.max(axis=1).mean() == pytest.approx(right, abs=0.08)
    assert sure.max(axis=1).mean() > right + 0.1


def test_refinement_mends_errors_that_neighbours_do_not_share(toy):
    teacher = Teacher("random 70", simulated(toy, "random", 0.7))
    assert (refined(toy, teacher).label == toy.gold).mean() > 0.78


@pytest.fixture(scope="module")
def measured(toy):
    teacher = Teacher("random 70", simulated(toy, "random", 0.7))
    of = cell(seeds=6)
    return {**of.__dict__, "key": of.key, **cells.measured(toy, teacher, of)}


def test_the_map_says_which_arm_wins_where_one_must(measured):
    # Errors at random: neighbours know which labels are wrong, the teacher's confidence does not.
    for rival in (RANDOM, CONFIDENT):
        stored = summary.difference_of(measured, RAW, NEIGHBOURS, rival, "accuracy")
        assert stored[1] > 0, rival
    facts = measured["arms"][RAW]
    assert facts[NEIGHBOURS]["right"] > 0.9
    assert facts["llkd"]["right"] < 0.8
    written = []
    tables.print_map([measured], written.append)
    (row,) = [
        line for line in "\n".join(written).partition("as many at random** (raw")[2].split("\n")
        if line.startswith("| 65–75 %")
    ][:1]  # fmt: skip
    assert "1↑0↓/1" in row


def test_refined_labels_leave_selection_little_to_find(measured):
    stored = summary.difference_of(measured, REFINED, NEIGHBOURS, "all, refined", "accuracy")
    assert abs(stored[0]) < 0.05
    # Against all texts with raw labels it is refinement that pays.
    assert measured["arms"][REFINED][ALL]["accuracy"] > 0.92


def test_controls_take_as_many_samples_as_what_they_control(measured):
    of = measured["arms"][RAW]
    for arm in arms(wide=False):
        for control in arm.controls:
            assert of[control]["samples"] == pytest.approx(of[arm.name]["samples"], abs=1e-9), arm
    assert of[NEIGHBOURS]["samples"] == pytest.approx(0.2, abs=0.03)
    assert of[ALL]["samples"] == 1


def test_what_the_students_doubt_adds_is_asked_between_arms_of_like_weights():
    by_name = {arm.name: arm for arm in arms(wide=True)}
    unweighted = by_name["llkd, unweighted"]
    confident = by_name[f"llkd, unweighted | {CONFIDENT}"]
    assert unweighted.controls[1] == confident.name
    assert confident.settings["weighting"] == "none"
    assert by_name["llkd, gather | random"].gather
    assert by_name["llkd, 5 epochs | random"].epochs == 5
    assert by_name[NEEDED].counts_of == NEIGHBOURS


def test_each_step_of_a_control_takes_its_references_count(toy):
    teacher = Teacher("words 70", simulated(toy, "words", 0.7))
    of = lessons.lessons_of(toy, teacher, toy.points)
    inputs = lessons.inputs_of(toy, teacher)
    by_name = {arm.name: arm for arm in arms(wide=False)}

    def run(name, counts):
        student = students.Linear(24, CLASSES, 0)
        return cells.one_run(student, of, by_name[name], inputs, 4, counts)

    reference = run("llkd", {})
    counts = {("llkd", 4): reference.counts}
    assert len(set(reference.counts)) > 1
    for control in (RANDOM, CONFIDENT):
        assert run(f"llkd | {control}", counts).counts.tolist() == reference.counts.tolist()


def right(student, toy):
    answers = student.answers(student.inputs(toy.held_points))
    return (answers.argmax(axis=1) == toy.held_gold).mean()


@pytest.mark.parametrize("family", ["linear", "mlp"])
def test_a_student_learns_and_a_head_start_is_the_probe(toy, family):
    lesson = students.Lesson(
        toy.points, toy.lengths, np.eye(CLASSES)[toy.gold], np.eye(CLASSES)[toy.gold],
        np.ones(len(toy.gold)),
    )  # fmt: skip
    strategy = Arm(ALL).strategy_for(None, toy.labels.names, 30)
    student = students.new_student(family, 24, CLASSES, 0)
    fresh = right(student, toy)
    students.train(student, lesson, strategy, epochs=5, seed=0)
    after = right(student, toy)
    assert fresh < 0.7 and after > 0.93
    started = students.new_student(family, 24, CLASSES, 0)
    started.start_from(toy.points, toy.gold)
    assert right(started, toy) > 0.93


def test_a_linear_head_start_answers_as_the_probe_does(toy):
    from llkd.curation.probe import fit_probe

    student = students.Linear(24, CLASSES, 0)
    student.start_from(toy.points, toy.gold)
    expected = fit_probe(toy.points, toy.gold, CLASSES).probabilities(toy.held_points)
    answers = student.answers(student.inputs(toy.held_points))
    assert answers == pytest.approx(expected, abs=1e-4)


def test_several_labels_are_few_and_hold_the_mass():
    target = lessons.several_labels(np.array([[0.85, 0.1, 0.05], [0.5, 0.4, 0.1], [0.4, 0.3, 0.3]]))
    assert target[0].tolist() == [1, 0, 0]
    assert target[1] == pytest.approx([5 / 9, 4 / 9, 0])
    assert target[2] == pytest.approx([0.4, 0.3, 0.3])


def test_equal_arms_are_called_different_no_more_often_than_the_level_says():
    worlds = []
    for world in range(120):
        *labels, gold = simulated_students(2, 5, 300, seed=world)
        held = type("Pool", (), {"held_gold": gold, "classes": 5})
        stored = {m: cells.difference(*labels, held, m) for m in ("accuracy", "macro_f1")}
        worlds.append({
            "set_name": f"set {world % 5}", "teacher": "words 70",
            "arms": {RAW: {"a": {"against": {"b": stored}}}},
        })  # fmt: skip
    total, above, below = summary.clear_counts(worlds, RAW, ("a",), "b")
    assert total == 240
    assert above + below <= 0.05 * total
    # And the interval over sets, from five of them at a time.
    clear = 0
    for start in range(0, 120, 5):
        mean = summary.mean_difference(worlds[start : start + 5], RAW, "a", "b", "accuracy")
        clear += mean.above or mean.below
    assert clear <= 4  # of 24; more come by chance in one of a hundred


def test_an_interval_over_sets_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(2000):
        _, low, high = summary.interval_over(rng.normal(1.0, 2.0, 5))
        held += low <= 1.0 <= high
    assert held / 2000 == pytest.approx(0.95, abs=0.015)


@pytest.fixture
def folder(tmp_path):
    names = ["much"] * 2300 + ["some"] * 1000 + ["few"] * 900
    lines = "".join(f"text {name} number {place},{name}\n" for place, name in enumerate(names))
    for name in ("ag_news_pool", "ag_news_test"):
        kind = "pool" if name.endswith("pool") else "test"
        with gzip.open(tmp_path / f"{name}.csv.gz", "wt") as file:
            file.write("text,label\n" + lines.replace("text", kind).replace(f"{kind},label", ""))
    return tmp_path


@pytest.fixture
def without_models(monkeypatch):
    def embeddings(cache, data):
        rng = np.random.default_rng(0)
        centres = {"much": 0, "some": 1, "few": 2}
        points = 0.3 * rng.normal(size=(len(data.texts), 8))
        for place, text in enumerate(data.texts):
            points[place, centres[text.split()[1]]] += 1
        return points / np.linalg.norm(points, axis=1, keepdims=True)

    monkeypatch.setattr(problems.kept_values, "embeddings", embeddings)
    for store in (problems.embedded, problems.half_of, cells.cached_problem):
        store.cache_clear()
    cells.TEACHERS.clear()
    yield
    for store in (problems.embedded, problems.half_of, cells.cached_problem):
        store.cache_clear()


def test_parts_and_halves_share_no_text_and_unbalanced_pools_are(folder, tmp_path, without_models):
    texts = {}
    for half in ("tune", "confirm"):
        natural = problems.problem(folder, tmp_path, "ag_news", "1200", half)
        parts = [set(natural.texts), set(natural.held_texts), set(natural.fit_texts)]
        assert [len(each) for each in parts] == [1200, 800, 500]
        assert len(set.union(*parts)) == 2500
        texts[half] = set.union(*parts)
        uneven = problems.problem(folder, tmp_path, "ag_news", "80%", half)
        for gold in (uneven.gold, uneven.held_gold):
            assert np.bincount(gold).max() / len(gold) == pytest.approx(0.8, abs=0.01)
        assert not set(uneven.texts) & set(uneven.held_texts)
    assert not texts["tune"] & texts["confirm"]


def test_texts_that_no_benchmark_has_used_judge_first(folder, tmp_path, without_models):
    half = problems.half_of(folder, "ag_news", "confirm")
    assert (np.diff(half.used) >= 0).all() and half.used[0] == 0 < half.used[-1]
    natural = problems.problem(folder, tmp_path, "ag_news", "1200", "confirm")
    assert natural.new == (half.used[:800] == 0).mean()


def test_a_stopped_run_goes_on_and_an_unfinished_line_is_measured_again(
    folder, tmp_path, without_models, monkeypatch, capsys
):
    planned = [cell(set_name="ag_news", teacher=f"random {a}", seeds=1) for a in (50, 70, 90)]
    monkeypatch.setattr(plan, "cells", lambda *_: iter(planned))
    monkeypatch.setattr(cells, "arms", lambda wide: [a for a in arms(wide) if a.name in few])
    few = {ALL, NEIGHBOURS, *next(a for a in arms(False) if a.name == NEIGHBOURS).controls}
    cache = tmp_path / "cache"
    words = [str(folder), "--cache", str(cache), "--sets", "ag_news"]
    teacher_strength.main([*words, "--minutes", "0"])
    assert not list(cache.glob("cells-*.jsonl"))
    teacher_strength.main(words)
    (path,) = cache.glob("cells-*.jsonl")
    stored = path.read_text().splitlines()
    assert [json.loads(line)["teacher"] for line in stored] == [c.teacher for c in planned]
    whole = capsys.readouterr().out
    path.write_text("\n".join([*stored[:2], stored[2][:500]]))
    measured_again = []
    monkeypatch.setattr(
        cells, "measured", lambda p, t, c, work=cells.measured: measured_again.append(c.teacher)
        or work(p, t, c),
    )  # fmt: skip
    teacher_strength.main([*words, "--json", str(tmp_path / "map.json")])
    assert measured_again == ["random 90"]
    assert capsys.readouterr().out.splitlines()[-20:] == whole.splitlines()[-20:]
    document = json.loads((tmp_path / "map.json").read_text())
    assert {row["teacher_right"] for row in document["groups"][0]["rows"]} == {
        "45–55", "65–75", "85–92",
    }  # fmt: skip


def test_runs_side_by_side_share_the_cells(folder, tmp_path, without_models, monkeypatch):
    wanted = [cell(set_name="ag_news", teacher=f"random {a}", seeds=1) for a in (50, 70, 90)]
    other = cells.Results(tmp_path)
    order = []

    def measure(p, t, c):
        order.append(c.teacher)
        if len(order) == 1:  # while this one is at its first cell, another run begins
            cells.run(wanted, other, folder, show=lambda line: None)
        return {"labels": {}, "arms": {}}

    monkeypatch.setattr(cells, "measured", measure)
    cells.run(wanted, cells.Results(tmp_path), folder, show=lambda line: None)
    assert order == ["random 50", "random 70", "random 90"]
    lines = [p.read_text().splitlines() for p in tmp_path.glob("cells-*.jsonl")]
    assert sorted(map(len, lines)) == [1, 2]


def test_the_bar_counts_cells_that_are_above_both_controls_and_below_all(measured):
    standing = bar.standing([measured, measured], RAW, NEIGHBOURS)
    controls = [
        summary.difference_of(measured, RAW, NEIGHBOURS, rival, metric)[1] > 0
        for rival in (RANDOM, CONFIDENT)
        for metric in ("accuracy", "macro_f1")
    ]
    assert controls[0] and controls[2]
    assert (standing.cells, standing.above_both) == (2, 2 * all(controls))
    never = bar.standing([measured], RAW, "llkd")
    assert never.above_both == 0
    below = summary.difference_of(measured, RAW, "llkd", "all", "accuracy")[2] < 0
    below |= summary.difference_of(measured, RAW, "llkd", "all", "macro_f1")[2] < 0
    assert never.below_all == below


def test_the_picture_is_svg_and_says_each_number(measured):
    line = {**measured, "draw": "1200", "teacher": "words 70"}
    root = ElementTree.fromstring(picture.svg([line]))
    words = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    value = summary.difference_of(line, RAW, NEIGHBOURS, CONFIDENT, "accuracy")[0]
    assert f"{100 * value:+.1f}" in words
    assert "65–75 % (1 set)" in words


def test_better_is_blue_and_worse_is_orange():
    assert picture.colour(0) == (255, 255, 255)
    assert picture.colour(20) == picture.BETTER and picture.colour(-20) == picture.WORSE


def test_every_cell_of_the_plan_is_one_of_its_own():
    keys = [each.key for each in plan.cells("tune")]
    assert len(keys) == len(set(keys)) > 400
    reduced = {each.key for each in plan.cells("tune", reduced=True)}
    assert reduced <= set(keys) and len(reduced) < 80
