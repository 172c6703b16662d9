"""Real servers on loopback: Apache Kafka (KRaft, one or three brokers) and Redis.

As a library: `with Kafka(directory) as kafka: kafka.bootstrap`. As a program, behind `./dev stack`: servers that outlive
the command, with their data and addresses in .stack/.
"""
import argparse
import base64
import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

from support.process import Failure, Process, free_port, listening_ports, wait_until
from support.redis import Client

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = ROOT / ".stack" / "kafka-libs"
ARCHIVE = ROOT / ".stack" / "kafka.jsa"
JVM = ["-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto",
       "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.log.kafka=info"]


def java(main, *arguments, flags=()):
    shared = [f"-XX:SharedArchiveFile={ARCHIVE}"] if ARCHIVE.exists() else []
    return ["java", *JVM, *(flags or shared), "-cp", f"{LIBRARIES}/*", main, *map(str, arguments)]


def make_archive():
    """Class data of a started broker, which halves every later start. Made once, without it all works as well."""
    if ARCHIVE.exists() or not LIBRARIES.is_dir():
        return
    ARCHIVE.parent.mkdir(exist_ok=True)
    with open(ARCHIVE.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if ARCHIVE.exists():
            return
        work = ROOT / ".stack" / "archive"
        shutil.rmtree(work, ignore_errors=True)
        draft = work / "kafka.jsa"
        work.mkdir(parents=True)
        with Kafka(work, flags=[f"-XX:ArchiveClassesAtExit={draft}"]) as kafka:
            kafka.wait_ready()
        if draft.exists():
            draft.rename(ARCHIVE)
        shutil.rmtree(work, ignore_errors=True)


class Server:
    """A process that a test may break."""

    process = None

    def kill(self):
        self.process.kill()

    def pause(self):
        self.process.pause()

    def resume(self):
        self.process.resume()


class Broker(Server):
    def __init__(self, directory, node, cluster_id, flags=(), detached=False):
        self.directory = Path(directory)
        self.node = node
        self.cluster_id = cluster_id
        self.flags = flags
        self.detached = detached
        self.port = free_port()
        self.controller_port = free_port()
        self.advertised_port = self.port

    @property
    def address(self):
        return f"127.0.0.1:{self.advertised_port}"

    def configure(self, voters, brokers, overrides):
        replicas = min(brokers, 3)
        properties = {
            "process.roles": "broker,controller",
            "node.id": self.node,
            "controller.quorum.voters": voters,
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{self.controller_port}",
            "advertised.listeners": f"PLAINTEXT://{self.address}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "PLAINTEXT",
            "log.dirs": self.directory / "data",
            "num.partitions": 1,
            "default.replication.factor": replicas,
            "auto.create.topics.enable": "true",
            "offsets.topic.replication.factor": replicas,
            "offsets.topic.num.partitions": 1,
            "transaction.state.log.replication.factor": replicas,
            "transaction.state.log.min.isr": 1,
            "transaction.state.log.num.partitions": 1,
            "share.coordinator.state.topic.replication.factor": replicas,
            "share.coordinator.state.topic.min.isr": 1,
            "group.initial.rebalance.delay.ms": 0,
            "num.network.threads": 1,
            "num.io.threads": 2,
            "num.replica.fetchers": 1,
            "background.threads": 2,
            "log.cleaner.enable": "false",
            "initial.broker.registration.timeout.ms": 20000,
            # A broker that was killed is back within five seconds, not fifteen.
            "broker.session.timeout.ms": 1500,
            "broker.heartbeat.interval.ms": 300,
            "replica.lag.time.max.ms": 3000,
            **overrides,
        }
        self.directory.mkdir(parents=True, exist_ok=True)
        text = "".join(f"{name}={value}\n" for name, value in properties.items())
        (self.directory / "server.properties").write_text(text)

    def format(self):
        command = java("kafka.tools.StorageTool", "format", "-t", self.cluster_id, "-c",
                       self.directory / "server.properties")
        return Process(command, self.directory / "format.log")

    def start(self):
        command = java("kafka.Kafka", self.directory / "server.properties", flags=self.flags)
        self.process = Process(command, self.directory / "broker.log", detached=self.detached)

    def wait_listening(self):
        self.process.wait_listening(self.port, seconds=60)

    def restart(self):
        self.start()
        self.wait_listening()

    def stop(self):
        if self.process:
            self.process.stop(15)


class Kafka:
    """A cluster. `advertise` maps a broker to the port it tells clients, for a proxy in between."""

    def __init__(self, directory, brokers=1, overrides=None, flags=(), advertise=None,
                 detached=False):
        self.directory = Path(directory)
        # On the command line an id that begins with "-" would be taken for an option.
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A")
        self.brokers = [Broker(self.directory / f"broker-{node}", node, cluster_id, flags, detached)
                        for node in range(1, brokers + 1)]
        voters = ",".join(f"{b.node}@127.0.0.1:{b.controller_port}" for b in self.brokers)
        for broker in self.brokers:
            if advertise:
                broker.advertised_port = advertise(broker)
            broker.configure(voters, brokers, overrides or {})

    @property
    def bootstrap(self):
        return ",".join(broker.address for broker in self.brokers)

    def start(self):
        try:
            for formatting in [broker.format() for broker in self.brokers]:
                if formatting.wait(60) != 0:
                    formatting.fail("formatting Kafka's storage failed")
            for broker in self.brokers:
                broker.start()
            for broker in self.brokers:
                broker.wait_listening()
            self.wait_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def wait_ready(self, seconds=60):
        """Until every broker that runs is registered and answers."""
        from confluent_kafka.admin import AdminClient
        from confluent_kafka import KafkaException
        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})

        def check():
            admin.poll(0)
            try:
                known = admin.list_topics(timeout=2).brokers
            except KafkaException:
                return False
            return len(known) >= sum(broker.process.running() for broker in self.brokers)
        wait_until(check, seconds, "Kafka does not answer")

    def stop(self):
        # Three brokers stopped one after the other wait for a quorum that is gone.
        for broker in self.brokers:
            if broker.process and broker.process.running():
                broker.resume()
                broker.process.signal(signal.SIGTERM if len(self.brokers) == 1 else signal.SIGKILL)
        for broker in self.brokers:
            broker.stop()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


