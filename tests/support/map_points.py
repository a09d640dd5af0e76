"""Points and projects that tests of the map share."""

import numpy as np
import pandas as pd

from llkd.store import Store


def unit(points):
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)


def clouds(each, count=4, width=16, seed=0, spread=0.25):
    """Points around ``count`` directions, and which each is around."""
    rng = np.random.default_rng(seed)
    centres = np.eye(count, width)
    label = np.repeat(np.arange(count), each)
    points = unit(centres[label] + spread * rng.normal(size=(len(label), width)) / np.sqrt(width))
    order = rng.permutation(len(label))
    return points[order], label[order]


def project_of(home, texts):
    """A project of texts that nobody labelled."""
    store = Store(home)
    frame = pd.DataFrame(
        {
            "id": [str(k) for k in range(len(texts))],
            "text": texts,
            "gold": pd.Series([None] * len(texts), dtype=object),
            "split": "pool",
        }
    )
    report = {"rows": len(texts), "kept": len(texts), "dropped": {}, "warnings": []}
    return store, store.projects.create("toy", frame, source="toy.csv", report=report)
