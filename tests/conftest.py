"""Fixtures shared by all tests that run the real program against real servers."""
import os
from pathlib import Path

import pytest

from support.kafka import Topics
from support.service import Capture
from support.stack import Kafka, Redis, make_archive

ROOT = Path(__file__).resolve().parents[1]


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="outage tests in their long form")


@pytest.fixture(scope="session")
def long(request):
    """True in the long form of the tests."""
    return request.config.getoption("--long")


@pytest.fixture(scope="session")
def binary():
    path = Path(os.environ.get("CAPTURE_BINARY", ROOT / "build" / "release" / "src" / "capture")).resolve()
    assert path.exists(), f"{path} is missing: ./dev build"
    return path


@pytest.fixture(scope="session")
def kafka(tmp_path_factory):
    """One broker for all tests that leave it alone; each takes topics of its own."""
    make_archive()
    with Kafka(tmp_path_factory.mktemp("kafka")) as kafka:
        yield kafka


@pytest.fixture(scope="session")
def redis(tmp_path_factory):
    with Redis(tmp_path_factory.mktemp("redis")) as redis:
        yield redis


@pytest.fixture
def topics(kafka):
    return Topics(kafka.bootstrap)


@pytest.fixture
def start(binary, tmp_path):
    """start(env, *arguments) → a running Capture. At the end each that still runs must have a ledger that adds up and must
    end in order, unless the test took that over."""
    started = []

    def start(env, *arguments, wait=True, port=0):
        directory = tmp_path / f"capture-{len(started)}"
        directory.mkdir()
        capture = Capture(binary, directory, env, arguments, port)
        started.append(capture)
        return capture.start() if wait else capture

    yield start
    problems = []
    for capture in started:
        try:
            if capture.running():
                capture.process.resume()
                if capture.ready():
                    capture.settled_ledger()
                capture.stop()
            elif not capture.end_expected:
                capture.process.fail(f"capture ended by itself with status {capture.process.popen.returncode}")
        except BaseException as problem:
            problems.append(problem)
            capture.kill()
    if problems:
        raise problems[0]


@pytest.fixture
def capture(start, topics):
    """A capture that produces to the shared broker, into topics of this test's own."""
    return start(topics.env())
