"""Requests that published SDKs were recorded to send (tests/data/recorded), answered as the SDKs expect, and their events in
Kafka. 125 requests to the legacy event routes, preflights included."""
import base64
import http.client
import json
from pathlib import Path

import pytest

from support.oracle import check_same, expected_of_request

RECORDED = Path(__file__).resolve().parents[1] / "data" / "recorded"
SDKS = sorted(path.stem for path in RECORDED.glob("*.jsonl"))
# The replay sets these itself.
OWN_HEADERS = {"host", "content-length", "transfer-encoding", "connection"}


def requests_of(sdk):
    for line in (RECORDED / f"{sdk}.jsonl").read_text().splitlines():
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
