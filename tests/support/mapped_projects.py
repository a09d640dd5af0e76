"""Maps of projects written to the store directly, at places that a test knows."""

import numpy as np
from scipy.cluster.hierarchy import ward

from llkd.curation.maps.pool_map import MAP_VERSION
from llkd.store.derived.maps import StoredMap

WORDS = ("street", "bin", "leak", "school")


def cloud_places(project, spread=0.12, seed=0):
    """Places ``[rows, 2]`` within -1 to 1: each text in one of three clouds, by its number."""
    rng = np.random.default_rng(seed)
    middles = np.array([[-0.6, -0.5], [0.65, -0.4], [0.0, 0.6]])
    topic = np.arange(project.rows) % len(middles)
    places = middles[topic] + rng.normal(0, spread, (project.rows, 2))
    return np.clip(places, -1, 1).astype(np.float32), topic


def add_map(store, project, places=None, topic=None, stage=None):
    """A map of the project's texts, or of an earlier ``stage``'s; returns places and topics."""
    known = stage or project
    if places is None:
        places, topic = cloud_places(known)
    topics = int(topic.max()) + 1
    centres = np.eye(topics, 8, dtype=np.float32)
    counts = np.zeros((topics, topics), np.int32)
    np.fill_diagonal(counts, 10)
    sizes = np.bincount(topic, minlength=topics)
    store.maps.write(
        project.id,
        StoredMap(
            coordinates=places,
            group=topic.astype(np.int32),
            fitted=np.arange(known.rows, dtype=np.int32),
            centres=centres,
            group_texts=sizes.astype(np.int32),
            tree=ward(centres.astype(np.float64)) if topics > 1 else np.zeros((0, 4)),
            examples=np.full((topics, 1), -1, np.int32),
            counts=counts,
            counted=sizes.astype(np.int32),
            vocabulary=WORDS[:topics],
            texts=known.digest,
            student=None,
            student_sha256=None,
            seed=0,
            version=MAP_VERSION,
            topics=topics,
        ),
    )
    return places, topic
