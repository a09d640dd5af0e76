"""A kind of teacher in one file, as a newcomer would add it: a word decides between two classes."""

import numpy as np

from llkd.teachers.base import ScoredBatch
from llkd.teachers.kind import Argument, TeacherKind


class WordTeacher:
    """Sure of the first class where a text holds the word, and of the last one elsewhere."""

    cut = 0

    def __init__(self, word, labels):
        self.word, self.labels = word, labels

    def describe(self):
        return {"kind": "word", "word": self.word, "classes": self.labels.asked_names}

    def score(self, texts):
        classes = len(self.labels.labels)
        scores = np.full((len(texts), classes), np.log(0.1 / (classes - 1)), dtype=np.float32)
        best = [0 if self.word in text else classes - 1 for text in texts]
        scores[np.arange(len(texts)), best] = np.log(0.9)
        yield ScoredBatch(
            np.arange(len(texts)), scores, np.full(len(texts), -1, dtype=np.int64), "logprob"
        )

    def content_free(self):
        return None

    def prompt(self, text):
        return f"Does it hold {self.word!r}? {text}"

    def close(self):
        pass


KIND = TeacherKind(
    name="word",
    make=lambda config, labels, home, examples, meter: WordTeacher(
        config.teacher.partition(":")[2].strip(), labels
    ),
    label="A word that decides",
    summary="Texts that hold the word are of the first class.",
    argument=Argument(
        shape="<word>",
        label="The deciding word",
        placeholder="pothole",
        missing="Name the word that decides.",
    ),
    display="the word {name}",
    has_prompt=False,
)
