"""Two revisions of capture against each other: rounds A B B A…, the ratio of their CPU with a confidence interval."""
import math
import random
import statistics
import subprocess
import tempfile
from functools import partial

import cost
from lab import ROOT, Failure, open_lab

USUAL = ("single", "batch-50", "batch-1000")


def git(*arguments):
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure(f"git {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout.strip()


def built(revision):
    """The capture of a revision, built in a work tree of its own, which is kept for the next comparison."""
    commit = git("rev-parse", "--verify", f"{revision}^{{commit}}")
    tree = ROOT / "build" / "compare" / commit[:12]
    if not (tree / ".git").exists():
        git("worktree", "prune")
        git("worktree", "add", "--detach", tree, commit)
    print(f"building {revision} ({commit[:12]}) in {tree}", flush=True)
    for command in (["cmake", "--preset", "release"], ["cmake", "--build", "--preset", "release", "--target", "capture"]):
        done = subprocess.run(command, cwd=tree, capture_output=True, text=True)
        if done.returncode != 0:
            raise Failure(f"{revision} does not build:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return tree / "build/release/src/capture"


def bootstrap(logs, rng, samples=10_000):
    """95 % confidence interval of the geometric mean of the rounds' ratios."""
    means = sorted(statistics.fmean(rng.choices(logs, k=len(logs))) for _ in range(samples))
    return math.exp(means[samples // 40]), math.exp(means[-samples // 40])


def ratios(lab, scenario, other, rounds, seconds):
    starters = {"mine": partial(lab.capture, scenario.server), "theirs": partial(lab.capture, scenario.server, binary=other)}
    runs = cost.by_turns(lab, scenario, starters, rounds, seconds)
    return [math.log(mine.micros / theirs.micros) for mine, theirs in zip(runs["mine"], runs["theirs"])]


def main(options):
    other = built(options.compare)
    chosen = cost.pick(options.scenario or USUAL)
    rounds = options.rounds or 12
    rng = random.Random(1)
    worse = []
    with tempfile.TemporaryDirectory(prefix="bench-") as work, open_lab(options.build, work, not options.no_network) as lab:
        print(f"CPU of this tree ÷ CPU of {options.compare}, {rounds} rounds of {options.seconds} s; below 1 is better here")
        for one in [lab.on(None), lab] if lab.kafka else [lab]:
            for scenario in chosen:
                logs = ratios(one, scenario, other, rounds, options.seconds)
                low, high = bootstrap(logs, rng)
                network = "Kafka" if one.kafka else "none"
                print(f"  {scenario.title + ', ' + network:44} {math.exp(statistics.fmean(logs)):6.3f}   "
                      f"95 % between {low:.3f} and {high:.3f}", flush=True)
                if options.fail_above is not None and low > 1 + options.fail_above / 100:
                    worse.append(f"{scenario.name}, {network}")
    if worse:
        print(f"costs certainly more than {options.fail_above} % above {options.compare}: {'; '.join(worse)}")
    return 1 if worse else 0
