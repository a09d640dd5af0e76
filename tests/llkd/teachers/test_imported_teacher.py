import json

import numpy as np
import pandas as pd
import pytest

from llkd.config import LabelSet, TeacherConfig, build
from llkd.errors import ConfigError, DataError, NotFound
from llkd.selection import signals
from llkd.teachers import make_teacher

LABELS = build(
    LabelSet, labels=[{"name": "World"}, {"name": "None"}, {"name": "Sci", "verbaliser": "science"}]
)


def teacher_of(path, tmp_path, labels=LABELS):
    return make_teacher(TeacherConfig(teacher=f"file:{path}"), labels, tmp_path / "home")


def written(tmp_path, text, name="labels.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def by_text(teacher, texts):
    scores = np.zeros((len(texts), len(LABELS.labels)))
    answers, sources = np.full(len(texts), -9), [""] * len(texts)
    for batch in teacher.score(texts):
        assert (answers[batch.index] == -9).all()
        scores[batch.index], answers[batch.index] = batch.scores, batch.answer
        for i in batch.index:
            sources[i] = batch.source
    return scores, answers.tolist(), sources


def test_labels_without_a_confidence_are_answers_without_scores(tmp_path):
    path = written(
        tmp_path, "id,text,label\n1,a,World\n2,b,none\n3,c,SCIENCE\n4,d,Sci\n5,e,Sport\n"
    )
    teacher = teacher_of(path, tmp_path)
    scores, answers, sources = by_text(teacher, ["d", "c", "b", "a", "e", "nowhere"])
    assert answers == [2, 2, 1, 0, -1, -1]
    assert np.isnan(scores).all()
    assert set(sources) == {"none"}
    assert (teacher.unknown, teacher.unmatched, teacher.conflicting) == (1, 1, 0)


def test_a_confidence_is_the_probability_of_its_label(tmp_path):
    path = written(tmp_path, "text,label,confidence\na,World,0.7\nb,Sci,1\nc,None,\nd,World,0.2\n")
    scores, answers, sources = by_text(teacher_of(path, tmp_path), ["a", "b", "c", "d"])
    np.testing.assert_allclose(signals.softmax(scores[0]), [0.7, 0.15, 0.15], rtol=1e-6)
    np.testing.assert_allclose(signals.softmax(scores[1]), [0, 0, 1], atol=1e-6)
    assert np.isfinite(scores[1]).all()
    # Less than a third of three classes: the label would not be the most probable one.
    assert np.isnan(scores[2:]).all()
    assert answers == [-1, -1, 1, 0]
    assert sources == ["imported", "imported", "none", "none"]


def test_raw_scores_of_each_class_are_logits(tmp_path):
    rows = pd.DataFrame({"text": ["a", "b", "c"]})
    raw = np.array([[3.0, -1.5, 0.0], [-812.0, -810.0, -811.0], [1.0, np.nan, 2.0]])
    for k, name in enumerate(("World", "None", "Sci")):
        rows[f"score_{name}"] = raw[:, k]
    path = tmp_path / "raw.parquet"
    rows.to_parquet(path)
    scores, answers, sources = by_text(teacher_of(path, tmp_path), ["a", "b", "c"])
    np.testing.assert_allclose(scores[:2], np.log(signals.softmax(raw[:2])), rtol=1e-5)
    assert sources == ["imported", "imported", "none"] and answers[2] == -1
    rows.loc[0, "score_None"] = -np.inf  # a log-probability of 0
    rows.to_parquet(path)
    scores, _, _ = by_text(teacher_of(path, tmp_path), ["a"])
    assert np.isfinite(scores).all() and signals.softmax(scores[0])[1] < 1e-12
    labelled = rows.assign(label="Sci", confidence=0.9, score_Sci="high")
    labelled.to_csv(tmp_path / "both.csv", index=False)
    assert by_text(teacher_of(tmp_path / "both.csv", tmp_path), ["b"])[0].argmax() == 2
    rows.astype(str).assign(score_Sci=["1", "inf", "2"]).to_csv(tmp_path / "raw.csv", index=False)
    with pytest.raises(DataError, match="row 2: 'score_Sci' must be a number, but it was 'inf'"):
        teacher_of(tmp_path / "raw.csv", tmp_path)


def test_probabilities_of_each_class(tmp_path):
    rows = pd.DataFrame(
        {
            "text": ["a", "b", "c", "d"],
            "label": ["World", "World", None, "Sci"],
            "World": [0.8, 0.1, 0.2, None],
            "None": [0.2, 0.0, 0.6, None],
            "Sci": [0.0, 0.1, 0.2, None],
        }
    )
    rows.loc[1, ["World", "None", "Sci"]] = [0.1, 0.3, 0.1]
    path = tmp_path / "scores.parquet"
    rows.to_parquet(path)
    scores, answers, _ = by_text(teacher_of(path, tmp_path), ["a", "b", "c", "d"])
    np.testing.assert_allclose(signals.softmax(scores[0]), [0.8, 0.2, 0.0], atol=1e-6)
    assert np.isnan(scores[1]).all(), "the label is not the most probable class"
    np.testing.assert_allclose(signals.softmax(scores[2]), [0.2, 0.6, 0.2], rtol=1e-6)
    assert answers == [-1, 0, -1, 2]


def test_the_same_text_with_two_labels_has_none(tmp_path):
    path = written(tmp_path, "text,label\na,World\na,Sci\nb,Sci\nb,Sci\n")
    teacher = teacher_of(path, tmp_path)
    assert by_text(teacher, ["a", "b"])[1] == [-1, 2]
    assert teacher.conflicting == 1


def test_texts_match_whatever_their_white_space_and_composition(tmp_path):
    path = written(tmp_path, '\ufefftext,label\n"  caf\u00e9\n au  lait ",World\n')
    assert by_text(teacher_of(path, tmp_path), ["cafe\u0301 au lait"])[1] == [0]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("l.jsonl", '{"text": "a", "label": "World", "confidence": 0.9}\n\n{"text": "b"}\n'),
        ("l.tsv", "text\tlabel\tconfidence\na\tWorld\t0.9\nb\t\t\n"),
        ("L.CSV", "text,label,confidence\na,World,0.9\nb,,\n"),
    ],
)
def test_kinds_of_files(tmp_path, name, content):
    scores, answers, _ = by_text(teacher_of(written(tmp_path, content, name), tmp_path), ["a", "b"])
    np.testing.assert_allclose(signals.softmax(scores[0])[0], 0.9, rtol=1e-6)
    assert answers == [-1, -1]


