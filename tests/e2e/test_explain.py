"""`capture explain` says what the running service does: asked about every event of every limiter case, with the same
environment and the same Redis content, and held against what the service then does to that event."""
import concurrent.futures
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.process import wait_until
from support.redis import Client

CASES = Path(__file__).resolve().parents[2] / "cases"
sys.path.insert(0, str(CASES))

from runner import metrics, sinks, texts  # noqa: E402
from runner.case import group, load, merged  # noqa: E402
from runner.check import Run  # noqa: E402
from runner.content import Databases, loaded_series  # noqa: E402
from runner.service import Service, environment  # noqa: E402
from runner.wire import encode  # noqa: E402

FILES = ["limits/", "lanes/", "events/known_tokens"]
# A count that was just read decays while the service goes on, so that the event that exactly reaches a threshold is not
# told apart by two observers: every key is taken well past the low thresholds of the cases first.
WARM = 8
DROPPED = "capture_events_dropped_total"
BUCKET_EMPTY = 'capture_events_rerouted_overflow{reason="rate_limited"}'


class Question:
    """One event as both are given it."""

    def __init__(self, path, token, historical, event):
        self.path = path.partition("?")[0]
        self.token = token
        self.historical = historical
        self.event = {"event": event.get("event", ""), "distinct_id": text(event.get("distinct_id"))}
        if "uuid" in event:
            self.event["uuid"] = event["uuid"]
        self.event["properties"] = event.get("properties", {})

    def key(self):
        return json.dumps([self.path, self.token, self.historical, self.event])

    def request(self):
        body = {"api_key": self.token, "historical_migration": self.historical, "batch": [self.event]}
        return encode("POST", self.path, [("Content-Type", "application/json")], json.dumps(body).encode())

    def arguments(self):
        more = ["--uuid", self.event["uuid"]] if "uuid" in self.event else []
        more += ["--historical"] if self.historical else []
        more += ["--properties", json.dumps(self.event["properties"])] if self.event["properties"] else []
        return ["explain", "--json", "--token", self.token, *option("--distinct-id", self.event["distinct_id"]),
                *option("--event", self.event["event"]), *more]


def option(name, value):
    return [f"{name}={value}"] if value else [name, ""]  # the value may begin with a dash


def text(value):
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)


def questions(case, sink):
    """What the case sends, event by event, each once."""
    found = {}
    for step in case.steps:
        send = texts.fill(step.send, case.token, sink.topic, texts.utc_now())
        body = send.get("json")
        if "post" not in send or not isinstance(body, dict):
            continue
        token = body.get("api_key") or body.get("token")
        for event in body.get("batch", [body]):
            question = Question(send["post"], token, body.get("historical_migration", False), event)
            found[question.key()] = question
    return found.values()


class Bench:
    """One running service, and explain beside it."""

    def __init__(self, binary, env, folder, sink, redis):
        self.binary, self.env, self.folder, self.sink, self.redis = binary, env, folder, sink, redis
        self.markers = itertools.count()
        self.service = Service(binary, sink.arguments, env, folder)
        sink.open()

    def explain(self, question):
        done = subprocess.run([self.binary, *self.sink.arguments, *question.arguments()], env=self.env, cwd=self.folder,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout)

    def send(self, question):
        return self.service.connection.exchange("POST", question.request())

    def flush(self):
        """Until the counts so far are in Redis: those of an event sent last are written last."""
        if not self.counts():
            return
        scopes = []
        if self.env.get("GLOBAL_RATE_LIMIT_ENABLED") == "true":
            scopes.append("tok_distid")
        if int(self.env.get("AI_BYTE_LIMIT_PER_SECOND", "0")) > 0:
            scopes.append("ai_bytes")
        path = "/i/v0/ai/batch/" if self.env.get("CAPTURE_MODE") == "ai" else "/batch/"
        marker = f"phc_marker{next(self.markers)}"
        answer = self.send(Question(path, marker, False, {"event": "$ai_trace", "distinct_id": "marker"}))
        assert answer.status == 200, answer.body
        for scope in scopes:
            wait_until(lambda: self.redis.command("KEYS", f"@ph/grl/capture/{scope}*:{marker}:*"), 20,
                       "the counts do not reach Redis")

    def counts(self):
        """Whether some limiter of this service counts in Redis."""
        return (self.env.get("CAPTURE_MODE") != "import" and self.redis is not None
                and self.env.get("GLOBAL_RATE_LIMIT_REDIS_URL") != "none"
                and (self.env.get("GLOBAL_RATE_LIMIT_ENABLED") == "true"
                     or int(self.env.get("AI_BYTE_LIMIT_PER_SECOND", "0")) > 0))

    def compare(self, question):
        """The differences between what explain says of the event and what the service does to it."""
        said = self.explain(question)
        self.sink.fresh()
        before = self.service.metrics()
        answer = self.send(question)
        after = self.service.metrics()
        done = [record for record in self.sink.fresh()
                if record.value["event"] != "$$heatmap" or question.event["event"] == "$$heatmap"]
        if answer.status >= 300:
            return differing("refused", (said["ending"], said["status"], said["detail"]),
                             ("refused", answer.status, answer.body.decode()))
        if not done:
            causes = {labels["cause"] for name, labels, value in after
                      if name == DROPPED and value > metrics.select(before, f'{DROPPED}{{cause="{labels["cause"]}"}}')}
            return differing("dropped", (said["ending"], {said["detail"]}), ("dropped", causes))
        empty = metrics.select(after, BUCKET_EMPTY) > metrics.select(before, BUCKET_EMPTY)
        place = said.get("when_bucket_empty", said) if empty else said
        return differing("produced", (said["ending"], *map(place.get, ("topic", "key", "person_processing"))),
                         ("produced", done[0].topic, done[0].key,
                          done[0].header("force_disable_person_processing") != "true"))

    def threshold(self, question):
        steps = {step["name"]: step for step in self.explain(question)["steps"]}
        return int(steps.get("global_rate_limit", {}).get("facts", {}).get("threshold", 0))


