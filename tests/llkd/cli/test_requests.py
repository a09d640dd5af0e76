"""What page, command line and API ask for is one request; its command is what a person types."""

import pytest

from llkd.cli.arguments import threshold, variants
from llkd.cli.old_commands import request_of_command
from llkd.cli.parser import make_parser
from llkd.config import (
    RETIRED_SETTINGS,
    OrderConfig,
    SelectionConfig,
    Spending,
    TeacherConfig,
    TrainingConfig,
    build,
)
from llkd.config.selection_rule import SavedRule, ThresholdRule, TrainedOnRule
from llkd.errors import ConfigError, UserError
from llkd.evaluation.comparison.arms import USUAL_ARMS
from llkd.jobs.registry import job_kind
from llkd.jobs.requests import (
    AUTO_ARMS,
    CompareRequest,
    DemoRequest,
    DryRunRequest,
    DuplicateRequest,
    ExportRequest,
    LabelRequest,
    MapRequest,
    NearDuplicatesRequest,
    PackRequest,
    PredictFileRequest,
    PredictRequest,
    ProbeRequest,
    PromptComparisonRequest,
    PushRequest,
    RebuildRequest,
    TrackRequest,
    TrainRequest,
    UnpackRequest,
)
from llkd.jobs.stored_requests import read_request
from llkd.selection.usual_settings import with_usual
from llkd.store import Store

HOSTILE = "--help $(rm) 'x' \"y\" \n"
SERVER = build(TeacherConfig, teacher="api:m", base_url="http://127.0.0.1:1/v1")
PRICED = Spending(price_in=0.15, price_out=0.6, budget=2.5, calls=900)
TRAININGS = [
    {},
    {"seed": 4, "epochs": 9, "learning_rate": 2e-5, "student": "/a b", "precision": "bf16"},
    {"selection": {"strategy": "random", "share": 0.2}},
    {"selection": {"strategy": "teacher_then_random"}, "reference_run": 3},
    {"selection": {"strategy": "fixed", "teacher_threshold": 0.25, "student_threshold": 0.125}},
    {"selection": {"momentum": 0.5, "class_specific": False, "target_rate": 0.3,
                   "weighting": "none", "teacher_scale": 0.5, "student_scale": 1.5}},
    {"selection": {"strategy": "neighbours", "share": 0.1, "warmup_steps": 50},
     "early_stopping": "auto", "patience": 4, "gather": True, "compile": True},
    {"selection": {"strategy": "saved", "saved": "--my 'cut'"}, "judged_by": "people"},
]  # fmt: skip
REQUESTS = [
    NearDuplicatesRequest(project=HOSTILE),
    MapRequest(project=HOSTILE),
    MapRequest(project="p", student="/a b", seed=7, again=True),
    LabelRequest(project=HOSTILE),
    build(LabelRequest, project=HOSTILE, calibration="none", limit=7, probe=False,
          teacher=TeacherConfig(teacher="local:/m o d", verbaliser_score="mean", lead="-- so")),
    build(LabelRequest, project="p", teacher=SERVER, spending=PRICED, ask_again=True,
          order=OrderConfig(order="need", rounds=4, explore=0.1)),
    DryRunRequest(project=HOSTILE, teacher=TeacherConfig(instruction="-- Say which.\nNow.")),
    build(DryRunRequest, project="p", teacher=SERVER, rows=[0, 12], limit=30, spending=PRICED),
    PromptComparisonRequest(project=HOSTILE),
    build(PromptComparisonRequest, project="p", teacher=SERVER, rows=50, spending=Spending(calls=9),
          variants={"examples": ["none", "balanced"], "teacher": ["api:m", "local:/a,b", 'api:"q"'],
                    "instruction": ['First, think. "Then"\nanswer', "=,", "--x"]}),
    ProbeRequest(project="-p"),
    ProbeRequest(project="p", refine=True),
    ProbeRequest(project="p", refine=False),
    ProbeRequest(project="p", student="/a b"),
    *[build(TrainRequest, project=HOSTILE, training=training) for training in TRAININGS],
    build(TrainRequest, project="p", calibration="batch"),
    build(CompareRequest, project="-p", seeds=5, arms=["llkd", "all"]),
    build(CompareRequest, project="p", seeds=1, training={
        "judged_by": "teacher", "targets": "soft", "hard_share": 0.5,
        "selection": {"saved": "-cut, two", "half_life": 8.0, "class_specific": False}}),
    DemoRequest(training=TrainingConfig(epochs=2, seed=7)),
    ExportRequest(project=HOSTILE, out="/o u t"),
    build(ExportRequest, project="p", out="--o", formats=["csv", "hf"],
          rule=ThresholdRule(run=3, teacher_threshold=0.5, calibration="none"), student=False, zip_student=True, columns=["teacher", "gold"], validation=0.25, seed=7),
    build(ExportRequest, project="p", out="o", rule=SavedRule(name="a, b"), columns=[], onnx=True),
    ExportRequest(project="p", out="o", rule=TrainedOnRule(run=3)),
    ExportRequest(project="p", out="o", rule=ThresholdRule(run=3)),
    TrackRequest(project=HOSTILE, run=3),
    build(TrackRequest, project="p", run=1, tracker="mlflow:http://h:5000/x", student=True),
    build(TrainRequest, project="p", track="mlflow", track_student=True),
    build(CompareRequest, project="p", seeds=1, track="mlflow:https://h"),
    PushRequest(project=HOSTILE, dataset="a/b"),
    build(PushRequest, project="p", model="a/b", public=True, dry_run=True, folder="/--f o",
          rule=TrainedOnRule(run=3), onnx=True, columns=[], validation=0.25, seed=7),
    RebuildRequest(manifest="-m n"),
    RebuildRequest(manifest="m", out="--again"),
    PredictRequest(project=HOSTILE, run=1, text="--text=x\n"),
    PredictFileRequest(project=HOSTILE, run=2, file="-x.csv", out="--o.csv", text_column="--t"),
    PredictFileRequest(project="p", run=1, file="f"),
    PackRequest(project=HOSTILE, out="--o.llkd"),
    PackRequest(project="p", out="o", embeddings=False),
    DuplicateRequest(project="--home", name="--job=1"),
    UnpackRequest(file="-x.llkd"),
    UnpackRequest(file="x", name=HOSTILE),
]  # fmt: skip


