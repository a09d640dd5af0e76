"""Several people: blind second labels, how far people agree, disputes and who settles them."""

from llkd.evaluation.people.agreement import sample_agreement
from llkd.evaluation.people.disputes import (
    adjudicate,
    dispute_words,
    open_disputes,
    people_of,
)
from llkd.evaluation.people.labels import labels_by_person
from llkd.evaluation.people.records import PairAgreement, SampleAgreement
from llkd.evaluation.people.samples import (
    checked_person,
    draw_sample,
    latest_sample,
    next_rows,
    second_label,
    second_labels,
    undo_second,
)
from llkd.evaluation.people.wording import agreement_sentence, meaning

__all__ = [
    "PairAgreement",
    "SampleAgreement",
    "adjudicate",
    "agreement_sentence",
    "dispute_words",
    "checked_person",
    "draw_sample",
    "labels_by_person",
    "latest_sample",
    "meaning",
    "next_rows",
    "open_disputes",
    "people_of",
    "sample_agreement",
    "second_label",
    "second_labels",
    "undo_second",
]
