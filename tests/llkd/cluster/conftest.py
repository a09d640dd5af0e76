"""One real cluster of two nodes for all tests here."""

import pytest

from tests.support.ray_cluster import AUTH, RayCluster


@pytest.fixture(scope="package")
def shared_cluster():
    cluster = RayCluster(nodes=2, cpus=1)
    yield cluster
    cluster.stop()


@pytest.fixture(scope="package", autouse=True)
def token():
    """This machine has the clusters' token."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in AUTH.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session")
def decoder(tmp_path_factory):
    """A folder with a small language model, slow enough to be killed at work."""
    from tests.support.tiny_teacher import TEMPLATE, make_llama, make_tokenizer

    folder = tmp_path_factory.mktemp("decoder")
    sizes = {"hidden_size": 384, "intermediate_size": 768, "num_hidden_layers": 8}
    make_llama(**sizes).save_pretrained(folder)
    make_tokenizer(TEMPLATE).save_pretrained(folder)
    return folder
