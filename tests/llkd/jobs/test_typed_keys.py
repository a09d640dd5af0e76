"""Keys that were typed in a session: a job's process has them, and nothing else of the machine."""

import os
import subprocess
import threading
import time

import pytest

from llkd import jobs
from llkd.cli import main
from llkd.config import TeacherConfig
from llkd.errors import UserError
from llkd.jobs.requests import LabelRequest
from llkd.jobs.typed_keys import KEYS_FD, key_pipe
from llkd.store.keys.key_file import KeyFile
from tests.support.job_processes import a_project, end_jobs, ended, wait_for
from tests.support.stand_in_server import completion, serving

KEY = "sk-typed-0123456789-abcdef"
OTHERS = "sk-of-somebody-else-987654"
ECHO = "number 7 "
SLOW = 240.0  # seconds that a process may take to begin on a machine with much else to do


@pytest.fixture(autouse=True)
def no_other_key(monkeypatch, home):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("LLKD_KEY_HOSTS", raising=False)
    yield
    end_jobs(home)


@pytest.fixture
def asked():
    """A server that wants a key, waits until it is let go on, and repeats the key once."""
    go_on = threading.Event()

    def answer(request, number):
        header = server.requests[number - 1]["headers"].get("authorization", "")
        if header not in {f"Bearer {KEY}", f"Bearer {OTHERS}"}:
            return 401, {"error": {"message": "no key"}}
        if number > 3:
            go_on.wait(60)
        if ECHO in request["messages"][-1]["content"]:
            return completion(f"Your key is {header}", [(header, -0.1)])
        return completion("A", [("A", -0.2), ("B", -1.7)])

    with serving(answer) as server:
        server.go_on = go_on
        server.keys = lambda: {one["headers"].get("authorization") for one in server.requests}
        try:
            yield server
        finally:
            go_on.set()


def place(server):
    return server.url.split("/")[2]


def started(store, project, server, key):
    teacher = TeacherConfig(teacher="api:m", base_url=server.url, concurrency=2)
    request = LabelRequest(project=project.name, teacher=teacher, probe=False)
    return jobs.start(store, request, keys={place(server): key} if key else None)


def seen_by_others(pid):
    """What other programs of this account can read of a process, its memory apart."""
    shown = b""
    for name in ("cmdline", "environ", "status", "maps"):
        with open(f"/proc/{pid}/{name}", "rb") as file:
            shown += file.read()
    return shown


def holders(folder, key):
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 2
    return [path for path in files if key.encode() in path.read_bytes()]


def test_a_job_has_the_typed_key_and_nothing_else_shows_it(store, asked, tmp_path):
    project = a_project(store)
    job = started(store, project, asked, KEY)
    running = wait_for(lambda: (j := store.jobs.get(job.id)).state == "running" and j, SLOW)
    wait_for(lambda: len(asked.requests) > 3, SLOW)
    shown = seen_by_others(running.pid)
    assert KEYS_FD.encode() in shown, "the starter said where the pipe is"
    listed = subprocess.run(["ps", "axeww"], capture_output=True).stdout
    assert b"--job" in listed
    assert KEY.encode() not in shown + listed
    assert not [link for link in os.listdir(f"/proc/{running.pid}/fd")
                if "pipe:" in os.readlink(f"/proc/{running.pid}/fd/{link}")]  # fmt: skip
    # Nor does this process, which started it, hold the pipe any more.
    assert KEY.encode() not in seen_by_others(os.getpid())
    asked.go_on.set()
    done = ended(store, job.id, SLOW)
    assert done.state == "finished", done.error
    assert asked.keys() == {f"Bearer {KEY}"}
    assert done.context["typed_keys"] == [place(asked)]
    out = tmp_path / "out"
    assert main(["export", "p", "--out", str(out), "--no-student", "--format=csv,jsonl"]) == 0
    # The server repeated the key in an answer; it is kept without it.
    assert holders(store.home.root, KEY) == [] and holders(out, KEY) == []
    assert KEY not in jobs.log_tail(store, job.id, 200)
    run = store.labeling_runs.all(project.id)[0]
    assert any("***" in str(raw) for raw in store.labeling_runs.scores(run).raw)


def test_without_its_key_a_resumed_job_says_what_to_do(store, asked, capsys):
    project = a_project(store, 8)
    job = started(store, project, asked, KEY)
    wait_for(lambda: len(asked.requests) > 3, SLOW)
    jobs.cancel(store, job.id, force=True)
    ended(store, job.id, SLOW)
    before = len(asked.requests)
    for attempt in (
        lambda: jobs.resume(store, job.id),
        lambda: jobs.resume(store, job.id, keys={}),
    ):
        with pytest.raises(UserError, match="typed in a session which has ended") as caught:
            attempt()
    assert f"save it with llkd key set {place(asked)} and resume" in str(caught.value)
    # Somebody's key for another server does not help, and is not sent.
    with pytest.raises(UserError, match="Type it again on the Teacher page"):
        jobs.resume(store, job.id, keys={"other.example:443": OTHERS})
    assert main(["resume", str(job.id)]) == 2
    assert "typed in a session which has ended" in capsys.readouterr().err
    assert store.jobs.get(job.id).state == "cancelled"
    asked.go_on.set()
    time.sleep(0.3)
    assert len(asked.requests) == before, "nothing was asked without a key"
    # One that was saved for this server lets it go on, whoever resumes it.
    KeyFile().save(place(asked), OTHERS)
    jobs.resume(store, job.id)
    assert ended(store, job.id, SLOW).state == "finished"
    assert asked.keys() == {f"Bearer {KEY}", f"Bearer {OTHERS}"}
    assert holders(store.home.root, OTHERS) == []


def test_each_attempt_sends_the_key_of_who_starts_it(store, asked):
    asked.go_on.set()
    project = a_project(store, 8)
    # A job of a session without a key gets none of another's.
    job = started(store, project, asked, None)
    failed = ended(store, job.id, SLOW)
    assert failed.state == "failed" and "typed_keys" not in failed.context
    assert "wants a key (status 401). Type it on the Teacher page, save it with" in failed.error
    assert asked.keys() == {"Bearer none"}
    jobs.resume(store, job.id, keys={place(asked): OTHERS, "other.example:443": KEY})
    assert ended(store, job.id, SLOW).state == "finished"
    assert asked.keys() == {"Bearer none", f"Bearer {OTHERS}"}
    assert store.jobs.get(job.id).context["typed_keys"] == [place(asked)]


def test_more_keys_than_a_pipe_holds_start_no_job(store):
    project = a_project(store, 8)
    many = {f"host{n}:443": "k" * 4000 for n in range(400)}
    before = os.listdir("/proc/self/fd")
    with pytest.raises(UserError, match="Keys for 400 servers .* Forget some"):
        jobs.start(store, LabelRequest(project=project.name), keys=many)
    assert store.jobs.all() == []
    assert len(os.listdir("/proc/self/fd")) == len(before)
    with key_pipe({}) as pipe:
        assert pipe is None