def test_records_without_a_text_are_passed_over(tmp_path):
    lines = ['{"text":"a","label":"Sci"}', '{"text":null,"label":"World"}', '{"label":"World"}']
    lines += ['{"text":"b","label":"None"}', '{"text":null,"label":"Sci"}']
    path = written(tmp_path, "\n".join(lines), "l.jsonl")
    teacher = teacher_of(path, tmp_path)
    assert by_text(teacher, ["b", "a", "", "c"])[1] == [1, 2, -1, -1]
    assert (teacher.unmatched, teacher.unknown, teacher.conflicting) == (2, 0, 0)


def test_a_bad_number_is_said_of_the_column_that_the_file_has(tmp_path):
    content = "text,prob_World,p_None,prob_Sci\na,0.2,0.2,0.6\nb,0.2,much,0.2\n"
    with pytest.raises(DataError, match="row 2: 'p_None' must be a number"):
        teacher_of(written(tmp_path, content), tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("l.csv", "label,n\nSci,1\nSci,2\n", "l.csv has no column of texts"),
        ("l.csv", "text,World\na,1\n", "neither a column 'label' nor one column of probabilities"),
        ("l.csv", "text,label\n", "l.csv has column names and no rows"),
        ("l.csv", "", "l.csv is empty"),
        (
            "l.csv",
            "text,label,confidence\na,World,0.5\nb,Sci,high\n",
            "row 2: 'confidence' must be",
        ),
        ("l.csv", "text,label,confidence\na,World,93\n", "a number from 0 to 1, but it was '93'"),
        ("l.csv", "text,label,confidence\na,World,nan\n", "row 1: 'confidence' must be"),
        ("l.csv", "text,World,None,Sci\na,0,0,0\n", "row 1: the probabilities are all 0"),
        ("l.jsonl", "[" * 100_000, "l.jsonl"),
        ("l.parquet", "not one", "l.parquet is not what its ending"),
    ],
)
def test_files_of_no_use_are_said_in_one_sentence(tmp_path, name, content, words):
    with pytest.raises(DataError, match=words) as caught:
        teacher_of(written(tmp_path, content, name), tmp_path)
    assert "\n" not in str(caught.value)