def differing(what, said, done):
    return [] if said == done else [f"{what}: explain says {said}, the service does {done}"]


def compare_group(cases, binary, folder, databases):
    sink = sinks.Store(folder)
    content = merged([texts.fill(case.redis, case.token, sink.topic, texts.utc_now()) for case in cases])
    number = databases.take(content) if cases[0].needs_redis else None
    url = f"{databases.url}/{number}" if number else None
    # A write that takes longer than its timeout is lost to explain, which has its counts from Redis.
    env = (dict.fromkeys(("GLOBAL_RATE_LIMIT_READ_TIMEOUT_MS", "GLOBAL_RATE_LIMIT_WRITE_TIMEOUT_MS"), "5000")
           | environment(cases[0].env, sink, url) | {"GLOBAL_RATE_LIMIT_TICK_INTERVAL_MS": "20"})
    redis = None
    if number:
        redis = Client(databases.port)
        redis.command("SELECT", number)
    bench = Bench(binary, env, folder, sink, redis)
    try:
        if number:
            bench.service.wait_loaded(loaded_series(env, content))
        for case in cases:
            Run(case, bench.service, sink, CASES).run()
            for question in questions(case, sink):
                for _ in range(WARM if bench.counts() else 0):
                    bench.send(question)
                bench.flush()
                found = bench.compare(question)
                yield f"{case.title}: {question.event}: {found[-1]}" if found else None
            yield from strangers(bench, case, sink)
    finally:
        ending = bench.service.stop()
        sink.close()
        if number:
            databases.give_back(number)
    assert not ending, ending


def strangers(bench, case, sink):
    """A key that nobody has counted yet. (One with a threshold below two the service lets pass once.)"""
    if not bench.counts():
        return
    for question in list(questions(case, sink))[:1]:
        question.event["distinct_id"] += "-stranger"
        if bench.threshold(question) >= 2:
            for line in bench.compare(question):
                yield f"{case.title}: a stranger: {line}"


@pytest.fixture(scope="module")
def databases(tmp_path_factory):
    databases = Databases(tmp_path_factory.mktemp("redis"))
    databases.start()
    yield databases
    databases.stop()


def test_explain_agrees_with_the_service(binary, databases, tmp_path):
    cases = [case for case in load(CASES, FILES, "store") if not case.start and "uncounted" not in case.tags]
    groups = group(cases)
    asked, wrong = 0, []

    def run(number):
        folder = tmp_path / str(number)
        folder.mkdir()
        return list(compare_group(groups[number], str(binary), folder, databases))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for results in pool.map(run, range(len(groups))):
            asked += len(results)
            wrong += [line for line in results if line]
    assert not wrong, f"{len(wrong)} of {asked} answers are wrong\n" + "\n".join(wrong)
    assert asked > 200
