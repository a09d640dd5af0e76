"""What can go wrong with a cluster is one sentence within a bounded time."""

import socket
import subprocess
import sys
import time

import pytest

from llkd import installation
from llkd.cluster import connection
from llkd.cluster.connection import Cluster
from llkd.cluster.messages import ClusterSize, Node
from llkd.config import ExecutorConfig, build
from llkd.errors import ClusterError, ConfigError, JobCancelled, UserError
from tests.support.ray_cluster import running_cluster

SLEEPING = "tests.support.cluster_work:sleeping"


@pytest.fixture
def cluster(shared_cluster):
    opened = Cluster(ExecutorConfig(on=shared_cluster.address, cluster_workers=2))
    yield opened
    opened.close()


def test_work_that_ends_its_worker_is_given_up_after_a_few_tries(cluster):
    cluster.begin(SLEEPING, 0.0)
    assert dict(cluster.results(range(20))) == {k: 2 * k for k in range(20)}
    with pytest.raises(ClusterError, match="ended 5 workers one after the other"):
        list(cluster.results([1, "end", 2]))


def test_a_cluster_that_others_use_has_no_place(cluster, shared_cluster, monkeypatch):
    cluster.begin(SLEEPING, 0.0)
    monkeypatch.setattr(connection, "PLACE_SECONDS", 2.0)
    second = Cluster(ExecutorConfig(on=shared_cluster.address, cluster_workers=1))
    try:
        with pytest.raises(UserError, match="No worker of 1 CPUs and 0 GPUs found a place"):
            second.begin(SLEEPING, 0.0)
    finally:
        second.close()


def test_a_wish_to_stop_is_heard_while_workers_work(cluster, shared_cluster):
    cluster.begin(SLEEPING, 60.0)

    def stop():
        raise JobCancelled("stopped")

    cluster.check = stop
    with pytest.raises(JobCancelled):
        list(cluster.results([1]))
    cluster.close()
    assert not cluster.connected


def test_nothing_at_the_address_and_a_server_that_is_no_cluster(monkeypatch):
    monkeypatch.setattr(connection, "CONNECT_SECONDS", 6.0)
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        with pytest.raises(UserError, match=f"Nothing answers at 127.0.0.1:{port}"):
            Cluster(ExecutorConfig(on=f"127.0.0.1:{port}"))
        server.listen()
        began = time.monotonic()
        with pytest.raises(UserError, match="No Ray cluster answered"):
            Cluster(ExecutorConfig(on=f"127.0.0.1:{port}"))
        assert time.monotonic() - began < 25


def test_another_version_is_named():
    with running_cluster(nodes=1, version="2.59.9") as other:
        with pytest.raises(UserError, match=r"another version of Ray or Python.*2\.59\.9"):
            Cluster(ExecutorConfig(on=other.address))


def test_what_fits_is_counted_node_by_node():
    size = ClusterSize((Node("a", 4, 1), Node("b", 3, 0)), free_cpus=5, free_gpus=1)
    planned = connection.planned
    assert planned(ExecutorConfig(on="ray"), size, False) == (5, 1.0, 0.0)
    assert planned(ExecutorConfig(on="ray"), size, True) == (1, 1.0, 1.0)
    assert planned(ExecutorConfig(on="ray", worker_cpus=2, worker_gpus=0), size, True)[0] == 2
    with pytest.raises(UserError, match="4 workers of 2 CPUs and 0 GPUs do not fit: .* room for 3"):
        planned(ExecutorConfig(on="ray", cluster_workers=4, worker_cpus=2), size, False)


@pytest.mark.parametrize("place", ["", "cluster", "ray://", "host:0", "http://host:80", "a b:1"])
def test_other_places_are_refused(place):
    with pytest.raises(ConfigError, match="HOST:PORT"):
        build(ExecutorConfig, on=place)


def test_without_ray_the_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(installation.EXTRAS, "ray", ("no_such_ray",))
    with pytest.raises(UserError, match=r"needs no_such_ray.*pip install"):
        Cluster(ExecutorConfig(on="ray"))


def test_ray_is_loaded_by_neither_library_nor_command_line():
    code = (
        "import sys, llkd, llkd.cli, llkd.workflows.labeling, llkd.cluster.connection\n"
        "print('ray' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
