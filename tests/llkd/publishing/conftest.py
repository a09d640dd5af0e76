"""A hub of our own for huggingface_hub's own client, and an export with a student."""

import os

import pytest

from tests.support.hub_server import TOKEN, hub_server
from tests.support.toy_library import QUICK, Toy


@pytest.fixture
def hub(monkeypatch):
    from huggingface_hub import constants

    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", os.devnull)
    with hub_server() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield server


@pytest.fixture(scope="module")
def exported(tmp_path_factory, encoder):
    """An export of a toy project with its student: the folder, the student and the kept texts."""
    import llkd

    folder = tmp_path_factory.mktemp("exported")
    toy = Toy()
    texts = llkd.read_texts(
        toy.texts, gold=toy.names, labels=["sports", "money"], home=folder / "home",
        project="toy", progress=False,
    )  # fmt: skip
    labels = llkd.label(texts, teacher=toy.teacher, progress=False)
    student = llkd.train(
        labels.keep(confidence=0.5), strategy="all", student=encoder, progress=False, **QUICK
    )
    made = llkd.export(
        labels.keep(confidence=0.5), folder / "curated", formats=["hf", "hf-zip", "csv"],
        validation=0.25, student=student, progress=False,
    )  # fmt: skip
    return made, student
