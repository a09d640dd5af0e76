"""The core without any extra, and the sentence where one is missing."""

import json
import re
import subprocess
import sys
from importlib.metadata import packages_distributions

import pytest
from packaging.utils import canonicalize_name

from llkd import installation
from llkd.errors import UserError
from tests.support.installed_wheel import environment, names, needed
from tests.support.tiny_student import make_encoder


def test_the_modules_of_an_extra_are_those_its_packages_bring(wheel):
    homes = packages_distributions()
    for extra, modules in installation.EXTRAS.items():
        brought = {canonicalize_name(homes[module][0]) for module in modules}
        assert brought == names(needed(wheel)[extra])


WITHOUT_EXTRAS = """
import json
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {modules!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
import importlib.util
real = importlib.util.find_spec
def find_spec(name, package=None):
    return None if name.partition(".")[0] in {modules!r} else real(name, package)
importlib.util.find_spec = find_spec
from llkd import installation
installation.find_spec = find_spec
from llkd.cli import main
for words in json.loads(sys.argv[1]):
    print(">", main(words), flush=True)
"""


@pytest.fixture
def bare(site, elsewhere):
    """``llkd`` of the wheel, in another folder, where none of the extras is installed."""
    # huggingface_hub brings httpx2 to everybody.
    modules = {m for extra in installation.EXTRAS.values() for m in extra} - {"httpx2"}
    code = WITHOUT_EXTRAS.format(modules=modules)

    def run(*commands):
        """Exit codes and standard error of several commands, in one process."""
        done = subprocess.run(
            [sys.executable, "-P", "-c", code, json.dumps(commands)],
            cwd=elsewhere, env=environment(site), capture_output=True, text=True, check=False,
        )  # fmt: skip
        return re.findall(r"^> (\d+)$", done.stdout, re.MULTILINE), done.stderr

    return run


def test_the_core_works_without_extras(bare, tmp_path):
    (tmp_path / "texts.csv").write_text(
        "text\n" + "\n".join(f"goal match {word}\nstock bank {word}" for word in "abcdefghij"),
    )
    (tmp_path / "labels.csv").write_text(
        "text,label\n"
        + "\n".join(f"goal match {w},sports\nstock bank {w},money" for w in "abcdefghij")
    )
    encoder, labels = make_encoder(tmp_path / "encoder"), tmp_path / "labels.csv"
    out, more = str(tmp_path / "out"), tmp_path / "more"
    codes, told = bare(
        ("import", str(tmp_path / "texts.csv"), "--project", "toy", "--labels", "sports,money"),
        ("label", "toy", "--teacher", f"file:{labels}", "--no-probe"),
        ("train", "toy", "--strategy", "all", "--student", encoder, "--epochs", "1"),
        ("export", "toy", "--out", out, "--run", "1"),
        ("export", "toy", "--out", str(more), "--run", "1", "--onnx"),
        ("label", "toy", "--teacher", "api:m", "--base-url", "http://127.0.0.1:9/v1"),
        ("app",),
    )
    assert codes == ["0", "0", "0", "0", "2", "2", "2"], told
    assert (tmp_path / "out" / "manifest.json").is_file() and not more.exists()
    sentences = [line for line in told.splitlines() if "not installed" in line]
    assert [re.split(", which (?:is|are) not installed", line)[0] for line in sentences] == [
        "llkd: A student as ONNX needs onnx, onnxruntime, onnxscript",
        "llkd: A teacher behind a server needs openai",
        "llkd: The web app needs streamlit, starlette, itsdangerous, authlib, plotly",
    ]


@pytest.mark.parametrize(
    ("known", "command"),
    [(True, 'pip install "llkd-studio[onnx]"'), (False, "pip install -r requirements.txt")],
)
def test_a_missing_extra_names_the_command(monkeypatch, known, command):
    def version(name):
        if not known:
            raise installation.PackageNotFoundError(name)

    monkeypatch.setattr(installation, "version", version)
    monkeypatch.setattr(installation, "find_spec", lambda name: None)
    with pytest.raises(UserError) as caught:
        installation.require("onnx", "A student as ONNX")
    assert str(caught.value).endswith(f"not installed for this Python. Install it with: {command}")


def test_what_is_there_is_not_asked_for():
    for extra in installation.EXTRAS:
        installation.require(extra, "This")


def test_the_sample_is_found_from_any_folder(site, elsewhere):
    code = "import llkd; print(llkd.__file__, len(llkd.load_sample()))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=elsewhere, env=environment(site), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == [str(site / "llkd" / "__init__.py"), "1040"]
