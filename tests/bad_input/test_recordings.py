"""Recordings of the largest sizes, and broken ones, while small ones go on. Contract 40 §3, §7.

One worker serves all: whatever a large body costs is paid on the same loop as the small requests, or on no loop at all."""
import gzip
import json
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from watch import post

from support.kafka import Topics
from support.service import Capture

OK = (200, '{"status":"Ok"}')
WIRE = 25 * 2**20
# What a producer takes here, and so what a text may have. Above the wire cap, to see that one by itself.
TEXT = 26 * 2**20
EVENT = '{"token":"phc_big","event":"$snapshot","distinct_id":"d","properties":{"$session_id":"s","$snapshot_data":%s}}'


@pytest.fixture(scope="module", params=["none", "lz4"])
def service(request, binary, tmp_path_factory, kafka):
    topics = Topics(kafka.bootstrap, config={"max.message.bytes": str(2 * TEXT)})
    settings = topics.env() | {
        "CAPTURE_MODE": "recordings", "CAPTURE_WORKERS": 1, "CAPTURE_MEMORY_BUDGET_MIB": 256, "BODY_CHUNK_READ_TIMEOUT_MS": 5000,
        "KAFKA_REPLAY_ENVELOPE_COMPRESSION": request.param, "KAFKA_PRODUCER_MESSAGE_MAX_BYTES": TEXT}
    capture = Capture(binary, tmp_path_factory.mktemp("recordings"), settings).start()
    capture.envelope = request.param
    yield capture
    capture.settled_ledger()
    capture.stop()


@pytest.fixture(scope="module")
def small():
    return "/s/", json.loads(EVENT % "[]")


def of_size(size):
    """One item that is a text, so that the record is hardly larger than the body."""
    text = "x" * (size - len(EVENT % '[""]'))
    return EVENT % f'["{text}"]'


def send(service, body, **headers):
    return post(service, body, "/s/", **headers)


def test_bodies_of_exactly_the_wire_cap_and_one_byte_more(service):
    assert len(of_size(WIRE)) == WIRE
    assert send(service, of_size(WIRE)) == OK
    assert send(service, of_size(WIRE + 1)) == (
        413, f"maximum event size exceeded: Request body exceeds limit of {WIRE} bytes")


def test_texts_of_exactly_the_decompressed_cap_and_one_byte_more(service):
    blanks = of_size(1000)
    assert send(service, gzip.compress((blanks + " " * (TEXT - 1000)).encode(), 1)) == OK
    status, answer = send(service, gzip.compress((blanks + " " * (TEXT - 999)).encode(), 1))
    assert status == 413
    assert answer.startswith(f"maximum event size exceeded: Decompressed payload would exceed {TEXT} bytes (got ")


def test_gzip_bomb(service):
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    bomb = b"".join([packer.compress(b" " * 2**20) for _ in range(256)]) + packer.flush()
    assert send(service, bomb)[0] == 413


def test_many_large_bodies_at_once(service):
    """Twelve of 20 MiB, eight at a time, each with its text and its record in memory: more than the budget."""
    body = of_size(20 * 2**20)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: send(service, body), range(12)))
    assert {status for status, _ in answers} <= {200, 503}, answers
    assert OK in answers


def test_records_that_grow_above_the_maximum(service):
    """Every quote of the text is two bytes of the record; the envelope undoes that."""
    status, answer = send(service, EVENT % json.dumps(['"' * (TEXT // 3)]))
    if service.envelope == "lz4":
        assert (status, answer) == OK
    else:
        assert (status, answer) == (413, "maximum event size exceeded: Event rejected by kafka during send")


def test_a_million_items(service):
    assert send(service, EVENT % f'[{",".join(["{}"] * 1_000_000)}]') == OK


def test_a_million_events(service):
    """Only the first has metadata, but each could be the first one left."""
    status, answer = send(service, "[" + EVENT % "[]" + ',{"event":"e"}' * 1_000_000 + "]")
    assert (status, answer) == (503, "service unavailable: memory budget exhausted")


def test_a_hundred_thousand_events(service):
    status, answer = send(service, "[" + EVENT % "[]" + ',{"event":"e","properties":{"$snapshot_data":{}}}' * 100_000 + "]")
    assert (status, answer) == OK


def test_a_million_properties(service):
    properties = ",".join(f'"k{n}":{n}' for n in range(1_000_000))
    assert send(service, (EVENT % "[]")[:-2] + "," + properties + "}}") == OK


def test_window_id_of_megabytes(service):
    assert send(service, (EVENT % "[]").replace('"$session_id"', f'"$window_id":"{"w" * 10_000_000}","$session_id"')) == OK


@pytest.mark.parametrize("items", ["[" * 100_000 + "]" * 100_000, '{"a":' * 100_000, '["\\ud83d"]', '["\\u12"]', "[1,]", "[01]", "[1",
                                   '["a\tb"]', "[nul]", "[1e]"])
def test_items_that_are_no_json(service, items):
    status, answer = send(service, EVENT % items)
    assert status == 400
    assert answer.startswith("failed to parse request: ")


def test_an_error_at_the_very_end_of_a_large_body(service):
    body = of_size(20 * 2**20)
    for broken in (body[:-1], body + "]", body[:-4] + '\\x"]}}'):
        status, answer = send(service, broken)
        assert status == 400
        assert answer.startswith("failed to parse request: ")
