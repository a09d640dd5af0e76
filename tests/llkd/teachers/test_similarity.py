"""Label similarity: which class's words lie nearest; a fake encoder counts words."""

import numpy as np
import pytest

from llkd.config import Label, LabelSet, TeacherConfig
from llkd.errors import ConfigError, NotFound
from llkd.teachers import make_teacher
from llkd.teachers.base import Example, FewShot
from llkd.teachers.registry import display_name, teacher_settings
from llkd.teachers.similarity import SCALE, SIMILARITY, SimilarityTeacher, class_text

WORDS = ("roads", "water", "pothole", "leak", "this", "text")


class WordCounts:
    """Unit vectors of how often each word stands in a text."""

    max_tokens = 64

    def __init__(self):
        self.texts, self.limits = [], []

    def embed(self, texts):
        self.texts += list(texts)
        counts = np.array([[text.lower().count(word) for word in WORDS] for text in texts], float)
        lengths = np.linalg.norm(counts, axis=1, keepdims=True)
        return (counts / np.maximum(lengths, 1e-12)).astype(np.float32)

    def set_max_tokens(self, wanted):
        self.limits.append(wanted)


def labels_of(*pairs):
    return LabelSet(labels=tuple(Label(name=name, description=text) for name, text in pairs))


LABELS = labels_of(("roads", "a pothole"), ("water", "a leak"))


def test_the_score_is_the_cosine_over_a_twentieth():
    encoder = WordCounts()
    teacher = SimilarityTeacher(encoder, LABELS)
    assert encoder.texts == ["roads: a pothole", "water: a leak"], "each class once"
    assert encoder.limits == [256, 64], "a class is read further than a text"
    (batch,) = teacher.score(["pothole pothole leak", "roads pothole"])
    cosines = [[2 / np.sqrt(10), 1 / np.sqrt(10)], [1.0, 0.0]]
    np.testing.assert_allclose(batch.scores, np.array(cosines) / SCALE, rtol=1e-5)
    assert batch.source == "similarity" and (batch.answer == -1).all()


def shown(*pairs, kind="balanced"):
    fixed = tuple(Example(row, text, label) for row, (text, label) in enumerate(pairs))
    return FewShot(kind, fixed, identity={"rows": [[e.row, e.label] for e in fixed]})


class TestExamples:
    """A class is its name, as four texts, and the examples that people gave it."""

    def test_they_move_a_class_towards_them(self):
        few = shown(("this this", 0), ("text", 1))
        teacher = SimilarityTeacher(WordCounts(), LABELS, examples=few)
        (batch,) = teacher.score(["this leak"])
        # roads: 4 × (roads + pothole) / √2 and once "this"; water: likewise with "text".
        length = np.sqrt(4 * 4 + 1)
        wanted = [1 / length / np.sqrt(2), 4 / np.sqrt(2) / length / np.sqrt(2)]
        np.testing.assert_allclose(batch.scores[0], np.array(wanted) / SCALE, rtol=1e-5)
        assert "and with its examples" in teacher.prompt("x")

    def test_no_class_is_made_of_the_text_it_is_held_against(self):
        few = shown(("this", 0), ("text", 1))
        teacher = SimilarityTeacher(WordCounts(), LABELS, examples=few)
        alone = SimilarityTeacher(WordCounts(), LABELS, examples=shown(("text", 1)))
        (batch,), (wanted,) = teacher.score(["THIS "]), alone.score(["this"])
        np.testing.assert_allclose(batch.scores, wanted.scores, rtol=1e-6)
        assert (batch.scores[0] == 0).all()  # no class has a word of it but the example

    def test_without_any_it_is_as_it_was(self):
        teacher = SimilarityTeacher(WordCounts(), LABELS, examples=FewShot("nearest"))
        plain = SimilarityTeacher(WordCounts(), LABELS)
        assert teacher.describe() == plain.describe() and "examples" not in plain.describe()
        (batch,), (wanted,) = teacher.score(["leak this"]), plain.score(["leak this"])
        assert (batch.scores == wanted.scores).all()

    def test_it_says_which_they_were(self):
        few = shown(("this", 0))
        about = SimilarityTeacher(WordCounts(), LABELS, examples=few).describe()
        assert about["examples"] == {"rows": [[0, 0]]} and about["name_weight"] == 4.0