class Redis(Server):
    """`options` go to redis-server as they are."""

    def __init__(self, directory, detached=False, port=None, host="127.0.0.1", options=()):
        self.directory = Path(directory)
        self.detached = detached
        self.port = port or free_port()
        self.host = host
        self.options = options

    @property
    def url(self):
        return f"redis://{self.host}:{self.port}/"

    def start(self):
        self.directory.mkdir(parents=True, exist_ok=True)
        self.process = Process(
            ["redis-server", "--port", self.port, "--bind", self.host, "--save", "", "--appendonly", "no", "--dir",
             self.directory, *self.options], self.directory / "redis.log", detached=self.detached)
        self.process.wait_listening(self.port, seconds=10)
        return self

    def client(self):
        return Client(self.port, self.host)

    def stop(self):
        if self.process:
            self.process.stop(5)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


# ------------------------------------------------------------------------------------------- servers that stay


class Standing:
    """The stack of `./dev stack`: what runs is written down in state.json, addresses for a shell in env."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.state_file = self.directory / "state.json"
        self.env_file = self.directory / "env"

    def state(self):
        if not self.state_file.exists():
            return []
        return json.loads(self.state_file.read_text())

    @staticmethod
    def alive(server):
        """True while the process that was started still is the one that listens on its port."""
        return server["port"] in listening_ports(server["pid"])

    def running(self):
        servers = self.state()
        return bool(servers) and all(self.alive(server) for server in servers)

    def up(self, brokers):
        servers = self.state()
        if self.running() and sum(s["kind"] == "kafka" for s in servers) == brokers:
            return
        self.down()
        data = self.directory / "data"
        make_archive()
        kafka = Kafka(data / "kafka", brokers, detached=True)
        redis = Redis(data / "redis", detached=True)
        try:
            redis.start()
            kafka.start()
        except BaseException:
            redis.stop()
            raise
        state = [{"kind": "redis", "pid": redis.process.pid, "port": redis.port}]
        state += [{"kind": "kafka", "pid": b.process.pid, "port": b.port} for b in kafka.brokers]
        self.state_file.write_text(json.dumps(state))
        self.env_file.write_text(f"export KAFKA_HOSTS={kafka.bootstrap}\nexport REDIS_URL={redis.url}\n")

    def down(self):
        for server in self.state():
            if self.alive(server):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(server["pid"], signal.SIGCONT)
                    os.kill(server["pid"], signal.SIGKILL)
                wait_until(lambda: not self.alive(server), 20, f"{server['kind']} does not end")
        for file in (self.state_file, self.env_file):
            file.unlink(missing_ok=True)
        shutil.rmtree(self.directory / "data", ignore_errors=True)

    def report(self):
        servers = self.state()
        if not servers:
            print("stack: down")
            return 1
        for server in servers:
            word = "up" if self.alive(server) else "GONE"
            print(f"{server['kind']:6} 127.0.0.1:{server['port']}  pid {server['pid']}  {word}")
        if self.env_file.exists():
            print(f"\n# source {self.env_file}\n{self.env_file.read_text()}", end="")
        return 0 if self.running() else 1


def main():
    parser = argparse.ArgumentParser(prog="./dev stack", description="Real Kafka and Redis on loopback.")
    parser.add_argument("action", choices=["up", "down", "status"])
    parser.add_argument("--brokers", type=int, choices=[1, 3], default=1)
    parser.add_argument("--dir", default=ROOT / ".stack", help="where data and addresses go")
    options = parser.parse_args()
    standing = Standing(options.dir)
    standing.directory.mkdir(parents=True, exist_ok=True)
    if options.action == "down":
        standing.down()
        return 0
    if options.action == "up":
        begin = time.monotonic()
        try:
            standing.up(options.brokers)
        except (Failure, subprocess.SubprocessError, OSError) as problem:
            print(f"stack: {problem}", file=sys.stderr)
            return 1
        print(f"stack: up after {time.monotonic() - begin:.1f} s")
    return standing.report()


if __name__ == "__main__":
    sys.exit(main())
