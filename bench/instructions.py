"""The gate of the micro benchmarks: instructions under callgrind, compared with the recorded ones. No clock is involved,
so the same program gives the same counts on a busy machine.

Counted are the benchmarks that say so (src/base/counted.h), between the first and the last iteration, on their own
thread. Valgrind shows every program the same CPU, so the libraries choose the same code everywhere; what does change the
counts is the toolchain, and bench/instructions.json has a list per toolchain. For one that it does not know the gate
fails: it has to be recorded, on a revision whose cost is known to be right."""
import json
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab import ROOT, Failure

sys.path.append(str(ROOT / "scripts"))
import report  # noqa: E402

BASELINE = ROOT / "bench" / "instructions.json"
TOLERANCE = 0.05
PACKAGES = {"glibc": "libc6", "libstdc++": "libstdc++6", "valgrind": "valgrind", "benchmark": "libbenchmark-dev",
            "simdjson": "libsimdjson-dev", "ISA-L": "libisal-dev", "librdkafka": "librdkafka-dev", "Abseil": "libabsl-dev",
            "Boost": "libboost1.81-dev"}
UPDATE = "./dev bench --update-instructions"


def toolchain(build):
    """All that the counts depend on beside the sources."""
    words = []
    cache = (build / "CMakeCache.txt").read_text()
    compiler = re.search(r"^CMAKE_CXX_COMPILER:\w+=(.*)$", cache, re.M)[1]
    version = subprocess.run([compiler, "-dumpfullversion", "-dumpversion"], capture_output=True, text=True, check=True)
    words.append(f"{Path(compiler).name} {version.stdout.strip()}")
    for name, package in PACKAGES.items():
        done = subprocess.run(["dpkg-query", "-W", "-f", "${source:Upstream-Version} ", package], capture_output=True, text=True)
        words.append(f"{name} {done.stdout.split()[0] if done.returncode == 0 else 'unknown'}")
    words.append(re.search(r"^CAPTURE_ARCH:\w+=(.*)$", cache, re.M)[1])
    return ", ".join(words)


def count(build, room):
    """{"room/benchmark": instructions of an iteration} of one benchmark program."""
    with tempfile.TemporaryDirectory() as work:
        command = ["setarch", "-R", "valgrind", "--tool=callgrind", f"--callgrind-out-file={work}/out",
                   "--separate-threads=yes", "--zero-before=benchmark::State::StartKeepRunning()",
                   "--dump-before=benchmark::State::FinishKeepRunning()", f"src/{room}/{room}_bench",
                   "--benchmark_filter=iterations:", "--benchmark_format=json"]
        # Nothing of the caller's environment: its size alone moves the stack.
        done = subprocess.run(command, cwd=build, capture_output=True, text=True, timeout=300, env={
            "PATH": "/usr/bin:/bin", "CAPTURE_BENCH_COUNTED": "1", "LD_BIND_NOW": "1", "SIMDJSON_FORCE_IMPLEMENTATION": "haswell"})
        if done.returncode != 0:
            raise Failure(f"{room}_bench under callgrind: {done.stderr[-1000:]}")
        runs = json.loads(done.stdout)["benchmarks"] if done.stdout.strip() else []
        found = {}
        for number, run in enumerate(runs, 1):
            if run.get("error_occurred"):
                raise Failure(f"{room}_bench: {run['name']}: {run['error_message']}")
            text = Path(f"{work}/out.{number}-01").read_text()
            total = int(re.search(r"^totals: (\d+)", text, re.M)[1])
            found[f"{room}/{run['run_name'].split('/iterations:')[0]}"] = round(total / run["iterations"])
        return found


def rooms(build):
    found = sorted(path.parent.name for path in build.glob("src/*/*_bench"))
    if not found:
        raise Failure("no benchmark is built: ./dev build release benchmarks")
    return found


def count_all(build):
    counts = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for found in pool.map(lambda room: count(build, room), rooms(build)):
            counts |= found
    return counts


def judge(name, now, then):
    """What is wrong with a count, or None; says what has changed without being wrong."""
    if then is None:
        return f"{now} instructions, not recorded yet: {UPDATE}"
    if now is None:
        return f"recorded with {then} instructions, but no longer counted: {UPDATE}"
    change = now / then - 1
    if now != then:
        print(f"  {name:60} {then:>10} → {now:>10}  {change:+.1%}")
    if now > then * (1 + TOLERANCE):
        return f"{now} instructions an iteration instead of {then}: {change:+.1%}, allowed are {TOLERANCE:+.0%}"
    return None


def recorded():
    return json.loads(BASELINE.read_text()) if BASELINE.exists() else {}


def update(chain, counts):
    BASELINE.write_text(json.dumps(recorded() | {chain: dict(sorted(counts.items()))}, indent=1) + "\n")
    print(f"{len(counts)} benchmarks recorded for {chain}")


def main(options):
    chain = toolchain(options.build)
    counts = count_all(options.build)
    if options.update_instructions:
        update(chain, counts)
        return 0
    known = recorded().get(chain)
    if known is None:
        results = [("toolchain", f"no counts are recorded for {chain}. On a revision that costs what it should: {UPDATE}")]
    else:
        names = sorted(counts.keys() | known.keys())
        results = [(name, judge(name, counts.get(name), known.get(name))) for name in names]
        if any(now < known[name] * (1 - TOLERANCE) for name, now in counts.items() if name in known):
            print(f"Some cost less than recorded by more than {TOLERANCE:.0%}; so that this stays: {UPDATE}")
    for name, problem in results:
        if problem:
            print(f"FAILED {name}: {problem}")
    if options.junit:
        report.write(options.junit, "instructions", results)
    failed = sum(problem is not None for _, problem in results)
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0
