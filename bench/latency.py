"""Part (c): latency at a share of capture's capacity, from an open loop, beside the floor's and the broker's own."""
import statistics

import payloads
from lab import EvenBroker, running

KAFKA = "Kafka", 20, (0.5, 0.9)  # broker, linger in ms, shares of the capacity
# What lingers together is acknowledged together, and of the answers that are due at once the last waits for all others: so a
# short linger, too; and a broker whose own p99 does not vary by more than capture adds.
EVEN = "even broker", 5, (0.5,)
EVEN_RTT = 2  # ms
QUANTILES = ("p50", "p99", "p99.9")
CONNECTIONS = 4096  # more than are ever busy: a request that is due must not wait for one that is free
TURNS = 5  # of each server in a round
WARMUP = 0.2  # seconds, of each turn


def capacity(lab, capture, mix, seconds):
    """Requests per second in a closed loop with more connections than any latency needs."""
    return lab.load(capture, mix, seconds, connections=CONNECTIONS // 2, warmup=1)["per_second"]


def quartiles(values):
    return statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3


def middle(quantiles):
    return {name: statistics.median(one[name] for one in quantiles) for name in QUANTILES}


def added(capture, other):
    """What capture adds, turn by turn: the three quartiles of the differences for each quantile. A broker that is slow
    for a second is so for both of a pair."""
    return {name: quartiles([mine[name] - its[name] for mine, its in zip(capture, other, strict=True)]) for name in QUANTILES}


def at_rate(lab, capture, mix, rate, linger, count, seconds):
    """The same open loop against both in short turns, so that a noisy machine disturbs both alike. The broker's own
    latency is what the floor, with nothing on its mind, measures from its call to produce until the acknowledgement,
    linger and all, under the same load."""
    seen = {"capture": [], "floor": [], "broker": [], "lateness": []}
    for _ in range(count):
        with running(lab.floor(linger_ms=linger)) as floor:
            lab.load(floor, mix, 0.5, connections=CONNECTIONS, rate=rate)
            for _ in range(TURNS):
                result = lab.load(capture, mix, seconds, connections=CONNECTIONS, rate=rate, warmup=WARMUP)
                seen["capture"].append(result["latency_us"])
                seen["lateness"].append(result["lateness_us"])
                if lab.kafka:
                    floor.latencies()
                result = lab.load(floor, mix, seconds, connections=CONNECTIONS, rate=rate, warmup=WARMUP)
                seen["floor"].append(result["latency_us"])
                seen["broker"].append(floor.latencies() if lab.kafka else dict.fromkeys(QUANTILES, 0.0))
    return seen


def measure(lab, count, seconds, report):
    mix = lab.mix("single", payloads.single)
    if not lab.kafka:
        return with_broker(lab, mix, "none", None, (0.5, 0.9), count, seconds, report)
    rows = with_broker(lab, mix, *KAFKA, count, seconds, report)
    with running(EvenBroker(lab, EVEN_RTT)) as even:
        return rows + with_broker(lab.on(even), mix, *EVEN, count, seconds, report)


def with_broker(lab, mix, broker, linger, shares, count, seconds, report):
    rows = []
    network = f"{broker}, linger {linger} ms" if linger else broker
    settings = {"KAFKA_PRODUCER_LINGER_MS": linger} if linger else {}
    with report.guard(f"latency, {network}"), running(lab.capture(env=settings)) as capture:
        most = capacity(lab, capture, mix, 4 * seconds)
        for share in shares:
            seen = at_rate(lab, capture, mix, share * most, linger or 0, count, seconds)
            rows.append({"network": network, "linger_ms": linger, "share": share, "capacity": most, "rate": share * most,
                         **{name: middle(quantiles) for name, quantiles in seen.items()},
                         "added": {name: added(seen["capture"], seen[name]) for name in ("broker", "floor")}})
            report.latency_row(rows[-1])
    return rows
