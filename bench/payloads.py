"""Requests for the load generator: complete HTTP requests with realistic events, written as files with a manifest (its
format: load/request_mix.h)."""
import gzip
import json
import random
import sys
import urllib.parse
from pathlib import Path
from typing import NamedTuple

sys.path.append(str(Path(__file__).resolve().parents[1] / "cases"))
from runner.body import lz_string  # noqa: E402

TOKEN = "phc_bench"
KEY_MARK = "bench-key-0000000000"  # numbered by the load generator
VARIANTS = 8  # of each request, so that nothing is answered from a lucky cache line


class Line(NamedTuple):
    request: bytes
    events: int
    expect: str = "2"


def compact(value):
    return json.dumps(value, separators=(",", ":"))


FLAGS = ["new-checkout", "search-v2", "price-badges", "dark-mode", "one-page-cart", "reviews-summary", "fast-delivery-banner",
         "recommendations-model", "gift-wrapping", "loyalty-programme", "address-lookup", "wallet-payments"]
WORDS = ("the a of to and in is it for on with as was at by this that from are not have delivery order product customer price "
         "please thanks quality size colour again never very good great late box open arrived ordered returned").split()


def visitor_id(rng):
    return f"0190f3c2-{rng.getrandbits(16):04x}-7c6a-9d4e-{rng.getrandbits(48):012x}"


def event(rng, size, distinct_id=None):
    """A page view as a browser SDK sends it, about `size` bytes of JSON: small ones have fewer properties, large ones texts.
    Each is another visitor's, but on the same site: what differs from event to event is what differs in recorded requests of
    SDKs (ids, times, paths, the variants of flags)."""
    product, visitor = rng.randrange(10**6), visitor_id(rng)
    properties = {
        "$os": "Mac OS X", "$browser": "Chrome", "$device_type": "Desktop", "$timezone": "Europe/Berlin", "$timezone_offset": -120,
        "$current_url": f"https://shop.example.com/products/{product}?ref=home", "$host": "shop.example.com",
        "$pathname": f"/products/{product}",
        "$raw_user_agent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
                           "Chrome/141.0.0.0 Safari/537.36",
        "$browser_version": 141, "$browser_language": "en-GB", "$screen_height": 1117, "$screen_width": 1728,
        "$viewport_height": 992, "$viewport_width": 1728, "$lib": "web", "$lib_version": "1.449.2",
        "$insert_id": f"{rng.getrandbits(80):020x}", "$time": round(1788264000 + rng.random() * 1000, 3),
        "$device_id": visitor, "$referrer": "$direct", "$referring_domain": "$direct", "$is_identified": False,
        "$session_id": visitor_id(rng), "$window_id": visitor_id(rng), "$active_feature_flags": FLAGS[:4],
    }
    properties |= {f"$feature/{flag}": rng.choice(["control", "test", True, False]) for flag in FLAGS}
    made = {"event": "$pageview", "distinct_id": distinct_id or f"user-{rng.randrange(10**5)}", "properties": properties,
            "timestamp": f"2026-09-01T12:00:{rng.randrange(60):02}.{rng.randrange(1000):03}Z"}
    while len(compact(made)) > size and properties:
        properties.popitem()
    filler, length = 0, len(compact(made))
    while size - length > 20:
        name, text = f"note {filler}", " ".join(rng.choices(WORDS, k=80 if size - length > 500 else 4))
        properties[name] = text[:size - length - len(name) - 6]
        length += len(name) + len(properties[name]) + 6
        filler += 1
    return made


def snapshots(rng, size):
    """Events of a session recording: mutations of a page, `size` bytes of JSON in all."""
    session = f"0190f3c2-{rng.getrandbits(16):04x}-7c6a-9d4e-{rng.getrandbits(48):012x}"
    events, length = [], 0
    while length < size:
        items = [{"type": 3, "timestamp": 1788264000000 + rng.randrange(10**6), "data": {
            "source": 0, "texts": [], "removes": [{"parentId": rng.randrange(9999), "id": rng.randrange(9999)}],
            "attributes": [{"id": rng.randrange(9999), "attributes": {"class": f"row row-{rng.randrange(99)} is-visible",
                                                                      "style": {"transform": f"translateY({rng.randrange(900)}px)"}}}],
            "adds": [{"parentId": rng.randrange(9999), "nextId": None, "node": {
                "type": 2, "tagName": "div", "attributes": {"class": "product-card", "data-id": str(rng.randrange(10**7))},
                "childNodes": [], "id": rng.randrange(9999)}} for _ in range(4)]}} for _ in range(20)]
        made = {"event": "$snapshot", "distinct_id": "user-1", "timestamp": "2026-09-01T12:00:00.123Z", "properties": {
            "token": TOKEN, "distinct_id": "user-1", "$session_id": session, "$window_id": session, "$lib": "web",
            "$snapshot_source": "web", "$snapshot_bytes": 1, "$snapshot_data": items}}
        events.append(made)
        length += len(compact(made)) + 1
    return events


