"""Toy texts for the Python API, and a function that knows their classes."""

import numpy as np

import llkd
from tests.support.tiny_student import CLASSES, toy_texts

QUICK = {"epochs": 2, "batch_size": 16, "learning_rate": 1e-3, "precision": "fp32"}
"""Settings with which the tiny student learns something in a second."""


class Toy:
    """``n`` texts with their classes, and a teacher that says them with 90 % confidence."""

    def __init__(self, n=96):
        texts, gold = toy_texts(n)
        self.texts = [f"{text} {i}" for i, text in enumerate(texts)]
        self.names = [CLASSES[k] for k in gold]
        self.asked = []
        self._class = dict(zip(self.texts, gold, strict=True))

    def teacher(self, batch):
        self.asked += batch
        rows = np.full((len(batch), len(CLASSES)), 0.1)
        rows[np.arange(len(batch)), [self._class[text] for text in batch]] = 0.9
        return rows

    def read(self, **options):
        return llkd.read_texts(
            self.texts, gold=self.names, labels=CLASSES, progress=False, **options
        )

    def label(self, **options):
        return llkd.label(self.read(**options), teacher=self.teacher, progress=False)
