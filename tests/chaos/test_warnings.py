"""Ingestion warnings on real Kafka, and without it. Contract 20 §14."""
from support.process import wait_until


def warnings_env(hosts, topic):
    return {"CAPTURE_INGESTION_WARNINGS_ENABLED": "true", "CAPTURE_INGESTION_WARNINGS_KAFKA_HOSTS": hosts,
            "CAPTURE_INGESTION_WARNINGS_KAFKA_TOPIC": topic}


def outcomes(capture):
    return capture.metrics().by("ingestion_warnings_total", "outcome")


def test_the_last_warnings_are_flushed_at_the_end(start, topics):
    """A warning lingers for 100 ms; the end comes before that."""
    capture = start(topics.env() | warnings_env(topics.bootstrap, topics["CLIENT_WARNINGS"]))
    tokens = [f"phc_{number}" for number in range(20)]
    for token in tokens:
        assert capture.send({"event": "e"}, token=token).status_code == 400
    capture.stop()
    records = topics.records()
    assert {record.topic for record in records} == {topics["CLIENT_WARNINGS"]}
    assert [record.key for record in records] == tokens
    assert {record.data["properties"]["$$client_ingestion_warning_type"] for record in records} == {"missing_distinct_id"}


def test_brokers_of_warnings_that_are_gone_harm_nothing(start, topics):
    capture = start(topics.env() | warnings_env("127.0.0.1:1", topics["CLIENT_WARNINGS"]))
    for number in range(20):
        assert capture.send({"event": "e"}, token=f"phc_{number}").status_code == 400
    assert outcomes(capture) == {"emitted": 20}
    wait_until(lambda: outcomes(capture).get("delivery_failed") == 20, 30, "warnings do not time out")
    assert capture.send({"event": "e", "distinct_id": "u"}).status_code == 200
    assert capture.send({"event": "e"}, token="phc_last").status_code == 400
    metrics = capture.metrics()
    assert metrics.sum("capture_kafka_produce_errors_total") == 0
    assert metrics.sum("capture_events_ingested_total") == 1
    capture.stop()
    assert [record.topic for record in topics.records()] == [topics["ANALYTICS_MAIN"]]
