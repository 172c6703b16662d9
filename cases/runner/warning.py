"""The warnings that the service itself sends: contract 20 §14."""
import re

from runner import texts

PREFIX = "$$client_ingestion_warning"
NOW = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def is_ours(record):
    """SDKs send events of that name, too."""
    return record.data.get("properties", {}).get(f"{PREFIX}_source") == "capture"


def compare(name, spec, record, token, send, topic):
    """One line per difference from the contract, and from the type and details that the case expects. Details are exact; those
    that every warning has need no mention where they have their usual value."""
    path = next((value for key, value in send.items() if key in ("get", "post", "path")), "").split("?")[0]
    details = {"lib": "unknown", "libVersion": "unknown", "path": path, "count": 1, "pipelineStep": "capture_validation",
               **spec.get("details", {})}
    value = {"uuid": "<uuid7>", "distinct_id": token, "ip": "", "data": "<any>", "now": "<now>", "token": token, "event": PREFIX,
             "timestamp": "<now>"}
    data = {"token": token, "distinct_id": token, "uuid": record.value.get("uuid"), "event": PREFIX, "properties": {
        f"{PREFIX}_type": spec["type"], f"{PREFIX}_source": "capture", f"{PREFIX}_details": details}}
    lines = [f"{name}: {text}" for text in record.violations()]
    lines += texts.differences(f"{name}: value", value, record.value, exact=True)
    lines += texts.differences(f"{name}: data", data, record.data, exact=True)
    if record.topic != topic:
        lines.append(f"{name}: is on {record.topic}, not on {topic}")
    if record.key != token:
        lines.append(f"{name}: key is {record.key!r}, not the token")
    if not NOW.fullmatch(str(record.value.get("now"))):
        lines.append(f"{name}: now has not three digits: {record.value.get('now')!r}")
    return lines
