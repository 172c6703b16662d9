"""What an operator sees of a refused request. Contract 40 §16, 10 §5.2."""
import pytest
import requests

from support.process import wait_until

BAD = {"token": "phc_log", "event": "$snapshot", "distinct_id": "u", "properties": {"$session_id": "a b"}}


@pytest.fixture
def capture(start):
    return start({"CAPTURE_MODE": "recordings", "NOOP_SINK": "true"})


def post(capture, **headers):
    assert requests.post(f"{capture.url}/s/", json=BAD, headers=headers, timeout=10).status_code == 400


def lines_of(capture, text):
    return [line for line in capture.log_lines() if text in str(line)]


def test_the_debug_header_raises_the_line_of_its_request(capture):
    post(capture, **{"X-Request-Id": "silent"})
    post(capture, **{"X-Request-Id": "loud", "X-CAPTURE-DEBUG": "1"})
    line = wait_until(lambda: lines_of(capture, "Request refused"), 10, "no line about the refused request")
    assert len(line) == 1
    for part in ("loud", "invalid_session", "invalid_charset", "phc_log", "/s/", "INFO"):
        assert part in str(line[0]), line[0]
    assert not lines_of(capture, "a b"), "the session id itself is in the log"


def test_rejections_are_warned_of_once_a_second(capture):
    for _ in range(20):
        post(capture)
    lines = wait_until(lambda: lines_of(capture, "Recording refused"), 10, "no warning")
    assert len(lines) < 20
    assert "invalid_session" in str(lines[0]) and "WARN" in str(lines[0])
