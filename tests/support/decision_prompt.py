"""``transformers serve`` asked in the very words of the local teacher, through System One.

Its decision config holds the prompt, and which token stands for which option: here the first token
of each class's name, so that it answers by the rule ``--verbaliser-score first_token``.
"""

import json
import urllib.request
from contextlib import contextmanager

import numpy as np

from llkd.config import TeacherConfig
from llkd.teachers.local.tokens import fitting_encoder
from tests.support import transformers_server

MARK = "<|mark|>"  # where the options' tokens are read


def write_decision_config(path, tokenizer, labels):
    prompt, encoder = fitting_encoder(TeacherConfig(), labels, tokenizer)
    before, after = (
        "{% raw %}" + "".join(part.text for part in parts) + "{% endraw %}"
        for parts in (prompt.before, prompt.after)
    )
    firsts = [tokenizer.decode(answer[:1]) for answer in encoder.answers]
    template = f"{before}{{{{ state }}}}{after}{MARK}"
    path.write_text(json.dumps({"labels": {"choice": firsts}, "chat_template": template}))
    return path


@contextmanager
def running(folder, labels, work):
    """The server over a model's folder; gives its address. ``work``: a folder for its files."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    config = write_decision_config(work / "decision.json", tokenizer, labels)
    with transformers_server.running(folder, work / "serve.log", config, "float32") as url:
        yield url


def scores(url, folder, labels, texts):
    """Ln of the probabilities [n, C] that it gives."""
    rows = []
    for text in texts:
        question = {"type": "choice", "criteria": dict.fromkeys(labels.names)}
        body = {"model": str(folder), "state": text, "questions": {"class": question}}
        request = urllib.request.Request(
            f"{url}/v1/systemone", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=600) as reply:
            shares = json.load(reply)["answers"]["class"]["probabilities"]
        rows.append([np.log(max(shares[name], 1e-12)) for name in labels.names])
    return np.array(rows, dtype=np.float32)
