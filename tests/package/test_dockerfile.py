"""The Dockerfile, where no engine runs: what it copies is there, and its commands are understood."""

import fnmatch
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from llkd.cli.parser import make_parser
from llkd.serving.limits import KEY_VARIABLE, SHORTEST_KEY
from tests.support.serving_process import serving
from tests.support.tiny_onnx_student import make_onnx_student

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "Dockerfile").read_text("utf-8")
DOCS = (ROOT / "docs" / "server.md").read_text("utf-8").partition("## In a container")[2]


def instructions():
    """(target, instruction, rest) of each, with continued lines joined."""
    joined = re.sub(r"\\\n\s*", " ", re.sub(r"(?m)^#.*\n", "", TEXT))
    target = ""
    for line in filter(None, joined.splitlines()):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            target = rest.rpartition(" AS ")[2]
        yield target, word, rest.strip()


def of(word, target=None):
    return [
        rest for where, name, rest in instructions() if name == word and target in (None, where)
    ]


def copied():
    """The paths of the build folder that any stage copies."""
    rests = [rest.split() for rest in of("COPY") if "--from" not in rest]
    return {source for words in rests for source in words[:-1]}


def words_of(rest):
    return json.loads(rest[rest.index("[") :])


def test_hadolint_has_nothing_to_say():
    linter = Path(sys.executable).parent / "hadolint"
    done = subprocess.run(
        [linter, "Dockerfile"], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_what_is_copied_is_in_the_repository_and_nothing_else_reaches_the_build():
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    ).stdout.split("\n")
    for source in copied():
        assert any(name == source or name.startswith(f"{source}/") for name in tracked), source
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert {rule[1:] for rule in rules if rule.startswith("!")} == copied()
    hidden = [rule.removeprefix("**/") for rule in rules if rule.startswith("**/")]
    assert all(
        any(fnmatch.fnmatch(name, rule) for rule in hidden) for name in ("a.pyc", "__pycache__")
    )


def test_the_wheel_gets_all_that_it_is_made_of():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {*wheel["only-include"], *wheel["force-include"], project["project"]["readme"]}
    assert needed | {"pyproject.toml", *project["project"]["license-files"]} <= copied()


def test_torch_is_the_cpu_build_of_the_pinned_version():
    pinned = re.search(r"(?m)^torch==(.+)$", (ROOT / "requirements.txt").read_text("utf-8"))[1]
    assert f"TORCH={pinned}+cpu" in of("ARG", "app")
    assert f"torch=={pinned}+cpu" in DOCS and f"--build-arg TORCH={pinned}`" in DOCS


def test_the_small_image_installs_what_the_server_of_a_student_imports(tmp_path):
    """Its list of packages, with what they need, is all that ``python -m llkd.serving`` loads."""
    listed = next(
        rest for rest in of("RUN", "server") if rest.startswith("pip install --constraint")
    )
    packages = listed.split("requirements.txt")[1].split()
    student = make_onnx_student(tmp_path)
    with serving(student, code=ALONE, environment={"BROUGHT": " ".join(packages)}) as server:
        assert server.post("/predict", {"text": "goal"}).status_code == 200
    fewer = " ".join(name for name in packages if name != "tokenizers")
    with pytest.raises(AssertionError, match="tokenizers"):
        with serving(student, code=ALONE, environment={"BROUGHT": fewer}):
            pass


ALONE = """
import os, runpy, sys
from importlib.metadata import packages_distributions, requires
from packaging.requirements import Requirement

def with_needs(name, seen):
    if name not in seen:
        seen.add(name)
        for line in requires(name) or ():
            need = Requirement(line)
            if need.marker is None or need.marker.evaluate({"extra": ""}):
                with_needs(need.name.lower().replace("_", "-"), seen)
    return seen

brought = set()
for package in os.environ["BROUGHT"].split():
    with_needs(package, brought)
for module, owners in packages_distributions().items():
    if module != "llkd" and not any(o.lower().replace("_", "-") in brought for o in owners):
        sys.modules[module] = None
runpy.run_module("llkd.serving", run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize(("target", "port"), [("app", 8501), ("server", 8100)])
def test_a_target_runs_as_nobody_with_a_health_check_on_its_port(target, port):
    assert of("USER", target) == ["10001:10001"]
    assert of("EXPOSE", target) == [str(port)]
    (check,) = of("HEALTHCHECK", target)
    compile(words_of(check)[-1], "check", "exec")
    assert f"127.0.0.1:{port}/" in check
    assert f"--publish 127.0.0.1:{port}:{port}" in DOCS


def test_no_key_is_in_the_image():
    for rest in of("ENV") + of("ARG"):
        assert not re.search(r"KEY|TOKEN|SECRET|PASSWORD", rest), rest


def test_the_app_starts_with_options_that_the_command_line_knows():
    (start,) = of("CMD", "app")
    assert words_of(of("ENTRYPOINT", "app")[0]) == ["llkd"]
    parsed = make_parser().parse_args(words_of(start))
    assert parsed.port == 8501 and parsed.no_browser
    assert "--server.address=0.0.0.0" in parsed.options
    assert "ENV LLKD_HOME=/data" in TEXT and of("VOLUME", "app") == ["/data"]


def test_the_server_starts_with_options_that_it_knows_and_asks_for_a_key(tmp_path):
    entry, start = words_of(of("ENTRYPOINT", "server")[0]), words_of(of("CMD", "server")[0])
    assert entry[:2] == ["python", "-m"]
    student = make_onnx_student(tmp_path)
    done = subprocess.run(
        [sys.executable, *entry[1:], student, *start[1:]],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 2 and "no key keeps them out" in done.stderr, done.stderr
    assert KEY_VARIABLE in DOCS and str(SHORTEST_KEY) in DOCS


def test_the_docs_name_the_targets_and_arguments_that_there_are():
    targets = {target for target, word, _ in instructions() if word == "FROM"}
    assert set(re.findall(r"--target (\w+)", DOCS)) <= targets
    arguments = {rest.partition("=")[0] for rest in of("ARG")}
    assert set(re.findall(r"--build-arg (\w+)=", DOCS)) == arguments
    for command in re.findall(r"--volume llkd-home:/data llkd-studio (app [^`]+|jobs)`", DOCS):
        make_parser().parse_args(command.split())
