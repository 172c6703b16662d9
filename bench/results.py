"""What a run found: told on stdout while it goes on, judged against the aims, written as JSON."""
import contextlib
import json
import os
import platform
import subprocess
import time
from pathlib import Path

from lab import ROOT, Failure

import scenarios

PICTURES = {"cost": "CPU against the floor", "parts": "the floor's parts", "latency": "latency", "growth": "growth",
            "memory": "memory"}
FLAT = 1.5  # how far a cost may rise and still count as flat


class Report:
    def __init__(self):
        self.failures = []
        self._section = None
        self._begin = time.monotonic()

    @contextlib.contextmanager
    def guard(self, what):
        """A measurement that fails is told and remembered; the others go on."""
        try:
            yield
        except (Failure, OSError, subprocess.SubprocessError, ValueError, KeyError) as problem:
            text = f"{type(problem).__name__}: {problem}"
            self.failures.append({"measurement": what, "problem": text})
            print(f"  FAILED {what}: {text}", flush=True)

    def section(self, title, *columns):
        if self._section == title:
            return
        self._section = title
        print(f"\n{title}   [{time.monotonic() - self._begin:.0f} s]")
        print(line(*columns), flush=True)

    def cost_row(self, row):
        self.section("CPU, capture against the floor", "µs of CPU, sink", "capture", "floor", "ratio", "", "per")
        low, high = row["ratio_range"]
        print(line(f"{row['title']}, {row['network']}", row["capture"], row["floor"], row["ratio"], f"{low:.2f}–{high:.2f}",
                   row["per"]), flush=True)

    def parts_row(self, row):
        self.section("The floor's parts", "µs of CPU", *(row["parts"]), "per")
        print(line(row["title"], *row["parts"].values(), row["per"]), flush=True)

    def latency_row(self, row):
        self.section("Latency in an open loop, ms", "share of capacity, sink", "p50", "p99", "p99.9")
        print(line(f"{row['share']:.0%} = {row['rate']:.0f} requests/s, {row['network']}", *millis(row["capture"])))
        print(line("   the floor", *millis(row["floor"])))
        if row["linger_ms"]:
            print(line("   the broker's own, with linger", *millis(row["broker"])))
            added_rows("   added to the broker's own", row["added"]["broker"])
        added_rows("   added to the floor", row["added"]["floor"])
        print(line("   generator late by", *millis(row["lateness"])), flush=True)

    def growth_rows(self, name, growth):
        self.section("Growth, sink that drops", "", "capture", "floor", "ratio")
        print(f"  {growth['x']}, {growth['y']}")
        for point in growth["points"]:
            floor = point.get("floor")
            print(line(f"   {point['x']:,}", point["capture"], *((floor, point["capture"] / floor) if floor else ())), flush=True)

    def memory_row(self, row):
        self.section("Memory", "MiB", "idle", "peak", "after", "bytes allocated per event")
        print(line(row["load"], row["idle_mib"], row["peak_mib"], row["after_mib"], row["allocated_per_event"]), flush=True)

    def overload(self, found):
        print(f"  {found['offered_per_second']:.0f} batches of 1000 per second offered, ten times the capacity, budget "
              f"{found['budget_mib']} MiB: peak {found['peak_mib']:.0f} of at most {found['limit_mib']:.0f} MiB, "
              f"answered {nonzero(found['flood'])};\n  small requests beside them: {nonzero(found['small'])}, "
              f"p50 {found['small_ms']['p50']:.0f} ms, longest {found['small_ms']['max']:.0f} ms", flush=True)

    def aims(self, aims):
        print("\nAims")
        for aim in aims:
            word = "met" if aim["met"] else "MISSED"
            print(f"  {word:7} {aim['aim']}: {aim['measured']}", flush=True)


def line(*cells):
    first, *rest = cells
    return f"  {first:44}" + "".join(f"{cell:>11.2f}" if isinstance(cell, (int, float)) else f" {cell:>10}" for cell in rest)


def millis(quantiles):
    return [quantiles[name] / 1000 for name in ("p50", "p99", "p99.9")]


def added_rows(label, quartiles):
    lows, middles, highs = zip(*([micros / 1000 for micros in quartiles[name]] for name in ("p50", "p99", "p99.9")))
    print(line(label, *middles))
    print(line("      quartiles of the turns", *(f"{low:.1f}…{high:.1f}" for low, high in zip(lows, highs))))


def nonzero(answers):
    return ", ".join(f"{count} × {name}" for name, count in answers.items() if count) or "nothing"


# -------------------------------------------------------------------------------------------------------------- aims


