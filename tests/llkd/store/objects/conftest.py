"""A server of object storage for these tests, a bucket for each, and faults before it."""

import pytest

from llkd.store.objects import bucket_folder
from tests.support.object_server import KEYS, ObjectServer, faults_before


@pytest.fixture(scope="session")
def object_server():
    server = ObjectServer()
    yield server
    server.stop()


@pytest.fixture
def bucket(object_server, monkeypatch):
    """A new bucket; the environment names the server and its keys."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", object_server.url)
    return object_server.new_bucket()


@pytest.fixture
def faults(object_server, bucket, monkeypatch):
    """Between the program and the server; requests that hang are given up after seconds."""
    monkeypatch.setattr(bucket_folder, "SILENT_SECONDS", 4)
    monkeypatch.setattr(bucket_folder, "ATTEMPTS", 3)
    with faults_before(object_server.url) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        yield proxy
