"""Session replay from end to end: posthog-js records in headless Chromium, a consumer takes the records and unwraps them,
and the replayer shows the page that was recorded. Contract 40."""
import gzip
import itertools
import json
import shutil
import urllib.parse
import uuid

import pytest
import requests

from support.front import Gateway, Server, Site
from support.kafka import Record, Topics, read_messages
from support.oracle import decode_body
from support.process import wait_until
from support.store import Store
from test_sdks import DRIVERS, HERE, run_driver

TOKEN = "phc_recorded"
SDK = HERE / "node_modules" / "posthog-js" / "dist"
DEFAULT_LIMIT = 1_000_000
LIMIT = 16 * 1024 * 1024
SECRETS = ("hunter2", "4711-0815")
# A canvas is recorded as lossy pictures; text on a page is drawn the same every time.
CANVAS_TOLERANCE = 0.02
PAGE_TOLERANCE = 0.002


@pytest.fixture
def topics(kafka):
    return Topics(kafka.bootstrap, config={"max.message.bytes": str(LIMIT)})


@pytest.fixture
def replay(start, topics):
    """replay(env) → a capture for recordings, as it is deployed: large records, enveloped."""
    return lambda env={}: start(topics.env() | {"CAPTURE_MODE": "recordings", "KAFKA_REPLAY_ENVELOPE_COMPRESSION": "lz4",
                                                "KAFKA_PRODUCER_MESSAGE_MAX_BYTES": LIMIT} | env)


@pytest.fixture
def site():
    with Server(Site, files={"/sdk/": SDK, "/": DRIVERS}) as site:
        yield site


def options(site, host, sdk):
    chromium = shutil.which("chromium")
    assert chromium, "Chromium is not installed: ./dev setup"
    # On an address of the machine itself the SDK does not record what the page asks the network for.
    shop = site.url.replace("127.0.0.1", "shop.localhost")
    query = urllib.parse.urlencode({"token": TOKEN, "host": host, "sdk": sdk})
    return {"page": f"{shop}/recorded.html?{query}", "after": f"{shop}/empty", "chromium": chromium}


def visit(site, host, sdk, output):
    output.mkdir()
    result = run_driver(["node", DRIVERS / "record.mjs"], options(site, host, sdk) | {"output": str(output)})
    assert result["complaints"] == []
    return result


def pieces(exchanges):
    """The requests that carried recordings."""
    return [exchange for exchange in exchanges if exchange.method == "POST" and exchange.target.startswith("/s/")]


def snapshots(exchange):
    events = decode_body(exchange.headers.items(), exchange.body)
    return events if isinstance(events, list) else [events]


# ------------------------------------------------------------------------------------------------------- the consumer

def unzipped(item):
    """An rrweb event as the recorder made it: posthog-js compresses the large parts of some."""
    if item.get("cv") is None:
        return item
    assert item["cv"] == "2024-10"

    def text(value):
        return json.loads(gzip.decompress(value.encode("latin-1"))) if isinstance(value, str) else value
    if item["type"] == 2:
        return item | {"data": text(item["data"])}
    parts = {name: text(item["data"][name]) for name in ("texts", "attributes", "removes", "adds") if name in item["data"]}
    return item | {"data": item["data"] | parts}


def is_recording(record):
    return record.value["event"] == "$snapshot_items"


def said_goodbye(records):
    return any("goodbye" in json.dumps(record.data) for record in records)


def check_records(records, session, encoding):
    """What holds for each record; returns the rrweb events in the order in which they happened."""
    events = []
    for record in records:
        value, headers, properties = record.value, record.headers, record.data["properties"]
        assert record.key == session
        assert headers["session_id"] == properties["$session_id"] == session
        assert properties["$window_id"] != session
        assert headers["token"] == value["token"] == TOKEN
        assert headers["distinct_id"] == value["distinct_id"] == properties["distinct_id"]
        assert headers["event"] == value["event"] == record.data["event"] == "$snapshot_items"
        assert headers["historical_migration"] is None and headers["force_disable_person_processing"] is None
        assert headers.get("content-encoding") == encoding and (encoding is None or list(headers)[-1] == "content-encoding")
        assert (properties["$lib"], properties["$snapshot_source"]) == ("web", "web")
        assert properties["$snapshot_host"] == "shop.localhost"
        events += [unzipped(item) for item in properties["$snapshot_items"]]
    text = json.dumps(events, ensure_ascii=False)
    assert not [secret for secret in SECRETS if secret in text], "what the page hides was recorded"
    assert {"rrweb/console@1", "rrweb/network@1"} <= {event["data"]["plugin"] for event in events if event["type"] == 6}
    assert "a line on the console" in text
    answers = [request for event in events if event["type"] == 6 and event["data"]["plugin"] == "rrweb/network@1"
               for request in event["data"]["payload"]["requests"] if request["name"].endswith("/answer")]
    assert 200 in [request.get("responseStatus", request.get("status")) for request in answers], answers
    return sorted(events, key=lambda event: event["timestamp"])