@pytest.fixture
def store(home):
    opened = Store()
    yield opened
    opened.close()


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda r: f"{r.kind}-{len(r.command())}")
def test_the_command_of_a_request_asks_for_it_and_its_document_is_it(store, request_):
    assert request_of_command(store, request_.command()) == request_
    assert read_request(request_.model_dump(mode="json")) == request_
    with pytest.raises(ConfigError, match="Unknown setting 'nonsense'"):
        read_request({**request_.model_dump(mode="json"), "nonsense": 1})


def config_of(strategy):
    return build(TrainingConfig, selection={"strategy": strategy})


def test_a_command_spells_out_what_is_not_as_usual_and_no_more():
    assert LabelRequest(project="city").command() == ["label", "--", "city"]
    assert TrainRequest(project="city").command() == [
        "train", "--strategy=auto", "--", "city",
    ]  # fmt: skip
    compare = build(CompareRequest, project="city", seeds=3, arms=["llkd", "all"])
    assert compare.command() == ["compare", "--seeds=3", "--arms=llkd,all", "--", "city"]
    assert PredictFileRequest(project="city", run=2, file="a.csv").command() == [
        "predict", "--run=2", "--", "city", "a.csv",
    ]  # fmt: skip


def test_settings_that_are_not_looked_at_make_no_other_request():
    unused = build(
        TrainingConfig,
        selection={"strategy": "llkd", "share": 0.3, "saved": "x", "teacher_threshold": 0.4},
        reference_run=3,
    )
    plain = build(TrainRequest, project="p", training={"selection": {"strategy": "llkd"}})
    assert TrainRequest(project="p", training=unused) == plain
    one_run = build(
        TrainingConfig,
        selection={"strategy": "fixed", "teacher_threshold": 0.4},
        early_stopping="auto",
        patience=9,
    )
    assert CompareRequest(project="p", seeds=1, training=one_run) == CompareRequest(
        project="p", seeds=1
    )


@pytest.mark.parametrize(
    ("request_", "device"),
    [
        (LabelRequest(project="p"), "auto"),
        (LabelRequest(project="p", teacher=SERVER), None),
        (DryRunRequest(project="p", teacher=SERVER), None),
        (build(LabelRequest, project="p", teacher={"teacher": "file:/x"}), None),
        (PromptComparisonRequest(project="p", teacher=SERVER), None),
        (
            build(
                PromptComparisonRequest,
                project="p",
                teacher=SERVER,
                variants={"teacher": ["api:m", "local:/x"]},
            ),
            "auto",
        ),
        (TrainRequest(project="p"), "auto"),
        (ExportRequest(project="p", out="o"), None),
        (PredictRequest(project="p", run=1, text="x"), None),
    ],
)
def test_only_what_runs_a_model_here_waits_for_the_device(request_, device):
    assert request_.device == device


