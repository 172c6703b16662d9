"""Topics and records as a consumer of capture sees them."""
import json
import time
import uuid
from dataclasses import dataclass, field

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from support.envelope import opened
from support.process import Failure, wait_until

# Output name in the variables CAPTURE_OUTPUT_<name>_TOPIC → topic by default. Contract 20 §6.1.
DEFAULT_TOPICS = {
    "ANALYTICS_MAIN": "events_plugin_ingestion",
    "ANALYTICS_OVERFLOW": "events_plugin_ingestion_overflow",
    "ANALYTICS_HISTORICAL": "events_plugin_ingestion_historical",
    "HEATMAPS": "heatmaps_ingestion",
    "CLIENT_WARNINGS": "ingestion-clientwarnings-main-1",
    "ERROR_TRACKING": "error_tracking_events",
    "DLQ": "events_plugin_ingestion_dlq",
    "AI_MAIN": "events_plugin_ingestion_ai",
    "SESSION_REPLAY_MAIN": "session_recording_snapshot_item_events",
    "SESSION_REPLAY_OVERFLOW": "session_recording_snapshot_item_overflow",
}


@dataclass
class Record:
    topic: str
    partition: int
    offset: int
    key: str | None
    headers: dict
    value: dict
    data: dict = field(default_factory=dict)

    @classmethod
    def of(cls, message):
        """From a message as the Kafka client gives it."""
        headers = {name: None if value is None else value.decode() for name, value in message.headers() or []}
        if len(headers) != len(message.headers() or []):
            raise Failure(f"a record has a header twice: {message.headers()}")
        key = message.key()
        value = json.loads(opened(message.value(), headers.get("content-encoding")))
        return cls(message.topic(), message.partition(), message.offset(), None if key is None else key.decode(),
                   headers, value, json.loads(value["data"]))


def make_topics(bootstrap, names, partitions=1, replicas=1, config=None):
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    topics = [NewTopic(name, partitions, replicas, config=config or {}) for name in names]
    for future in admin.create_topics(topics, operation_timeout=30).values():
        try:
            future.result()
        except KafkaException as problem:
            if problem.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise


def watermarks(consumer, partition, seconds):
    """(low, high); a partition of a topic just made may not be led yet."""
    def ask():
        try:
            return consumer.get_watermark_offsets(partition, timeout=seconds)
        except KafkaException as problem:
            if problem.args[0].code() != KafkaError.NOT_LEADER_FOR_PARTITION:
                raise
    return wait_until(ask, seconds, f"nobody leads {partition.topic}")


def read_messages(bootstrap, names, seconds=60):
    """All messages that the topics hold now, from the first to the high watermark, in order for each partition."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "reader", "enable.auto.commit": False,
                         "auto.offset.reset": "earliest", "enable.partition.eof": True, "log_level": 0,
                         "fetch.wait.max.ms": 20, "check.crcs": True})
    try:
        known = consumer.list_topics(timeout=seconds).topics
        wanted = []
        for name in names:
            for partition in (known[name].partitions if name in known else []):
                low, high = watermarks(consumer, TopicPartition(name, partition), seconds)
                if high > low:
                    wanted.append(TopicPartition(name, partition, low))
        messages, open_ends = [], {(part.topic, part.partition) for part in wanted}
        consumer.assign(wanted)
        deadline = time.monotonic() + seconds
        while open_ends:
            if time.monotonic() > deadline:
                raise Failure(f"after {seconds} s not yet read to the end: {sorted(open_ends)}")
            for message in consumer.consume(1000, timeout=0.05):
                if message.error() and message.error().code() == KafkaError._PARTITION_EOF:
                    open_ends.discard((message.topic(), message.partition()))
                elif message.error():
                    raise KafkaException(message.error())
                else:
                    messages.append(message)
        return messages
    finally:
        consumer.close()


def output_of(names, topic):
    return next(output for output, name in names.items() if name == topic)


class Topics:
    """A set of topics of its own for every output, so that tests can share a cluster."""

    def __init__(self, bootstrap, partitions=1, replicas=1, config=None):
        self.bootstrap = bootstrap
        prefix = f"t{uuid.uuid4().hex[:8]}"
        self.names = {output: f"{prefix}-{name}" for output, name in DEFAULT_TOPICS.items()}
        make_topics(bootstrap, self.names.values(), partitions, replicas, config)

    def __getitem__(self, output):
        return self.names[output]

    def env(self):
        """Environment of a capture that produces into these topics."""
        return {"KAFKA_HOSTS": self.bootstrap} | {
            f"CAPTURE_OUTPUT_{output}_TOPIC": name for output, name in self.names.items()}

    def output_of(self, record):
        return output_of(self.names, record.topic)

    def records(self, *outputs):
        names = [self.names[output] for output in outputs] or list(self.names.values())
        return [Record.of(message) for message in read_messages(self.bootstrap, names)]