def check_replay(site, visited, events, output):
    """The events alone make the page that was recorded."""
    file = output / "events.json"
    file.write_text(json.dumps(events))
    played = run_driver(["node", DRIVERS / "replay.mjs"], {
        "page": f"{site.url}/replay.html", "events": str(file), "viewport": visited["viewport"], "output": str(output),
        "chromium": shutil.which("chromium"), "tolerance": CANVAS_TOLERANCE})
    # The replayer asks for scripts in its frame when it is to paint canvases.
    assert [line for line in played["complaints"] if "can escape its sandboxing" not in line] == []
    (output / "look-recorded.json").write_text(json.dumps(visited["look"], indent=1))
    (output / "look-replayed.json").write_text(json.dumps(played["look"], indent=1))
    assert played["look"] == visited["look"], f"the documents differ: {output}"
    assert played["before"]["page"] > 10 * PAGE_TOLERANCE and played["before"]["canvas"] > 10 * CANVAS_TOLERANCE
    assert played["after"]["page"] < PAGE_TOLERANCE, f"the pictures differ: {played['after']} {output}"
    assert played["after"]["canvas"] < CANVAS_TOLERANCE, f"the canvases differ: {played['after']} {output}"


# ---------------------------------------------------------------------------------------------------------- recording

def test_a_recorded_page_can_be_replayed(replay, capture, topics, site, tmp_path):
    exchanges = []
    with Server(Gateway, capture_port=capture.port, replay_port=replay().port, scripts=SDK, exchanges=exchanges) as gateway:
        visited = visit(site, gateway.url, "module.js", tmp_path / "visit")
        # A beacon is under way when the browser has gone.
        wait_until(lambda: said_goodbye(topics.records("SESSION_REPLAY_MAIN")), 20, "the beacon is missing")

    # One record for each request, and in it the events of the request as they were.
    sent = pieces(exchanges)
    assert {exchange.status for exchange in exchanges} == {200} and len(sent) >= 3
    messages = read_messages(topics.bootstrap, [topics["SESSION_REPLAY_MAIN"]])
    records = [Record.of(message) for message in messages]
    places = {record.value["uuid"]: place for place, record in enumerate(records)}
    assert len(records) == len(places) == len(sent)
    for exchange in sent:
        events = snapshots(exchange)
        record = records[places[events[0]["uuid"]]]
        assert record.data["properties"]["$snapshot_items"] == [
            item for event in events for item in event["properties"]["$snapshot_data"]]
    # What was sent after an answer comes after what was answered.
    for one, other in itertools.permutations(sent, 2):
        if one.ended < other.began:
            assert places[snapshots(one)[0]["uuid"]] < places[snapshots(other)[0]["uuid"]]
    assert max(len(message.value()) for message in messages) > DEFAULT_LIMIT, "nothing needed the raised limit"

    events = check_records(records, visited["session"], "lz4")
    check_replay(site, visited, events, tmp_path / "visit")
    # The events of the same visit went the other way.
    others = [record for record in topics.records() if not is_recording(record)]
    assert "$pageview" in {record.value["event"] for record in others}
    assert {record.data["properties"]["$session_id"] for record in others} == {visited["session"]}


def test_a_page_recorded_by_a_service_in_dev_mode(start, binary, site, tmp_path):
    """posthog-js with its recorder inside talks to nothing but `capture --dev`, which tells it to record."""
    store = Store(binary, tmp_path / "store.db")
    capture = start(store.env(), "--dev")
    visited = visit(site, capture.url, "module.full.js", tmp_path / "visit")
    wait_until(lambda: said_goodbye(store.records()), 20, "the beacon is missing")
    events = check_records([record for record in store.records() if is_recording(record)], visited["session"], None)
    check_replay(site, visited, events, tmp_path / "visit")


# ------------------------------------------------------------------------------------------------------------- limits

