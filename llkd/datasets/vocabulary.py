"""The words people use as column names, by what the column holds."""

from __future__ import annotations

TEXT = (
    *("text", "texts", "sentence", "sentences", "content", "message", "review", "review_text"),
    *("body", "comment", "comments", "tweet", "utterance", "document", "passage", "description"),
    *("feedback", "post", "query", "question", "abstract", "summary", "headline", "transcript"),
    *("article", "statement", "snippet", "answer", "prompt", "input", "news", "email", "title"),
)
LABEL = (
    *("label", "labels", "class", "category", "target", "gold", "intent", "sentiment", "topic"),
    *("emotion", "label_text", "label_name", "class_name", "tag", "domain", "rating"),
    *("gold_label", "gold_labels", "true_label", "categories", "classes"),
)
SURE_ID = ("id", "_id", "ids", "uid", "uuid", "guid", "text_id", "doc_id", "row_id", "record_id")
MAYBE_ID = ("index", "idx", "key", "row", "number", "unnamed: 0", "column_1", "unnamed:_0")
KNOWN = frozenset((*TEXT, *LABEL, *SURE_ID))


def normal(column: str) -> str:
    """A column's name for comparison: small letters, ``_`` for spaces and hyphens."""
    return "_".join(column.strip().casefold().replace("-", " ").split())
