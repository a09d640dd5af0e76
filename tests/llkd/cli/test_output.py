"""What is printed is readable by people and by any JSON reader."""

import json

from llkd.cli.output import ProgressBar, plain_json, print_json, print_table, printable, shown


def test_json_has_no_nan(capsys):
    print_json({"a": float("nan"), "b": [1.5, float("inf")], 3: ("x",)})
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": [1.5, None], "3": ["x"]}
    assert plain_json("text") == "text"


def test_values_in_a_table():
    assert [shown(None), shown(float("nan")), shown(0.1234, "%"), shown(1234567), shown(2.34)] == [
        "–", "–", "12.3 %", "1,234,567", "2.3",
    ]  # fmt: skip


def test_a_text_cannot_steer_the_terminal():
    assert (
        printable("red \x1b[31m and\r\n")
        == "red \N{REPLACEMENT CHARACTER}[31m and\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}"
    )


def test_columns_line_up(capsys):
    print_table(
        [{"name": "a", "n": 5}, {"name": "longer", "n": 12345}],
        {"name": ("name", ""), "n": ("texts", "")},
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["name     texts", "------  ------", "a            5", "longer  12,345"]


def test_a_log_gets_a_line_a_phase_not_one_a_step(capsys):
    bar = ProgressBar()
    for step in range(100):
        bar(step, 100, f"epoch 1 of 3, step {step} of 100, {step / 3:.1f}% selected")
    bar(100, 100, "evaluating")
    assert capsys.readouterr().err.splitlines() == [
        "epoch 1 of 3, step 0 of 100, 0.0% selected (0 of 100)",
        "evaluating (100 of 100)",
    ]
