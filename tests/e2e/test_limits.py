"""Limits on a real Redis, as operators run them: several processes on one, and TLS with a user of its own."""
import subprocess
import time

import pytest

from support.process import free_port, wait_until
from support.stack import Redis
from support.store import Store

THRESHOLD = 400
BATCH = 20


@pytest.fixture
def dev(start, binary, tmp_path):
    """dev(env) → a service on a store of its own."""
    made = []

    def dev(env):
        made.append(start(Store(binary, tmp_path / f"store-{len(made)}.db").env() | env, "--dev"))
        return made[-1]
    return dev


# ------------------------------------------------------------------------------------------------- one Redis, two processes

class Sender:
    """Sends batches of one key to a process and knows how many of its events were limited."""

    def __init__(self, capture):
        self.capture = capture
        self.sent = 0

    def send(self, distinct_id="busy"):
        answer = self.capture.send([{"event": "e", "distinct_id": distinct_id}] * BATCH, token="phc_fleet")
        assert answer.status_code == 200
        self.sent += BATCH

    def limited(self):
        return self.capture.metrics().sum("capture_events_rate_limited_token_distinctid")

    def passed(self):
        return self.sent - self.limited()


def test_two_processes_converge_on_the_threshold_of_the_fleet(dev, redis):
    env = {"REDIS_URL": redis.url, "GLOBAL_RATE_LIMIT_ENABLED": "true", "GLOBAL_RATE_LIMIT_WINDOW_INTERVAL_SECS": 3600,
           "GLOBAL_RATE_LIMIT_TOKEN_DISTINCTID_THRESHOLD": THRESHOLD, "GLOBAL_RATE_LIMIT_TICK_INTERVAL_MS": 20,
           "GLOBAL_RATE_LIMIT_SYNC_INTERVAL_SECS": 0, "GLOBAL_RATE_LIMIT_MIN_SYNC_FLOOR": 0}
    fleet = [Sender(dev(env)) for _ in range(2)]
    client = redis.client()

    def counted():
        """What the fleet knows of the key; an hour may begin meanwhile."""
        keys = client.command("KEYS", "@ph/grl/capture/tok_distid/events:phc_fleet:busy:*")
        return sum(int(client.command("GET", key)) for key in keys)

    # Each knows at least what the other had sent two rounds ago: that many events may be too many, and no more.
    while sum(one.limited() for one in fleet) < 4 * BATCH:
        for one in fleet:
            one.send()
        sent = sum(one.sent for one in fleet)
        assert sent < 3 * THRESHOLD, "two processes let pass what is for one each"
        wait_until(lambda: counted() == sent, 20, "counts do not reach Redis")
    passed = sum(one.passed() for one in fleet)
    assert THRESHOLD - 1 <= passed <= THRESHOLD + 4 * BATCH
    assert all(one.passed() < THRESHOLD - BATCH for one in fleet), "one process passed all of them"

    # From now on both limit everything, and a third that comes new learns it with its first read.
    fleet.append(Sender(dev(env)))
    fleet[-1].send()
    wait_until(lambda: fleet[-1].capture.metrics().sum("global_rate_limiter_records_total", op="redis_read") >= 2, 20,
               "the new process does not read")
    before = [one.limited() for one in fleet]
    for one in fleet:
        one.send()
    assert [one.limited() - limited for one, limited in zip(fleet, before)] == [BATCH] * 3
    # Another key is nobody's concern.
    fleet[0].send("calm")
    assert fleet[0].limited() == before[0] + BATCH


# ------------------------------------------------------------------------------------------------------------ TLS and users

COMMANDS = ["+get", "+mget", "+zrangebyscore", "+incrby", "+expireat", "+select"]


@pytest.fixture
def secure(tmp_path):
    """A Redis that speaks TLS and knows two users: the service's, who may run what the contract lists, and the test's."""
    certificate, key = tmp_path / "redis.crt", tmp_path / "redis.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", "/CN=redis", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                    "-keyout", key, "-out", certificate], check=True, capture_output=True)
    tls_port = free_port()
    options = ["--tls-port", tls_port, "--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", certificate,
               "--tls-auth-clients", "no", "--user", "capture", "on", ">s3cr/t@1", "~*", *COMMANDS,
               "--user", "test", "on", ">test", "~*", "+@all", "--user", "default", "off"]
    with Redis(tmp_path / "redis", options=options) as redis:
        redis.certificate = certificate
        redis.tls_url = f"rediss://capture:s3cr%2Ft%401@localhost:{tls_port}"
        yield redis


