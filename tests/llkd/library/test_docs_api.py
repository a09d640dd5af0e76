"""docs/api.md: every block runs and prints what stands below it; every public name is there."""

import contextlib
import inspect
import io
import re
from pathlib import Path

import pytest

import llkd

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)


def blocks():
    return [(match.group(1), match.group(2)) for match in BLOCK.finditer(PAGE)]


@pytest.mark.models
def test_every_block_runs_and_prints_what_is_said():
    assert len(blocks()) == PAGE.count("```python") >= 10
    names = {"__name__": "__main__"}
    for code, promised in blocks():
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "docs/api.md", "exec"), names)
        assert printed.getvalue() == (promised or ""), code


def public():
    return {name: getattr(llkd, name) for name in llkd.__all__ if not name.startswith("_")}


def test_every_public_name_is_documented():
    missing = [name for name in public() if not re.search(rf"`(llkd\.)?{name}\b", PAGE)]
    assert not missing


@pytest.mark.parametrize("name", [n for n, v in public().items() if inspect.isfunction(v)])
def test_every_parameter_of_every_function_is_in_its_signature(name):
    shown = re.search(rf"\*\*`llkd\.{name}\((.*?)\)`\*\*", PAGE)
    assert shown, f"docs/api.md shows no signature of {name}"
    wanted = inspect.signature(getattr(llkd, name)).parameters.values()
    parts = [part.strip() for part in re.split(r", (?![^(]*\))", shown.group(1))]
    names = [part.partition("=")[0].lstrip("*") for part in parts if part != "*"]
    assert names == [parameter.name for parameter in wanted]
    for part, parameter in zip([p for p in parts if p != "*"], wanted, strict=True):
        default = part.partition("=")[2]
        if default:
            assert eval(default) == parameter.default, parameter


CLASSES = [
    "Texts",
    "Labels",
    "Selection",
    "Student",
    "Comparison",
    "Evaluation",
    "Export",
    "Audit",
    "Certificate",
]


@pytest.mark.parametrize("name", CLASSES)
def test_every_method_and_attribute_is_documented(name):
    kind = getattr(llkd, name)
    members = {member for member in vars(kind) if not member.startswith("_")}
    members |= set(getattr(kind, "__dataclass_fields__", {}))
    missing = [member for member in members if not re.search(rf"\b{member}\b", PAGE)]
    assert not missing


def test_every_setting_is_named():
    from llkd.config import OrderConfig, SelectionConfig, Spending, TeacherConfig, TrainingConfig

    kinds = (TeacherConfig, Spending, OrderConfig, TrainingConfig, SelectionConfig)
    fields = {field for kind in kinds for field in kind.model_fields}
    retired = {field for field in fields if field.startswith("trust_")}
    fields -= retired | {"teacher", "selection", "strategy", "saved", "student", "epochs", "seed"}
    missing = [field for field in sorted(fields) if not re.search(rf"`{field}(=|`)", PAGE)]
    assert not missing


def test_every_strategy_and_every_teacher_is_named():
    from llkd.selection.registry import STRATEGIES
    from llkd.teachers.registry import TEACHERS

    assert not [name for name in STRATEGIES if f"`{name}`" not in PAGE]
    assert not [name for name in TEACHERS if not re.search(rf'`"{name}(:[A-Z]+)?"`', PAGE)]


def test_docstrings_say_arguments_returns_and_errors():
    for name, value in public().items():
        text = inspect.getdoc(value) or ""
        assert text, name
        if inspect.isfunction(value) and len(inspect.signature(value).parameters) > 2:
            arguments = re.search(r"Args:\n(.*?)(?:\n\n|\Z)", text, re.DOTALL)
            assert arguments, name
            for parameter in inspect.signature(value).parameters:
                assert re.search(rf"^ +\*{{0,2}}{parameter}: ", arguments.group(1), re.M), (
                    name,
                    parameter,
                )
        for member, method in vars(value).items() if inspect.isclass(value) else ():
            if not member.startswith("_"):
                assert inspect.getdoc(method), (name, member)
