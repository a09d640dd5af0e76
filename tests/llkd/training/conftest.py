import pytest

from tests.llkd.tiny_student import make_encoder


@pytest.fixture(scope="session")
def encoder(tmp_path_factory):
    """A folder with a tiny encoder."""
    return make_encoder(tmp_path_factory.mktemp("encoder"))
