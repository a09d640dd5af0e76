"""Forty architectures that transformers offers: each is used right, or refused in a sentence."""

import json

import numpy as np
import pytest
import torch

from llkd import students
from llkd.config import LabelSet, TeacherConfig
from llkd.errors import DataError, ModelError
from llkd.teachers import make_teacher
from tests.support.tiny_architectures import make_model
from tests.support.tiny_student import CLASSES, make_tokenizer, toy_texts
from tests.support.tiny_teacher import make_tokenizer as make_bpe

TEXTS = [*toy_texts(7)[0], "goal " * 300]
LABELS = LabelSet.of(["the", "credit", "small talk"])
SENTENCES = ["the cat sat on the mat", "", "a credit card was charged twice " * 30, "dog"]

STUDENTS = [
    "albert", "bert", "big_bird", "bloom", "clip_text_model", "data2vec-text", "deberta",
    "deberta-v2", "distilbert", "electra", "ernie", "esm", "eurobert", "flaubert", "gpt2", "gte",
    "ibert", "lilt", "llama", "longformer", "luke", "mamba", "megatron-bert", "mobilebert",
    "modernbert", "mpnet", "mra", "nomic_bert", "opt", "qwen3", "rembert", "roberta", "roformer",
    "squeezebert", "xlm", "xlm-roberta", "xlnet",
]  # fmt: skip
NO_STUDENTS = {
    "bart": "is an encoder-decoder model",
    "canine": "cannot read texts as a student",
    "clip": "is made for images or sound",
    "convbert": "lets padding change its answer",
    "fnet": "lets padding change its answer",
    "nystromformer": "lets padding change its answer",
    "perceiver": "is made for images or sound",
    "reformer": "cannot read texts as a student",
    "t5": "is an encoder-decoder model",
    "vit": "is made for images or sound",
    "wav2vec2": "is made for images or sound",
    "xmod": "Input language unknown",
    "yoso": "lets padding change its answer",
}
TEACHERS = [
    "bart", "biogpt", "bloom", "ctrl", "falcon", "gemma3_text", "git", "glm", "gpt2", "gpt_neox",
    "llama", "mamba", "modernbert-decoder", "mpt", "olmo2", "openai-gpt", "opt", "phi3", "qwen3",
    "whisper", "xglm",
]  # fmt: skip


def one_sentence(error):
    words = str(error.value)
    return words if "\n" not in words and "\x1b" not in words and len(words) < 500 else None


@pytest.mark.parametrize("kind", STUDENTS)
def test_a_student_answers_for_each_text_alone_and_is_kept_whole(kind, tmp_path):
    make_model(kind, tmp_path / "made")
    student = students.load_student(
        str(tmp_path / "made"), CLASSES, 1, precision="fp32", device="cpu"
    )
    student.network["head"].weight.data *= 20
    together = student.probabilities(TEXTS)
    assert together == pytest.approx(student.probabilities(TEXTS, batch_size=1), abs=1e-5)
    assert together == pytest.approx(student.probabilities(TEXTS[::-1])[::-1], abs=1e-5)
    student.network.train()
    loss = student.logits(student.encode(TEXTS), np.arange(len(TEXTS))).logsumexp(1).sum()
    assert torch.isfinite(loss)
    loss.backward()
    student.network.eval()
    student.save(tmp_path / "saved")
    again = students.load_saved(tmp_path / "saved", precision="fp32", device="cpu")
    assert again.probabilities(TEXTS) == pytest.approx(together, abs=1e-6)


@pytest.mark.parametrize("kind", NO_STUDENTS)
def test_what_cannot_be_a_student_is_refused_in_a_sentence(kind, tmp_path):
    make_model(kind, tmp_path)
    with pytest.raises(ModelError, match=NO_STUDENTS[kind]) as error:
        students.load_student(str(tmp_path), CLASSES, 0, device="cpu")
    assert one_sentence(error) and "Choose an encoder such as BERT" in str(error.value)


def test_one_that_version_0_3_trained_still_answers(tmp_path):
    from tests.support.old_students import save_as_in_version_0_3

    model, tokenizer = make_model("fnet", tmp_path / "made")
    head = torch.nn.Linear(32, 2)
    network = torch.nn.ModuleDict({"encoder": model, "head": head})
    save_as_in_version_0_3(
        students.Student(network, tokenizer, CLASSES, 16, "fp32"), tmp_path / "old"
    )
    found = students.load_saved(tmp_path / "old", precision="fp32", device="cpu")
    assert found.probabilities(TEXTS).shape == (len(TEXTS), 2)


def test_the_encoder_of_a_t5_is_refused_with_the_reason(tmp_path):
    make_model("t5", tmp_path, head="T5EncoderModel")
    with pytest.raises(ModelError, match=r"encoder alone of an encoder-decoder.*T5EncoderModel"):
        students.load_student(str(tmp_path), CLASSES, 0, device="cpu")


