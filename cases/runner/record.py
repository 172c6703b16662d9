"""What holds for every record, whatever the case says: field order, formats, headers that repeat the value (contract 20 §1-5)."""
import json
import re

from runner import texts
from support.envelope import opened

VALUE_FIELDS = ["uuid", "distinct_id", "ip", "data", "now", "sent_at", "token", "event", "timestamp",
                "is_cookieless_mode", "historical_migration"]
OPTIONAL = {"sent_at", "is_cookieless_mode", "historical_migration"}
DATA_FIELDS = ["token", "distinct_id", "uuid", "event", "properties", "timestamp", "offset", "$set", "$set_once"]
DATA_ALWAYS = {"uuid", "event", "properties"}
HEADERS = ["token", "distinct_id", "session_id", "timestamp", "event", "uuid", "now", "force_disable_person_processing",
           "historical_migration"]
EXTRA_HEADERS = ["skip_heatmap_processing", "dlq_reason", "dlq_step", "dlq_timestamp", "content-encoding"]
SNAPSHOT = "$snapshot_items"
SNAPSHOT_PROPERTIES = ["distinct_id", "$session_id", "$window_id", "$snapshot_source", "$lib", "$snapshot_host", SNAPSHOT]
UTC_TIME = re.compile(r"[+-]?\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\d(\.(\d{3}|\d{6}|\d{9}))?Z")
SENT_AT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,8}[1-9])?(Z|[+-]\d\d:\d\d)")


class Record:
    def __init__(self, topic, key, headers, value):
        self.topic = topic
        self.key = key          # text or None
        self.headers = headers  # pairs in order, value text or None
        self.value = {}
        self.data = {}
        self.broken = []
        try:
            encoding = self.header("content-encoding")
            self.raw = opened(value, None if encoding == texts.MISSING else encoding)
            members = json.loads(self.raw, object_pairs_hook=list)
            self.value = dict(members)
            self.value_fields = [name for name, _ in members]
            members = json.loads(self.value["data"], object_pairs_hook=list)
            self.data_fields = [name for name, _ in members]
            self.data = json.loads(self.value["data"])
        except (ValueError, KeyError, TypeError, RuntimeError) as problem:
            self.broken.append(f"value is not the JSON that consumers expect: {problem!r}: {value[:300]!r}")

    def header(self, name):
        for key, value in self.headers:
            if key == name:
                return value
        return texts.MISSING

    def usual_key(self):
        """The key where no lane has its own rule."""
        if self.is_snapshot() and self.header("dlq_reason") == texts.MISSING:
            return self.data["properties"]["$session_id"]
        owner = self.value.get("ip") if self.value.get("is_cookieless_mode") else self.value.get("distinct_id")
        return f"{self.value.get('token')}:{owner}"

    def is_snapshot(self):
        return self.value.get("event") == SNAPSHOT

    def snapshot_violations(self):
        names = self.data_fields, list(self.data["properties"])
        wanted = ["event", "properties"], [name for name in SNAPSHOT_PROPERTIES
                                           if name != "$snapshot_host" or name in names[1]]
        return [] if names == wanted else [f"data has the fields {names}"]

    def violations(self):
        """Texts about what no record may look like."""
        if self.broken:
            return self.broken
        lines = []

        def check(fine, text):
            if not fine:
                lines.append(text)
        value = self.value
        check(self.value_fields == [f for f in VALUE_FIELDS if f in value], f"value has the fields {self.value_fields}")
        check(all(f in value for f in VALUE_FIELDS if f not in OPTIONAL), f"value lacks a field: {self.value_fields}")
        check(all(value[f] is True for f in ("is_cookieless_mode", "historical_migration") if f in value),
              "a flag of the value is not true")
        check(texts.UUID.fullmatch(str(value.get("uuid"))), f"uuid is {value.get('uuid')!r}")
        for field in ("now", "timestamp"):
            check(UTC_TIME.fullmatch(str(value.get(field))), f"{field} is {value.get(field)!r}")
        check("sent_at" not in value or SENT_AT.fullmatch(str(value["sent_at"])), f"sent_at is {value.get('sent_at')!r}")
        check(texts.matches("<now>", value.get("now")), f"now is not the present: {value.get('now')!r}")
        check(self.raw == json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(),
              "value is not compact JSON with minimal escapes")
        if self.is_snapshot():
            return lines + self.snapshot_violations() + self.header_violations()
        check(self.data_fields == [f for f in DATA_FIELDS if f in self.data], f"data has the fields {self.data_fields}")
        check(all(f in self.data for f in DATA_ALWAYS), f"data lacks a field: {self.data_fields}")
        return lines + self.header_violations()

    def header_violations(self):
        lines = []
        names = [name for name, _ in self.headers]
        wanted = HEADERS + [name for name in EXTRA_HEADERS if name in names]
        if names != wanted:
            lines.append(f"headers are {names}")
        milliseconds = texts.read_time(self.value.get("timestamp"))
        same = {"token": self.value.get("token"), "distinct_id": self.value.get("distinct_id"),
                "event": self.value.get("event"), "uuid": self.value.get("uuid"), "now": self.value.get("now"),
                "session_id": self.data["properties"]["$session_id"] if self.is_snapshot() else None,
                "historical_migration": "true" if "historical_migration" in self.value else None}
        if milliseconds is not None:
            same["timestamp"] = str(int(milliseconds * 1000 // 1))
        for name, text in same.items():
            got = self.header(name)
            near = name == "timestamp" and isinstance(got, str) and got.lstrip("-").isdigit()
            if not (abs(int(got) - int(text)) <= 1 if near else got == text):
                lines.append(f"header {name} is {got!r}, value says {text!r}")
        if self.header("force_disable_person_processing") not in (None, "true"):
            lines.append(f"header force_disable_person_processing is {self.header('force_disable_person_processing')!r}")
        return lines
