"""Parts (a) and (b): CPU of capture against the floor, scenario by scenario, and what the floor's parts cost."""
import contextlib
import statistics
from functools import partial
from typing import NamedTuple

import scenarios
from lab import Failure, running

PARTS = ("receive", "inflate", "parse", "write", "produce")
DISSECTED = ("single", "batch-50", "batch-1000", "lz-string", "replay")


class Cost(NamedTuple):
    micros: float  # of CPU
    kernel: float  # of them, in the kernel


def per_unit(scenario, result):
    return result[f"cpu_us_per_{scenario.per}"]


TURNS = 3  # of each server in a round


def by_turns(lab, scenario, starters, count, seconds):
    """{name: [Cost, one per round]}. The servers of a round live together and take short turns, so that a noisy machine disturbs
    all alike; each round has new processes, so that the luck of one with its addresses does not look like a difference."""
    mix = lab.mix(scenario.name, scenario.make)
    runs = {name: [] for name in starters}
    for number in range(count):
        with contextlib.ExitStack() as stack:
            servers = {name: stack.enter_context(running(start())) for name, start in starters.items()}
            turns = {name: [] for name in starters}
            for turn in range(TURNS):
                for name in servers if (number + turn) % 2 == 0 else reversed(servers):
                    result = lab.load(servers[name], mix, seconds / 2, connections=scenario.connections, warmup=0.25)
                    micros = per_unit(scenario, result)
                    turns[name].append(Cost(micros, micros * result["kernel_share"]))
            for name, costs in turns.items():
                runs[name].append(Cost(*map(statistics.fmean, zip(*costs))))
    return runs


def row(scenario, network, runs):
    medians = {name: Cost(*map(statistics.median, zip(*costs))) for name, costs in runs.items()}
    capture, floor = (medians[name].micros for name in ("capture", "floor"))
    ratios = [one.micros / other.micros for one, other in zip(runs["capture"], runs["floor"])]
    return {"scenario": scenario.name, "title": scenario.title, "network": network, "per": scenario.per, "capture": capture,
            "floor": floor, "ratio": capture / floor, "ratio_range": [min(ratios), max(ratios)],
            "kernel": {name: cost.kernel for name, cost in medians.items()},
            "runs": {name: [cost.micros for cost in costs] for name, costs in runs.items()}}


def measure(lab, chosen, count, seconds, report):
    """A row per scenario, with Kafka if the lab has one, else with a sink that drops."""
    network = "Kafka" if lab.kafka else "none"
    rows = []
    for scenario in chosen:
        with report.guard(f"{scenario.name}, {network}"):
            starters = {"capture": partial(lab.capture, scenario.server), "floor": partial(lab.floor, surface=scenario.surface)}
            rows.append(row(scenario, network, by_turns(lab, scenario, starters, count, seconds)))
            report.cost_row(rows[-1])
    return rows


def dissect(lab, chosen, seconds, report):
    """The floor's parts, each the difference between two floors that stop one part apart."""
    rows = []
    for scenario in chosen:
        if scenario.name not in DISSECTED:
            continue
        mix = lab.mix(scenario.name, scenario.make)
        parts, before = {}, 0
        for part in PARTS if lab.kafka else PARTS[:-1]:
            with running(lab.floor(until=part, surface=scenario.surface)) as floor:
                cost = per_unit(scenario, lab.load(floor, mix, seconds, connections=scenario.connections))
            parts[part] = cost - before
            before = cost
        rows.append({"scenario": scenario.name, "title": scenario.title, "per": scenario.per, "parts": parts})
        report.parts_row(rows[-1])
    return rows


def pick(names):
    known = {scenario.name: scenario for scenario in scenarios.SCENARIOS}
    unknown = set(names) - set(known)
    if unknown:
        raise Failure(f"no such scenario: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    return [scenario for name, scenario in known.items() if not names or name in names]
