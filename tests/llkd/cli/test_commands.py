"""What the pages start is what a person could type: commands and parser agree."""

import pytest

from llkd import commands
from llkd.cli.actions.given import settings, threshold, training_config, tries
from llkd.cli.parser import make_parser
from llkd.config import (
    OrderConfig,
    SelectionConfig,
    Spending,
    TeacherConfig,
    TrainingConfig,
    build,
)
from llkd.errors import UserError
from llkd.exporting import USUAL_GROUPS, checked_groups

HOSTILE = "--help $(rm) 'x' \"y\" \n"


@pytest.mark.parametrize(
    "config",
    [
        TeacherConfig(),
        TeacherConfig(teacher="local:/m o d", verbaliser_score="mean", max_text_tokens=64),
        TeacherConfig(
            teacher="api:m", base_url="http://127.0.0.1:1/v1", concurrency=9, samples=3,
            instruction="-- Say which.\nNow.", precision="fp32",
        ),
    ],
)  # fmt: skip
def test_label(config):
    command = commands.label(HOSTILE, config, calibration="none", limit=7, dry_run=True)
    given = make_parser().parse_args(command)
    assert settings(TeacherConfig, given) == config
    assert (given.project, given.calibration, given.limit, given.dry_run) == (
        HOSTILE, "none", 7, True,
    )  # fmt: skip


def test_label_with_limits_and_order():
    config = build(TeacherConfig, teacher="api:m", base_url="http://h/v1")
    limits = Spending(price_in=0.15, price_out=0.6, budget=2.5, calls=900)
    order = OrderConfig(order="need", rounds=4, explore=0.1)
    given = make_parser().parse_args(
        commands.label(HOSTILE, config, spending=limits, order=order, ask_again=True)
    )
    assert settings(TeacherConfig, given) == config
    assert settings(OrderConfig, given) == order
    assert settings(Spending, given) == limits
    assert (given.ask_again, given.rows, given.project) == (True, None, HOSTILE)
    given = make_parser().parse_args(commands.label("p", config, dry_run=True, rows=[0, 12]))
    assert (given.rows, given.dry_run) == ([0, 12], True)
    assert settings(Spending, given) == Spending()
    assert settings(OrderConfig, given) == OrderConfig()


def test_bake_off():
    config = build(TeacherConfig, teacher="api:m", base_url="http://h/v1", samples=3)
    competing = {
        "examples": ["none", "balanced"],
        "instruction": ['First, think. "Then"\nanswer', "=,", "--x"],
        "teacher": ["api:m", "local:/a,b", 'api:"q"'],
    }
    limits = Spending(calls=10)
    command = commands.bake_off(HOSTILE, config, competing, rows=50, spending=limits)
    given = make_parser().parse_args(command)
    assert settings(TeacherConfig, given) == config
    assert settings(Spending, given) == limits
    assert tries(given, config) == competing
    assert (given.project, given.rows) == (HOSTILE, 50)
    assert tries(make_parser().parse_args(commands.bake_off("p", config, {})), config) == {}


@pytest.mark.parametrize("wrong", ["examples", "colour=red", "samples=0", 'examples="none', "=x"])
def test_wrong_tries_get_a_sentence(wrong):
    given = make_parser().parse_args(["bake-off", "p", f"--try={wrong}"])
    with pytest.raises(UserError) as error:
        tries(given, TeacherConfig())
    assert str(error.value).endswith(".")


