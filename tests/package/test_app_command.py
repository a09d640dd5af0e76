"""``llkd app``: from the repository and from a wheel, in a folder with names of its own."""

import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from llkd.cli.actions import app
from tests.support.installed_wheel import ROOT, environment
from ui.shell.steps import BY_NAME


@pytest.fixture
def executed(monkeypatch):
    """What ``llkd app`` would become: the command and its environment."""
    calls = []
    monkeypatch.setattr(app.os, "execve", lambda *words: calls.append(words[1:]))
    monkeypatch.delenv(app.BROWSER, raising=False)
    return calls


def start(*words):
    from llkd.cli import main

    return main(["app", *words])


def test_the_app_of_the_repository_is_started(executed, monkeypatch):
    for words in ((), ("--port", "8600", "--no-browser", "--home", "~/there"),
                  ("--", "--server.allowedHosts=a.example", "--browser.serverPort=443")):  # fmt: skip
        start(*words)
    (plain, variables), (other, its), (proxied, _) = executed
    assert plain[1:] == ["-P", "-m", "streamlit", "run", str(ROOT / "app.py")]
    assert variables["LLKD_BROWSER"] == "1"
    assert other == [*plain, "--server.port=8600"]
    assert its["LLKD_BROWSER"] == "0" and its["LLKD_HOME"].endswith("/there")
    assert not its["LLKD_HOME"].startswith("~")
    assert proxied == [*plain, "--server.allowedHosts=a.example", "--browser.serverPort=443"]
    monkeypatch.setenv("LLKD_BROWSER", "0")
    start()
    assert executed[-1][1]["LLKD_BROWSER"] == "0"


@pytest.mark.parametrize(
    "words", [("--port", "0"), ("--port", "70000"), ("--port", "x"), ("--", "other.py"),
              ("--", "--server.port"), ("file.py",)],
)  # fmt: skip
def test_an_app_that_cannot_be_started_is_one_sentence(executed, capsys, words):
    assert start(*words) == 2
    assert not executed
    assert capsys.readouterr().err.count("\n") == 1


def test_a_port_in_use_is_told_with_the_way_out(executed, capsys):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert start("--port", str(port)) == 2
    told = capsys.readouterr().err
    assert f"Port {port} is in use by another program. Choose another with --port" in told
    assert not executed


def test_make_run_starts_the_same():
    make = (ROOT / "Makefile").read_text()
    assert re.search(r"^run: .*\n\t\$\(BIN\)/python -m llkd app$", make, re.MULTILINE)


def test_the_app_of_the_wheel_serves_with_its_own_settings(site, elsewhere, tmp_path, home):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url, token = f"http://127.0.0.1:{port}", "a-token-of-the-tests-alone"
    log = tmp_path / "app.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "llkd", "app", "--port", str(port), "--no-browser"],
            cwd=elsewhere, env=environment(site, LLKD_TOKEN=token, LLKD_HOME=str(home)),
            stdout=out, stderr=out,
        )  # fmt: skip
    try:
        for _ in range(300):
            if process.poll() is not None:
                break
            try:
                urllib.request.urlopen(f"{url}/_stcore/health", timeout=1)
                break
            except OSError:
                time.sleep(0.1)
        assert process.poll() is None, log.read_text()
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(url, timeout=10)
        assert refused.value.code == 403
        headers = {"Authorization": f"Bearer {token}"}
        for path, expected in (("/", "<title>"), ("/_stcore/host-config", "nobody.invalid")):
            request = urllib.request.Request(url + path, headers=headers)
            with urllib.request.urlopen(request, timeout=10) as answer:
                assert expected in answer.read().decode()
        assert "x.example" not in log.read_text()
    finally:
        process.terminate()
        process.wait(20)


PAGES = """
import sys
from pathlib import Path
folder = Path(sys.argv[1])
sys.path.insert(0, str(folder))  # as Streamlit does for the script that it runs
from streamlit.testing.v1 import AppTest
app = AppTest.from_file(str(folder / "app.py"), default_timeout=60).run()
for page in sorted(folder.glob("pages/*.py")):
    app.switch_page(f"pages/{page.name}").run()
    assert not app.exception, app.exception
    print(*(title.value for title in app.title))
import ui
from ui.decision_plane.front import SCRIPT
from ui.review_card.front import CSS
print(ui.__file__, len(SCRIPT) > 10_000, len(CSS) > 100)
"""


def test_every_page_of_the_wheel_opens(site, elsewhere):
    folder = site / "llkd_studio"
    done = subprocess.run(
        [sys.executable, "-P", "-c", PAGES, str(folder)],
        cwd=elsewhere, env=environment(site), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    *titles, end = done.stdout.splitlines()
    assert sorted(titles) == sorted(BY_NAME)
    assert end == f"{folder / 'ui' / '__init__.py'} True True"
