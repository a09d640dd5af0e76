"""``transformers serve`` over a model folder, as a process on 127.0.0.1.

It speaks chat completions and System One (``POST /v1/systemone``, answered from the logits of the
letters A to Z), and takes no other model's name than the folder's own.

    with running(folder, tmp_path / "log") as url:      # http://127.0.0.1:PORT
        ...
"""

from contextlib import contextmanager

from tests.support import running_process

START = "from transformers.cli.transformers import main; main()"


@contextmanager
def running(folder, log, decision_config=None, dtype="auto"):
    """``decision_config``: a file that says what is asked for decisions, and which tokens answer.

    ``dtype``: "float32" is many times faster on processors without 16-bit products.
    """
    port = running_process.free_port()
    words = ["-c", START, "serve", folder, "--device", "cpu", "--host", "127.0.0.1"]
    words += ["--decision-config", decision_config] if decision_config else []
    words += ["--dtype", dtype]
    with running_process.running([*words, "--port", port], log, port) as port:
        yield f"http://127.0.0.1:{port}"