def test_a_class_without_a_description_is_put_as_a_sentence():
    named, described = Label(name="water"), Label(name="roads", description="a pothole")
    assert class_text(named) == "This text is about water."
    assert class_text(described) == "roads: a pothole"
    assert class_text(Label(name="c3", verbaliser="fire")) == "This text is about fire."


def test_classes_with_one_description_differ_by_their_names():
    teacher = SimilarityTeacher(WordCounts(), labels_of(("roads", "a leak"), ("water", "a leak")))
    (batch,) = teacher.score(["roads", "water"])
    assert batch.scores.argmax(axis=1).tolist() == [0, 1]


def test_a_blank_text_gets_no_label_and_goes_to_a_person():
    teacher = SimilarityTeacher(WordCounts(), LABELS)
    measured, blank = teacher.score(["leak", "  \n", "water"])
    assert measured.index.tolist() == [0, 2] and np.isfinite(measured.scores).all()
    assert blank.index.tolist() == [1] and blank.source == "none"
    assert np.isnan(blank.scores).all() and blank.answer.tolist() == [-1]


def test_what_is_embedded_already_is_not_embedded_again():
    encoder = WordCounts()
    teacher = SimilarityTeacher(encoder, LABELS)
    vectors = encoder.embed(["leak", "pothole"])
    encoder.texts.clear()
    teacher.expect(["leak", "pothole"], vectors)
    (batch,) = teacher.score(["pothole", "water", "leak"])
    assert encoder.texts == ["water"]
    assert batch.scores.argmax(axis=1).tolist() == [0, 1, 1]


def test_thousands_of_classes():
    names = [f"class {k}" for k in range(3000)]
    (batch,) = SimilarityTeacher(WordCounts(), LabelSet.of(names)).score(["text"] * 3)
    assert batch.scores.shape == (3, 3000)


def test_the_encoder_may_be_named_and_need_not_be():
    assert display_name(teacher_settings(teacher="similarity")) == "label similarity"
    config = teacher_settings(teacher="similarity:/models/e5")
    assert display_name(config) == "label similarity by /models/e5"
    assert SIMILARITY.usage == "similarity[:<folder or hub id>]"
    with pytest.raises(ConfigError, match="after a colon"):
        teacher_settings(teacher="similarity:")


def test_an_encoder_that_is_not_there(tmp_path):
    config = TeacherConfig(teacher=f"similarity:{tmp_path / 'none'}")
    with pytest.raises(NotFound, match="There is no student folder"):
        make_teacher(config, LABELS, tmp_path)


def test_another_encoder_has_another_identity(encoder, tmp_path):
    config = TeacherConfig(teacher=f"similarity:{encoder}")
    teacher = make_teacher(config, LABELS, tmp_path)
    facts = teacher.describe()
    assert facts["max_tokens"] == 32, "no further than the encoder can"
    assert len(facts["sha256"]) == 64
    (batch,) = teacher.score(["goal", "stock"])
    assert batch.scores.shape == (2, 2) and (np.abs(batch.scores) <= 1.0001 / SCALE).all()


@pytest.mark.models
def test_the_embedded_encoder_tells_plain_cases_apart(tmp_path):
    labels = labels_of(
        ("roads", "Potholes, pavements and traffic signs."),
        ("waste", "Bins, rubbish and recycling."),
        ("noise", ""),
    )
    teacher = make_teacher(teacher_settings(teacher="similarity"), labels, tmp_path)
    texts = [
        "A deep hole in the street in front of number 12.",
        "Nobody emptied our garbage can this week.",
        "The bar next door plays loud music until three.",
    ]
    (batch,) = teacher.score(texts)
    assert batch.scores.argmax(axis=1).tolist() == [0, 1, 2]
    assert teacher.describe()["encoder"] == "all-MiniLM-L6-v2"
    assert teacher.content_free().shape == (3, 3)
