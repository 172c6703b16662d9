"""Request files for the load generator: complete HTTP requests with realistic events."""
import gzip
import json
import random
from pathlib import Path

TOKEN = "phc_bench"


def event(rng, size):
    """A page view as a browser SDK sends it, padded to about `size` bytes of JSON."""
    properties = {
        "$os": "Mac OS X", "$os_version": "10.15.7", "$browser": "Chrome", "$device_type": "Desktop",
        "$current_url": f"https://shop.example.com/products/{rng.randrange(10**6)}?ref=home",
        "$host": "shop.example.com", "$pathname": f"/products/{rng.randrange(10**6)}", "$browser_version": 141,
        "$browser_language": "en-GB", "$screen_height": 1117, "$screen_width": 1728, "$viewport_height": 992,
        "$viewport_width": 1728, "$lib": "web", "$lib_version": "1.449.2",
        "$insert_id": f"{rng.getrandbits(80):020x}", "$time": 1788264000.123 + rng.random(),
        "$device_id": f"0190f3c2-{rng.getrandbits(16):04x}-7c6a-9d4e-{rng.getrandbits(48):012x}",
        "$referrer": "$direct", "$referring_domain": "$direct", "$is_identified": False,
        "$raw_user_agent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko)",
    }
    made = {"event": "$pageview", "distinct_id": f"user-{rng.randrange(10**5)}", "properties": properties,
            "timestamp": "2026-09-01T12:00:00.123Z"}
    filler = 0
    while len(json.dumps(made, separators=(",", ":"))) < size:
        word = "".join(rng.choice("abcdefghijklmnopqrstuvwxyz ") for _ in range(24))
        properties[f"feature/{filler}-{rng.randrange(1000)}"] = word
        filler += 1
    return made


def request(path, body, *headers):
    head = [f"POST {path} HTTP/1.1", "Host: bench", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def single(rng, size=1000):
    made = {"api_key": TOKEN, **event(rng, size - 22)}
    return request("/i/v0/e/", json.dumps(made, separators=(",", ":")).encode(), "Content-Type: application/json")


def batch(rng, count, size=1400, compressed=True):
    text = json.dumps({"api_key": TOKEN, "batch": [event(rng, size) for _ in range(count)]},
                      separators=(",", ":")).encode()
    if not compressed:
        return request("/batch/", text, "Content-Type: application/json")
    return request("/batch/", gzip.compress(text, 6, mtime=0), "Content-Type: application/json",
                   "Content-Encoding: gzip")


def write(directory, name, make, variants=8):
    """Several files per scenario, so that nothing is answered from a lucky cache line."""
    files = []
    for number in range(variants):
        path = Path(directory) / f"{name}-{number}.http"
        path.write_bytes(make(random.Random(number)))
        files.append(path)
    return files