def test_a_browser_stops_sending_recordings_over_quota(replay, capture, topics, redis, site):
    redis.client().limit("recordings", TOKEN)
    service = replay({"REDIS_URL": redis.url})
    exchanges = []
    with Server(Gateway, capture_port=capture.port, replay_port=service.port, scripts=SDK, exchanges=exchanges) as gateway:
        result = run_driver(["node", DRIVERS / "limited.mjs"], options(site, gateway.url, "module.js"))
    log = result["log"]
    answers = [json.loads(line) for line in log if line != "sent"]
    assert answers and all(answer == {"status": "Ok", "quota_limited": ["recordings"]} for answer in answers)
    assert "sent" not in log[log.index(next(line for line in log if line != "sent")):], "it went on after the first answer"
    assert result["complaints"] == []
    assert {exchange.status for exchange in exchanges} == {200}
    names = [record.value["event"] for record in topics.records()]
    assert "after the limit" in names and "$snapshot_items" not in names
    limited = [snapshot for exchange in pieces(exchanges) for snapshot in snapshots(exchange)]
    assert service.metrics().sum("capture_quota_limit_exceeded", resource="recordings") == len(limited) > 0


class Recorder:
    """Sends pieces of recordings and finds their records again."""

    def __init__(self, service, topics):
        self.service = service
        self.topics = topics

    def send(self, session, token=TOKEN, distinct_id="visitor"):
        own = str(uuid.uuid4())
        piece = {"event": "$snapshot", "token": token, "uuid": own, "distinct_id": distinct_id, "properties": {
            "$session_id": session, "$window_id": "w-1", "$snapshot_data": [{"type": 3, "data": {"text": "ü" * 500}}]}}
        answer = requests.post(f"{self.service.url}/s/", json=[piece], timeout=60)
        assert (answer.status_code, answer.json()) == (200, {"status": "Ok"})
        [record] = [record for record in self.topics.records() if record.value["uuid"] == own]
        assert record.data["properties"]["$snapshot_items"] == piece["properties"]["$snapshot_data"]
        return record

    def output(self, session, **of):
        return self.topics.output_of(self.send(session, **of))


def test_a_session_moves_when_the_overflow_set_names_it(replay, topics, redis):
    client = redis.client()
    key = "fleet:@posthog/capture-overflow/replay"
    client.command("DEL", key)
    recorder = Recorder(replay({"REDIS_URL": redis.url, "REDIS_KEY_PREFIX": "fleet:"}), topics)
    assert recorder.output("s-hot") == "SESSION_REPLAY_MAIN"
    client.command("ZADD", key, 4102444800, "s-hot", 4102444800, TOKEN, 1, "s-expired")
    wait_until(lambda: recorder.output("s-hot") == "SESSION_REPLAY_OVERFLOW", 30, "the session does not move")
    record = recorder.send("s-hot")
    assert (record.key, record.headers["content-encoding"]) == ("s-hot", "lz4")
    assert recorder.output("s-calm") == recorder.output("s-expired") == recorder.output("s-HOT") == "SESSION_REPLAY_MAIN"


def test_restricted_recordings_keep_their_envelope(replay, topics, redis):
    client = redis.client()
    pipelines = ["session_recordings"]
    client.restrict("redirect_to_dlq", {"token": "phc_dlq", "pipelines": pipelines})
    client.restrict("redirect_to_topic", {"token": "phc_topic", "pipelines": pipelines,
                                          "args": {"topic": topics["CLIENT_WARNINGS"]}})
    client.restrict("force_overflow_from_ingestion", {"token": "phc_overflow", "pipelines": pipelines})
    client.restrict("drop_event_from_ingestion", {"token": "phc_events", "pipelines": ["analytics"]})
    service = replay({"REDIS_URL": redis.url, "EVENT_RESTRICTIONS_ENABLED": "true",
                      "CAPTURE_OUTPUT_SESSION_REPLAY_DLQ_TOPIC": topics["ERROR_TRACKING"]})
    recorder = Recorder(service, topics)
    wait_until(lambda: recorder.output("s-1", token="phc_dlq") == "ERROR_TRACKING", 30, "restrictions are not obeyed")
    for token, output, key in (("phc_dlq", "ERROR_TRACKING", "phc_dlq:visitor"),
                               ("phc_topic", "CLIENT_WARNINGS", "phc_topic:visitor"),
                               ("phc_overflow", "SESSION_REPLAY_OVERFLOW", "s-1"),
                               ("phc_events", "SESSION_REPLAY_MAIN", "s-1")):
        record = recorder.send("s-1", token=token)
        assert (topics.output_of(record), record.key) == (output, key)
        assert record.headers["session_id"] == "s-1" and record.headers["content-encoding"] == "lz4"
        assert ("dlq_reason" in record.headers) == (token == "phc_dlq")
