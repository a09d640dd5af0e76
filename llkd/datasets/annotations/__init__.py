"""What people said in annotation tools (Label Studio, Argilla), from the files of an export."""

from llkd.datasets.annotations.judgements import Annotations, PeopleLabels, Prediction
from llkd.datasets.annotations.reading import annotations_of

__all__ = ["Annotations", "PeopleLabels", "Prediction", "annotations_of"]
