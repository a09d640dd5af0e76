"""Pickle is never opened and code of a model folder never run, for teachers and for students."""

import json
import pickle
import shutil
from pathlib import Path

import pytest

from llkd import students
from llkd.config import LabelSet, TeacherConfig
from llkd.errors import ModelError
from llkd.models.safe_loading import check_weights, no_pickle
from llkd.teachers import make_teacher
from tests.support.tiny_student import make_encoder
from tests.support.tiny_teacher import make_llama, make_tokenizer

CLASSES = ["a", "b"]


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """One good folder of each kind."""
    base = tmp_path_factory.mktemp("models")
    make_encoder(base / "student")
    make_llama().save_pretrained(base / "teacher")
    make_tokenizer().save_pretrained(base / "teacher")
    return base


@pytest.fixture(params=["student", "teacher"])
def kind(request):
    return request.param


@pytest.fixture
def folder(kept, kind, tmp_path):
    copy = tmp_path / "model"
    shutil.copytree(kept / kind, copy)
    return copy


class Bomb:
    """A pickle that leaves a file behind when it is opened."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


@pytest.fixture
def bomb(tmp_path):
    mark = tmp_path / "it ran"
    path = tmp_path / "bomb.bin"
    path.write_bytes(pickle.dumps(Bomb(mark)))
    yield path
    assert not mark.exists(), "a pickle was opened"


def load(kind, folder, home):
    if kind == "student":
        return students.load_student(str(folder), CLASSES, 0, device="cpu")
    return make_teacher(TeacherConfig(teacher=f"local:{folder}"), LabelSet.of(CLASSES), home)


def settings(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_the_bomb_is_one(tmp_path):
    mark = tmp_path / "mark"
    pickle.loads(pickle.dumps(Bomb(mark)))
    assert mark.exists()


def test_a_good_folder_is_loaded(kind, folder, home):
    assert load(kind, folder, home) is not None


@pytest.mark.parametrize(
    "name", ["pytorch_model.bin", "model.pt", "weights.PTH", "last.ckpt", "model.pkl"]
)
def test_only_pickle_is_refused_with_the_reason(kind, folder, home, bomb, name):
    (folder / "model.safetensors").unlink()
    shutil.copy(bomb, folder / name)
    with pytest.raises(ModelError, match="only as pickle .* can run any program when it is open"):
        load(kind, folder, home)


def test_another_safetensors_file_does_not_vouch_for_a_pickle(kind, folder, home, bomb):
    (folder / "model.safetensors").rename(folder / "something.safetensors")
    shutil.copy(bomb, folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match="only as pickle"):
        load(kind, folder, home)


@pytest.mark.parametrize("part", ["pytorch_model.bin", "../bomb.bin", "../model.safetensors", "x"])
def test_an_index_cannot_lead_elsewhere(kind, folder, home, bomb, part):
    (folder / "model.safetensors").unlink()
    shutil.copy(bomb, folder / "pytorch_model.bin")
    index = {"metadata": {}, "weight_map": {"embed": part}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ModelError, match="which is no safetensors file of that folder"):
        load(kind, folder, home)


@pytest.mark.parametrize("name", ["adapter_model.bin", "pytorch_model.bin", "../bomb.bin"])
def test_the_settings_cannot_name_other_weights(kind, folder, home, bomb, name):
    shutil.copy(bomb, folder / Path(name).name)
    settings(folder / "config.json", transformers_weights=name)
    with pytest.raises(ModelError, match="names a weights file of its own"):
        load(kind, folder, home)


def test_an_adapter_is_no_model(kind, folder, home, bomb):
    shutil.copy(bomb, folder / "adapter_model.bin")
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "owner/name"}')
    with pytest.raises(ModelError, match="holds an adapter .*Merge it into its model"):
        load(kind, folder, home)


def test_a_link_to_a_pickle_is_read_as_safetensors_and_refused(kind, folder, home, bomb):
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").symlink_to(bomb)
    with pytest.raises(ModelError, match="cannot be loaded|could not be loaded"):
        load(kind, folder, home)


@pytest.mark.parametrize("place", ["config.json", "tokenizer_config.json", "both"])
def test_code_in_the_folder_is_never_run(kind, folder, home, tmp_path, place):
    mark = tmp_path / "it ran"
    (folder / "evil.py").write_text(f"open({str(mark)!r}, 'w').close()")
    auto = {"AutoConfig": "evil.C", "AutoModel": "evil.M", "AutoModelForCausalLM": "evil.M"}
    unknown = place != "tokenizer_config.json"
    if unknown:
        settings(folder / "config.json", auto_map=auto, model_type="evil")
    if place != "config.json":
        settings(
            folder / "tokenizer_config.json",
            auto_map={"AutoTokenizer": ["evil.T", "evil.T"]},
            tokenizer_class="EvilTokenizer",
        )
    try:
        load(kind, folder, home)
    except ModelError as error:
        assert "\n" not in str(error)
    else:
        assert not unknown, "a model of an unknown kind was loaded"
    assert not mark.exists()


@pytest.mark.parametrize("body", ["", "[]", "null", "{", "[" * 100_000])
def test_settings_that_are_none_are_said_in_a_sentence(folder, home, kind, body):
    (folder / "config.json").write_text(body)
    with pytest.raises(ModelError, match="cannot be read as JSON|does not hold the settings"):
        load(kind, folder, home)


def test_while_a_model_is_loaded_torch_opens_no_pickle(bomb):
    import torch

    before = torch.load
    with pytest.raises(ModelError, match="holds weights as pickle"), no_pickle():
        torch.load(bomb)
    assert torch.load is before


def test_both_loaders_load_with_pickle_shut(kind, folder, home, monkeypatch):
    """A model on the hub is not a folder that can be looked at before."""
    import torch
    from transformers import AutoModel, AutoModelForCausalLM

    seen = []

    def spied(real):
        def from_pretrained(*args, **options):
            assert options["use_safetensors"] is True
            assert options["trust_remote_code"] is False
            with pytest.raises(ModelError, match="as pickle"):
                torch.load("anything")
            seen.append(1)
            return real(*args, **options)

        return from_pretrained

    for one in (AutoModel, AutoModelForCausalLM):
        monkeypatch.setattr(one, "from_pretrained", spied(one.from_pretrained))
    load(kind, folder, home)
    assert seen == [1]


def test_folders_without_weights_are_refused(tmp_path):
    with pytest.raises(ModelError, match=r"there is no config\.json"):
        check_weights(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match=r"there is no model\.safetensors"):
        check_weights(tmp_path)
    index = tmp_path / "model.safetensors.index.json"
    index.write_text("{}")
    with pytest.raises(ModelError, match="lists no weights"):
        check_weights(tmp_path)
    index.write_text('{"weight_map": {"a": "model-00001-of-00001.safetensors"}}')
    check_weights(tmp_path)
