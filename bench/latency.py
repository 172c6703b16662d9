"""Part (c): latency at a share of capture's capacity, from an open loop, beside the floor's and the broker's own."""
import statistics

import payloads
from lab import running

SHARES = (0.5, 0.9)
QUANTILES = ("p50", "p99", "p99.9")
CONNECTIONS = 4096  # more than are ever busy: a request that is due must not wait for one that is free
SLICES = 4  # of each server in a round


def capacity(lab, capture, mix, seconds):
    """Requests per second in a closed loop with more connections than any latency needs."""
    return lab.load(capture, mix, seconds, connections=CONNECTIONS // 2, warmup=1)["per_second"]


def middle(quantiles):
    return {name: statistics.median(one[name] for one in quantiles) for name in QUANTILES}


def at_rate(lab, capture, mix, rate, count, seconds):
    """The same open loop against both in short turns, so that a noisy machine disturbs both alike. The broker's own
    latency is what the floor, with nothing on its mind, measures from its call to produce until the acknowledgement,
    linger and all, under the same load."""
    seen = {"capture": [], "floor": [], "broker": [], "lateness": []}
    for _ in range(count):
        with running(lab.floor()) as floor:
            lab.load(floor, mix, 0.5, connections=CONNECTIONS, rate=rate)
            for _ in range(SLICES):
                result = lab.load(capture, mix, seconds / SLICES, connections=CONNECTIONS, rate=rate)
                seen["capture"].append(result["latency_us"])
                seen["lateness"].append(result["lateness_us"])
                if lab.kafka:
                    floor.latencies()
                result = lab.load(floor, mix, seconds / SLICES, connections=CONNECTIONS, rate=rate)
                seen["floor"].append(result["latency_us"])
                seen["broker"].append(floor.latencies() if lab.kafka else dict.fromkeys(QUANTILES, 0.0))
    return {name: middle(quantiles) for name, quantiles in seen.items()}


def measure(lab, count, seconds, report):
    rows = []
    network = "Kafka" if lab.kafka else "none"
    mix = lab.mix("single", payloads.single)
    with report.guard(f"latency, {network}"), running(lab.capture()) as capture:
        most = capacity(lab, capture, mix, seconds)
        for share in SHARES:
            found = at_rate(lab, capture, mix, share * most, count, seconds)
            added = {name: {q: found["capture"][q] - found[name][q] for q in QUANTILES} for name in ("broker", "floor")}
            rows.append({"network": network, "share": share, "capacity": most, "rate": share * most, **found, "added": added})
            report.latency_row(rows[-1])
    return rows
