import pytest

from watch import SMALL, Watch


@pytest.fixture(scope="module")
def service(binary, tmp_path_factory, kafka):
    """One service for the tests of a module: bad input must leave nothing behind. Its timeouts are on, as in production."""
    from support.kafka import Topics
    from support.service import Capture
    settings = Topics(kafka.bootstrap).env() | {"HTTP1_HEADER_READ_TIMEOUT_MS": 1000, "BODY_CHUNK_READ_TIMEOUT_MS": 1000,
                                                "CAPTURE_MEMORY_BUDGET_MIB": 512}
    capture = Capture(binary, tmp_path_factory.mktemp("bad-input"), settings).start()
    yield capture
    capture.settled_ledger()
    capture.stop()


@pytest.fixture(scope="module")
def small():
    """Path and event of the small requests."""
    return SMALL


@pytest.fixture(autouse=True)
def watch(service, small):
    """While a test runs, small requests are sent all the time; every one must be answered, and memory must stay bounded."""
    with Watch(service, *small) as watch:
        yield watch
    watch.check()
