"""Where a run's records are found: in the file of the embedded store, or on the topics of a real cluster."""
import json
import sqlite3

from confluent_kafka import KafkaException

from runner.record import Record
from support.process import wait_until

TOPICS = {
    "analytics_main": "events_plugin_ingestion",
    "analytics_overflow": "events_plugin_ingestion_overflow",
    "analytics_historical": "events_plugin_ingestion_historical",
    "heatmaps": "heatmaps_ingestion",
    "client_warnings": "ingestion-clientwarnings-main-1",
    "error_tracking": "error_tracking_events",
    "dlq": "events_plugin_ingestion_dlq",
    "ai_main": "events_plugin_ingestion_ai",
    "session_replay_main": "events_plugin_ingestion",
    "session_replay_overflow": "session_recording_snapshot_item_overflow",
}
# Outputs and redirect targets that exist only when a case's environment or Redis content names them.
OPTIONAL_TOPICS = ("ai_overflow", "error_tracking_overflow", "analytics_dlq", "ai_dlq", "error_tracking_dlq",
                   "session_replay_dlq", "custom", "custom_other")


def decode(data):
    return data if data is None or isinstance(data, str) else bytes(data).decode("utf-8", "surrogateescape")


class Store:
    """`capture --dev`, whose file is read while the service runs."""

    needs_redis_url = False
    arguments = ["--dev"]

    def __init__(self, folder):
        self.file = folder / "store.db"
        self.database = None
        self.last = 0

    def environment(self, case_env):
        return {"CAPTURE_STORE_PATH": str(self.file)}

    @staticmethod
    def topic(name):
        return TOPICS.get(name, f"case_{name}")

    def open(self):
        self.database = sqlite3.connect(f"file:{self.file}?mode=ro", uri=True)
        self.last = 0

    def fresh(self):
        """Records since the last call, in order."""
        rows = self.database.execute(
            "SELECT id, topic, key, headers, value FROM records WHERE id > ? ORDER BY id", (self.last,)).fetchall()
        if rows:
            self.last = rows[-1][0]
        return [Record(topic, decode(key), read_headers(headers), bytes(value)) for _, topic, key, headers, value in rows]

    def close(self):
        if self.database:
            self.database.close()
        for suffix in ("", "-wal", "-shm"):
            self.file.with_name(self.file.name + suffix).unlink(missing_ok=True)


def read_headers(text):
    """Pairs in wire order from the store's JSON."""
    return [(name, value) for name, value in json.loads(text)]


class Kafka:
    """The service as in production, on topics of this worker alone."""

    needs_redis_url = True
    arguments = []

    def __init__(self, brokers, prefix):
        from confluent_kafka import Consumer, TopicPartition
        from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec
        self.brokers = brokers
        self.prefix = prefix
        self.partition, self.latest = TopicPartition, OffsetSpec.latest()
        self.admin = AdminClient({"bootstrap.servers": brokers})
        self.names = [self.topic(name) for name in (*TOPICS, *OPTIONAL_TOPICS)]
        created = self.admin.create_topics([NewTopic(name, 1, 1) for name in self.names])
        for future in created.values():
            future.result(30)
        wait_until(self.led, 30, "the topics have no leaders")
        self.consumer = Consumer({
            "bootstrap.servers": brokers, "group.id": f"{prefix}cases", "enable.auto.commit": False,
            "enable.partition.eof": False, "fetch.wait.max.ms": 10, "fetch.error.backoff.ms": 10,
            "topic.metadata.refresh.interval.ms": -1})
        self.consumer.assign([TopicPartition(name, 0, 0) for name in self.names])
        self.position = dict.fromkeys(self.names, 0)

    def led(self):
        """Whether every topic has its leader; a broker needs a moment after creating it."""
        requests = {self.partition(name, 0): self.latest for name in self.names}
        try:
            return all(future.result(10) for future in self.admin.list_offsets(requests).values())
        except KafkaException:
            return False

    def topic(self, name):
        return f"{self.prefix}{name}"

    def environment(self, case_env):
        env = {f"CAPTURE_OUTPUT_{name.upper()}_TOPIC": self.topic(name) for name in TOPICS}
        return {"KAFKA_HOSTS": self.brokers, "KAFKA_PRODUCER_LINGER_MS": "1", **env}

    def open(self):
        self.fresh()

    def fresh(self):
        requests = {self.partition(name, 0): self.latest for name in self.names}
        ends = {part.topic: future.result(10).offset for part, future in self.admin.list_offsets(requests).items()}
        found = []
        # consume() waits until it has as many as it was asked for.
        while missing := sum(max(0, end - self.position[name]) for name, end in ends.items()):
            messages = self.consumer.consume(missing, timeout=10)
            if not messages:
                raise RuntimeError(f"records that the broker has cannot be read: {self.position} of {ends}")
            for message in messages:
                if message.error():
                    raise RuntimeError(str(message.error()))
                self.position[message.topic()] = message.offset() + 1
                headers = [(name, decode(value)) for name, value in message.headers() or []]
                found.append(Record(message.topic(), decode(message.key()), headers, message.value()))
        return found

    def close(self):
        pass

    def end(self):
        self.consumer.close()
        for future in self.admin.delete_topics(self.names).values():
            future.result(30)


def cluster(folder):
    """A broker of our own, for runs that name none."""
    from support.stack import Kafka as Cluster, make_archive
    make_archive()
    return Cluster(folder)
