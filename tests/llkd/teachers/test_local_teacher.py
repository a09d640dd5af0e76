import json
from itertools import pairwise

import numpy as np
import pytest
import torch

from llkd.config import LabelSet, TeacherConfig
from llkd.errors import ConfigError, ModelError
from llkd.teachers import make_teacher
from llkd.teachers.local import teacher as local
from llkd.teachers.local.scoring import cache_argument
from tests.support.local_scores import LABELS, TEXTS, all_scores, naive_scores, teacher_of
from tests.support.tiny_teacher import make_llama, seeded, small


def test_verbalisers_have_the_lengths_the_tests_rely_on(llama, tokenizer):
    lengths = [len(ids) for ids in teacher_of(llama, tokenizer).encoder.answers]
    assert lengths[0] == 1
    assert len(set(lengths)) >= 3
    answers = teacher_of(llama, tokenizer).encoder.answers
    assert answers[2][: len(answers[1])] == answers[1]


@pytest.mark.parametrize("rule", ["sum", "mean"])
@pytest.mark.parametrize("chat", [False, True])
def test_scores_equal_the_naive_computation(llama, tokenizer, chat_tokenizer, chat, rule):
    teacher = teacher_of(
        llama, chat_tokenizer if chat else tokenizer, verbaliser_score=rule, max_text_tokens=40
    )
    assert teacher.scorer.fast
    found = all_scores(teacher, TEXTS)
    expected = naive_scores(teacher, llama, TEXTS, rule)
    assert np.ptp(expected) > 1
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_first_token_equals_the_naive_computation(llama, tokenizer):
    labels = LabelSet.of(["the", "credit", "small talk", "sports", "mat"])
    teacher = teacher_of(llama, tokenizer, labels=labels, verbaliser_score="first_token")
    found = all_scores(teacher, TEXTS)
    np.testing.assert_allclose(found, naive_scores(teacher, llama, TEXTS, "first_token"), atol=1e-4)


def test_first_token_refuses_classes_it_cannot_tell_apart(llama, tokenizer):
    with pytest.raises(ConfigError, match=r"'credit' and 'credit cards' begin with the same token"):
        teacher_of(llama, tokenizer, verbaliser_score="first_token")


def other_models():
    from transformers import (
        GPT2Config,
        GPT2LMHeadModel,
        GraniteConfig,
        GraniteForCausalLM,
        MistralConfig,
        MistralForCausalLM,
        Qwen2Config,
        Qwen2ForCausalLM,
    )

    return {
        "learned positions": (
            lambda: seeded(
                GPT2LMHeadModel,
                GPT2Config(vocab_size=512, n_embd=32, n_layer=2, n_head=4, initializer_range=0.3),
            ),
            True,
        ),
        "biased projections": (lambda: seeded(Qwen2ForCausalLM, small(Qwen2Config)), True),
        "scaled logits": (
            lambda: seeded(GraniteForCausalLM, small(GraniteConfig, logits_scaling=3.0)),
            True,
        ),
        "sliding window": (
            lambda: seeded(MistralForCausalLM, small(MistralConfig, sliding_window=9)),
            False,
        ),
    }


@pytest.mark.parametrize("kind", list(other_models()))
def test_other_architectures_are_scored_right_fast_or_not(tokenizer, kind):
    make, fast = other_models()[kind]
    model = make()
    teacher = teacher_of(model, tokenizer, max_text_tokens=40)
    assert teacher.scorer.fast is fast
    expected = naive_scores(teacher, model, TEXTS, "sum")
    assert np.ptp(expected) > 1
    np.testing.assert_allclose(all_scores(teacher, TEXTS), expected, atol=1e-4)


def test_bfloat16_on_the_grouped_attention_is_close_to_float32(tokenizer):
    from llkd.teachers.local.attention import NAME, use_grouped_attention

    model = make_llama(initializer_range=0.1)
    exact = all_scores(teacher_of(model, tokenizer), TEXTS)
    model = make_llama(initializer_range=0.1).to(torch.bfloat16)
    assert use_grouped_attention(model)
    assert model.config._attn_implementation == NAME
    teacher = teacher_of(model, tokenizer)
    assert teacher.scorer.fast
    assert np.abs(all_scores(teacher, TEXTS) - exact).max() < 0.2


