"""A saved student in programs that others wrote: each gives its own probabilities, or fails."""

import json
import os
import subprocess
import sys

import numpy as np
import onnxruntime
import pytest

from llkd import students
from llkd.students.onnx import FILES, write_onnx
from tests.support.tiny_architectures import make_model
from tests.support.tiny_student import make_tokenizer, toy_texts

CLASSES = ["sports", 'a "b"', "ü 日本"]
TEXTS = [*toy_texts(9)[0], "", "goal market " * 200, "goal 😀 stock", "stock"]
LONGEST = 16
KINDS = ["bert", "roberta", "distilbert", "llama", "modernbert", "deberta"]


@pytest.fixture(autouse=True)
def own_modules(tmp_path, monkeypatch):
    """transformers copies a model's code into a cache, which is here the test's own."""
    from transformers import dynamic_module_utils

    monkeypatch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.setattr(sys, "path", [*sys.path])


def make_student(kind, folder, tokenizer=None):
    make_model(kind, folder / "made", tokenizer or make_tokenizer())
    student = students.load_student(
        str(folder / "made"), CLASSES, 1, LONGEST, precision="fp32", device="cpu"
    )
    student.network["head"].weight.data *= 20
    student.save(folder / "saved")
    return student, str(folder / "saved")


def scores(found, names):
    return np.array(
        [[{e["label"]: e["score"] for e in row}[name] for name in names] for row in found]
    )


@pytest.mark.parametrize("kind", KINDS)
def test_the_pipeline_gives_the_very_probabilities_or_refuses(kind, tmp_path):
    from transformers import AutoModel, AutoModelForSequenceClassification, pipeline

    student, folder = make_student(kind, tmp_path)
    expected = student.probabilities(TEXTS)
    assert np.ptp(expected, axis=0).max() > 0.005
    for load in (
        lambda: pipeline("text-classification", folder),
        lambda: AutoModelForSequenceClassification.from_pretrained(folder),
        lambda: AutoModelForSequenceClassification.from_pretrained(folder, trust_remote_code=False),
    ):
        with pytest.raises((RuntimeError, ValueError)):
            load()
    classify = pipeline("text-classification", folder, trust_remote_code=True, top_k=None)
    for size in (1, 5):
        found = scores(classify(TEXTS, batch_size=size), CLASSES)
        assert found == pytest.approx(expected, abs=1e-5)
    best = pipeline("text-classification", folder, trust_remote_code=True)(TEXTS[0])
    assert best[0]["label"] == CLASSES[int(expected[0].argmax())]
    _, info = AutoModel.from_pretrained(folder, output_loading_info=True)
    assert not info["missing_keys"] and not info["mismatched_keys"]


def test_an_architecture_without_a_classifier_of_its_own_is_refused_without_permission(tmp_path):
    _, folder = make_student("mamba", tmp_path)
    code = (
        "from transformers import pipeline\n"
        f"try: pipeline('text-classification', {folder!r})\n"
        "except ValueError as error: print('trust_remote_code' in str(error))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input="", capture_output=True, text=True, timeout=120
    )
    assert done.stdout.strip().endswith("True"), done.stderr[-500:]


def test_the_report_of_a_refused_load_names_the_cure(tmp_path):
    _, folder = make_student("bert", tmp_path)
    code = (
        "from transformers import AutoModelForSequenceClassification as A\n"
        f"A.from_pretrained({folder!r})"
    )
    # As in a shell: our own programs ask transformers to be quiet.
    plain = {k: v for k, v in os.environ.items() if not k.startswith("TRANSFORMERS_")}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, env=plain
    )
    assert done.returncode == 1 and "trust_remote_code=True" in done.stderr


