"""A student served from Python: a process of its own, which ends with its object or its program."""

import signal
import subprocess
import sys
import time

import httpx2
import pytest

import llkd
from tests.support.serving_process import ROOT
from tests.support.tiny_onnx_student import make_onnx_student


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_onnx_student(tmp_path_factory.mktemp("student"))


def test_a_server_answers_in_its_block_and_not_after_it(folder):
    with llkd.serve(folder, key="k" * 20) as server:
        assert repr(server) == f"<Server of toy-run-1 at {server.url}>" and server.running
        body = {"text": "goal match"}
        assert httpx2.post(f"{server.url}/predict", json=body).status_code == 401
        reply = httpx2.post(
            f"{server.url}/predict", json=body, headers={"authorization": "Bearer " + "k" * 20}
        )
        assert reply.json()["predictions"][0]["label"] == "sports"
    assert not server.running and repr(server).endswith(", stopped>")
    server.stop()  # once more does no harm


def test_what_cannot_be_served_is_a_sentence(folder, tmp_path):
    for settings, words in (
        ({"host": "0.0.0.0"}, "no key keeps them out"),
        ({"precision": "int4"}, "precision="),
        ({"precision": "int8"}, "model_quantized.onnx is missing"),
    ):
        with pytest.raises(llkd.UserError, match=words):
            llkd.serve(folder, **settings)
    with pytest.raises(llkd.UserError, match="no student as ONNX"):
        llkd.serve(tmp_path)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, None])
def test_a_signal_or_the_end_of_its_input_stops_it_in_good_order(folder, how):
    program = subprocess.Popen(
        [sys.executable, "-m", "llkd.serving", str(folder), "--port", "0", "--until-eof"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert program.stdout.readline().startswith("Serving ")
    if how is not None:
        program.send_signal(how)
        assert program.wait(60) == 0
    _, complaints = program.communicate(timeout=60)
    assert (program.returncode, complaints.splitlines()[-1]) == (0, "Stopped.")


def test_a_server_does_not_outlive_its_program(folder):
    code = (
        f"import llkd, time; s = llkd.serve({str(folder)!r}); "
        "print(s.url, flush=True); time.sleep(600)"
    )
    program = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE,
                               text=True)  # fmt: skip
    url = program.stdout.readline().strip()
    assert httpx2.get(f"{url}/health").status_code == 200
    program.send_signal(signal.SIGKILL)
    program.wait()
    program.stdout.close()
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            httpx2.get(f"{url}/health")
        except httpx2.TransportError:
            return
        time.sleep(0.1)
    raise AssertionError("it still answers")