def test_other_encodings_and_missing_files(tmp_path):
    path = tmp_path / "l.csv"
    path.write_bytes("text,label\ncafé,World\n".encode("utf-16"))
    assert by_text(teacher_of(path, tmp_path), ["café"])[1] == [0]
    with pytest.raises(NotFound, match="There is no file"):
        teacher_of(tmp_path / "none.csv", tmp_path)


def test_columns_of_other_names_are_found_or_named(tmp_path):
    words = "Prices rose again on Monday", "The rocket reached its orbit"
    path = written(
        tmp_path,
        f"review,verdict,sureness,category\n{words[0]},World,0.6,Sci\n{words[1]},Sci,0.8,World\n",
    )
    found = by_text(teacher_of(path, tmp_path), words)
    assert found[1] == [2, 0], "the column 'category' looks like the labels"
    named = build(
        TeacherConfig,
        teacher=f"file:{path}",
        text_column="review",
        label_column="verdict",
        confidence_column="sureness",
    )
    scores, answers, _ = by_text(make_teacher(named, LABELS, tmp_path), words)
    assert answers == [-1, -1], "the scores say it"
    np.testing.assert_allclose(signals.softmax(scores).max(axis=1), [0.6, 0.8], rtol=1e-5)
    wrong = build(TeacherConfig, named.model_dump(), label_column="verdikt")
    with pytest.raises(DataError, match="no column 'verdikt' in labels.csv. Its columns are rev"):
        make_teacher(wrong, LABELS, tmp_path)


def test_probabilities_may_be_prefixed_and_come_from_a_workbook(tmp_path):
    path = tmp_path / "scores.xlsx"
    pd.DataFrame(
        {"text": ["a"], "prob_World": [0.2], "prob_None": [0.5], "prob_Sci": [0.3]}
    ).to_excel(path, index=False)
    scores, _, sources = by_text(teacher_of(path, tmp_path), ["a"])
    np.testing.assert_allclose(signals.softmax(scores[0]), [0.2, 0.5, 0.3], rtol=1e-5)
    assert sources == ["imported"]


def test_description_follows_the_content(tmp_path):
    path = written(tmp_path, "text,label\na,World\n")
    first = teacher_of(path, tmp_path).describe()
    assert json.loads(json.dumps(first)) == first
    assert first["file"] == "labels.csv"
    written(tmp_path, "text,label\na,Sci\n\n")
    assert teacher_of(path, tmp_path).describe()["sha256"] != first["sha256"]


def test_no_model_is_asked(tmp_path):
    teacher = teacher_of(written(tmp_path, "text,label\na,World\n"), tmp_path)
    assert teacher.content_free() is None
    assert (
        teacher.prompt("a")
        == "No model is asked: the label is looked up in labels.csv by the text."
    )
    teacher.close()


def counts(teacher):
    return teacher.unmatched, teacher.unknown, teacher.conflicting, teacher.blank, teacher.by_id


def test_equal_labels_of_a_repeated_text_agree_and_their_confidence_is_the_mean(tmp_path):
    path = written(
        tmp_path,
        "text,label,confidence\na,World,0.9\na, world ,0.7\nb,Sci,0.9\nb,World,0.9\n"
        "c,,\nc,Sci,0.8\nd,Sci,\nd,Sci,0.6\ne,Odd,\ne,Sci,\n",
    )
    teacher = teacher_of(path, tmp_path)
    scores, answers, _ = by_text(teacher, ["a", "b", "c", "d", "e"])
    assert scores[0].argmax() == 0 and scores[2].argmax() == scores[3].argmax() == 2
    np.testing.assert_allclose(signals.softmax(scores[0])[0], 0.8, rtol=1e-6)
    np.testing.assert_allclose(signals.softmax(scores[3])[2], 0.6, rtol=1e-6)
    assert np.isnan(scores[[1, 4]]).all() and answers[1] == answers[4] == -1
    assert counts(teacher) == (0, 0, 2, 0, 0)
    assert "2 texts are labelled in two ways (such as 'b' and 'e')." in teacher.report()


