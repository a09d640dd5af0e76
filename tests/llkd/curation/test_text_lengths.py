"""How much of the texts a student's window cuts, counted with its own tokenizer, without torch."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from llkd import curation
from llkd.config import LabelSet, TrainingConfig, build, stored_training_config
from llkd.store import Store

WORDS = ["goal", "match", "stock", "bank"]


@pytest.fixture
def student(tmp_path):
    """A folder as a student's: every word is one token, and two stand around a text."""
    folder = tmp_path / "student"
    folder.mkdir()
    vocabulary = {word: k for k, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.enable_truncation(7)
    tokenizer.enable_padding()
    tokenizer.save(str(folder / "tokenizer.json"))
    settings(folder)
    return folder


def settings(folder, model="bert", positions=512, stated=512, **more):
    config = {"model_type": model, "max_position_embeddings": positions, "hidden_size": 32, **more}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": stated}))


def project_of(home, words):
    store = Store(home)
    frame = pd.DataFrame(
        {
            "id": [f"t{k}" for k in range(len(words))],
            "text": [" ".join(np.resize(WORDS, n)) + f" {k}" for k, n in enumerate(words)],
            "gold": None,
            "split": ["eval" if n == 5000 else "pool" for n in words],
        }
    )
    return store, store.projects.create(
        "p", frame, source="p", report={}, label_set=LabelSet.of(["a", "b"])
    )


class TestLengths:
    def test_they_are_those_of_the_students_tokenizer_uncut_and_of_the_pool(self, home, student):
        store, project = project_of(home, [1, 10, 300, 5000])
        found = curation.text_lengths(store, project, str(student))
        assert found.tokens.tolist() == [4, 13, 303]  # the number, and two around the text
        assert (found.counted, found.limit) == (True, 512)

    def test_a_large_pool_is_counted_on_a_spread_sample(self, home, student):
        store, project = project_of(home, [1 + k // 1500 for k in range(3000)])
        found = curation.text_lengths(store, project, str(student))
        assert len(found.tokens) == 1000
        assert found.tokens.mean() == pytest.approx(4.5, abs=0.01)

    @pytest.mark.parametrize("state", ["nothing", "broken", "no folder", "embedded missing"])
    def test_without_a_tokenizer_characters_are_counted(self, home, student, state, monkeypatch):
        store, project = project_of(home, [60] * 5)
        name = str(student)
        if state == "nothing":
            (student / "tokenizer.json").unlink()
        elif state == "broken":
            (student / "tokenizer.json").write_text('{"model": {')
        elif state == "no folder":
            name = "nobody/never-heard-of"
        else:
            from llkd.errors import ModelError
            from llkd.models import sources

            def missing(model):
                raise ModelError("not installed")

            monkeypatch.setattr(sources, "embedded_file", missing)
            name = "embedded"
        found = curation.text_lengths(store, project, name)
        assert not found.counted
        characters = len(" ".join(np.resize(WORDS, 60))) + 2
        assert found.tokens == pytest.approx(characters / 4, abs=1)
        now, _ = curation.windows(found, 64)
        assert now.share == 1.0
        assert curation.cut_sentence(found, now).startswith("About 100 % of the texts are longer")

    @pytest.mark.parametrize(
        ("given", "limit"),
        [
            ({"positions": 32}, 32),
            ({"stated": 24}, 24),
            ({"model": "roberta", "positions": 514, "pad_token_id": 1}, 512),
            ({"model": "xlm-roberta", "positions": 514}, 512),
            ({"stated": 10**30}, 512),
            ({"positions": None, "stated": 10**30}, None),
        ],
    )
    def test_the_limit_is_the_smaller_of_positions_and_tokenizer(self, home, student, given, limit):
        store, project = project_of(home, [5, 5])
        settings(student, **given)
        assert curation.text_lengths(store, project, str(student)).limit == limit


def lengths(tokens, **more):
    return curation.Lengths(np.array(tokens), True, **more)


class TestWindows:
    def test_nothing_is_said_where_little_is_cut(self):
        now, wider = curation.windows(lengths([10] * 91 + [100] * 9), 64)
        assert (now.tokens, now.share, wider) == (64, 0.09, None)

    def test_the_first_doubling_that_cuts_one_in_twenty_at_most_is_offered(self):
        tokens = [10] * 40 + [100] * 30 + [200] * 27 + [600] * 3
        now, wider = curation.windows(lengths(tokens), 64)
        assert (now.share, wider.tokens, wider.share) == (0.6, 256, 0.03)
        read = 40 * 10**1.6 + 30 * 100**1.6 + 27 * 200**1.6 + 3 * 256**1.6
        assert wider.time == pytest.approx(read / (40 * 10**1.6 + 60 * 64**1.6))
        assert curation.window_offer(wider) == "3 % cut, about 4.2 × the time"
        assert curation.cut_sentence(lengths(tokens), now) == (
            "60 % of the texts are longer than the 64 tokens that the student reads, and are cut "
            "there."
        )

    def test_no_more_is_offered_than_the_student_reads(self):
        now, wider = curation.windows(lengths([5000] * 10 + [150] * 10, limit=200), 64)
        assert (wider.tokens, wider.share) == (200, 0.5)
        now, wider = curation.windows(lengths([5000] * 10, limit=200), 512)
        assert (now.tokens, now.share, wider) == (200, 1.0, None)

    def test_a_longer_window_that_spares_nothing_is_not_offered(self):
        now, wider = curation.windows(lengths([10_000_000] * 10), 64)
        assert now.share == 1.0 and wider is None


class TestProposal:
    @pytest.mark.parametrize(
        ("tokens", "limit", "window"),
        [
            ([10] * 100, 512, 64),
            ([10] * 95 + [65] * 5, 512, 64),  # one in twenty may be cut
            ([10] * 94 + [65] * 6, 512, 128),
            ([200] * 100, 512, 256),
            ([5000] * 50 + [200] * 50, 8192, 512),  # a longer one than 512 is for people to set
            ([200] * 100, 150, 150),
            ([100] * 100, 100, 100),
            ([10] * 100, 32, 32),  # a student that takes less
            ([200] * 100, None, 256),
            ([], 512, 64),
        ],
    )
    def test_it_is_the_first_doubling_that_cuts_few(self, tokens, limit, window):
        assert curation.proposed_window(lengths(tokens, limit=limit)) == window

    def test_choices_are_held_against_the_present_one(self):
        found = curation.window_choices(lengths([50] * 50 + [200] * 50, limit=512), 100)
        assert [(w.tokens, w.share, w.memory) for w in found] == [
            (64, 0.5, 0.64), (100, 0.5, 1.0), (128, 0.5, 1.28), (256, 0.0, 2.0)
        ]  # fmt: skip
        work = [50**1.6 + read**1.6 for read in (64, 100, 128, 200)]
        assert [w.time for w in found] == pytest.approx([each / work[1] for each in work])

    def test_the_sentence_says_what_the_usual_one_would_cut(self):
        texts = lengths([50] * 50 + [200] * 50)
        assert curation.window_sentence(texts, 256) == (
            "The student reads up to 256 tokens of a text, by the lengths of these texts: 0 % of "
            "them are cut there. 64 tokens would cut 50 %, in about 0.24 of the time."
        )
        assert curation.window_sentence(texts, 64) is None
        guessed = curation.Lengths(texts.tokens, False)
        assert "texts: about 0 % of them are cut" in curation.window_sentence(guessed, 256)

    def test_settings_get_it_and_a_set_one_wins(self, home, student):
        store, project = project_of(home, [150] * 20)
        auto = TrainingConfig(student=str(student))
        assert curation.with_window(store, project, auto).max_tokens == 256
        own = TrainingConfig(student=str(student), max_tokens=80)
        assert curation.with_window(store, project, own) is own
        facts = curation.window_facts(store, project, own)
        assert facts == {"tokens": 80, "cut": 1.0, "counted": True}


def test_auto_is_what_no_number_means():
    assert build(TrainingConfig, max_tokens="auto") == TrainingConfig()
    assert TrainingConfig().window == 64
    # What older runs, jobs and manifests stored is read as it stands.
    assert stored_training_config({"max_tokens": 64}).max_tokens == 64


def test_counting_loads_no_torch(home, student):
    project_of(home, [3, 4])
    code = (
        "import sys\nfrom llkd import curation\nfrom llkd.store import Store\n"
        "store = Store()\n"
        f"curation.text_lengths(store, store.projects.get('p'), {str(student)!r})\n"
        "print([n for n in ('torch', 'transformers') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
