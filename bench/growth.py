"""Part (d): how the cost grows with the number of events, of connections, of bytes, of workers and of keys. Everything
here is measured with a sink that drops: what grows is ours."""
import statistics
from functools import partial

import payloads
from lab import running

RATE = 2000  # requests per second that one connection can carry: only the number of connections differs then


def pairs(lab, mixes, count, seconds, per, **options):
    """{x: {"capture": µs, "floor": µs}}, both by turns."""
    found = {}
    with running(lab.capture()) as capture, running(lab.floor(until="write")) as floor:
        for x, (mix, settings) in mixes.items():
            runs = {"capture": [], "floor": []}
            for _ in range(count):
                for name, server in (("capture", capture), ("floor", floor)):
                    runs[name].append(lab.load(server, mix, seconds, **options, **settings)[f"cpu_us_per_{per}"])
            found[x] = {name: statistics.median(values) for name, values in runs.items()}
    return found


def events(lab, count, seconds):
    mixes = {}
    for n in (1, 10, 100, 1000, 10_000):
        mix = lab.mix(f"events-{n}", partial(payloads.batch, count=n), variants=2 if n > 1000 else 8)
        mixes[n] = mix, {"connections": max(2, min(64, 4000 // n))}
    return pairs(lab, mixes, count, seconds, "event")


def connections(lab, count, seconds):
    mix = lab.mix("single", payloads.single)
    mixes = {n: (mix, {"connections": n}) for n in (1, 10, 100, 1000, 10_000)}
    return pairs(lab, mixes, count, seconds, "request", rate=RATE)


def size(lab, count, seconds):
    mixes = {}
    for n in (100, 1000, 10_000, 100_000, 1_000_000):
        mixes[n] = lab.mix(f"bytes-{n}", partial(payloads.single, size=n)), {"connections": 32 if n < 100_000 else 8}
    return pairs(lab, mixes, count, seconds, "request")


def workers(lab, count, seconds):
    """On all cores, since two workers need two; the load generator is on them as well."""
    mix = lab.mix("batch-50", partial(payloads.batch, count=50))
    every = sorted({*lab.server_cores, *lab.other_cores})
    found = {}
    for n in (1, 2):
        with running(lab.capture(env={"CAPTURE_WORKERS": n}, on=every)) as capture:
            runs = [lab.load(capture, mix, seconds)["cpu_us_per_event"] for _ in range(count)]
        found[n] = {"capture": statistics.median(runs)}
    return found


def keys(lab, count, seconds):
    """Live keys of the rate limiter. Each is used once before the measurement, and again and again during it."""
    batch = 500
    mix = lab.mix("keys", partial(payloads.numbered_batch, count=batch, size=1000))
    found = {}
    with running(lab.capture("limits")) as capture:
        for n in (1000, 10_000, 100_000, 1_000_000, 5_000_000):
            fill = {"keys": n, "warmup": 0, "warmup_requests": max(1, n // batch)}
            result = lab.load(capture, mix, seconds * count, connections=8, **fill)
            found[n] = {"capture": result["cpu_us_per_event"], "rss_mib": result["rss_kib"] / 1024}
    return found


DIMENSIONS = {
    "events": (events, "events per gzip batch", "µs per event"),
    "connections": (connections, f"connections, {RATE} requests/s together", "µs per request"),
    "bytes": (size, "bytes per event", "µs per request"),
    "workers": (workers, "workers", "µs per event"),
    "keys": (keys, "live keys of the rate limiter", "µs per event"),
}


def measure(lab, count, seconds, report):
    lab = lab.without_kafka()
    rows = {}
    for name, (dimension, x, y) in DIMENSIONS.items():
        with report.guard(f"growth of {name}"):
            points = [{"x": at, **values} for at, values in dimension(lab, count, seconds).items()]
            rows[name] = {"x": x, "y": y, "points": points}
            report.growth_rows(name, rows[name])
    return rows
