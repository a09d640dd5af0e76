"""How many passes and which share a run has where nobody names them."""

import pytest

from llkd.config import AUTO_STRATEGY, TrainingConfig, build
from llkd.selection.registry import STRATEGIES
from llkd.selection.usual_settings import USUAL_EPOCHS, epochs_of, share_of, with_usual


def config_of(strategy, share=None, **values):
    selection = {"strategy": strategy, "share": share, "saved": "kept"}
    return build(TrainingConfig, selection=selection, **values)


@pytest.mark.parametrize(
    ("strategy", "share", "values", "epochs"),
    [
        ("all", None, {}, USUAL_EPOCHS),
        ("neighbours", None, {}, 1),
        ("neighbours", None, {"epochs": 4}, 4),
        ("neighbours", None, {"head_start": "random"}, USUAL_EPOCHS),
        ("neighbours", None, {"early_stopping": "auto"}, USUAL_EPOCHS),
        ("neighbours", 1.0, {}, 1),
        ("neighbours", 0.2, {}, USUAL_EPOCHS),
        ("llkd", None, {}, USUAL_EPOCHS),
        ("random", 0.2, {}, USUAL_EPOCHS),
        ("saved", None, {}, USUAL_EPOCHS),
    ],
)
def test_epochs_follow_from_strategy_share_and_head(strategy, share, values, epochs):
    assert epochs_of(config_of(strategy, share, **values)) == epochs


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_run_keeps_numbers_and_a_second_time_changes_nothing(strategy):
    run = with_usual(config_of(strategy, 0.3 if strategy == "random" else None))
    assert run.epochs is not None and with_usual(run) == run
    takes_a_share = "share" in STRATEGIES[strategy].takes
    assert (run.selection.share is not None) <= takes_a_share


def test_a_control_has_the_counts_of_its_reference_and_no_share_of_its_own():
    assert share_of(config_of("neighbours", reference_run=3)) is None
    assert share_of(config_of("neighbours")) == 1.0


def test_without_a_strategy_nothing_follows_yet():
    open_settings = config_of(AUTO_STRATEGY)
    assert with_usual(open_settings) == open_settings
