"""Part (d): how the cost grows with the number of events, of connections, of bytes, of workers and of keys. Everything
here is measured with a sink that drops: what grows is ours."""
import contextlib
import statistics
from functools import partial

import payloads
from lab import running

RATE = 2000  # requests per second that one connection can carry: only the number of connections differs then


TURNS = 3  # of each server at each point, in a round


def by_turns(lab, points, count, seconds, per, **options):
    """{x: {server: µs}} of {x: (mix, {server: it}, options of the load)}. All points take short turns, so that a machine that
    is slow for a while is so for all of them."""
    runs = {x: {name: [] for name in servers} for x, (_, servers, _) in points.items()}
    for _ in range(count * TURNS):
        for x, (mix, servers, settings) in points.items():
            for name, server in servers.items():
                result = lab.load(server, mix, seconds / TURNS, warmup=0.2, **options, **settings)
                runs[x][name].append(result[f"cpu_us_per_{per}"])
    return {x: {name: statistics.median(costs) for name, costs in servers.items()} for x, servers in runs.items()}


def pairs(lab, mixes, count, seconds, per, **options):
    """{x: {"capture": µs, "floor": µs}}."""
    with running(lab.capture()) as capture, running(lab.floor(until="write")) as floor:
        servers = {"capture": capture, "floor": floor}
        points = {x: (mix, servers, settings) for x, (mix, settings) in mixes.items()}
        return by_turns(lab, points, count, seconds, per, **options)


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
    with contextlib.ExitStack() as stack:
        points = {n: (mix, {"capture": stack.enter_context(running(lab.capture(env={"CAPTURE_WORKERS": n}, on=every)))}, {})
                  for n in (1, 2)}
        return by_turns(lab, points, count, seconds, "event")


def keys(lab, count, seconds):
    """Live keys of the rate limiter. Each is used once before the measurement, and again and again during it."""
    batch = 500
    mix = lab.mix("keys", partial(payloads.numbered_batch, count=batch, size=1000))
    points, rss = {}, {}
    with contextlib.ExitStack() as stack:
        for n in (1000, 10_000, 100_000, 1_000_000, 5_000_000):
            capture = stack.enter_context(running(lab.capture("limits")))
            filled = lab.load(capture, mix, 0.1, connections=8, keys=n, warmup=0, warmup_requests=max(1, n // batch))
            rss[n] = {"rss_mib": filled["rss_kib"] / 1024}
            points[n] = mix, {"capture": capture}, {"connections": 8, "keys": n}
        return {n: costs | rss[n] for n, costs in by_turns(lab, points, count, seconds, "event").items()}


DIMENSIONS = {
    "events": (events, "events per gzip batch", "µs per event"),
    "connections": (connections, f"connections, {RATE} requests/s together", "µs per request"),
    "bytes": (size, "bytes per event", "µs per request"),
    "workers": (workers, "workers", "µs per event"),
    "keys": (keys, "live keys of the rate limiter", "µs per event"),
}


def measure(lab, count, seconds, report):
    lab = lab.on(None)
    rows = {}
    for name, (dimension, x, y) in DIMENSIONS.items():
        with report.guard(f"growth of {name}"):
            points = [{"x": at, **values} for at, values in dimension(lab, count, seconds).items()]
            rows[name] = {"x": x, "y": y, "points": points}
            report.growth_rows(name, rows[name])
    return rows
