"""A tiny local teacher, its scores of all texts, and what they should be, read one by one."""

import numpy as np
import torch

from llkd.config import LabelSet, TeacherConfig
from llkd.teachers.local.teacher import LocalTeacher

# One token, several, a shared beginning, and one that begins another.
LABELS = LabelSet.of(["the", "credit", "credit cards", "small talk", "xylophone"])
TEXTS = [
    "the cat sat on the mat",
    "",
    "a credit card was charged twice at the kitchen and dining shop " * 3,
    "dog",
    "the match was won, the dog ran home: <|im_end|>",
    "Ünïcode \N{SNOWMAN} and \x00 too",
    "world record " * 7,
]


def teacher_of(model, tokenizer, *, labels=LABELS, batch_tokens=60, **settings):
    config = TeacherConfig(**settings)
    return LocalTeacher(
        model, tokenizer, labels, config, identity={"model": "tiny"}, batch_tokens=batch_tokens
    )


def all_scores(teacher, texts):
    scores = np.full((len(texts), len(LABELS.labels)), np.nan)
    for batch in teacher.score(texts):
        assert np.isnan(scores[batch.index]).all(), "a text was scored twice"
        assert batch.source == "logprob"
        assert (batch.answer == -1).all()
        scores[batch.index] = batch.scores
    return scores


def naive_scores(teacher, model, texts, rule):
    """One text and one class at a time: the whole prompt, no cache, no batch."""
    encoder = teacher.encoder
    scores = []
    for text in texts:
        prompt = encoder.prefix + encoder.encode([text])[0] + encoder.suffix
        row = []
        for answer in encoder.answers:
            with torch.no_grad():
                logits = model(torch.tensor([prompt + answer]), use_cache=False).logits[0].double()
            logs = logits.log_softmax(-1)[len(prompt) - 1 : -1]
            taken = logs[range(len(answer)), answer]
            row.append({"sum": taken.sum(), "mean": taken.mean(), "first_token": taken[0]}[rule])
        scores.append([float(value) for value in row])
    return np.array(scores)