@pytest.mark.parametrize("side", ["left", "right"])
def test_long_texts_are_cut_as_in_training_whoever_cuts(side, tmp_path):
    """The pipeline lets no tokenizer cut, and some callers pad on the left."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = make_tokenizer()
    tokenizer.truncation_side = side
    student, folder = make_student("bert", tmp_path, tokenizer)
    texts = ["goal " * 40 + "bank price trade " * 40, "stock", "goal match"]
    expected = student.probabilities(texts)
    reader = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder, trust_remote_code=True)
    for padding in ("right", "left"):
        for cut in (False, True):
            reader.padding_side = padding
            inputs = reader(texts, padding=True, truncation=cut, return_tensors="pt", verbose=False)
            with torch.inference_mode():
                found = model.eval()(**inputs).logits.softmax(1).numpy()
            assert found == pytest.approx(expected, abs=1e-5), (padding, cut)


@pytest.mark.parametrize("kind", ["bert", "gpt2"])
def test_who_cuts_the_last_token_away_gets_the_same_answer(kind, tmp_path):
    """transformers.js cuts a row at the limit, the token behind the text with it."""
    import torch
    from transformers import AutoModelForSequenceClassification

    student, folder = make_student(kind, tmp_path)
    write_onnx(student, tmp_path)
    texts = ["goal " * 40, "stock " * (LONGEST - 2), "stock " * (LONGEST - 3)]
    rows = [student.tokenizer(text, verbose=False)["input_ids"][:LONGEST] for text in texts]
    ids = np.full((3, LONGEST), student.tokenizer.pad_token_id)
    mask = np.zeros((3, LONGEST), dtype=np.int64)
    for k, row in enumerate(rows):
        ids[k, : len(row)], mask[k, : len(row)] = row, 1
    expected = student.probabilities(texts)
    model = AutoModelForSequenceClassification.from_pretrained(folder, trust_remote_code=True)
    with torch.inference_mode():
        logits = model.eval()(torch.tensor(ids), torch.tensor(mask)).logits
    assert logits.softmax(1).numpy() == pytest.approx(expected, abs=1e-5)
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    given = {"input_ids": ids.astype(np.int64), "attention_mask": mask}
    found = torch.from_numpy(session.run(["logits"], given)[0]).softmax(1).numpy()
    assert found == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("kind", ["bert", "roberta", "gpt2"])
def test_the_limit_stands_in_the_tokenizers_own_files(kind, tmp_path):
    from tokenizers import Tokenizer
    from transformers import AutoTokenizer

    student, folder = make_student(kind, tmp_path)
    before = student.tokenizer.model_max_length
    assert AutoTokenizer.from_pretrained(folder).model_max_length == LONGEST < before
    alone = Tokenizer.from_file(f"{folder}/tokenizer.json")
    assert alone.truncation["max_length"] == LONGEST
    assert len(alone.encode("goal " * 300).ids) == LONGEST
    assert alone.padding is None


def test_sentence_transformers_reads_the_same_encoder_and_length(tmp_path):
    from sentence_transformers import SentenceTransformer

    student, folder = make_student("bert", tmp_path)
    model = SentenceTransformer(folder, device="cpu")
    assert model.max_seq_length == LONGEST
    texts = [text for text in TEXTS if text]
    assert np.asarray(model.encode(texts)) == pytest.approx(student.embed(texts), abs=1e-5)


def test_onnxruntime_gives_logits_for_texts_of_any_length(tmp_path):
    """As transformers.js and optimum read it: config.json, tokenizer, onnx/model.onnx, logits."""
    from transformers import AutoConfig, AutoTokenizer

    student, folder = make_student("bert", tmp_path)
    (tmp_path / "saved" / "onnx").mkdir()
    write_onnx(student, tmp_path / "saved" / "onnx")
    assert set(FILES.values()) == {"model.onnx", "model_quantized.onnx"}
    config = AutoConfig.from_pretrained(folder)
    assert config.model_type == "bert"
    assert [config.id2label[k] for k in range(3)] == CLASSES
    assert config.label2id == {name: k for k, name in enumerate(CLASSES)}
    reader = AutoTokenizer.from_pretrained(folder)
    session = onnxruntime.InferenceSession(f"{folder}/onnx/model.onnx")
    assert [output.name for output in session.get_outputs()] == ["logits"]
    assert {entry.name for entry in session.get_inputs()} == {"input_ids", "attention_mask"}
    for cut in (False, True):
        given = reader(TEXTS, padding=True, truncation=cut, return_tensors="np", verbose=False)
        fed = {name: given[name].astype(np.int64) for name in ("input_ids", "attention_mask")}
        logits = session.run(["logits"], fed)[0].astype(np.float64)
        powers = np.exp(logits - logits.max(1, keepdims=True))
        found = powers / powers.sum(1, keepdims=True)
        assert found == pytest.approx(student.probabilities(TEXTS), abs=1e-4), cut


def test_a_student_made_from_a_saved_one_has_its_own_classes(tmp_path):
    from transformers import pipeline

    _, folder = make_student("bert", tmp_path)
    again = students.load_student(folder, ["x", "y"], 3, LONGEST, precision="fp32", device="cpu")
    again.network["head"].weight.data *= 20
    again.save(tmp_path / "again")
    config = json.loads((tmp_path / "again" / "config.json").read_text())
    assert config["id2label"] == {"0": "x", "1": "y"}
    classify = pipeline(
        "text-classification", str(tmp_path / "again"), trust_remote_code=True, top_k=None
    )
    texts = ["goal match", "stock"]
    assert scores(classify(texts), ["x", "y"]) == pytest.approx(
        again.probabilities(texts), abs=1e-5
    )
    loaded = students.load_saved(tmp_path / "again", precision="fp32", device="cpu")
    assert np.array_equal(loaded.probabilities(texts), again.probabilities(texts))