@pytest.mark.parametrize("wrong", ["", "a", "1,-2", "1.5"])
def test_wrong_rows_get_a_sentence(wrong):
    with pytest.raises(UserError, match="row numbers such as 0,5,12 are needed"):
        make_parser().parse_args(["label", "p", "--dry-run", f"--rows={wrong}"])


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"seed": 4, "epochs": 9, "learning_rate": 2e-5, "student": "/a b", "precision": "bf16"},
        {"selection": {"strategy": "random", "share": 0.2}},
        {"selection": {"strategy": "teacher_then_random"}, "reference_run": 3},
        {"selection": {"strategy": "fixed", "teacher_threshold": {"a=b": 0.5, "c": 0.25},
                       "student_threshold": 0.125}},
        {"selection": {"momentum": 0.5, "class_specific": False, "target_rate": 0.3,
                       "weighting": "none", "teacher_scale": 0.5, "student_scale": 1.5}},
        {"selection": {"strategy": "learnability", "share": 0.1, "window": 9},
         "early_stopping": "auto", "patience": 4, "gather": True, "compile": True},
        {"selection": {"strategy": "trust", "trust_score": "right", "trust_evidence": "probe",
                       "trust_weight": "right", "warmup_steps": 50}, "reference_run": 2},
        {"selection": {"strategy": "saved", "saved": "--my 'cut'"}, "judged_by": "people"},
    ],
)  # fmt: skip
def test_train(values):
    config = build(TrainingConfig, values)
    given = make_parser().parse_args(commands.train("p", config, calibration="batch"))
    assert training_config(given) == config
    assert given.calibration == "batch"


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"epochs": 2, "seed": 7, "targets": "soft", "hard_share": 0.5, "gather": True},
        {"selection": {"class_specific": False, "half_life": 8.0, "window": 5,
                       "weighting": "softmatch", "score_every": 4}},
        {"judged_by": "teacher", "selection": {"saved": "-cut, two"}},
    ],
)  # fmt: skip
def test_compare(values):
    config = build(TrainingConfig, values)
    command = commands.compare("-p", config, seeds=5, arms=["llkd", "trust"])
    given = make_parser().parse_args(command)
    assert training_config(given) == config
    assert (given.project, given.seeds, given.arms) == ("-p", 5, "llkd,trust")
    usual = make_parser().parse_args(commands.compare("p", config))
    assert (usual.arms, usual.seeds) == (None, 3)
    assert make_parser().parse_args(["compare", "p"]).seeds == 3


def test_export_probe_and_predict():
    command = commands.export(
        "p", "/o u t", formats=["csv", "hf"], run=3, teacher_threshold=0.5,
        student_threshold={"a": 0.25}, student=False, zip_student=True,
        columns=["teacher", "gold"], validation=0.25, seed=7,
    )  # fmt: skip
    given = make_parser().parse_args(command)
    assert (checked_groups(given.columns), given.validation, given.seed) == (
        ("teacher", "gold"), 0.25, 7,
    )  # fmt: skip
    usual = make_parser().parse_args(commands.export("p", "x", formats=["csv"]))
    assert (checked_groups(usual.columns), usual.validation) == (USUAL_GROUPS, 0.0)
    bare = make_parser().parse_args(commands.export("p", "x", formats=["csv"], columns=[]))
    assert checked_groups(bare.columns) == ()
    assert make_parser().parse_args(commands.rebuild("-m n")).manifest == "-m n"
    assert (given.out, given.format, given.run, given.no_student, given.zip_student) == (
        "/o u t", "csv,hf", 3, True, True,
    )  # fmt: skip
    assert threshold("teacher_threshold", given.teacher_threshold) == 0.5
    assert threshold("student_threshold", given.student_threshold) == {"a": 0.25}
    assert make_parser().parse_args(commands.probe("-p")).project == "-p"
    asked = make_parser().parse_args(commands.predict("p", 1, "--text=x"))
    assert (asked.text, asked.file) == ("--text=x", None)
    with_onnx = commands.export("p", "/o", formats=["csv"], run=3, onnx=True)
    assert make_parser().parse_args(with_onnx).onnx and not given.onnx


def test_predict_file():
    command = commands.predict_file(HOSTILE, 2, "-x.csv", out="--o.csv", text_column="--t")
    given = make_parser().parse_args(command)
    assert (given.project, given.file, given.run, given.out, given.text_column, given.text) == (
        HOSTILE, "-x.csv", 2, "--o.csv", "--t", None,
    )  # fmt: skip
    usual = make_parser().parse_args(commands.predict_file("p", 1, "f", out="o.csv"))
    assert usual.text_column is None


@pytest.mark.parametrize("wrong", [["1.5"], ["x"], ["a=2"], ["0.5", "0.6"], ["nan"]])
def test_wrong_thresholds_get_a_sentence(wrong):
    with pytest.raises(UserError, match="--teacher-threshold"):
        threshold("teacher_threshold", wrong)


def test_every_setting_has_words_and_every_command_an_example(capsys):
    for kind in (TeacherConfig, Spending, OrderConfig, TrainingConfig, SelectionConfig):
        own = {"selection", "strategy", "class_specific", "teacher_threshold", "student_threshold"}
        for name, field in kind.model_fields.items():
            assert field.description or name in own, f"{kind.__name__}.{name} has no description"
    choices = make_parser()._subparsers._group_actions[0].choices
    assert set(choices) == {
        "import", "projects", "label", "probe", "train", "compare", "demo", "select", "export", "rebuild",
        "evaluate", "predict", "runs", "jobs", "cancel", "resume", "bake-off", "cache",
        "doctor", "backup", "classes",
    }  # fmt: skip
    for name, parser in choices.items():
        text = parser.format_help()
        assert f"Example: llkd {name}" in text
        assert "--home DIR" in text
        assert "--json" in text