def test_every_text_is_scored_once_across_windows_and_batches(llama, tokenizer, monkeypatch):
    monkeypatch.setattr(local, "WINDOW", 3)
    teacher = teacher_of(llama, tokenizer)
    whole = all_scores(teacher_of(llama, tokenizer, batch_tokens=10_000), TEXTS)
    np.testing.assert_allclose(all_scores(teacher, TEXTS), whole, atol=1e-4)
    assert list(teacher.score([])) == []


def test_batches_stay_within_the_token_budget(llama, tokenizer):
    teacher = teacher_of(llama, tokenizer, batch_tokens=120)
    sizes = []
    for batch in teacher.score(TEXTS * 3):
        longest = max(
            len(ids) for ids in teacher.encoder.encode([(TEXTS * 3)[i] for i in batch.index])
        )
        width = teacher.scorer.width(longest)
        assert len(batch.index) == 1 or len(batch.index) * width <= 120
        sizes.append(len(batch.index))
    assert max(sizes) > 1


def test_tokens_of_texts_and_suffix_are_counted(llama, tokenizer):
    teacher = teacher_of(llama, tokenizer)
    counted = sum(batch.tokens_in for batch in teacher.score(TEXTS))
    rows = teacher.encoder.encode(TEXTS)
    assert counted == sum(map(len, rows)) + len(TEXTS) * len(teacher.encoder.suffix)


def test_a_long_job_finds_its_own_batch_size(llama, tokenizer, monkeypatch):
    monkeypatch.setitem(local.BATCH_TOKENS, "cpu", 120)
    teacher = teacher_of(llama, tokenizer, batch_tokens=None)
    assert teacher.batch_tokens == 120
    texts = TEXTS * 60
    expected = np.tile(all_scores(teacher_of(llama, tokenizer), TEXTS), (60, 1))
    np.testing.assert_allclose(all_scores(teacher, texts), expected, atol=1e-4)
    assert teacher.sizer.settled
    assert teacher.batch_tokens in {60, 120, 240, 480}


def test_a_short_job_does_not_look_for_one(llama, tokenizer):
    teacher = teacher_of(llama, tokenizer, batch_tokens=None)
    all_scores(teacher, TEXTS)
    assert not teacher.sizer.settled
    assert teacher.batch_tokens == local.BATCH_TOKENS["cpu"]


def test_half_precision_is_close_to_float32(tokenizer):
    exact = all_scores(teacher_of(make_llama(initializer_range=0.1), tokenizer), TEXTS)
    teacher = teacher_of(make_llama(initializer_range=0.1).half(), tokenizer)
    assert teacher.scorer.fast
    assert np.abs(all_scores(teacher, TEXTS) - exact).max() < 0.05
    assert teacher.describe()["dtype"] == "float16"


