"""Runs the fuzz targets for a while: fuzz.py --build <folder> [--target name] [--seconds n | --total-seconds n].

New inputs go to build/fuzz/found/<target>, never into the corpus that the repository keeps; an input that breaks a target
is left in build/fuzz/crashes for a test to be made of it.
"""
import argparse
import os
import subprocess
import sys
from pathlib import Path

import report

ROOT = Path(__file__).resolve().parents[1]


def run(binary, seconds):
    name = binary.name.removesuffix("_fuzz")
    found = ROOT / "build" / "fuzz" / "found" / name
    crashes = ROOT / "build" / "fuzz" / "crashes"
    corpus = ROOT / "fuzz" / "corpus" / name
    for folder in (found, crashes):
        folder.mkdir(parents=True, exist_ok=True)
    command = [binary, f"-max_total_time={seconds}", "-rss_limit_mb=2048", "-timeout=10", "-print_final_stats=1",
               f"-artifact_prefix={crashes}/{name}-", found]
    if corpus.is_dir():
        command.append(corpus)
    environment = os.environ | {"ASAN_OPTIONS": "allocator_may_return_null=1"}
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, errors="replace",
                          env=environment, timeout=seconds + 120)
    text = done.stdout + done.stderr
    runs = next((line.split()[-1] for line in text.splitlines() if "number_of_executed_units" in line), "?")
    print(f"{name:24} {seconds:4} s  {runs:>10} inputs  {'ok' if done.returncode == 0 else 'FAILED'}", flush=True)
    if done.returncode == 0:
        return None
    print(text[-6000:])
    return text[-20000:]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--target")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--total-seconds", type=int, help="for all targets together")
    parser.add_argument("--junit", type=Path)
    options = parser.parse_args()

    binaries = sorted(path for path in options.build.glob("*_fuzz") if os.access(path, os.X_OK) and path.is_file())
    if options.target:
        binaries = [path for path in binaries if path.name == f"{options.target}_fuzz"]
    if not binaries:
        sys.exit(f"fuzz: no target{' named ' + options.target if options.target else ''} in {options.build}")
    seconds = options.seconds
    if options.total_seconds:
        seconds = max(2, options.total_seconds // len(binaries))
    results = [(binary.name, run(binary, seconds)) for binary in binaries]
    if options.junit:
        report.write(options.junit, "fuzz", results)
    return 1 if any(text is not None for _, text in results) else 0


if __name__ == "__main__":
    sys.exit(main())
