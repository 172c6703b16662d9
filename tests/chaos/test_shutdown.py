"""The process ended in order, and killed, while requests come in. Contract 80 §8."""
import signal
import time

import requests
from outage import run_for, topics_of, uuids

from support.load import Load
from support.store import Store


def test_sigterm_under_load(start, topics, phase, long):
    everything = set()
    for _ in range(5 if long else 2):
        capture = start(topics.env())
        with Load(capture.port, clients=8) as load:
            run_for(load, phase, 200)
            capture.terminate()
            assert capture.process.wait(60) == 0
        everything |= load.all_uuids()
        found = uuids(topics.records())
        # Each request was answered with success or not at all; a stopped service has no error to tell of.
        assert set(load.statuses()) <= {200, None}, load.statuses()
        lost = load.acknowledged() - found
        assert not lost, f"{len(lost)} acknowledged events are lost"
        assert found <= everything
        # The requests without an answer came too late: connections that were being made or were idle. The answered ones
        # were told that the connection ends.
        assert load.count(200) > load.count(None) / 2


def test_sigterm_while_kafka_is_slow(cluster, start):
    kafka = cluster()
    topics = topics_of(kafka)
    capture = start(topics.env() | {"KAFKA_MESSAGE_TIMEOUT_MS": 20000})
    assert capture.send({"event": "one", "distinct_id": "a"}).status_code == 200
    kafka.brokers[0].pause()
    with Load(capture.port, clients=3, limit=3) as load:
        wait = time.monotonic() + 10
        while capture.ledger().in_flight < 15 and time.monotonic() < wait:
            time.sleep(0.05)
        capture.terminate()
        time.sleep(0.5)
        assert capture.running(), "requests are in flight and were not waited for"
        kafka.brokers[0].resume()
        assert capture.process.wait(60) == 0
    load.stop()
    assert load.statuses() == {200: 3}
    assert load.acknowledged() <= uuids(topics.records())


def test_second_signal_ends_at_once(cluster, start):
    kafka = cluster()
    topics = topics_of(kafka)
    capture = start(topics.env() | {"KAFKA_MESSAGE_TIMEOUT_MS": 20000})
    assert capture.send({"event": "one", "distinct_id": "a"}).status_code == 200
    kafka.brokers[0].pause()
    with Load(capture.port, clients=1, limit=1, timeout=20):
        wait = time.monotonic() + 10
        while capture.ledger().in_flight == 0 and time.monotonic() < wait:
            time.sleep(0.05)
        capture.terminate()
        time.sleep(0.5)
        assert capture.running()
        capture.terminate()
        assert capture.process.wait(5) == 128 + signal.SIGTERM


def test_readiness_turns_before_the_end(start, topics):
    capture = start(topics.env())
    connection = requests.Session()
    assert connection.get(capture.url + "/_readiness", timeout=5).status_code == 200
    capture.terminate()
    assert capture.process.wait(30) == 0


def test_store_survives_kill_under_load(start, binary, tmp_path, phase, long):
    """kill -9 loses no event that was acknowledged."""
    store = Store(binary, tmp_path / "store.db")
    sent, acknowledged = set(), set()
    for _ in range(10 if long else 3):
        capture = start(store.env(), "--dev")
        with Load(capture.port, clients=8, timeout=10) as load:
            # The store keeps the last million records: fewer than that are sent in all rounds.
            run_for(load, min(phase, 3), 200)
            capture.kill()
        sent |= load.all_uuids()
        acknowledged |= load.acknowledged()
        found = uuids(store.records())
        lost = acknowledged - found
        assert not lost, f"{len(lost)} of {len(acknowledged)} acknowledged events are lost"
        assert found <= sent
    assert len(acknowledged) > 100