class TestVocabulary:
    @pytest.mark.parametrize("kind", ["bert", "roberta", "gpt2", "distilbert", "deberta-v2", "t5"])
    @pytest.mark.parametrize("settings", [False, True])
    def test_a_folder_without_tokenizer_files_is_refused(self, kind, settings, tmp_path):
        make_model(kind, tmp_path)
        (tmp_path / "tokenizer.json").unlink()
        if not settings:
            (tmp_path / "tokenizer_config.json").unlink()
        with pytest.raises(ModelError) as error:
            students.load_student(str(tmp_path), CLASSES, 0, device="cpu")
        assert one_sentence(error)
        if kind != "t5" and not settings:
            assert "has no tokenizer files" in str(error.value)

    def test_a_teacher_without_tokenizer_files_is_refused(self, tmp_path):
        make_model("gpt2", tmp_path, make_bpe(), "AutoModelForCausalLM")
        for name in ("tokenizer.json", "tokenizer_config.json"):
            (tmp_path / name).unlink()
        with pytest.raises(ModelError, match="has no tokenizer files"):
            make_teacher(TeacherConfig(teacher=f"local:{tmp_path}"), LABELS, tmp_path)

    def test_a_tokenizer_with_more_words_than_the_model_is_refused(self, tmp_path):
        make_model("bert", tmp_path, vocab_size=20)
        with pytest.raises(ModelError, match=r"token 24 is in use, and the model knows 20"):
            students.load_student(str(tmp_path), CLASSES, 0, device="cpu")


class TestUnknownWords:
    """A tokenizer that is there, for texts of another language."""

    def trained(self, tmp_path, texts):
        from llkd.training import TrainingData, train
        from tests.support.tiny_student import teacher_for
        from tests.support.toy_runs import config

        make_model("bert", tmp_path / "made")
        student = students.load_student(str(tmp_path / "made"), CLASSES, 0, device="cpu")
        gold = np.arange(len(texts)) % 2
        data = TrainingData(
            texts=texts, rows=np.arange(len(texts)), teacher_probs=teacher_for(gold), gold=None,
            eval_texts=[], eval_gold=np.array([], dtype=np.int64),
        )  # fmt: skip
        return train(student, data, config("all"), CLASSES, tmp_path / "run")

    def test_a_student_that_knows_no_word_is_refused(self, tmp_path):
        with pytest.raises(DataError, match="knows none of the words of these texts"):
            self.trained(tmp_path, ["ein Spiel am Abend", "die Bank steigt"] * 8)

    def test_one_that_knows_few_says_so(self, tmp_path):
        found = self.trained(tmp_path, ["ein goal am Abend", "market der Preis sinkt"] * 8)
        assert any(
            "75.0 % of the texts' tokens are unknown to the student" in said
            for said in found.warnings
        )

    def test_one_that_knows_them_says_nothing(self, tmp_path):
        found = self.trained(tmp_path, toy_texts(16)[0])
        assert not any("unknown" in said for said in found.warnings)


class TestPositions:
    @pytest.mark.parametrize(
        ("kind", "stated", "positions", "padding", "limit"),
        [
            ("bert", 512, 32, 0, 32),
            ("bert", 16, 32, 0, 16),
            ("bert", 10**30, 32, 0, 32),
            ("roberta", 512, 34, 1, 32),
            ("roberta", 512, 34, 0, 33),
            ("xlm-roberta", 512, 40, 5, 34),
            ("mpnet", 512, 34, 1, 32),
            ("data2vec-text", 512, 34, 1, 32),
            ("ibert", 512, 34, 1, 32),
            ("longformer", 512, 34, 1, 32),
            ("luke", 512, 34, 1, 32),
            ("esm", 512, 34, 1, 32),
            ("gpt2", 512, 32, 0, 32),
            ("opt", 512, 32, 1, 32),
            ("distilbert", 512, 32, 0, 32),
        ],
    )
    def test_the_smaller_of_tokenizer_and_positions_counts(
        self, kind, stated, positions, padding, limit, tmp_path
    ):
        tokenizer = make_tokenizer(stated)
        names = {"max_position_embeddings": positions, "n_positions": positions}
        tokenizer.pad_token = tokenizer.convert_ids_to_tokens(padding)
        make_model(kind, tmp_path / "made", tokenizer, pad_token_id=padding, **names)
        student = students.load_student(
            str(tmp_path / "made"), CLASSES, 0, 4000, precision="fp32", device="cpu"
        )
        assert student.max_tokens == limit
        probabilities = student.probabilities(["goal " * 500, "stock"])
        assert np.isfinite(probabilities).all()
        student.set_max_tokens(9000)
        assert student.max_tokens == limit
        student.save(tmp_path / "saved")
        again = students.load_saved(tmp_path / "saved", precision="fp32", device="cpu")
        assert again.max_tokens == limit
        assert again.embed(["goal " * 500]).shape == (1, 32)

    def test_a_limit_that_no_setting_tells_is_found_by_trying(self, tmp_path, monkeypatch):
        """An architecture of tomorrow, whose positions have another name."""
        from llkd.students import encoder_checks

        make_model("bert", tmp_path, make_tokenizer(512), max_position_embeddings=70)
        monkeypatch.setattr(encoder_checks, "position_limit", lambda model: None)
        student = students.load_student(str(tmp_path), CLASSES, 0, 256, device="cpu")
        assert student.max_tokens == 70

    def test_a_teacher_whose_positions_begin_behind_the_padding(self, tmp_path):
        tokenizer = make_bpe()
        make_model(
            "roberta", tmp_path, tokenizer, "AutoModelForCausalLM", is_decoder=True,
            pad_token_id=1, max_position_embeddings=160,
        )  # fmt: skip
        scores = teacher_scores(tmp_path, SENTENCES)
        assert np.isfinite(scores).all()


