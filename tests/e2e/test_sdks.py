"""Published SDKs send to the running service; what they say they have sent is in Kafka, each event once."""
import datetime
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.oracle import check_same, expected_of_event

HERE = Path(__file__).resolve().parent
DRIVERS = HERE / "drivers"


def run_driver(command, options):
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run([*command, json.dumps(options)], cwd=HERE, env=environment, capture_output=True, text=True,
                          timeout=120)
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout)


def moment(text):
    return datetime.datetime.fromisoformat(text[:26].rstrip("Z") + "+00:00" if text.endswith("Z") else text)


def check_times(sent, records):
    """The event's time is the client's: both clocks are the same here, so the correction by sent_at is next to nothing."""
    by_uuid = {event["uuid"]: event for event in sent if event.get("timestamp")}
    for record in records:
        event = by_uuid.get(record.value["uuid"])
        if event:
            apart = abs(moment(record.value["timestamp"]) - moment(event["timestamp"]))
            assert apart < datetime.timedelta(seconds=30), f"{event['event']}: {apart} apart"
            stamp = moment(record.value["timestamp"]).timestamp() * 1000
            assert abs(int(record.headers["timestamp"]) - stamp) <= 1


def check_events(result, token, topics, historical=False):
    assert result["errors"] == []
    sent = result["sent"]
    assert len({event["uuid"] for event in sent}) == len(sent) > 40
    fields = ("event", "distinct_id", "properties", "uuid", "timestamp", "$set", "$set_once")
    records = topics.records()
    found = {record.value["uuid"]: record.data for record in records}
    expected = []
    for event in sent:
        event = {name: value for name, value in event.items() if name in fields}
        # The moment at which an event was captured is added on the way, so the SDK's own view may lack it.
        wire = found.get(event["uuid"], {})
        if "timestamp" in wire and "timestamp" not in event:
            event["timestamp"] = wire["timestamp"]
        expected += expected_of_event(event, token, historical)
    check_same(expected, records, topics)
    check_times(sent, records)


@pytest.mark.parametrize("compression", [True, False], ids=["gzip", "plain"])
def test_posthog_node(capture, topics, compression):
    result = run_driver(["node", DRIVERS / "node.mjs"], {"host": capture.url, "compression": compression})
    check_events(result, "phc_node", topics)


def test_posthog_node_with_historical_events(capture, topics):
    options = {"host": capture.url, "compression": True, "historical": True}
    result = run_driver(["node", DRIVERS / "node.mjs"], options)
    check_events(result, "phc_node", topics, historical=True)


@pytest.mark.parametrize("gzip", [True, False], ids=["gzip", "plain"])
def test_posthog_python(capture, topics, gzip):
    options = {"host": capture.url, "gzip": gzip, "historical": False}
    result = run_driver([sys.executable, DRIVERS / "python_sdk.py"], options)
    check_events(result, "phc_python", topics)


def test_node_is_there():
    """The browser tests need it too; a clear message beats a strange one."""
    assert shutil.which("node"), "node is not installed: ./dev setup"
