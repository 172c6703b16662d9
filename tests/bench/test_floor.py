"""The floor does what it is compared for: the bytes that capture puts out, and no others."""
import json
import random
import socket

import payloads
import pytest
from lab import Floor, Lab
from support.envelope import opened
from support.kafka import read_messages

MADE_BY_THE_SERVER = ("uuid", "now", "timestamp")
REQUESTS = {
    "single": lambda rng: payloads.single(rng),
    "gzip-batch": lambda rng: payloads.batch(rng, 20),
    "lz-string": lambda rng: payloads.lz_form(rng, 3),
    "replay": lambda rng: payloads.replay(rng, 50_000),
}


def send(port, request):
    """The status that a whole request is answered with."""
    with socket.create_connection(("127.0.0.1", port), 20) as connection:
        connection.sendall(request)
        return int(connection.recv(4096).split(b" ")[1])


def bare(message):
    """Key, headers and value of a record without what differs by nature."""
    headers = dict(message.headers())
    text = json.loads(opened(message.value(), (headers.get("content-encoding") or b"").decode() or None))
    for name in MADE_BY_THE_SERVER:
        assert text.pop(name)
        assert headers.pop(name)
    return message.key(), headers, text


@pytest.mark.parametrize("kind", REQUESTS)
def test_the_floor_produces_the_records_of_capture(kind, programs, kafka, topics, start, tmp_path):
    line = REQUESTS[kind](random.Random(7))
    surface = "replay" if kind == "replay" else "analytics"
    mode = {"CAPTURE_MODE": "recordings", "KAFKA_REPLAY_ENVELOPE_COMPRESSION": "lz4"} if surface == "replay" else {}
    output = "SESSION_REPLAY_MAIN" if surface == "replay" else "ANALYTICS_MAIN"
    capture = start(topics.env() | mode)
    floor = Floor(Lab(programs, tmp_path, kafka), surface=surface, topic=f"floor-of-{topics[output]}")
    try:
        assert send(capture.port, line.request) == send(floor.port, line.request) == 200
    finally:
        floor.stop()
    ours, theirs = (read_messages(kafka.bootstrap, [name]) for name in (topics[output], f"floor-of-{topics[output]}"))
    assert len(ours) == len(theirs) == line.events
    assert [bare(message) for message in ours] == [bare(message) for message in theirs]


def test_the_floor_refuses_what_capture_refuses(programs, start, tmp_path):
    capture = start({"NOOP_SINK": "true"})
    floor = Floor(Lab(programs, tmp_path), until="write")
    try:
        for line in payloads.garbage(random.Random(3)):
            assert send(floor.port, line.request) == 400
            assert send(capture.port, line.request) in (400, 401)
    finally:
        floor.stop()
