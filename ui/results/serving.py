"""How a student is put behind HTTP: the command, and what a program then changes."""

from __future__ import annotations

import json
import shlex

import streamlit as st

from llkd.installation import lacking
from llkd.store import Project, Run
from ui.shell.wording import plain

PORT = 8100


def serve_it(project: Project, run: Run) -> None:
    """The command, and two ways to ask."""
    st.header("Serve it", anchor=False)
    missing = lacking("serve", "A server") or lacking("onnx", "A student as ONNX")
    if missing:
        st.caption(plain(missing))
        return
    st.caption(
        "This student as a server, without torch. It answers as decision models do, so a program "
        "that asks one changes its base URL. Type this where `llkd` is installed:"
    )
    st.code(command(project, run), language="bash", wrap_lines=True)
    st.caption(
        "With `--teacher api:MODEL --base-url URL --answer-when 0.95` it answers itself only where "
        "a certificate says that at least 95 % of its answers are right, and asks the teacher "
        "about the rest."
    )
    python, shell = st.tabs(["Python, OpenAI's client", "curl"])
    with python:
        st.code(client_code(run), language="python", wrap_lines=True)
    with shell:
        st.code(curl(), language="bash", wrap_lines=True)


def command(project: Project, run: Run) -> str:
    """What starts the server."""
    apart = ["--"] if project.name.startswith("-") else []
    return shlex.join(["llkd", "serve", "--run", str(run.id), *apart, project.name])


def client_code(run: Run) -> str:
    """A program that asks with the student's own classes."""
    choices = [{"value": name} for name in run.class_names]
    return (
        "from openai import OpenAI\n\n"
        f'client = OpenAI(base_url="http://127.0.0.1:{PORT}/v1", api_key="none")\n'
        "decision = client.decisions.create(\n"
        '    model="any",\n'
        '    input="a text",\n'
        "    questions=[{\n"
        '        "type": "choice",\n'
        '        "instructions": "Which class?",\n'
        f'        "choices": {json.dumps(choices, ensure_ascii=False)},\n'
        "    }],\n"
        ")\n"
        "print(decision.answers[0])"
    )


def curl() -> str:
    """The plain interface."""
    return (
        f"curl http://127.0.0.1:{PORT}/predict -H 'Content-Type: application/json' "
        """-d '{"texts": ["a text"]}'"""
    )