@pytest.mark.parametrize(
    ("labels", "cells"),
    [
        (["good", "bad"], [["good"], ["bad"]]),
        (["0", "1"], ["0.0", "1.0"]),
        (["0", "1"], [0, 1.0]),
        (["very good", "bad."], ["Very  good", "bad."]),
        (["caf\u00e9", "Sports"], ["cafe\u0301", "\ufeffSports\u200b"]),
        (["-1", "1"], [-1, 1]),
        (["*", "***"], ["*", "***"]),
        (["x", "X "], ["x", "X"]),
        ([":)", ":("], [":)", ":("]),
    ],
)
def test_labels_as_other_tools_write_them(tmp_path, labels, cells):
    lines = [json.dumps({"text": f"t{k}", "label": cell}) for k, cell in enumerate(cells)]
    path = written(tmp_path, "\n".join(lines), "l.jsonl")
    try:
        label_set = LabelSet.of(labels)
    except ConfigError:
        label_set = LabelSet.of(["x", "y"])  # names that differ in capitals alone are refused
        cells = cells[:1]
    teacher = teacher_of(path, tmp_path, label_set)
    answers = {}
    for batch in teacher.score([f"t{k}" for k in range(len(cells))]):
        answers |= dict(zip(batch.index.tolist(), batch.answer.tolist(), strict=True))
    assert answers == {k: k for k in range(len(cells))}
    assert teacher.report() == []


def test_what_cannot_be_used_is_told_with_examples(tmp_path):
    path = written(tmp_path, "text,label\na,Wrold\nb,Wrold\nc,Sport\nd,World\nd,Sci\ne,\n")
    teacher = teacher_of(path, tmp_path)
    by_text(teacher, ["a", "b", "c", "d", "e", "f", "g"])
    assert counts(teacher) == (2, 3, 1, 1, 0)
    assert teacher.report() == [
        "2 texts are not in 'labels.csv' (such as 'f' and 'g').",
        "3 texts have a label that is no class (labels: 'Wrold' (2) and 'Sport' (1)).",
        "1 text is labelled in two ways (such as 'd').",
        "1 text has no label in 'labels.csv' (such as 'e').",
        "The classes are 'World', 'None' and 'Sci'.",
    ]


def test_a_file_of_ids_and_labels_is_matched_by_them(tmp_path):
    path = written(tmp_path, "id,label\nn1,World\n n2 ,Sci\nn3,None\nn3,Sci\n")
    teacher = teacher_of(path, tmp_path)
    teacher.match_ids(["n1", "n2", "n3", "n4"], ["one text", "two texts", "three", "four"])
    _, answers, _ = by_text(teacher, ["two texts", "one text", "three", "four"])
    assert answers == [2, 0, -1, -1]
    assert counts(teacher) == (1, 0, 1, 0, 2)


def test_ids_help_where_texts_were_changed_and_only_where_they_are_sure(tmp_path):
    rows = [f"n{k},text number {k},{'World' if k % 2 else 'Sci'}" for k in range(20)]
    rows[4] = "n4,TEXT No. 4 as a tool changed it,Sci"
    path = written(tmp_path, "id,text,label\n" + "\n".join(rows) + "\n")
    texts = [f"text number {k}" for k in range(20)]
    teacher = teacher_of(path, tmp_path)
    teacher.match_ids([f"n{k}" for k in range(20)], texts)
    assert by_text(teacher, texts)[1] == [0 if k % 2 else 2 for k in range(20)]
    assert counts(teacher) == (0, 0, 0, 0, 1)
    # The ids of another file: nothing is taken by them.
    teacher = teacher_of(path, tmp_path)
    teacher.match_ids([f"n{19 - k}" for k in range(20)], texts)
    assert by_text(teacher, texts)[1][4] == -1 and counts(teacher)[0] == 1
    teacher = teacher_of(path, tmp_path)
    teacher.match_ids([f"n{k}" for k in range(3)], ["x", "y", "z"])
    assert by_text(teacher, ["x", "y", "z"])[1] == [-1] * 3
