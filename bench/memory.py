"""Part (e): memory under load, after it, and under far more load than there is capacity for."""
import re
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import payloads
from lab import ALLOCATION_STATISTICS, Failure, running

LOADS = {
    "single": (payloads.single, 256),
    "batch-50": (partial(payloads.batch, count=50), 64),
    "batch-1000": (partial(payloads.batch, count=1000), 8),
}
BUDGET_MIB = 128
OVERLOAD = 10
PATIENCE_MS = 5000
QUIET = 15  # seconds; freed memory is given back over ten
# size, index, allocated, nmalloc, per second, ndalloc, per second, nrequests
SIZE_CLASS = r"^ +(\d+) +\d+" + r" +\d+" * 5 + r" +(\d+)"


def allocated_bytes(log):
    """All bytes ever allocated, from the statistics that jemalloc prints at the end."""
    rows = [match.groups() for match in re.finditer(SIZE_CLASS, log[log.index("Begin jemalloc statistics"):], re.M)]
    if not rows:
        raise Failure("jemalloc printed no statistics")
    return sum(int(size) * int(requests) for size, requests in rows)


def one_load(lab, name, seconds):
    """Peak and later RSS, and what was allocated for an event. Without a name: an idle process."""
    capture = lab.capture(env=ALLOCATION_STATISTICS)
    result = {"events": 0}
    idle = capture.rss()
    with running(capture):
        if name:
            make, connections = LOADS[name]
            result = lab.load(capture, lab.mix(name, make), seconds, connections=connections, warmup=0)
            capture.settled_ledger()
            time.sleep(QUIET)
        after, peak = capture.rss(), capture.peak_rss()
    return {"load": name or "idle", "events": result["events"], "idle_mib": idle / 2**20,
            "peak_mib": peak / 2**20, "after_mib": after / 2**20,
            "allocated": allocated_bytes(capture.process.output())}


def under_overload(lab, seconds):
    """Ten times as many large batches as capture can take, on four hundred connections, and small requests beside them."""
    large = lab.mix("overload", lambda rng: payloads.batch(rng, 1000)._replace(expect="25"))
    small = lab.mix("small", lambda rng: payloads.single(rng)._replace(expect="25"))
    with running(lab.capture(env={"CAPTURE_MEMORY_BUDGET_MIB": BUDGET_MIB})) as capture:
        idle = capture.rss()
        capacity = lab.load(capture, large, 1.5, connections=8)["per_second"]
        with ThreadPoolExecutor() as pool:
            flood = pool.submit(lab.load, capture, large, seconds, connections=400, rate=OVERLOAD * capacity, strict=False)
            beside = lab.load(capture, small, seconds, connections=8, rate=50, warmup=0.5, strict=False)
            flood = flood.result()
        peak = capture.peak_rss()
        capture.settled_ledger()
        later = lab.load(capture, small, 0.5, connections=8, rate=50, warmup=0)
    limit = idle + BUDGET_MIB * 2**20 * 3 // 2  # the budget, and as much again as an allocator may keep for itself
    answered = sum(beside["answers"].values())
    return {"budget_mib": BUDGET_MIB, "idle_mib": idle / 2**20, "peak_mib": peak / 2**20, "limit_mib": limit / 2**20,
            "bounded": peak <= limit, "offered_per_second": OVERLOAD * capacity, "flood": flood["answers"],
            "small": beside["answers"], "small_unanswered": beside["broken"], "small_ms": {
                name: value / 1000 for name, value in beside["latency_us"].items()},
            "small_answered": beside["broken"] == 0 and answered > 0 and beside["latency_us"]["max"] < PATIENCE_MS * 1000
            and later["ok"] > 0}


def measure(lab, seconds, report):
    found = {"loads": []}
    with report.guard("memory"):
        idle = one_load(lab, None, seconds)
        for name in LOADS:
            row = one_load(lab, name, seconds)
            row["allocated_per_event"] = (row.pop("allocated") - idle["allocated"]) / row["events"]
            found["loads"].append(row)
            report.memory_row(row)
    with report.guard("overload"):
        found["overload"] = under_overload(lab, 2 * seconds)
        report.overload(found["overload"])
    return found