# --------------------------------------------------------------------------------------------------------- requests


def post(path, body, *headers):
    head = [f"POST {path} HTTP/1.1", "Host: bench", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def post_json(path, body):
    return post(path, body, "Content-Type: application/json")


def post_gzip(path, body):
    return post(path, gzip.compress(body, 6, mtime=0), "Content-Type: text/plain", "Content-Encoding: gzip")


def single_body(rng, size=1000):
    return compact({"api_key": TOKEN, **event(rng, size - 22)}).encode()


def batch_body(rng, count, size=1400, distinct_id=None):
    return compact({"api_key": TOKEN, "batch": [event(rng, size, distinct_id) for _ in range(count)]}).encode()


def single(rng, size=1000):
    return Line(post_json("/i/v0/e/", single_body(rng, size)), 1)


def batch(rng, count, size=1400):
    return Line(post_gzip("/batch/", batch_body(rng, count, size)), count)


def numbered_batch(rng, count, size=1400):
    """Uncompressed, its events with ids that the load generator numbers."""
    return Line(post_json("/batch/", batch_body(rng, count, size, KEY_MARK)), count)


def lz_form(rng, count, size=1400):
    """What older browser SDKs send with `compression: "lz64"`."""
    text = urllib.parse.quote(lz_string(batch_body(rng, count, size)).decode(), safe="")
    return Line(post("/e/", f"data={text}&compression=lz64".encode(), "Content-Type: application/x-www-form-urlencoded"), count)


def replay(rng, size):
    return Line(post_gzip("/s/", compact(snapshots(rng, size)).encode()), 1)


def garbage(rng):
    """Bodies that have to be refused; each kind costs something to find out."""
    text = batch_body(rng, 10)
    packed = bytearray(gzip.compress(text, 6, mtime=0))
    packed[len(packed) // 2:] = rng.randbytes(len(packed) - len(packed) // 2)
    bodies = [
        post_json("/i/v0/e/", single_body(rng)[:-40]),                                          # ends too early
        post_json("/batch/", text[:len(text) // 2] + b"\xff\xfe" + text[len(text) // 2:]),      # not UTF-8
        post_json("/i/v0/e/", compact(event(rng, 1000)).encode()),                              # no token
        post("/batch/", bytes(packed), "Content-Encoding: gzip", "Content-Type: text/plain"),   # broken gzip
        post_json("/i/v0/e/", b"<html><body>" + rng.randbytes(400).hex().encode()),             # not JSON at all
    ]
    return [Line(body, 0, "4") for body in bodies]


def mixed(rng):
    """Thirty requests of ordinary traffic, three of garbage among them."""
    lines = [single(rng, rng.randrange(400, 4000)) for _ in range(17)]
    lines += [batch(rng, rng.randrange(2, 60)) for _ in range(8)]
    lines += [lz_form(rng, rng.randrange(1, 4)) for _ in range(2)]
    lines += rng.sample(garbage(rng), 3)
    rng.shuffle(lines)
    return lines


# ----------------------------------------------------------------------------------------------------------- files


def write(directory, make, variants=VARIANTS):
    """The manifest of `variants` times what `make(rng)` gives: a Line or several."""
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    rows = []
    for number in range(variants):
        made = make(random.Random(number))
        for line in [made] if isinstance(made, Line) else made:
            name = f"{len(rows)}.http"
            (directory / name).write_bytes(line.request)
            rows.append(f"{name} {line.events} {line.expect}\n")
    manifest = directory / "manifest"
    manifest.write_text("".join(rows))
    return manifest
