"""What must be in Kafka for a request or an event, told from the client's side and independently of the program: a small
reading of contract 10 (§6-§12) and 20 (§2-§5) that knows what current SDKs send, and none of the corner cases."""
import base64
import gzip
import json
import urllib.parse
import uuid
from collections import Counter
from dataclasses import dataclass

from support.process import Failure

AI_EVENTS = {"$ai_generation", "$ai_span", "$ai_trace", "$ai_embedding", "$ai_metric", "$ai_feedback", "$ai_evaluation"}
HEATMAP_PROPERTIES = ("$heatmap_data", "$viewport_height", "$viewport_width", "$session_id", "$prev_pageview_pathname",
                      "$prev_pageview_max_scroll", "$current_url", "$raw_user_agent", "$ip", "$host", "$timezone",
                      "$cookieless_extra", "$cookieless_mode")
DATA_FIELDS = ("token", "distinct_id", "uuid", "event", "properties", "timestamp", "offset", "$set", "$set_once")


@dataclass
class Expected:
    """One record, as far as a client can know it."""
    output: str
    key: str
    token: str
    distinct_id: str
    event: str
    uuid: str | None  # None: made by the server
    data: dict
    skip_heatmap: bool = False

    def identity(self):
        return json.dumps([self.output, self.key, self.token, self.distinct_id, self.event, self.uuid, self.data,
                           self.skip_heatmap], sort_keys=True)


def decode_body(headers, body):
    headers = {name.lower(): value for name, value in headers}
    if headers.get("content-type") == "application/x-www-form-urlencoded":
        body = base64.b64decode(urllib.parse.parse_qs(body.decode())["data"][0].replace(" ", "+"))
    if body.startswith(b"\x1f\x8b\x08"):
        body = gzip.decompress(body)
    return json.loads(body)


def expected_of_request(headers, body):
    """The records of one request as SDKs make them, in order."""
    document = decode_body(headers, body)
    historical = False
    token = None
    if isinstance(document, list):
        events = document
    elif "batch" in document:
        events, token = document["batch"], document.get("api_key") or document.get("token")
        historical = bool(document.get("historical_migration"))
    else:
        events = [document]
    records = []
    for event in events:
        own = event.get("token") or event.get("api_key") or event.get("$token") or event["properties"].get("token")
        records += expected_of_event(event, token or own, historical)
    return records


def expected_of_event(event, token, historical=False):
    event = {name: value for name, value in event.items() if value is not None}
    properties = dict(event.get("properties", {}))
    name = event["event"]
    distinct_id = event.get("distinct_id") or properties.get("distinct_id")
    distinct_id = (distinct_id if isinstance(distinct_id, str) else json.dumps(distinct_id))[:200]
    own_uuid = str(uuid.UUID(event["uuid"])) if event.get("uuid") else None

    data = {"uuid": None} | {field: event[field] for field in DATA_FIELDS if field in event}
    for alias in ("api_key", "$token"):
        if alias in event:
            data["token"] = event[alias]
    data["uuid"] = own_uuid
    if name.startswith("$ai_"):
        properties = {key: value for key, value in properties.items() if not key.startswith("$ai_gateway")}

    split = name != "$$heatmap" and ("$heatmap_data" in properties or
                                     {"$prev_pageview_pathname", "$current_url"} <= properties.keys())
    heatmap = {key: properties[key] for key in HEATMAP_PROPERTIES if key in properties}
    if split:
        properties.pop("$heatmap_data", None)
    data["properties"] = properties
    basis = "127.0.0.1" if properties.get("$cookieless_mode") is True else distinct_id
    key = f"{token}:{basis}"
    records = [Expected(output_of(name, historical), key, token, distinct_id, name, own_uuid, data, split)]
    if split:
        synthetic = {"uuid": None, "event": "$$heatmap", "distinct_id": distinct_id, "properties": heatmap}
        synthetic |= {field: data[field] for field in ("token", "timestamp", "offset") if field in data}
        records.append(Expected("HEATMAPS", key, token, distinct_id, "$$heatmap", None, synthetic))
    return records


def output_of(name, historical):
    special = {"$exception": "ERROR_TRACKING", "$$heatmap": "HEATMAPS", "$$client_ingestion_warning": "CLIENT_WARNINGS"}
    if name in special:
        return special[name]
    if name in AI_EVENTS:
        return "AI_MAIN"
    return "ANALYTICS_HISTORICAL" if historical else "ANALYTICS_MAIN"


def seen(record, topics):
    """The same view of a record that was read from Kafka. A uuid made by the server is left out."""
    value = record.value
    own = record.data.get("uuid")
    return Expected(topics.output_of(record), record.key, value["token"], value["distinct_id"], value["event"],
                    value["uuid"] if own is not None else None, record.data,
                    record.headers.get("skip_heatmap_processing") == "true")


def check_envelope(record, historical):
    """What holds for every record, whatever event it carries: value and headers say the same."""
    value, headers = record.value, record.headers
    assert list(headers)[:9] == ["token", "distinct_id", "session_id", "timestamp", "event", "uuid", "now",
                                 "force_disable_person_processing", "historical_migration"], headers
    for name in ("token", "distinct_id", "event", "uuid", "now"):
        assert headers[name] == value[name], f"{name}: header {headers[name]!r}, value {value[name]!r}"
    assert headers["session_id"] is None and headers["force_disable_person_processing"] is None
    assert headers["historical_migration"] == ("true" if historical else None)
    assert value.get("historical_migration") == (True if historical else None)
    assert headers["timestamp"].lstrip("-").isdigit()
    assert uuid.UUID(value["uuid"])
    order = [name for name in ("uuid", "distinct_id", "ip", "data", "now", "sent_at", "token", "event", "timestamp",
                               "is_cookieless_mode", "historical_migration") if name in value]
    assert list(value) == order, f"order of fields: {list(value)}"
    assert [name for name in DATA_FIELDS if name in record.data] == list(record.data), "order of fields in data"


def explain(missing, surplus):
    """Where a missing and a surplus record are the same event, only what differs; else both."""
    lines = []
    for text in missing[:5]:
        one = json.loads(text)
        twin = next((other for other in map(json.loads, surplus) if other[4:6] == one[4:6]), None)
        if twin is None:
            lines.append(f"missing: {text[:1500]}")
            continue
        flat = [flatten(one), flatten(twin)]
        differing = [name for name in flat[0] | flat[1] if flat[0].get(name) != flat[1].get(name)]
        lines += [f"{one[4]} {one[5]}: {name}: expected {str(flat[0].get(name))[:300]}, found {str(flat[1].get(name))[:300]}"
                  for name in differing]
    if not missing:
        lines = [f"surplus: {text[:1500]}" for text in surplus[:5]]
    return "\n".join(lines)


def flatten(value, name=""):
    if isinstance(value, dict):
        return {k: v for key, one in value.items() for k, v in flatten(one, f"{name}.{key}").items()}
    if isinstance(value, list) and name.count(".") == 0:
        return {k: v for number, one in enumerate(value) for k, v in flatten(one, f"{name}[{number}]").items()}
    return {name: value}


def check_same(expected, records, topics):
    """Each expected record is there exactly once, and nothing else is."""
    wanted = Counter(one.identity() for one in expected)
    found = Counter(seen(record, topics).identity() for record in records)
    missing, surplus = wanted - found, found - wanted
    if missing or surplus:
        raise Failure(f"{sum(missing.values())} records missing, {sum(surplus.values())} too many\n"
                      f"{explain(list(missing), list(surplus))}")
    for record in records:
        check_envelope(record, topics.output_of(record) == "ANALYTICS_HISTORICAL")
