"""Cases as they stand in the files: loaded, checked for their form, grouped by environment."""
import json
import re
from pathlib import Path

import yaml

FILE_KEYS = {"env", "redis", "sinks", "cases"}
CASE_KEYS = {"name", "section", "env", "redis", "sinks", "steps", "metrics", "shows", "start", "tags"}
METHODS = ("get", "post", "head", "options", "put", "delete", "patch")
STEP_KEYS = {"send", "answer", "answer_headers", "records", "repeat", "until", "warnings"}
SEND_KEYS = {"headers", "query", "json", "text", "hex", "base64", "file", "form", "encode", "chunked", "raw", "method",
             "path", *METHODS}
WARNING_KEYS = {"type", "details"}
RECORD_KEYS = {"topic", "key", "value", "data", "headers", "exact_data", "raw_data", "times"}


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """Only true and false are booleans, only digits are numbers; dates and times stay texts."""


Loader.yaml_implicit_resolvers = {}
for tag, pattern, first in (("bool", r"true|false", "tf"), ("null", r"null|", ["n", ""]),
                            ("int", r"-?(0|[1-9][0-9]*)", "-0123456789"),
                            ("float", r"-?[0-9]+\.[0-9]+", "-0123456789")):
    Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(rf"^(?:{pattern})$"), first)


class FormError(Exception):
    """A case file that does not say what it means."""


class Step:
    def __init__(self, spec, where):
        unknown = spec.keys() - STEP_KEYS
        unknown |= spec.get("send", {}).keys() - SEND_KEYS
        if unknown:
            raise FormError(f"{where}: unknown fields {sorted(unknown)}")
        if "send" not in spec or "answer" not in spec:
            raise FormError(f"{where}: a step needs send and answer")
        self.send = spec["send"]
        self.answer = spec["answer"]
        self.answer_headers = spec.get("answer_headers", {})
        self.repeat = spec.get("repeat", 1)
        self.until = spec.get("until", {})
        refused = str(self.answer["status"] if isinstance(self.answer, dict) else self.answer)[:1] in ("4", "5")
        if "records" not in spec and not refused:
            raise FormError(f"{where}: says nothing about records (`records: []` for none)")
        self.warnings = spec.get("warnings", [])
        for warning in self.warnings:
            if warning.keys() - WARNING_KEYS or "type" not in warning:
                raise FormError(f"{where}: a warning has a type and details, not {sorted(warning)}")
        self.records = spec.get("records", [])
        if self.records != "any":
            for record in self.records:
                if record.keys() - RECORD_KEYS:
                    raise FormError(f"{where}: unknown fields of a record {sorted(record.keys() - RECORD_KEYS)}")
            self.records = [record for record in self.records for _ in range(record.get("times", 1))]


class Case:
    def __init__(self, spec, file, number, defaults):
        self.file = file
        self.name = spec.get("name")
        where = f"{file}: case {number} ({self.name})"
        flat = {key: spec[key] for key in STEP_KEYS & spec.keys()}
        unknown = spec.keys() - CASE_KEYS - STEP_KEYS
        if unknown:
            raise FormError(f"{where}: unknown fields {sorted(unknown)}")
        if not self.name or not spec.get("section"):
            raise FormError(f"{where}: needs name and section")
        if bool(flat) + ("steps" in spec) + ("start" in spec) != 1:
            raise FormError(f"{where}: needs either send and answer, or steps, or start")
        self.section = str(spec["section"])
        self.env = {key: str(value).lower() if isinstance(value, bool) else str(value)
                    for key, value in {**defaults.get("env", {}), **spec.get("env", {})}.items() if value is not None}
        self.redis = merged([defaults.get("redis", {}), spec.get("redis", {})])
        self.needs_redis = "redis" in spec or "redis" in defaults
        self.sinks = spec.get("sinks", defaults.get("sinks", ["store", "kafka"]))
        self.metrics = spec.get("metrics", {})
        self.shows = spec.get("shows", {})
        self.start = spec.get("start")
        self.tags = spec.get("tags", [])
        self.steps = [Step(step, where) for step in spec.get("steps", [flat] if flat else [])]
        self.warns = self.env.get("CAPTURE_INGESTION_WARNINGS_ENABLED") == "true"
        if any(step.warnings for step in self.steps) and not self.warns:
            raise FormError(f"{where}: expects warnings and does not set CAPTURE_INGESTION_WARNINGS_ENABLED")
        self.token = ""  # set once all cases are known

    @property
    def title(self):
        return f"{self.file}: {self.name}"

    def group_key(self):
        own = self.title if self.start or "alone" in self.tags else ""
        return json.dumps([sorted(self.env.items()), self.needs_redis, own])


def merged(parts):
    """Redis contents of several cases as one: sets and lists join, a plain key may be given only once."""
    whole = {"quotas": {}, "suspended": {}, "restrictions": {}, "keys": {}, "zsets": {}}
    for part in parts:
        if part.keys() - whole.keys():
            raise FormError(f"unknown Redis content {sorted(part.keys() - whole.keys())}")
        for resource in ("quotas", "suspended", "restrictions"):
            for name, items in part.get(resource, {}).items():
                whole[resource].setdefault(name, []).extend(items)
        for name, members in part.get("zsets", {}).items():
            whole["zsets"].setdefault(name, {}).update(members)
        for name, value in part.get("keys", {}).items():
            if whole["keys"].setdefault(name, value) != value:
                raise FormError(f"two cases of one environment want different values of {name}")
    return whole


def substitute(value, variables):
    """The row's values in place of `<name>`; a text that is nothing else becomes the value itself."""
    if isinstance(value, str):
        whole = re.fullmatch(r"<([a-z_]+)>", value)
        if whole and whole[1] in variables:
            return variables[whole[1]]
        for name, text in variables.items():
            value = value.replace(f"<{name}>", text if isinstance(text, str) else json.dumps(text))
        return value
    if isinstance(value, list):
        return [substitute(item, variables) for item in value]
    if isinstance(value, dict):
        return {substitute(key, variables): substitute(item, variables) for key, item in value.items()}
    return value


def rows(item):
    """A case with `for` is a table: one case per row, with the row's values put in."""
    if "for" not in item:
        return [item]
    shape = {key: value for key, value in item.items() if key != "for"}
    table = [substitute(shape, row) for row in item["for"]]
    names = [row.get("name") for row in table]
    for number, row in enumerate(table, 1):  # 0 and '0' read the same in a name
        if names.count(row.get("name")) > 1:
            row["name"] = f"{row['name']} (row {number})"
    return table


def load(folder, filters, sink):
    """All cases for this sink whose file, name or section contains one of the filters."""
    cases = []
    for path in sorted(Path(folder).rglob("*.yaml")):
        file = str(path.relative_to(folder))
        spec = yaml.load(path.read_text(), Loader)
        if not isinstance(spec, dict) or spec.keys() - FILE_KEYS:
            raise FormError(f"{file}: unknown fields")
        found = [Case(row, file, number, spec) for number, item in enumerate(spec["cases"], 1) for row in rows(item)]
        names = [case.name for case in found]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise FormError(f"{file}: two cases named {sorted(twice)}")
        cases += found
    for number, case in enumerate(cases, 1):
        case.token = f"phc_case{number:04d}"
    return [case for case in cases if sink in case.sinks and
            (not filters or any(text in f"{case.title} {case.section}" for text in filters))]


def group(cases):
    groups = {}
    for case in cases:
        groups.setdefault(case.group_key(), []).append(case)
    return sorted(groups.values(), key=len, reverse=True)
