"""Requests that published SDKs were recorded to send (tests/data), answered as the SDKs expect, and their events in Kafka.
125 requests to the legacy event routes, preflights included, and the 9 to /s/ of five recorded pages: gzip, JSON, form and base64 at
unload, and one of 1.8 MB that holds 2.7 MB."""
import base64
import http.client
import json
from pathlib import Path

import pytest
from redis import Redis as RedisClient

from support.kafka import Topics
from support.oracle import check_same, decode_body, expected_of_request
from support.process import wait_until

DATA = Path(__file__).resolve().parents[1] / "data"
RECORDED = DATA / "recorded"
RECORDINGS = DATA / "recordings"
SDKS = sorted(path.stem for path in RECORDED.glob("*.jsonl"))
# The replay sets these itself.
OWN_HEADERS = {"host", "content-length", "transfer-encoding", "connection"}


def requests_of(sdk, folder=RECORDED):
    for line in (folder / f"{sdk}.jsonl").read_text().splitlines():
        request = json.loads(line)
        request["body"] = base64.b64decode(request["body_b64"])
        yield request


def replay(connection, request):
    connection.putrequest(request["method"], request["target"], skip_accept_encoding=True)
    for name, value in request["headers"]:
        if name.lower() not in OWN_HEADERS:
            connection.putheader(name, value)
    connection.putheader("Content-Length", str(len(request["body"])))
    connection.endheaders(request["body"])
    answer = connection.getresponse()
    return answer, answer.read()


def check_answer(request, answer, body):
    headers = {name.lower(): value for name, value in request["headers"]}
    where = f"{request['sdk']} {request['id']} ({request['label']})"
    # Python and PHP need exactly 200, posthog-js retries 204 and 202, .NET parses the body.
    assert answer.status == 200, f"{where}: {answer.status} {body[:200]}"
    if "origin" in headers:
        assert answer.getheader("Access-Control-Allow-Origin") == headers["origin"], where
        assert answer.getheader("Access-Control-Allow-Credentials") == "true", where
    if request["method"] == "OPTIONS":
        assert body == b"", where
        assert headers["access-control-request-method"] in answer.getheader("Access-Control-Allow-Methods"), where
        wanted = headers.get("access-control-request-headers")
        assert answer.getheader("Access-Control-Allow-Headers") == wanted, where
    else:
        assert json.loads(body) == {"status": "Ok"}, where
        assert answer.getheader("Content-Type") == "application/json", where


def test_all_recorded_requests_are_kept():
    assert sum(len(list(requests_of(sdk))) for sdk in SDKS) == 125


@pytest.mark.parametrize("sdk", SDKS)
def test_recorded_requests_of(sdk, capture, topics):
    expected = []
    connection = http.client.HTTPConnection("127.0.0.1", capture.port, timeout=30)
    for request in requests_of(sdk):
        answer, body = replay(connection, request)
        check_answer(request, answer, body)
        if request["method"] == "POST":
            expected += expected_of_request(request["headers"], request["body"])
    connection.close()
    assert expected
    check_same(expected, topics.records(), topics)


# ------------------------------------------------------------------------------------------------------- recordings


def recording_of(request):
    """The record of a request to /s/, told from the client's side: the first event's metadata, everybody's items."""
    events = decode_body(request["headers"], request["body"])
    events = events if isinstance(events, list) else [events]
    properties = events[0]["properties"]
    kept = {name: properties[name] for name in ("distinct_id", "$session_id", "$window_id", "$lib", "$snapshot_host")}
    items = [item for event in events for item in event["properties"]["$snapshot_data"]]
    return {"uuid": events[0]["uuid"], "token": properties["token"], "key": properties["$session_id"],
            "properties": kept | {"$snapshot_source": "web", "$snapshot_items": items}}


def seen_recording(record):
    assert record.value["event"] == record.data["event"] == "$snapshot_items"
    assert record.headers["session_id"] == record.key
    return {"uuid": record.value["uuid"], "token": record.value["token"], "key": record.key,
            "properties": record.data["properties"]}


@pytest.fixture
def wide_topics(kafka):
    return Topics(kafka.bootstrap, config={"max.message.bytes": "20000000"})


@pytest.mark.parametrize("envelope", ["none", "lz4"])
def test_recordings(envelope, start, wide_topics):
    capture = start(wide_topics.env() | {"CAPTURE_MODE": "recordings", "KAFKA_PRODUCER_MESSAGE_MAX_BYTES": 20_000_000,
                                         "KAFKA_REPLAY_ENVELOPE_COMPRESSION": envelope})
    expected = []
    connection = http.client.HTTPConnection("127.0.0.1", capture.port, timeout=30)
    for request in requests_of("posthog-js", RECORDINGS):
        answer, body = replay(connection, request)
        check_answer(request, answer, body)
        if request["method"] == "POST":
            expected.append(recording_of(request))
    connection.close()
    records = wide_topics.records()
    assert {record.topic for record in records} == {wide_topics["SESSION_REPLAY_MAIN"]}
    assert [seen_recording(record) for record in records] == expected
    assert {record.headers.get("content-encoding") for record in records} == {"lz4" if envelope == "lz4" else None}
    assert len(expected) == 8


def test_the_default_cap_refuses_an_ordinary_full_snapshot(start, topics):
    capture = start(topics.env() | {"CAPTURE_MODE": "recordings"})
    large = next(request for request in requests_of("posthog-js", RECORDINGS) if request["id"] == "170")
    connection = http.client.HTTPConnection("127.0.0.1", capture.port, timeout=30)
    answer, body = replay(connection, large)
    connection.close()
    assert answer.status == 413
    assert body.startswith(b"maximum event size exceeded: Decompressed payload would exceed 1000000 bytes (got ")


def test_a_session_overflows_from_when_redis_names_it(start, topics, redis):
    capture = start(topics.env() | {"CAPTURE_MODE": "recordings", "REDIS_URL": redis.url})
    request = next(request for request in requests_of("posthog-js", RECORDINGS) if request["id"] == "13")
    session = recording_of(request)["key"]

    def lands_on():
        connection = http.client.HTTPConnection("127.0.0.1", capture.port, timeout=30)
        answer, _ = replay(connection, request)
        connection.close()
        assert answer.status == 200
        last = topics.records("SESSION_REPLAY_MAIN", "SESSION_REPLAY_OVERFLOW")
        assert {record.key for record in last} == {session}
        return {topics.output_of(record) for record in last}

    assert lands_on() == {"SESSION_REPLAY_MAIN"}
    RedisClient.from_url(redis.url).zadd("@posthog/capture-overflow/replay", {session: 9_999_999_999})
    # The set is read every five seconds.
    wait_until(lambda: "SESSION_REPLAY_OVERFLOW" in lands_on(), 30, "the session does not overflow")