def teacher_scores(folder, texts):
    config = TeacherConfig(teacher=f"local:{folder}", precision="fp32")
    teacher = make_teacher(config, LABELS, folder)
    scores = np.full((len(texts), 3), np.nan)
    for batch in teacher.score(texts):
        scores[batch.index] = batch.scores
    return scores


@pytest.mark.parametrize("kind", TEACHERS)
def test_a_teacher_scores_each_text_alone(kind, tmp_path):
    names = {"max_position_embeddings": 160, "n_positions": 160, "max_seq_len": 160}
    changes = {"is_encoder_decoder": False} if kind in {"bart", "whisper"} else {}
    make_model(kind, tmp_path, make_bpe(), "AutoModelForCausalLM", **names, **changes)
    together = teacher_scores(tmp_path, SENTENCES)
    alone = np.concatenate([teacher_scores(tmp_path, [text]) for text in SENTENCES[:2]])
    np.testing.assert_allclose(together[:2], alone, atol=1e-4)
    assert np.isfinite(together).all() and np.ptp(together) > 1


@pytest.mark.parametrize(
    ("kind", "head", "words"),
    [
        ("bert", "AutoModel", "holds no head for writing"),
        ("xlm-roberta", "AutoModel", "holds no head for writing"),
        ("llama", "AutoModel", r"holds no head for writing: .*lacks lm_head.weight"),
        ("bert", "AutoModelForMaskedLM", "was saved for another purpose .BertForMaskedLM"),
        ("roberta", "AutoModelForCausalLM", "changes with the words after it"),
        ("electra", "AutoModelForPreTraining", "no causal language model|no head for writing"),
        ("xlnet", "AutoModelForCausalLM", "changes with the words after it"),
        ("xlm", "AutoModelForCausalLM", "changes with the words after it"),
        ("roberta", "AutoModelForSequenceClassification", "another purpose"),
        ("gpt2", "AutoModelForSequenceClassification", "another purpose"),
        ("deberta-v2", "AutoModelForSequenceClassification", "another purpose"),
        ("mpnet", "AutoModel", "of the kind 'mpnet', which is no causal language model"),
        ("t5", "AutoModel", "is an encoder-decoder model"),
        ("bart", "AutoModel", "is an encoder-decoder model"),
        ("vit", "AutoModel", "of the kind 'vit'"),
    ],
)
def test_what_was_not_trained_to_write_is_no_teacher(kind, head, words, tmp_path):
    make_model(kind, tmp_path, make_bpe(), head, max_position_embeddings=None)
    config = TeacherConfig(teacher=f"local:{tmp_path}", precision="fp32")
    with pytest.raises(ModelError, match=words) as error:
        make_teacher(config, LABELS, tmp_path)
    assert one_sentence(error) and "Choose a model that writes text" in str(error.value)


class TestTellTaleFiles:
    """Where the weights of writing are tied to the words, none is missing."""

    def test_a_sentence_encoder(self, tmp_path):
        make_model("gpt2", tmp_path, make_bpe())
        (tmp_path / "modules.json").write_text("[]")
        with pytest.raises(ModelError, match="is a sentence encoder .it has a modules.json"):
            make_teacher(TeacherConfig(teacher=f"local:{tmp_path}"), LABELS, tmp_path)

    def test_a_classifier_that_does_not_say_so(self, tmp_path):
        make_model("gpt2", tmp_path, make_bpe(), "AutoModelForSequenceClassification")
        config = json.loads((tmp_path / "config.json").read_text())
        (tmp_path / "config.json").write_text(json.dumps({**config, "architectures": None}))
        with pytest.raises(ModelError, match=r"trained for another purpose: it holds score\."):
            make_teacher(TeacherConfig(teacher=f"local:{tmp_path}"), LABELS, tmp_path)

    @pytest.mark.parametrize("role", ["student", "teacher"])
    def test_weights_of_another_shape(self, role, tmp_path):
        make_model("gpt2", tmp_path, make_bpe(), "AutoModelForCausalLM")
        config = json.loads((tmp_path / "config.json").read_text())
        (tmp_path / "config.json").write_text(json.dumps({**config, "n_inner": 96}))
        with pytest.raises(ModelError, match=r"weights of another shape than its config.json says"):
            if role == "student":
                students.load_student(str(tmp_path), CLASSES, 0, device="cpu")
            else:
                make_teacher(TeacherConfig(teacher=f"local:{tmp_path}"), LABELS, tmp_path)