def test_out_of_memory_halves_the_batch(llama, tokenizer, monkeypatch):
    teacher = teacher_of(llama, tokenizer, batch_tokens=5000)
    expected = all_scores(teacher, TEXTS)
    score, sizes = teacher.scorer.score, []

    def small_machine(rows):
        sizes.append(len(rows))
        if len(rows) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return score(rows)

    monkeypatch.setattr(teacher.scorer, "score", small_machine)
    np.testing.assert_allclose(all_scores(teacher, TEXTS), expected, atol=1e-4)
    failed = [size for size in sizes if size > 2]
    assert failed[0] == len(TEXTS)
    assert all(later <= earlier // 2 + 1 for earlier, later in pairwise(failed))
    assert teacher.batch_tokens < 5000


def test_a_single_text_too_large_is_said_plainly(llama, tokenizer, monkeypatch):
    teacher = teacher_of(llama, tokenizer)

    def full(rows):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9")

    monkeypatch.setattr(teacher.scorer, "score", full)
    with pytest.raises(ModelError, match="Not enough memory to score one text of 1 tokens"):
        list(teacher.score(["a"]))


def test_other_faults_are_not_taken_for_a_lack_of_memory(llama, tokenizer, monkeypatch):
    teacher = teacher_of(llama, tokenizer)

    def broken(rows):
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(teacher.scorer, "score", broken)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        list(teacher.score(TEXTS))


def test_scoring_stops_between_batches(llama, tokenizer, monkeypatch):
    teacher = teacher_of(llama, tokenizer)
    calls, score = [], teacher.scorer.score
    monkeypatch.setattr(teacher.scorer, "score", lambda rows: calls.append(1) or score(rows))
    batches = teacher.score(TEXTS)
    next(batches)
    batches.close()
    assert len(calls) == 1


def test_content_free_scores_are_those_of_the_texts(llama, tokenizer):
    teacher = teacher_of(llama, tokenizer)
    free = teacher.content_free()
    assert free.shape == (3, len(LABELS.labels))
    np.testing.assert_allclose(free, all_scores(teacher, ["N/A", "", "[MASK]"]), atol=1e-4)


def test_description_is_json_and_holds_what_changes_the_answer(llama, chat_tokenizer):
    teacher = teacher_of(llama, chat_tokenizer)
    first = json.dumps(teacher.describe(), sort_keys=True)
    list(teacher.score(["word " * 500]))
    assert teacher.cut == 1
    assert json.dumps(teacher.describe(), sort_keys=True) == first
    seen = {first}
    for changed in (
        teacher_of(llama, chat_tokenizer, instruction="Sort these."),
        teacher_of(llama, chat_tokenizer, verbaliser_score="mean"),
        teacher_of(llama, chat_tokenizer, max_text_tokens=77),
        teacher_of(llama, chat_tokenizer, labels=LabelSet.of(["world", "sports"])),
        teacher_of(make_llama().to(torch.bfloat16), chat_tokenizer),
    ):
        seen.add(json.dumps(changed.describe(), sort_keys=True))
    assert len(seen) == 6
    assert teacher.describe()["dtype"] == "float32"


def test_too_long_an_instruction_for_the_model_is_said(tokenizer):
    model = make_llama(max_position_embeddings=64)
    with pytest.raises(ConfigError, match="the model reads 64 in all"):
        teacher_of(model, tokenizer, instruction="Read the text. " * 30)


def saved(folder, model, tokenizer):
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_a_folder_is_loaded_and_scores_as_the_model_does(tmp_path, llama, chat_tokenizer):
    folder = saved(tmp_path / "tiny", llama, chat_tokenizer)
    config = TeacherConfig(teacher=f"local:{folder}", precision="fp32")
    teacher = make_teacher(config, LABELS, tmp_path / "home")
    found = all_scores(teacher, TEXTS)
    np.testing.assert_allclose(found, naive_scores(teacher, llama, TEXTS, "sum"), atol=1e-4)
    described = teacher.describe()
    assert described["model"] == "tiny"
    assert len(described["sha256"]) == 64
    teacher.close()


@pytest.mark.parametrize("name", ["weights.bin", "model.pt"])
def test_pickle_weights_are_refused_with_the_reason(tmp_path, llama, tokenizer, name):
    folder = saved(tmp_path / "old", llama, tokenizer)
    (folder / "model.safetensors").rename(folder / name)
    with pytest.raises(ModelError, match=f"only as pickle .{name}., and a pickle file can run"):
        make_teacher(TeacherConfig(teacher=f"local:{folder}"), LABELS, tmp_path)


def test_broken_weights_and_missing_models_are_said_in_one_sentence(tmp_path, llama, tokenizer):
    folder = saved(tmp_path / "cut", llama, tokenizer)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    for name, words in (
        (folder, "cannot be loaded"),
        (tmp_path / "nothing", "There is no model folder"),
        (tmp_path, "there is no config.json in it"),
        ("nobody/no-such-model", "nobody/no-such-model cannot be loaded"),
    ):
        with pytest.raises(ModelError, match=words) as caught:
            make_teacher(TeacherConfig(teacher=f"local:{name}"), LABELS, tmp_path)
        assert "\n" not in str(caught.value)


def test_the_cache_has_the_name_that_the_decoder_gives_it():
    class Today:
        def forward(self, input_ids, cache=None):
            """As transformers 5.24 has it; it warns of the other name and will drop it."""

    class Before:
        def forward(self, input_ids, past_key_values=None):
            """As it was until 5.23."""

    assert cache_argument(Today()) == "cache"
    assert cache_argument(Before()) == "past_key_values"
