from types import SimpleNamespace

import pytest
import torch
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from llkd.teachers.local import attention
from llkd.teachers.local.attention import grouped_attention, use_grouped_attention


def inputs(length=7, groups=3, heads=6, masked=True):
    random = torch.Generator().manual_seed(0)
    query = torch.randn(2, heads, length, 8, generator=random)
    key, value = (torch.randn(2, groups, length + 5, 8, generator=random) for _ in range(2))
    seen = torch.ones(2, 1, length, length + 5, dtype=torch.bool).tril(5)
    mask = torch.zeros(seen.shape).masked_fill(~seen, torch.finfo(torch.float32).min)
    return query, key, value, mask if masked else None


@pytest.mark.parametrize("groups", [1, 2, 6])
@pytest.mark.parametrize("scaling", [None, 0.3])
def test_it_is_the_same_attention(groups, scaling):
    module = SimpleNamespace(num_key_value_groups=6 // groups, is_causal=True)
    query, key, value, mask = inputs(groups=groups)
    found, _ = grouped_attention(module, query, key, value, mask, scaling=scaling)
    expected, _ = sdpa_attention_forward(module, query, key, value, mask, scaling=scaling)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    "change", [{"mask": None}, {"LONGEST_ROW": 3}, {"position_bias": True}, {"dropout": 0.5}]
)
def test_what_it_does_not_know_goes_to_torchs_kernel(monkeypatch, change):
    called = []
    monkeypatch.setattr(
        "transformers.integrations.sdpa_attention.sdpa_attention_forward",
        lambda *a, **k: called.append(k) or ("torch's", None),
    )
    if "LONGEST_ROW" in change:
        monkeypatch.setattr(attention, "LONGEST_ROW", change.pop("LONGEST_ROW"))
    query, key, value, mask = inputs()
    mask = change.pop("mask", mask)
    assert grouped_attention(None, query, key, value, mask, **change)[0] == "torch's"
    assert len(called) == 1


def test_a_model_on_another_attention_is_left_alone(llama):
    model = SimpleNamespace(config=SimpleNamespace(_attn_implementation="eager"))
    assert use_grouped_attention(model) is False
    assert model.config._attn_implementation == "eager"