def fill(redis, database):
    client = redis.client()
    client.command("AUTH", "test", "test")
    client.command("SELECT", database)
    client.limit("events", "phc_over")
    client.restrict("drop_event_from_ingestion", {"token": "phc_dropped"})
    client.command("SET", "capture_known_tokens_swept_at", int(time.time()))
    for token in ("phc_over", "phc_dropped", "phc_hot"):
        client.command("SET", f"capture_known_token:{token}", 1)
    client.command("SET", "thresholds", '{"phc_hot":3}')
    return client


def test_every_role_over_tls_as_a_user_of_its_own(dev, secure):
    client = fill(secure, 2)
    capture = dev({
        "REDIS_URL": f"{secure.tls_url}/2", "REDIS_READER_URL": f"{secure.tls_url}/2#reader",
        "GLOBAL_RATE_LIMIT_REDIS_URL": f"{secure.tls_url}/2", "EVENT_RESTRICTIONS_REDIS_URL": f"{secure.tls_url}/2",
        "KNOWN_TOKENS_REDIS_URL": f"{secure.tls_url}/2", "REDIS_TLS_CA_FILE": secure.certificate,
        "EVENT_RESTRICTIONS_ENABLED": "true", "TOKEN_VALIDATION_MODE": "enforce", "KNOWN_TOKENS_LOOKUP_TIMEOUT_MS": 5000,
        "GLOBAL_RATE_LIMIT_ENABLED": "true", "GLOBAL_RATE_LIMIT_CUSTOM_THRESHOLD_KEY": "thresholds",
        "GLOBAL_RATE_LIMIT_TICK_INTERVAL_MS": 20})
    event = {"event": "e", "distinct_id": "u"}
    wait_until(lambda: capture.metrics().sum("capture_known_tokens_marker_refresh", result="fresh"), 20, "the marker")
    assert capture.send(event, token="phc_nobody").status_code == 401
    for token, name, labels in (("phc_over", "capture_quota_limit_exceeded", {"resource": "events"}),
                                ("phc_dropped", "capture_events_dropped_total", {"cause": "event_restriction_drop"}),
                                ("phc_hot", "capture_events_rate_limited_token_distinctid", {})):
        def grows():
            before = capture.metrics()
            assert capture.send([event] * 5, token=token).status_code == 200
            return capture.metrics().since(before).sum(name, **labels) > 0
        wait_until(grows, 20, f"{token} is not limited")
    wait_until(lambda: client.command("KEYS", "@ph/grl/*:phc_hot:u:*"), 20, "no count reaches Redis")
    metrics = capture.metrics()
    assert metrics.sum("capture_redis_connected") >= 2
    assert {end for end, n in metrics.by("capture_redis_commands_total", "result").items() if n} == {"ok"}


def test_check_says_why_a_redis_cannot_be_used(binary, tmp_path, secure):
    def check(url, **env):
        done = subprocess.run([binary, "check"], env={"REDIS_URL": url, "NOOP_SINK": "true"} | env, cwd=tmp_path,
                              capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout + done.stderr

    trusted = {"REDIS_TLS_CA_FILE": str(secure.certificate)}
    status, text = check(secure.tls_url, **trusted)
    assert status == 0 and "answers" in text, text
    for url, env, cause in ((secure.tls_url, {}, "certificate verify failed"),
                            (secure.tls_url.replace("s3cr", "wrong"), trusted, "WRONGPASS"),
                            (secure.tls_url.replace("capture:s3cr%2Ft%401@", ""), trusted, "NOAUTH"),
                            (f"redis://127.0.0.1:{free_port()}", {}, "Connection refused")):
        status, text = check(url, **env)
        assert status != 0 and cause in text, text
        assert "s3cr" not in text and "wrong" not in text
