"""What is said of texts in languages that a model does not know, before anything is spent."""

import pandas as pd
import pytest

from llkd import curation
from llkd.config import LabelSet, TeacherConfig, build
from llkd.models.languages import EVERY, model_languages, stated_languages, student_languages
from llkd.store import Store

ENGLISH = "The street lamp outside my house is broken and nobody answers the phone"
GERMAN = "Die Straßenlaterne vor meinem Haus ist kaputt und niemand geht ans Telefon"
FRENCH = "Le lampadaire devant chez moi est cassé et personne ne répond au téléphone"


def project_of(home, texts):
    store = Store(home)
    frame = pd.DataFrame(
        {"id": [f"t{k}" for k in range(len(texts))], "text": texts, "gold": None, "split": "pool"}
    )
    classes = LabelSet.of(["a", "b"])
    return store, store.projects.create("p", frame, source="p", report={}, label_set=classes)


def teacher(name, **more):
    return build(TeacherConfig, teacher=name, **more)


class TestPool:
    def test_shares_are_of_the_pool(self, home):
        store, project = project_of(home, [ENGLISH] * 6 + [GERMAN] * 3 + ["12345"])
        languages = curation.pool_languages(store, project)
        assert languages == {"English": 0.6, "German": 0.3, "unclear": 0.1}
        curation.row_languages(store, project)
        assert curation.pool_languages(store, project) == languages

    def test_each_row_has_one_and_keeps_it(self, home, monkeypatch):
        store, project = project_of(home, [GERMAN, "!!!", ENGLISH, FRENCH])
        reports = []
        expected = ["German", "unclear", "English", "French"]
        assert curation.row_languages(store, project, lambda *at: reports.append(at)) == expected
        assert reports == [(4, 4)]
        monkeypatch.setattr("llkd.curation.languages.language", None)  # nothing is looked at again
        assert curation.row_languages(store, project) == expected

    def test_a_damaged_file_is_made_again(self, home):
        store, project = project_of(home, [GERMAN, ENGLISH])
        expected = curation.row_languages(store, project)
        (file,) = (store.home.project(project.id) / "languages").iterdir()
        file.write_bytes(b"PAR1 nothing")
        assert curation.row_languages(store, project) == expected == ["German", "English"]


class TestSentences:
    MOSTLY = {"English": 0.5, "German": 0.38, "French": 0.04, "unclear": 0.08}

    def test_the_embedded_models_know_english(self):
        assert curation.student_language_sentence(self.MOSTLY, "embedded") == (
            "38 % of the texts look German and 4 % French; the embedded student knows English. It "
            "will learn little from them: choose an encoder that knows them, such as a "
            "multilingual one, as a folder or hub id."
        )
        assert curation.teacher_language_sentence(self.MOSTLY, teacher("embedded")) == (
            "38 % of the texts look German and 4 % French; the embedded teacher knows English. "
            "Choose a teacher that knows them, or try it on some of them first."
        )
        assert "label similarity knows English" in str(
            curation.teacher_language_sentence(self.MOSTLY, teacher("committee"))
        )
        assert "each model that comes along knows English" in str(
            curation.data_language_sentence(self.MOSTLY)
        )

    def test_few_texts_and_unclear_ones_are_not_spoken_of(self):
        few = {"English": 0.5, "German": 0.04, "unclear": 0.46}
        assert curation.student_language_sentence(few, "embedded") is None
        assert curation.data_language_sentence(few) is None
        assert curation.teacher_language_sentence(few, teacher("embedded")) is None

    def test_what_nothing_is_known_of_is_to_be_tried(self):
        config = teacher("api:some-model", base_url="http://127.0.0.1:1/v1")
        assert curation.teacher_language_sentence({"German": 1.0}, config) == (
            "100 % of the texts look German, and whether the model some-model knows that is not "
            "known here: try 30 of them before you label all."
        )
        assert curation.teacher_language_sentence({"English": 1.0}, config) is None

    def test_labels_that_are_looked_up_need_no_language(self, tmp_path):
        config = teacher(f"file:{tmp_path / 'x.csv'}")
        assert curation.teacher_language_sentence({"German": 1.0}, config) is None

    def test_many_languages_are_summed_up(self):
        many = {"English": 0.2, **{name: 0.2 for name in ("German", "French", "Dutch", "Polish")}}
        sentence = curation.student_language_sentence(many, "embedded")
        assert sentence.startswith(
            "20 % of the texts look German, 20 % French, 20 % Dutch and 20 % in other languages; "
        )


class TestWhatAModelKnows:
    @pytest.mark.parametrize(
        ("top", "known"),
        [
            ("---\nlanguage: de\n---\n# a", {"German"}),
            ("---\nlanguage:\n- en\n- zh-Hans\nlicense: mit\n---\n", {"English", "Chinese"}),
            ("---\nlanguage: no\n---\n", {"Norwegian"}),  # YAML reads a False
            ("---\nlanguage: multilingual\n---\n", {EVERY}),
            (f"---\nlanguage: {['en', 'de'] * 10}\n---\n", {EVERY}),
            ("---\nlanguage: klingon\n---\n", None),
            ("---\nlanguage: {a: [\n---\n", None),
            ("---\nlicense: mit\n---\nlanguage: de\n", None),
            ("# no top\nlanguage: de", None),
            ("", None),
        ],
    )
    def test_by_the_top_of_its_readme(self, tmp_path, top, known):
        (tmp_path / "README.md").write_text(top, "utf-8")
        assert stated_languages(tmp_path / "README.md") == known
        assert model_languages(str(tmp_path)) == known

    def test_by_its_name(self):
        assert model_languages("sentence-transformers/paraphrase-multilingual-MiniLM") == {EVERY}
        assert model_languages("FacebookAI/xlm-roberta-base") == {EVERY}
        assert model_languages("nobody/relaxlm") is None
        assert model_languages("not a name \x00 at all") is None

    def test_a_multilingual_student_needs_no_word(self):
        languages = {"German": 1.0}
        assert (
            curation.student_language_sentence(languages, "intfloat/multilingual-e5-small") is None
        )
        assert student_languages("embedded") == {"English"}


class TestTeachersWindow:
    def test_what_is_read_in_part_is_said(self, home):
        store, project = project_of(home, ["word " * 400] * 3 + ["short"])
        config = teacher("api:m", base_url="http://127.0.0.1:1/v1")
        assert curation.teacher_cut_sentences(store, project, config) == [
            "About 75 % of the texts are longer than the 256 tokens that m is shown of one: the "
            "middle is left out (max_text_tokens shows more of it)."
        ]
        whole = teacher("api:m", base_url="http://127.0.0.1:1/v1", max_text_tokens=1000)
        assert curation.teacher_cut_sentences(store, project, whole) == []

    def test_label_similarity_reads_64_tokens(self, home):
        store, project = project_of(home, ["word " * 100] * 3 + ["short"])
        (sentence,) = curation.teacher_cut_sentences(store, project, teacher("similarity"))
        assert "75 % of the texts are longer than the 64 tokens that label similarity" in sentence
        assert curation.teacher_cut_sentences(store, project, teacher("file:x.csv")) == []
