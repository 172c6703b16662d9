"""posthog-js in headless Chromium: a visit from the first page view to leaving the page."""
import json
import shutil
import urllib.parse

import pytest

from support.front import Gateway, Server, Site
from support.oracle import check_same, expected_of_event
from support.process import wait_until
from support.store import Store
from test_sdks import DRIVERS, HERE, check_times, run_driver

TOKEN = "phc_browser"
EVENTS = ["$pageview", "$autocapture", "$identify", "$groupidentify", "custom", "$exception", "$pageleave", "goodbye"]


@pytest.fixture
def site():
    with Server(Site, files={"/sdk/": HERE / "node_modules" / "posthog-js" / "dist", "/": DRIVERS}) as site:
        yield site


def visit(site, host, compression):
    chromium = shutil.which("chromium")
    assert chromium, "Chromium is not installed: ./dev setup"
    query = urllib.parse.urlencode({"token": TOKEN, "host": host, "compression": compression})
    options = {"page": f"{site.url}/page.html?{query}", "after": f"{site.url}/empty", "chromium": chromium}
    result = run_driver(["node", DRIVERS / "browser.mjs"], options)
    assert result["complaints"] == []
    names = [event["event"] for event in result["captured"]]
    assert set(EVENTS) <= set(names), names
    return result["captured"]


def on_the_wire(event):
    """posthog-js sends what it captured, with token and distinct_id inside the properties."""
    return {name: event[name] for name in ("uuid", "event", "properties", "$set", "$set_once", "timestamp") if name in event}


@pytest.mark.parametrize("compression", ["on", "off"])
def test_a_visit_with_compression(compression, capture, topics, site):
    exchanges = []
    with Server(Gateway, capture_port=capture.port, exchanges=exchanges) as gateway:
        captured = visit(site, gateway.url, compression)
        uuids = {event["uuid"] for event in captured}
        # A beacon is under way when the browser has gone.
        wait_until(lambda: uuids <= {record.value["uuid"] for record in topics.records()}, 20, "events are missing")
    expected = [record for event in captured for record in expected_of_event(on_the_wire(event), TOKEN)]
    assert any(one.output == "HEATMAPS" for one in expected), "the second page view has no heatmap part"
    records = topics.records()
    check_same(expected, records, topics)
    check_times(captured, records)

    assert {exchange.status for exchange in exchanges} == {200}
    bodies = [exchange.body for exchange in exchanges if exchange.method == "POST"]
    zipped = [body.startswith(b"\x1f\x8b\x08") for body in bodies]
    if compression == "on":
        assert all(zipped)
    else:
        assert not any(zipped)
        assert any("compression=base64" in exchange.target for exchange in exchanges), "no beacon in a form"
        assert any(exchange.method == "OPTIONS" for exchange in exchanges), "no preflight"


def test_a_visit_to_a_service_in_dev_mode(start, binary, tmp_path, site):
    """posthog-js talks to nothing but `capture --dev`: it is told to compress, and where to send."""
    store = Store(binary, tmp_path / "store.db")
    capture = start(store.env(), "--dev")
    captured = visit(site, capture.url, "on")
    uuids = {event["uuid"] for event in captured}
    wait_until(lambda: uuids <= {record.value["uuid"] for record in store.records()}, 20, "events are missing")
    expected = [record for event in captured for record in expected_of_event(on_the_wire(event), TOKEN)]
    records = store.records()
    check_same(expected, records, store)
    paths = capture.metrics().by("http_requests_total", "path")
    assert paths.get("/i/v0/e/"), f"the remote configuration did not take effect: {paths}"
