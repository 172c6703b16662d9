"""The records in the embedded store of `capture --dev`, as `capture tail --json` tells them."""
import json
import subprocess

from support.kafka import DEFAULT_TOPICS, Record, output_of
from support.process import Failure


class Store:
    """Stands where Topics stands when the service runs on Kafka."""

    def __init__(self, binary, path):
        self.binary = binary
        self.path = path

    def env(self):
        return {"CAPTURE_STORE_PATH": self.path}

    def output_of(self, record):
        return output_of(DEFAULT_TOPICS, record.topic)

    def records(self):
        done = subprocess.run([self.binary, "tail", "--store", self.path, "--json", "--from-start", "--no-follow"],
                              capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            raise Failure(f"capture tail ended with status {done.returncode}: {done.stderr}")
        # Not splitlines(): it also splits at characters that JSON leaves as they are.
        return [self._record(json.loads(line)) for line in done.stdout.split("\n") if line]

    @staticmethod
    def _record(line):
        return Record(line["topic"], 0, line["id"], line["key"], line["headers"], line["value"],
                      json.loads(line["value"]["data"]))
