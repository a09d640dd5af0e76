"""One registry of strategies: what it holds is right, and a new one is found everywhere."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from llkd.cli import main
from llkd.cli.arguments import training_config
from llkd.cli.parser import make_parser
from llkd.config import (
    AUTO_STRATEGY,
    SelectionConfig,
    TrainingConfig,
    build,
    stored_training_config,
)
from llkd.errors import ConfigError, UserError
from llkd.evaluation.comparison.arms import CONTROLS, arm_colour, arm_label, arms
from llkd.jobs.requests import TrainRequest
from llkd.selection.registry import (
    RETIRED,
    STRATEGIES,
    check_strategy,
    label_of,
    make_strategy,
    weights_of,
)
from llkd.workflows.comparison import check_arms
from tests.support.toy_strategy import TOY

ROOT = Path(__file__).resolve().parents[3]
METHOD_DOC = ROOT / "docs" / "method.md"


def undocumented(text):
    """The registered strategies that docs/method.md does not name."""
    return [name for name in STRATEGIES if f"`{name}`" not in text]


@pytest.fixture
def toy(monkeypatch):
    """The toy strategy under the one line that registers it."""
    monkeypatch.setitem(STRATEGIES, "every_other", TOY)


def test_every_strategy_is_documented():
    assert undocumented(METHOD_DOC.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("spec", [*STRATEGIES.values(), *RETIRED.values()], ids=lambda s: s.name)
def test_a_spec_says_what_people_read(spec):
    assert {**STRATEGIES, **RETIRED}[spec.name] is spec
    assert spec.label and spec.summary.endswith((".", "."))
    assert re.fullmatch("#[0-9A-F]{6}", spec.colour)
    assert spec.arm != "" and spec.skip_reason
    assert "1,234" in spec.nothing_reason.format(name=spec.name, texts=1234)


def test_what_a_spec_says_it_needs_is_what_its_strategy_asks_for():
    for name, spec in STRATEGIES.items():
        made = make_strategy(SelectionConfig(strategy=name, share=0.3), ["a", "b"])
        if name != "fixed":  # passes over a label without a confidence above a threshold of 0
            assert made.needs_confidence == ("confidence" in spec.needs), name
        assert made.needs_student == ("student" in spec.needs), name
        assert (spec.default_share is not None) <= ("share" in spec.takes)


def test_names_and_colours_are_told_apart():
    specs = [*STRATEGIES.values(), *RETIRED.values()]
    assert len({spec.label for spec in specs}) == len(specs)
    assert [label_of(name) for name in ("neighbours", "needed_neighbours", "saved")] == [
        "Neighbour agreement", "Neighbour agreement + uncertainty", "My selection",
    ]  # fmt: skip
    assert label_of("teacher_then_random") == "Random among confident"
    assert label_of("of somebody else") == arm_label("of somebody else") == "of somebody else"


class TestDefault:
    """One word, wherever nobody names a strategy."""

    def test_it_is_the_same_everywhere(self, capsys):
        assert (
            AUTO_STRATEGY not in STRATEGIES and label_of(AUTO_STRATEGY) == "the proposed strategy"
        )
        assert SelectionConfig().strategy == AUTO_STRATEGY
        assert TrainingConfig().selection.strategy == AUTO_STRATEGY
        typed = training_config(make_parser().parse_args(["train", "p"]))
        assert typed.selection.strategy == AUTO_STRATEGY
        assert typed == TrainingConfig()
        with pytest.raises(SystemExit):
            main(["train", "--help"])
        assert f"[{AUTO_STRATEGY}]" in " ".join(capsys.readouterr().out.split())
        assert f"`{AUTO_STRATEGY}` stands for" in METHOD_DOC.read_text(encoding="utf-8")

    @pytest.mark.parametrize("own", [{"selection": {"share": 0.3}}, {"reference_run": 1}])
    def test_it_takes_no_setting_of_one_strategy(self, own):
        with pytest.raises(ConfigError, match="belongs to a strategy: name one of random"):
            check_strategy(build(TrainingConfig, own))
        check_strategy(TrainingConfig())

    def test_stored_settings_read_as_before(self):
        """Those of before 0.4 that name no strategy meant llkd; others mean what they say."""
        whole = TrainingConfig(seed=3).model_dump(mode="json")
        assert stored_training_config(whole) == TrainingConfig(seed=3)
        del whole["selection"]["strategy"]
        assert stored_training_config(whole).selection.strategy == "llkd"
        assert stored_training_config({"seed": 3}).selection.strategy == "llkd"

    def test_a_head_that_no_stored_setting_names_began_at_random(self):
        whole = TrainingConfig().model_dump(mode="json")
        assert whole["head_start"] == "probe"
        assert stored_training_config(whole).head_start == "probe"
        del whole["head_start"]
        assert stored_training_config(whole).head_start == "random"


class TestWhatAStrategyLacks:
    @pytest.mark.parametrize(
        ("selection", "message"),
        [
            ({"strategy": "magic"}, "There is no strategy 'magic'. The strategies are llkd, fixed"),
            ({"strategy": "random"}, "'random' needs a share"),
            ({"strategy": "teacher_then_random"}, "needs a share"),
            ({"strategy": "saved"}, "needs the name of a selection"),
            ({"strategy": "trust"}, "can no longer train; its runs can still be looked at"),
            ({"strategy": "small_loss"}, "Choose one of llkd, fixed"),
        ],
    )
    def test_it_is_said_in_a_sentence(self, selection, message):
        with pytest.raises(ConfigError, match=message) as caught:
            check_strategy(build(TrainingConfig, selection=selection))
        assert "\n" not in str(caught.value)

    def test_what_is_enough(self):
        check_strategy(build(TrainingConfig, selection={"strategy": "random", "share": 0.1}))
        check_strategy(build(TrainingConfig, selection={"strategy": "random"}, reference_run=1))
        check_strategy(build(TrainingConfig, selection={"strategy": "learnability"}))

    @pytest.mark.parametrize("name", ["magic", "small_loss", "trust"])
    def test_no_batch_is_decided_by_it(self, name):
        with pytest.raises(ConfigError):
            make_strategy(SelectionConfig(strategy=name), ["a", "b"])

    def test_a_command_of_before_is_answered(self):
        given = ["train", "p", "--strategy=trust", "--trust-score=right", "--trust-power=2"]
        with pytest.raises(ConfigError, match="The strategy 'trust' failed in our experiments"):
            training_config(make_parser().parse_args(given))


def test_retired_settings_are_read_and_kept():
    stored = {
        **TrainingConfig().model_dump(mode="json"),
        "selection": {
            **SelectionConfig().model_dump(mode="json"),
            "strategy": "trust", "trust_score": "need", "trust_power": 2.0,
            "trust_evidence": "both", "trust_weight": "right",
        },
    }  # fmt: skip
    config = stored_training_config(json.loads(json.dumps(stored)))
    assert config.model_dump(mode="json") == stored
    assert weights_of(config.selection) == "P(right)"
    assert weights_of(SelectionConfig(strategy="trust")) == "1"
    assert weights_of(SelectionConfig(strategy="trust", weighting="softmatch")) == "softmatch"


class TestAStrategyThatSomebodyAdds:
    """One file (``tests.support.toy_strategy.py``) and one line in the registry."""

    def test_the_command_line_names_it(self, toy, capsys):
        with pytest.raises(SystemExit):
            main(["train", "--help"])
        assert "every_other" in capsys.readouterr().out
        with pytest.raises(SystemExit):
            main(["compare", "--help"])
        assert "every_other" in capsys.readouterr().out
        config = training_config(make_parser().parse_args(["train", "p", "--strategy=every_other"]))
        again = TrainRequest(project="p", training=config).command()
        assert training_config(make_parser().parse_args(again)) == config

    def test_what_it_takes_is_checked(self, toy):
        parser = make_parser()
        with pytest.raises(UserError, match="Shares belong to the strategies random"):
            training_config(
                parser.parse_args(["train", "p", "--strategy=every_other", "--share=1"])
            )
        with pytest.raises(ConfigError, match="neighbours, needed_neighbours, saved, every_other"):
            check_strategy(build(TrainingConfig, selection={"strategy": "magic"}))
        counted = ["train", "p", "--strategy=every_other", "--reference-run=2"]
        assert training_config(parser.parse_args(counted)).reference_run == 2

    def test_it_has_its_colour_its_label_and_its_arm(self, toy):
        assert arm_colour("every_other") == "#123456"
        assert arm_label("every_other") == "Every other text"
        assert arms()["every_other"].description == "one text in two"
        assert "every_other" in check_arms(["every"])
        assert check_arms(["all", "every_other"]) == ("all", "every_other")

    def test_the_docs_check_asks_for_it(self, toy):
        assert undocumented(METHOD_DOC.read_text(encoding="utf-8")) == ["every_other"]

    def test_without_an_arm_it_is_no_part_of_a_comparison(self, monkeypatch):
        monkeypatch.setitem(STRATEGIES, "every_other", replace(TOY, arm=None))
        assert "every_other" not in arms()
        with pytest.raises(UserError, match="no arm 'every_other'"):
            check_arms(["every_other"])


UNMISTAKABLE = {
    "teacher_then_random", "teacher_only", "student_only", "learnability", "needed_neighbours",
    "small_loss",
}  # fmt: skip
COMPARED = re.compile(r"strategy\b[^=!\n]{0,20}(?:==|!=|\bin\b)\s*[({\[]?\s*[\"']")


def test_no_name_of_a_strategy_decides_anything_outside_the_registry():
    """Tables and branches by a strategy's name drift apart; the registry holds them all."""
    faults, quoted = [], re.compile(f"[\"'](?:{'|'.join(sorted(UNMISTAKABLE))})[\"']")
    for folder in ("llkd", "ui", "pages"):
        for path in (ROOT / folder).rglob("*.py"):
            if path.is_relative_to(ROOT / "llkd" / "selection"):
                continue
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                if quoted.search(line) or COMPARED.search(line):
                    faults.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
    assert faults == []
    assert {*UNMISTAKABLE} <= {*STRATEGIES, *RETIRED}
    assert set(CONTROLS) == {"random", "teacher_then_random"}
