"""A call that crashes, eats memory, never ends or loses its caller harms nobody else."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from llkd import isolation
from llkd.errors import NotFound
from llkd.isolation import ChildEnded, Limits, client

ROOT = Path(__file__).resolve().parents[3]
AMPLE = Limits(memory=1 << 30, seconds=60)


@pytest.fixture(scope="module", autouse=True)
def server():
    """A fork server that finds the functions of these tests."""
    isolation.stop()
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(ROOT)
    yield
    isolation.stop()
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


def call(name, limits=AMPLE, on_message=lambda kind, value: None, **arguments):
    with tempfile.TemporaryFile(buffering=0) as file:
        return isolation.call(
            f"tests.support.child_functions:{name}", arguments, file, limits, on_message
        )


def ended(name, limits=AMPLE, **arguments):
    with pytest.raises(ChildEnded) as error:
        call(name, limits, **arguments)
    assert call("double", value=4)["double"] == 8, "the next call must not suffer"
    return error.value


def gone(pid, seconds=5.0):
    """Whether the process has ended; one that waits to be reaped has."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if ") Z " in Path(f"/proc/{pid}/stat").read_text():
                return True
        except OSError:
            return True
        time.sleep(0.05)
    return False


def wait_for(note, seconds=20.0):
    """The process that writes its number into ``note``."""
    until = time.monotonic() + seconds
    while not (note.exists() and note.read_text()):
        assert time.monotonic() < until
        time.sleep(0.02)
    return int(note.read_text())


def test_a_result_messages_and_bytes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    heard = []
    with tempfile.TemporaryFile(buffering=0) as file:
        document = isolation.call(
            "tests.support.child_functions:double",
            {"value": 21},
            file,
            AMPLE,
            lambda *m: heard.append(m),
        )
        assert os.pread(file.fileno(), 10, 0) == b"some bytes"
    assert document == {"double": 42, "folder": str(tmp_path)}
    assert heard == [("number", 0), ("number", 1), ("number", 2)]


def test_a_crash_is_an_exception_here():
    error = ended("segfault")
    assert error.cause == "crash" and "egmentation" in error.reason
    error = ended("abort")
    assert error.cause == "crash" and "terminate called" in error.errors
    assert ended("leave").cause == "crash"


@pytest.mark.parametrize("name", ["eat_memory", "eat_memory_in_arrow"])
def test_memory_ends_at_the_limit(name):
    before = time.monotonic()
    assert ended(name, Limits(memory=500 << 20, seconds=60)).cause == "memory"
    assert time.monotonic() - before < 30


def test_a_loop_ends_at_the_limit_of_the_processor():
    before = time.monotonic()
    assert ended("loop", Limits(memory=1 << 30, seconds=1)).cause == "time"
    assert time.monotonic() - before < 30


def test_one_that_only_waits_ends_by_the_clock():
    assert Limits(memory=1 << 30, seconds=10).clock_seconds == 110
    before = time.monotonic()
    assert ended("sleep", Limits(memory=1 << 30, seconds=60, clock=1)).cause == "time"
    assert time.monotonic() - before < 30


def test_one_that_is_killed_says_so():
    assert ended("kill_itself").cause == "killed"


def test_errors_for_people_keep_their_class_and_others_are_told():
    with pytest.raises(NotFound, match="There is no such thing"):
        call("user_error")
    error = ended("unforeseen")
    assert error.cause == "crash" and error.reason == "KeyError: 'missing'"


def test_one_that_writes_much_neither_waits_nor_fills_a_disk():
    assert call("chatter") == "done"


def test_a_large_result_and_many_messages_arrive():
    heard = []
    result = call("many_messages", on_message=lambda kind, value: heard.append(value))
    assert len(result) == 3_000_000
    assert heard == list(range(50_000))


def test_it_is_told_no_secret(monkeypatch):
    isolation.stop()
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("LLKD_DATABASE_URL", "postgresql://user:secret@host/db")
    monkeypatch.setenv("TMPDIR", tempfile.gettempdir())
    seen = call("environment")
    assert not [name for name, value in seen.items() if "secret" in value]
    assert seen["TMPDIR"] == tempfile.gettempdir()


def test_the_server_has_one_thread_and_a_call_no_file_of_others(tmp_path):
    assert call("threads") == 1
    files = call("open_files")
    assert len(files) == 6  # standard streams, its socket, its file, and the folder that is listed
    note = tmp_path / "note"
    thread = threading.Thread(target=lambda: ended("sleep", note=str(note)))
    thread.start()
    pid = wait_for(note)
    assert len(call("open_files")) == len(files)
    os.kill(pid, signal.SIGKILL)
    thread.join(20)


def test_a_caller_that_gives_up_ends_its_call(tmp_path):
    note = tmp_path / "note"
    running = []

    def give_up(kind, value):
        running.append(value)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        call("sleep_after_a_message", on_message=give_up, note=str(note))
    assert gone(running[0])


def test_several_at_once_from_several_threads(tmp_path):
    note = tmp_path / "note"
    slow = threading.Thread(target=lambda: ended("sleep", note=str(note)))
    slow.start()
    pid = wait_for(note)
    results = {}

    def work(value):
        results[value] = call("double", value=value)["double"]

    threads = [threading.Thread(target=work, args=(value,)) for value in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert results == {value: 2 * value for value in range(12)}
    os.kill(pid, signal.SIGKILL)
    slow.join(20)


def test_the_server_killed_in_mid_call_is_told_and_started_again(tmp_path):
    note = tmp_path / "note"
    raised = []

    def work():
        try:
            call("sleep", note=str(note))
        except ChildEnded as error:
            raised.append(error.cause)

    thread = threading.Thread(target=work)
    thread.start()
    pid = wait_for(note)
    client.SERVER.process.kill()
    thread.join(20)
    assert raised == ["killed"]
    assert gone(pid), "a call must not outlive the server"
    assert call("double", value=2)["double"] == 4


def test_a_server_that_went_because_nobody_called_is_started_again():
    call("double", value=2)
    client.SERVER.process.terminate()
    assert call("double", value=3)["double"] == 6


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_everything_ends_with_the_process_that_called(tmp_path, number):
    note = tmp_path / "note"
    code = (
        # A shell that runs the tests in the background lets them ignore SIGINT.
        "import signal, sys, tempfile\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from llkd import isolation\n"
        "from llkd.isolation import client\n"
        "isolation.start()\n"
        "print(client.SERVER.process.pid, flush=True)\n"
        "isolation.call('tests.support.child_functions:sleep', {'note': sys.argv[1]},"
        " tempfile.TemporaryFile(buffering=0), isolation.Limits(1 << 30, 600))\n"
    )
    started = subprocess.Popen(
        [sys.executable, "-c", code, str(note)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    server = int(started.stdout.readline())
    pid = wait_for(note)
    started.send_signal(number)
    started.wait(10)
    started.stdout.close()
    assert gone(pid) and gone(server)
