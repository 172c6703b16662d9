"""The tools of the tests tell good from bad."""
import pytest

from support.metrics import Ledger, Metrics
from support.oracle import decode_body, expected_of_event
from support.process import Failure, Process, digest, free_port
from support.proxy import Proxy

TEXT = """# HELP capture_ledger_received_total Events
# TYPE capture_ledger_received_total counter
capture_ledger_received_total{role="capture",capture_mode="events"} 10
capture_ledger_events_total{end="delivered",reason="",role="capture"} 6
capture_ledger_events_total{end="refused",reason="a \\"quoted\\", b",role="capture"} 3
capture_ledger_in_flight 1
"""


def test_metrics_are_read():
    metrics = Metrics(TEXT)
    assert metrics.sum("capture_ledger_events_total") == 9
    assert metrics.sum("capture_ledger_events_total", end="delivered") == 6
    assert metrics.by("capture_ledger_events_total", "end") == {"delivered": 6, "refused": 3}
    with pytest.raises(Failure):
        Metrics("no metric at all")


def test_a_ledger_that_does_not_add_up_is_noticed():
    Ledger(Metrics(TEXT)).check(at_rest=False)
    for text in (TEXT.replace(" 6", " 5"), TEXT + "capture_ledger_unbalanced_total 1\n"):
        with pytest.raises(Failure):
            Ledger(Metrics(text)).check(at_rest=False)
    with pytest.raises(Failure, match="in flight"):
        Ledger(Metrics(TEXT)).check()


def test_a_heatmap_is_split_off():
    event = {"event": "e", "distinct_id": "d", "properties": {"$heatmap_data": {}, "$host": "h", "x": 1}}
    original, heatmap = expected_of_event(event, "t")
    assert (original.output, original.data["properties"], original.skip_heatmap) == ("ANALYTICS_MAIN", {"$host": "h", "x": 1}, True)
    assert (heatmap.output, heatmap.data["properties"]) == ("HEATMAPS", {"$heatmap_data": {}, "$host": "h"})


def test_a_form_is_decoded():
    headers = [["Content-Type", "application/x-www-form-urlencoded"]]
    assert decode_body(headers, b"data=eyJhIjoxfQ%3D%3D") == {"a": 1}


def test_a_process_that_does_not_listen_is_told_by_its_output(tmp_path):
    process = Process(["sh", "-c", "echo cannot bind; exit 3"], tmp_path / "log")
    with pytest.raises(Failure, match="cannot bind"):
        process.wait_listening(free_port())


def test_a_sanitizer_report_comes_first_in_a_digest():
    log = '{"level":"INFO","message":"x"}\n==1==ERROR: AddressSanitizer: heap-use-after-free\n' + "#1 frame\n" * 200
    assert digest(log).startswith("==1==ERROR")


def test_a_proxy_to_nowhere_closes_its_connections():
    import socket
    with Proxy(free_port()) as proxy, socket.create_connection(("127.0.0.1", proxy.port), 5) as connection:
        try:
            assert connection.recv(1) == b""
        except ConnectionResetError:
            pass
