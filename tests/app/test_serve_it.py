"""Results says how its student is served: the command, and a program that runs as it stands."""

import ast
import shlex

from tests.support.pages import opened
from tests.support.seeded_projects import seeded_project
from tests.support.seeded_runs import add_run
from ui.results.serving import client_code, command


def test_results_shows_the_command_and_the_base_url(home):
    store, project = seeded_project(home, n=200)
    run = add_run(store, project)
    app = opened("results")
    assert not app.exception
    blocks = [block.value for block in app.code]
    assert f"llkd serve --run {run.id} city" in blocks
    program = next(block for block in blocks if "OpenAI" in block)
    assert 'base_url="http://127.0.0.1:8100/v1"' in program
    assert any(block.startswith("curl http://127.0.0.1:8100/predict") for block in blocks)


def test_hostile_names_stay_words_in_command_and_program(home):
    store, project = seeded_project(home, n=200)
    run = add_run(store, project)
    hostile = type("P", (), {"name": "a b'; rm -rf ~ #$(x)"})
    assert shlex.split(command(hostile, run))[-1] == hostile.name
    names = ['"]); evil(); ([{"', "b\\", "c\n'''", "д🙂"]
    tree = ast.parse(client_code(type("R", (), {"class_names": names})))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    values = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)]
    assert len(calls) == 3 and set(names) <= set(values)
