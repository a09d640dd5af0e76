"""Frames and lists in, Plotly figures out; no project module and no Streamlit is imported.

Texts and class names are hostile: they are escaped, and never part of a hover template.
"""

from llkd.charts.balance import kept_per_class
from llkd.charts.cartography import cartography
from llkd.charts.comparison import arms, arms_ranked
from llkd.charts.labeling import candidates, gain_of_calls
from llkd.charts.learning import learning_curves, right_by_epoch
from llkd.charts.lengths import length_histogram
from llkd.charts.results import (
    accuracy_against_samples,
    confusion,
    f1_per_class,
    probabilities,
    selected_when,
)
from llkd.charts.teacher import (
    confidence_histogram,
    label_histogram,
    reliability,
    risk_coverage,
)
from llkd.charts.training import evaluation, loss, share_selected, thresholds

__all__ = [
    "arms",
    "arms_ranked",
    "accuracy_against_samples",
    "candidates",
    "cartography",
    "confidence_histogram",
    "confusion",
    "evaluation",
    "f1_per_class",
    "gain_of_calls",
    "kept_per_class",
    "label_histogram",
    "learning_curves",
    "length_histogram",
    "loss",
    "probabilities",
    "reliability",
    "right_by_epoch",
    "risk_coverage",
    "selected_when",
    "share_selected",
    "thresholds",
]