def judge(found):
    """The aims that this run can say something about."""
    aims = []

    def add(aim, measured, met):
        aims.append({"aim": aim, "measured": measured, "met": bool(met)})

    known = {scenario.name: scenario for scenario in scenarios.SCENARIOS}
    for row in found.get("cost", []):
        scenario = known[row["scenario"]]
        if row["network"] == "Kafka" and scenario.aim:
            add(f"{scenario.title}: at most {scenario.aim} × floor", f"{row['ratio']:.2f}", row["ratio"] <= scenario.aim)
        if row["network"] == "none" and scenario.aim_alone:
            add(f"{scenario.title}, sink that drops: at most {scenario.aim_alone} µs per {row['per']}", f"{row['capture']:.2f}, "
                f"{row['kernel']['capture']:.2f} of them in the kernel (the floor: {row['floor']:.2f} and "
                f"{row['kernel']['floor']:.2f})", row["capture"] <= scenario.aim_alone)
    below = [f"{row['scenario']} ({row['network']}) {row['ratio']:.2f}" for row in found.get("cost", [])
             if row["ratio_range"][1] < 1]
    if found.get("cost"):
        add("the floor is a minimum: no ratio below 1 in all rounds", ", ".join(below) or "none", not below)
    for row in found.get("latency", []):
        if row["share"] == 0.5 and row["linger_ms"]:
            low, added, high = (micros / 1000 for micros in row["added"]["broker"]["p99"])
            add(f"p99 added to the broker's own at 50 % load, {row['network']}: below 2 ms",
                f"{added:.2f} ms (quartiles of the turns {low:.1f} and {high:.1f})", added < 2)
    for name, growth in found.get("growth", {}).items():
        add(*flatness(name, growth))
    overload = found.get("memory", {}).get("overload")
    if overload:
        add("memory bounded by the budget under ten times the load", f"{overload['peak_mib']:.0f} of at most "
            f"{overload['limit_mib']:.0f} MiB", overload["bounded"])
        add("small requests are answered meanwhile", nonzero(overload["small"]), overload["small_answered"])
    return aims


def flatness(name, growth):
    """How far the cost rises above what it is at any smaller x; for bytes, the cost of a byte."""
    per = (lambda point: point["x"]) if name == "bytes" else (lambda point: 1)
    costs = [point["capture"] / per(point) for point in growth["points"]]
    rise = max(later / earlier for number, later in enumerate(costs) for earlier in costs[:number + 1])
    word = "linear" if name == "bytes" else "flat"
    return f"cost {word} in {growth['x']}: rises at most to {FLAT} ×", f"{rise:.2f}", rise <= FLAT


# ----------------------------------------------------------------------------------------------------------- machine


def output_of(*command):
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT).stdout.strip()


def machine():
    cpu = next((text.split(":", 1)[1].strip() for text in Path("/proc/cpuinfo").read_text().splitlines()
                if text.startswith("model name")), platform.machine())
    memory = next(int(text.split()[1]) for text in Path("/proc/meminfo").read_text().splitlines() if text.startswith("MemTotal"))
    return {"cpu": cpu, "cores": os.cpu_count(), "memory_gib": round(memory / 2**20, 1), "kernel": platform.release(),
            "compiler": output_of("c++", "--version").splitlines()[0], "load_average": os.getloadavg(),
            "commit": output_of("git", "describe", "--always", "--dirty", "--exclude=*")}


# ------------------------------------------------------------------------------------------------------------ files


def cost_table(found):
    """In Markdown, as all that the pages quote."""
    machine = found["machine"]
    yield (f"One run of `{found['command'].strip()}` on {machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}, "
           f"{machine['compiler']}, at {machine['commit']}:\n")
    yield "| CPU time, µs | capture | floor | ratio | with a sink that drops: capture | floor | ratio |"
    yield "|---|---|---|---|---|---|---|"
    rows = {(row["scenario"], row["network"]): row for row in found.get("cost", [])}
    for name in dict.fromkeys(name for name, _ in rows):
        cells = [f"{row['capture']:.1f} | {row['floor']:.1f} | **{row['ratio']:.2f}**" if row else "– | – | –"
                 for row in (rows.get((name, "Kafka")), rows.get((name, "none")))]
        one = next(row for row in rows.values() if row["scenario"] == name)
        yield f"| {one['title']}, per {one['per']} | {' | '.join(cells)} |"


def judgement(found):
    yield ""
    yield from (f"- {'' if aim['met'] else '**missed:** '}{aim['aim']}: {aim['measured']}" for aim in found["aims"])
    yield from (f"- **failed:** {failure['measurement']}" for failure in found["failures"])
    yield ""
    yield from (f"![{title}](results/{name}.svg)" for name, title in PICTURES.items())


def quote(page, text):
    """Replaces what a page quotes."""
    begin, end = "<!-- figures: written by ./dev bench -->\n", "<!-- end of figures -->"
    before, rest = page.read_text().split(begin)
    page.write_text(before + begin + text + end + rest.split(end)[1])


def write(directory, found, publish):
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "results.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    if publish:
        table, aims = "\n".join(cost_table(found)) + "\n", "\n".join(judgement(found)) + "\n"
        quote(ROOT / "README.md", table)
        quote(ROOT / "bench/README.md", table + aims)
