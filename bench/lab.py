"""The laboratory of one run: where the programs are, which core each gets, and the servers that are started."""
import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests")]

import payloads  # noqa: E402
import scenarios  # noqa: E402
from support.process import Failure, Process, wait_until  # noqa: E402
from support.service import Capture  # noqa: E402
from support.stack import Kafka, Redis  # noqa: E402

KAFKA_OVERRIDES = {
    "num.partitions": 4,
    "message.max.bytes": 20 * 2**20,
    # A run writes tens of gigabytes: old ones go at once.
    "log.segment.bytes": 128 * 2**20, "log.retention.bytes": 128 * 2**20, "log.retention.check.interval.ms": 2000,
    "log.segment.delete.delay.ms": 0,
}
# jemalloc prints its counters when the process ends.
ALLOCATION_STATISTICS = {"MALLOC_CONF": "stats_print:true,stats_print_opts:gdaxeh"}


def cores():
    """The core of the server under measurement, and those of everything else (the same when there is but one)."""
    available = sorted(os.sched_getaffinity(0))
    return available[:1], available[1:] or available


def pinned(to, command):
    return ["taskset", "-c", ",".join(map(str, to)), *map(str, command)]


class Floor:
    def __init__(self, lab, until="produce", surface="analytics", topic=None, linger_ms=20):
        kafka = lab.kafka if until == "produce" else None
        produce = ["--brokers", kafka.bootstrap, "--topic", topic or f"floor-{surface}"] if kafka else ["--produce", "none"]
        command = pinned(lab.server_cores, [lab.build / "bench/capture_floor", *produce, "--until", until,
                                                  "--surface", surface, "--linger", linger_ms])
        self.process = Process(command, lab.fresh("floor") / "floor.log")
        self.port = self.process.wait_listening()[0]
        self.pid = self.process.pid

    def latencies(self):
        """From produce to acknowledgement since the last time it was asked, in µs."""
        before = len(self.process.output().splitlines())
        self.process.signal(signal.SIGUSR1)
        return json.loads(wait_until(lambda: self.process.output().splitlines()[before:], 5, "no latencies")[0])

    def stop(self):
        self.process.kill()


class EvenBroker:
    """Takes the place of Kafka where a real one's moods would hide what is looked for (broker.cc)."""

    def __init__(self, lab, rtt_ms):
        command = pinned(lab.other_cores, [lab.build / "bench/capture_broker", "--rtt", rtt_ms])
        self.process = Process(command, lab.fresh("broker") / "broker.log")
        self.bootstrap = f"127.0.0.1:{self.process.wait_listening()[0]}"

    def stop(self):
        self.process.kill()


class Lab:
    """`build` holds the programs to measure, `work` is for files that nobody needs later."""

    def __init__(self, build, work, kafka=None, redis=None):
        self.build = build
        self.work = Path(work)
        self.kafka = kafka
        self.redis = redis
        self.server_cores, self.other_cores = cores()
        self._mixes = {}

    def on(self, kafka):
        """The same with another broker, or with none: then there is a sink that drops."""
        lab = Lab(self.build, self.work, kafka, self.redis)
        lab._mixes = self._mixes
        return lab

    def fresh(self, name):
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.work))

    def mix(self, name, make, variants=payloads.VARIANTS):
        """The manifest of these requests, written once per run."""
        if name not in self._mixes:
            self._mixes[name] = payloads.write(self.work / "requests" / name, make, variants)
        return self._mixes[name]

    def capture(self, server="events", env=None, binary=None, on=None):
        """A started capture: on Kafka if the lab has one, else with a sink that drops."""
        directory = self.fresh("capture")
        environment = {"CAPTURE_WORKERS": 1, "RUST_LOG": "warn"} | scenarios.SERVERS[server] | (env or {})
        if self.redis and server == "limits":
            environment["REDIS_URL"] = self.redis.url
        environment |= {"KAFKA_HOSTS": self.kafka.bootstrap} if self.kafka else {"NOOP_SINK": "true"}
        launcher = directory / "capture"
        command = " ".join(pinned(on or self.server_cores, [binary or self.build / "src/capture"]))
        launcher.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        launcher.chmod(0o755)
        return Capture(launcher, directory, environment).start()

    def floor(self, **options):
        return Floor(self, **options)

    def load(self, server, mix, seconds, connections=64, warmup=0.4, strict=True, **options):
        """Runs the load generator; its answer as a dict. `options` are its own, see load/main.cc."""
        command = [self.build / "bench/capture_load", "--port", server.port, "--pid", server.pid, "--mix", mix, "--seconds",
                   seconds, "--warmup", warmup, "--connections", connections]
        for name, value in options.items():
            command += [f"--{name.replace('_', '-')}", value]
        done = subprocess.run(pinned(self.other_cores, command), capture_output=True, text=True, timeout=seconds + 300)
        if done.returncode != 0:
            raise Failure(f"the load generator failed: {done.stderr.strip()}")
        result = json.loads(done.stdout)
        if strict and (result["unexpected"] or result["broken"] or not result["ok"]):
            raise Failure(f"answers that were not expected: {result}")
        return result


@contextlib.contextmanager
def open_lab(build, work, network=True):
    """With Kafka (unless told otherwise) and Redis, both away from the core of the server under measurement."""
    raise_descriptor_limit()
    with contextlib.ExitStack() as stack:
        others = cores()[1]
        redis = stack.enter_context(Redis(Path(work) / "redis"))
        move(redis.process.pid, others)
        kafka = None
        if network:
            kafka = stack.enter_context(Kafka(Path(work) / "kafka", overrides=KAFKA_OVERRIDES))
            for broker in kafka.brokers:
                move(broker.process.pid, others)
        import redis as client
        scenarios.limits_in_redis(client.Redis.from_url(redis.url), int(time.time()))
        yield Lab(build, work, kafka, redis)


def move(pid, to):
    subprocess.run(["taskset", "-a", "-cp", ",".join(map(str, to)), str(pid)], stdout=subprocess.DEVNULL, check=True)


def raise_descriptor_limit():
    """All that the system allows, here and in every child: ten thousand connections need a descriptor each."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@contextlib.contextmanager
def running(server):
    """Stops the server in any case."""
    try:
        yield server
    finally:
        server.stop()
