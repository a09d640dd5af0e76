"""The tiny models, made once."""

import pytest

from tests.support.tiny_teacher import TEMPLATE, make_llama, make_tokenizer


@pytest.fixture(scope="session")
def tokenizer():
    return make_tokenizer()


@pytest.fixture(scope="session")
def chat_tokenizer():
    return make_tokenizer(TEMPLATE)


@pytest.fixture(scope="session")
def llama():
    return make_llama()
