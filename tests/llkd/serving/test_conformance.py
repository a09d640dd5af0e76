"""The System One conformance suite of the package index (jevcompat) against our server, in full."""

import sys

import pytest
from jevcompat import runner, spec

from tests.support.serving_process import serving
from tests.support.tiny_teacher import TEMPLATE, make_llama, make_tokenizer

KEY = "k" * 24


@pytest.fixture
def model(tmp_path):
    """A folder with a random language model that reads long prompts."""
    make_llama(max_position_embeddings=65_536).save_pretrained(tmp_path / "tiny")
    make_tokenizer(TEMPLATE).save_pretrained(tmp_path / "tiny")
    return tmp_path / "tiny"


def failures(report):
    return {
        result.id: [f"{each.case}: {each.message}"[:300] for each in result.findings]
        for result in report.results
        if result.status == "fail"
    }


def test_a_language_model_that_is_served_meets_every_requirement(model):
    words = ["-m", "llkd", "serve", "--decisions-from", "teacher", "--teacher", f"local:{model}"]
    command, environment = [sys.executable, *words], {"LLKD_SERVE_KEY": KEY}
    with serving(None, command=command, environment=environment, seconds=240) as served:
        report = runner.run(served.url, key=KEY, timeout=240)
    assert failures(report) == {}
    assert report.aborted is None and not report.inconclusive and not report.case_errors
    assert report.verdict == "conformant"
    # Where a key is asked for, that a key is ignored cannot be tried; any model's name is taken,
    # so there is no refusal of one.
    skipped = {result.id for result in report.results if result.status == "skip"}
    assert skipped == {"auth.ignored-when-off", "errors.shape"}
    assert report.info["limits"] == {
        "choice options accepted up to": spec.MAX_CHOICE_OPTIONS,
        "score levels accepted up to": spec.MAX_SCORE_LEVELS,
    }