def test_the_arms_and_seeds_of_a_comparison_have_their_usual_values(store):
    request = request_of_command(store, ["compare", "p"])
    assert (request.arms, request.seeds) == (AUTO_ARMS, 3)
    assert build(CompareRequest, project="p", seeds=3) == request
    assert request.command() == ["compare", "--seeds=3", "--", "p"]


def test_stored_requests_of_before_the_advice_mean_what_they_meant():
    named = TrainRequest(project="p", training=config_of("neighbours")).model_dump(mode="json")
    assert read_request(named).training.selection.strategy == "neighbours"
    compare = CompareRequest(project="p", seeds=1).model_dump(mode="json")
    compare["arms"] = None
    compare["training"]["selection"]["strategy"] = "neighbours"
    assert read_request(compare).arms == ("llkd", "all", "random", "teacher_then_random")
    assert read_request(compare).arms == USUAL_ARMS


def test_a_request_of_before_0_9_means_what_it_meant():
    """It says nothing of the head; without a share neighbours took a fifth, in three passes."""
    stored = {
        "kind": "train",
        "project": "p",
        "training": {"selection": {"strategy": "neighbours"}},
    }
    run = with_usual(read_request(stored).training)
    assert (run.head_start, run.epochs, run.selection.share) == ("random", 3, 0.2)
    now = TrainRequest(project="p", training=config_of("neighbours")).model_dump(mode="json")
    run = with_usual(read_request(now).training)
    assert (run.head_start, run.epochs, run.selection.share) == ("probe", 1, 1.0)


@pytest.mark.parametrize("wrong", ["examples", "colour=red", "samples=0", 'examples="none', "=x"])
def test_wrong_tries_get_a_sentence(wrong):
    arguments = make_parser().parse_args(["bake-off", "p", f"--try={wrong}"])
    with pytest.raises(UserError) as error:
        variants(arguments, TeacherConfig())
    assert str(error.value).endswith(".")


@pytest.mark.parametrize("wrong", ["", "a", "1,-2", "1.5"])
def test_wrong_rows_get_a_sentence(wrong):
    with pytest.raises(UserError, match="row numbers such as 0,5,12 are needed"):
        make_parser().parse_args(["label", "p", "--dry-run", f"--rows={wrong}"])


@pytest.mark.parametrize("wrong", [["1.5"], ["x"], ["a=2"], ["0.5", "0.6"], ["nan"]])
def test_wrong_thresholds_get_a_sentence(wrong):
    with pytest.raises(UserError, match="--teacher-threshold"):
        threshold("teacher_threshold", wrong)


def test_thresholds_of_classes_are_numbers_by_name():
    assert threshold("student_threshold", ["a=b=0.25", "c=1"]) == {"a=b": 0.25, "c": 1.0}


def test_every_setting_has_words_and_every_command_an_example():
    for kind in (TeacherConfig, Spending, OrderConfig, TrainingConfig, SelectionConfig):
        own = {"selection", "strategy", "class_specific", "teacher_threshold", "student_threshold"}
        own |= RETIRED_SETTINGS
        for name, field in kind.model_fields.items():
            assert field.description or name in own, f"{kind.__name__}.{name} has no description"
    choices = make_parser()._subparsers._group_actions[0].choices
    assert set(choices) == {
        "app", "import", "projects", "label", "probe", "train", "compare", "demo", "select",
        "export", "rebuild", "evaluate", "predict", "runs", "jobs", "cancel", "resume", "bake-off",
        "cache", "doctor", "backup", "classes", "refine", "audit", "certify", "key", "inbox", "serve",
        "rename", "archive", "duplicate", "pack", "unpack", "add", "push", "annotations", "track",
        "map", "suggest", "near-duplicates",
        "people", "texts", "views", "note", "history", "restore",
    }  # fmt: skip
    for name, parser in choices.items():
        text = parser.format_help()
        assert f"Example: llkd {name}" in text
        assert "--home DIR" in text
        assert "--json" in text or name == "app"


@pytest.mark.parametrize("kind", ["train", "compare", "demo"])
def test_a_stored_request_that_names_no_head_means_the_random_one(kind):
    document = {"kind": kind, "project": "p", "seeds": 1}
    document = {name: document[name] for name in job_kind(kind).request.model_fields
                if name in document}  # fmt: skip
    training = TrainingConfig().model_dump(mode="json")
    assert read_request({**document, "training": training}).training.head_start == "probe"
    del training["head_start"]
    assert read_request({**document, "training": training}).training.head_start == "random"
