"""One broker, and what can happen to it. Contract 20 §8, §9, §11."""
import time
from concurrent.futures import ThreadPoolExecutor

import requests
from outage import RETRY, check_nothing_lost, hasty, run_for, topics_of, uuids

from support.kafka import DEFAULT_TOPICS, Record, make_topics, read_messages
from support.load import Load
from support.process import wait_until
from support.proxy import Proxy

EVENT = {"event": "one", "distinct_id": "somebody"}


def dropped(metrics):
    return {cause: count for cause, count in metrics.by("capture_events_dropped_total", "cause").items() if count}


def probes(capture):
    return [requests.get(capture.url + path, timeout=5).status_code for path in ("/_readiness", "/_liveness")]


def test_broker_down_at_start_and_there_later(cluster, start):
    kafka = cluster(started=False)
    settings = {"KAFKA_HOSTS": kafka.bootstrap, "KAFKA_MESSAGE_TIMEOUT_MS": 2000}
    capture = start(settings)
    answer = capture.send(EVENT)
    assert (answer.status_code, answer.content) == (503, RETRY)
    assert probes(capture) == [200, 200]
    assert capture.settled_ledger().refused == 1

    kafka.start()
    make_topics(kafka.bootstrap, DEFAULT_TOPICS.values())
    wait_until(lambda: capture.send(EVENT).status_code == 200, 60, "capture does not find the broker that came up")
    found = [Record.of(one) for one in read_messages(kafka.bootstrap, [DEFAULT_TOPICS["ANALYTICS_MAIN"]])]
    ledger = capture.settled_ledger()
    assert ledger.delivered >= 1 and len(found) >= ledger.delivered


def test_broker_killed_under_load_and_restarted(cluster, start, phase, long):
    kafka = cluster()
    topics = topics_of(kafka)
    capture = start(hasty(topics))
    with Load(capture.port) as load:
        for _ in range(3 if long else 1):
            run_for(load, phase, 200)
            kafka.brokers[0].kill()
            run_for(load, phase, 503)
            assert probes(capture) == [200, 200]
            kafka.brokers[0].restart()
            run_for(load, phase, 200)
    check_nothing_lost(load, uuids(topics.records()))
    check_ledger(capture, load)


def test_broker_paused_under_load_and_continued(cluster, start, phase, long):
    kafka = cluster()
    topics = topics_of(kafka)
    capture = start(hasty(topics))
    with Load(capture.port) as load:
        for _ in range(3 if long else 1):
            run_for(load, phase, 200)
            kafka.brokers[0].pause()
            paused = time.monotonic()
            run_for(load, phase, 503)
            kafka.brokers[0].resume()
            run_for(load, phase, 200)
            # Nobody waited for the broker longer than the message timeout and what goes with it.
            assert max(one.seconds for one in load.since(paused)) < 15
    check_nothing_lost(load, uuids(topics.records()))
    check_ledger(capture, load)


def test_connections_to_the_broker_cut_and_slow(cluster, start, phase):
    proxies = []

    def advertise(broker):
        proxies.append(Proxy(broker.port))
        return proxies[-1].port

    kafka = cluster(advertise=advertise)
    proxy = proxies[0]
    try:
        topics = topics_of(kafka)
        capture = start(hasty(topics))
        with Load(capture.port) as load:
            run_for(load, phase, 200)
            for _ in range(5):
                proxy.cut()
                run_for(load, 0.2, 200)
            proxy.delay = 0.05
            run_for(load, phase, 200)
            proxy.delay = 0.0
            proxy.pause()
            run_for(load, phase, 503)
            proxy.resume()
            run_for(load, phase, 200)
        check_nothing_lost(load, uuids(topics.records()))
        check_ledger(capture, load)
    finally:
        proxy.close()


def test_full_queue_is_refused_at_once(cluster, start):
    kafka = cluster()
    topics = topics_of(kafka)
    capture = start(topics.env() | {"KAFKA_PRODUCER_QUEUE_BUFFERING_MAX_MESSAGES": 50, "KAFKA_MESSAGE_TIMEOUT_MS": 20000})
    assert capture.send(EVENT).status_code == 200
    kafka.brokers[0].pause()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(capture.send, [EVENT] * 30)
        wait_until(lambda: capture.ledger().in_flight == 30, 10, "the first batch is not in the queue")
        before = capture.metrics()
        answer = capture.send([EVENT] * 30)
        # The first one still waits for its message timeout: nothing waits for room in the queue.
        assert not waiting.done()
        assert (answer.status_code, answer.content) == (503, RETRY)
        added = capture.metrics().since(before)
        assert added.sum("capture_kafka_produce_errors_total") >= 1
        assert added.sum("capture_events_dropped_total") == 0
        assert added.sum("capture_ledger_events_total", end="refused") == 30
        kafka.brokers[0].resume()
        assert waiting.result().status_code == 200
    wait_until(lambda: capture.send(EVENT).status_code == 200, 60, "capture does not recover from a full queue")
    assert len(topics.records()) >= 32


def test_message_too_large_for_the_producer(start, topics):
    capture = start(topics.env() | {"KAFKA_PRODUCER_MESSAGE_MAX_BYTES": 100_000})
    large = EVENT | {"properties": {"text": "x" * 150_000}}
    answer = capture.send([EVENT, large, EVENT])
    assert answer.status_code == 413
    assert answer.text == "maximum event size exceeded: Event rejected by kafka during send"
    metrics = capture.metrics()
    assert dropped(metrics) == {"kafka_message_size": 1}
    ledger = capture.settled_ledger()
    assert (ledger.received, ledger.refused) == (3, 3)
    # What stood before it in the request was in the queue already, what stood behind it never was.
    wait_until(lambda: len(topics.records()) == 1, 20, "the record before the large one")


def test_message_too_large_for_the_broker(cluster, start):
    kafka = cluster()
    topics = topics_of(kafka, config={"max.message.bytes": "50000"})
    capture = start(topics.env())
    answer = capture.send(EVENT | {"properties": {"text": "x" * 80_000}})
    assert answer.status_code == 413
    assert answer.text == "maximum event size exceeded: Event rejected by kafka broker during ack"
    metrics = capture.metrics()
    assert dropped(metrics) == {"kafka_message_size": 1}
    assert metrics.sum("capture_kafka_produce_ack_duration_ms_count", outcome="too_large") == 1
    assert capture.send(EVENT).status_code == 200
    ledger = capture.settled_ledger()
    assert (ledger.delivered, ledger.refused) == (1, 1)


def check_ledger(capture, load):
    """The ledger adds up, and counts as delivered exactly the events whose requests were answered with success."""
    ledger = capture.settled_ledger()
    answered = sum(len(one.uuids) for one in load.sent if one.status is not None)
    assert ledger.received == answered, f"{ledger}, answered {answered}"
    assert ledger.delivered == len(load.acknowledged())
    assert ledger.refused == answered - len(load.acknowledged())
