"""What every table and column holds, in words: stored with the tables where a database can."""

from __future__ import annotations

import sqlalchemy as sa

TABLES = {
    "projects": "Projects: a pool of texts with its classes. The texts lie in files of the home.",
    "labellings": "Labelling runs: one teacher asked about a project's texts, with its settings. "
    "Scores lie in files of the home.",
    "runs": "Training runs: a student trained on one labelling run. Its files lie in the home.",
    "jobs": "Work that takes long, each in a process of its own.",
    "human_labels": "Every decision of a person on a text, never changed, only undone.",
    "selections": "Saved selections: rules that say which texts are kept.",
    "label_samples": "Texts drawn at random for a second person who labels them blindly.",
    "browser_names": "Names that people gave where there is no login, by a mark of their browser.",
    "text_views": "Views of the texts (filters and search) that people saved.",
    "audits": "Blind audits: a random order of texts in which people judge a teacher's labels.",
    "audit_answers": "What people answered in audits.",
    "certificates": "What audits certified: a rate of errors, with its confidence.",
    "events": "The log: what was done and when; the newest record of kind home ties the database "
    "to the folder of its home.",
}
_EVERYWHERE = {
    "id": "Number of the record; a number is never given twice.",
    "project_id": "The project that it belongs to.",
    "created": "When it was stored.",
    "who": "Who did it, as they are called; empty where nobody said.",
    "name": "What people call it.",
    "batch": "Decisions with the same mark were made, and are undone, together.",
    "undone": "When it was taken back; empty where it stands.",
    "row": "Row of the text in the project's files, from 0.",
    "seed": "Of the random generator that drew.",
}
_OF_TABLES = {
    "projects": {
        "source": "Name of the file or files that were imported.",
        "rows": "How many texts there are.",
        "digest": "SHA-256 of the texts, which their files are held against.",
        "report": "What the import found: counts, columns, warnings.",
        "label_set": "The classes as they are now.",
        "labelling_id": "The labelling run whose labels are in use; empty for the newest.",
        "archived": "When it was put away; empty where it was not.",
        "additions": "What texts were added after the import, in order.",
    },
    "labellings": {
        "label_set": "The classes that the teacher was asked with.",
        "config": "The teacher's settings.",
        "fingerprint": "SHA-256 of all that decides what the teacher answers.",
        "teacher": "What the teacher said of itself: model, version, device.",
        "calibration": "How scores become probabilities.",
        "content_free": "Scores of texts without content, for contextual calibration.",
        "tokens_in": "Tokens sent.",
        "tokens_out": "Tokens answered.",
        "seconds": "How long the teacher worked.",
        "cached": "Answers that were there before and were not asked again.",
        "cut": "Texts that the teacher read only in part.",
        "fits": "Temperatures fitted on top of calibrations.",
        "rounds": "What each round of active learning chose and reached.",
    },
    "runs": {
        "labelling_id": "The labelling run whose labels it learned.",
        "job_id": "The job that trained it; empty where that is gone or there was none.",
        "finished": "When it ended; empty where it has not.",
        "config": "The settings of the training.",
        "labels": "What labels it learned: the basis, the rule, what was left out.",
        "summary": "How it went: accuracy, samples, time.",
        "title": "What people call the run.",
        "note": "What people note about it.",
        "pinned": "Whether lists show it first.",
    },
    "jobs": {
        "project_id": "The project that it is about; empty for none.",
        "kind": "Which kind of work: label, train, compare, export and others.",
        "title": "What it does, in words.",
        "arguments": "Its command line, of jobs before 0.4.0.",
        "request": "What it was asked to do.",
        "context": "Facts that a resumed attempt needs.",
        "device": "The device that it works on.",
        "state": "queued, running, finished, failed, cancelled or died.",
        "pid": "Number of its process on the machine that works.",
        "attempts": "How often it was started.",
        "queued": "Its place in the queue, as a moment.",
        "started": "When its process began.",
        "finished": "When it ended.",
        "heartbeat": "When it last said that it is alive.",
        "done": "Units of work that are done.",
        "total": "Units of work in all; empty where that is not known.",
        "message": "What it is at, in words.",
        "cancel_requested": "When somebody asked it to stop.",
        "result": "What it found, as its command prints it.",
        "error": "Why it failed, in words.",
    },
    "human_labels": {
        "action": "What was decided: label, unlabel, exclude, include, flag, unflag, note; none: "
        "in a sample, none of the classes.",
        "label": "The class, under the first name that it had.",
        "kind": "own, second (blind) or final; empty where it was decided before 0.8.0.",
        "sample_id": "The blind sample that it was given in; empty outside of one.",
        "note": "What was noted on the text.",
        "exact_created": "Up to 0.8.0: created in seconds since 1970, finer than to the "
        "microsecond. Manifests of then are summed over it.",
    },
    "selections": {
        "view": "The rule.",
        "counts": "What it kept when it was saved.",
    },
    "label_samples": {"document": "The rows drawn, and from what."},
    "browser_names": {"mark": "A random mark in a cookie of the browser."},
    "text_views": {"view": "Filters, search and order."},
    "audits": {
        "state": "open or closed.",
        "document": "What is audited and how; the drawn order lies in files of the home.",
    },
    "audit_answers": {
        "audit_id": "The audit that it belongs to.",
        "place": "Place of the text in the drawn order, from 0.",
        "kind": "Whether it is a label or the final word between two people.",
        "label": "The class, under the first name that it had.",
    },
    "certificates": {
        "audit_id": "The audit that it rests on.",
        "document": "What it certifies, on which texts and answers.",
    },
    "events": {
        "project_id": "The project that it is about; empty for the home.",
        "kind": "Which kind of event.",
        "detail": "What there is to say of it.",
    },
}


def comment_on(table: sa.Table) -> None:
    """Give a table and its columns their comments. Raises KeyError where one is missing."""
    table.comment = TABLES[table.name]
    own = _OF_TABLES[table.name]
    for column in table.c:
        column.comment = own[column.name] if column.name in own else _EVERYWHERE[column.name]
