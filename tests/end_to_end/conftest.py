"""pytest-celery's fixtures over local processes: one server, one worker and one beat for all tests
of this folder that ask for `celery_setup`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from celery import Celery
from pytest_celery import (
    CeleryBrokerCluster,
    CeleryTestBroker,
    CeleryTestNode,
    CeleryTestSetup,
    CeleryTestWorker,
    CeleryWorkerCluster,
)

from tests.end_to_end.policies import Policies
from tests.installation import Installation
from tests.processes import BrokerProcess
from tests.servers import RedisServer


class Setup(CeleryTestSetup):
    """A setup that knows its installation, and has a beat beside its workers."""

    installation: Installation
    beat: CeleryTestNode


@pytest.fixture(scope="session")
def shared_installation(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Installation]:
    """An installation that lives as long as the test run; each test makes tasks of its own."""
    server = RedisServer(tmp_path_factory.mktemp("shared-redis"))
    installation = Installation(server, tmp_path_factory.mktemp("shared"))
    yield installation
    installation.close()
    server.stop()


@pytest.fixture(scope="session")
def celery_broker_cluster(shared_installation: Installation) -> CeleryBrokerCluster:
    return CeleryBrokerCluster(CeleryTestBroker(BrokerProcess(shared_installation.server)))


@pytest.fixture(scope="session")
def celery_backend_cluster() -> None:
    """Runs answer for themselves; there is no other result backend."""


@pytest.fixture(scope="session")
def celery_worker_cluster(shared_installation: Installation) -> CeleryWorkerCluster:
    worker = shared_installation.worker("-c", "2", "-E", wait=False)
    return CeleryWorkerCluster(CeleryTestWorker(worker, shared_installation.app))


@pytest.fixture(scope="session")
def beat_node(shared_installation: Installation) -> CeleryTestNode:
    return CeleryTestNode(shared_installation.beat(wait=False), shared_installation.app)


@pytest.fixture(scope="session")
def celery_setup_app(shared_installation: Installation) -> Celery:
    return shared_installation.app


@pytest.fixture(scope="session")
def celery_setup(
    shared_installation: Installation,
    celery_worker_cluster: CeleryWorkerCluster,
    celery_broker_cluster: CeleryBrokerCluster,
    beat_node: CeleryTestNode,
    celery_setup_app: Celery,
) -> Iterator[Setup]:
    """Worker and beat, up and running."""
    setup = Setup(celery_worker_cluster, celery_broker_cluster, None, celery_setup_app)
    setup.installation, setup.beat = shared_installation, beat_node
    assert beat_node.ready()
    assert setup.ready(control=True)
    yield setup
    setup.teardown()


@pytest.fixture
def shared(celery_setup: Setup) -> Installation:
    """The installation of `celery_setup`, with its processes up."""
    return celery_setup.installation


@pytest.fixture
def seen(shared: Installation) -> Callable[[str], list[list[object]]]:
    """What hooks and signals of the user's app were told about a run, in order."""
    return shared.notes


@pytest.fixture
def policies(shared: Installation) -> Iterator[Policies]:
    """The API of `shared`; tasks that are made through it end with the test."""
    policies = Policies(shared)
    yield policies
    policies.close()
