"""Redis absent, killed, paused, slow, moved to another address, and back. Contract 30 §2, §3.2, §9.5; decision 3.

Whatever happens to it, no request fails and none waits for it: the timeouts of these tests are far longer than any request
may take. The limits go on with what was read last, and follow what is written afterwards."""
import subprocess
import time
from pathlib import Path

import pytest

from support.load import Load
from support.process import cpu_seconds, wait_until
from support.proxy import Proxy
from support.stack import Redis
from support.store import Store

LONG_TIMEOUTS = {name: 60_000 for name in ("REDIS_RESPONSE_TIMEOUT_MS", "REDIS_CONNECTION_TIMEOUT_MS",
                                           "GLOBAL_RATE_LIMIT_READ_TIMEOUT_MS", "GLOBAL_RATE_LIMIT_WRITE_TIMEOUT_MS")}
# Far below those timeouts, far above what a busy machine makes of a request of a millisecond.
SLOWEST = 10
QUOTA_REFRESH = 5
RESTRICTIONS_REFRESH = 1
PATIENCE = 10  # on top of a refresh, for a busy machine


class Limited:
    """A service that uses every limit that reads Redis, under load."""

    def __init__(self, start, binary, folder, url, **env):
        self.capture = start(Store(binary, folder / "store.db").env() | {
            "REDIS_URL": url, "EVENT_RESTRICTIONS_ENABLED": "true",
            "EVENT_RESTRICTIONS_REFRESH_INTERVAL_SECS": RESTRICTIONS_REFRESH,
            "GLOBAL_RATE_LIMIT_ENABLED": "true", "GLOBAL_RATE_LIMIT_TICK_INTERVAL_MS": 50,
            "GLOBAL_RATE_LIMIT_TOKEN_DISTINCTID_OVERRIDES_CSV": "phc_hot=5", "AI_BYTE_LIMIT_PER_SECOND": 1_000_000,
            "TOKEN_VALIDATION_MODE": "enforce", "KNOWN_TOKENS_MARKER_REFRESH_SECS": 1} | env, "--dev")
        self.load = Load(self.capture.port, clients=2, pause=0.005, timeout=90)

    def __enter__(self):
        self.load.start()
        return self

    def __exit__(self, *problem):
        self.load.stop()
        if problem[0] is None:
            assert set(self.load.statuses()) == {200}
            assert max(one.seconds for one in self.load.sent) < SLOWEST

    def counts(self, token, name, **labels):
        """By how much a counter grows when an event of the token comes."""
        before = self.capture.metrics()
        begin = time.monotonic()
        answer = self.capture.send({"event": "one", "distinct_id": "somebody"}, token=token)
        assert answer.status_code == 200
        assert time.monotonic() - begin < SLOWEST
        return self.capture.metrics().since(before).sum(name, **labels)

    def over_quota(self, token):
        return self.counts(token, "capture_quota_limit_exceeded", resource="events") == 1

    def restricted(self, token):
        return self.counts(token, "capture_events_dropped_total", cause="event_restriction_drop") == 1

    def rate_limited(self):
        return self.counts("phc_hot", "capture_events_rate_limited_token_distinctid") == 1

    def follows(self, number, quotas=True):
        """Waits until what write() wrote is in force: each within its own interval."""
        wait_until(lambda: self.restricted(f"phc_dropped{number}"), RESTRICTIONS_REFRESH + PATIENCE, "new restrictions")
        if quotas:
            wait_until(lambda: self.over_quota(f"phc_over{number}"), QUOTA_REFRESH + PATIENCE, "new quotas")

    def holds(self, number, seconds):
        """What was last read stays in force for so long, while requests come in and Redis is away."""
        served = self.load.count(200)
        end = time.monotonic() + seconds
        while time.monotonic() < end or self.load.count(200) < served + 20:
            assert self.restricted(f"phc_dropped{number}") and self.over_quota(f"phc_over{number}")
            self.heat()
            assert not self.over_quota("phc_nobody")

    def heat(self):
        """A key that goes on being hot is limited, whatever the last read has made of its level."""
        wait_until(self.rate_limited, 20, "the hot key is not limited")

    def sees(self, name, **labels):
        return self.capture.metrics().sum(name, **labels)


def write(redis, number):
    client = redis.client()
    client.command("FLUSHALL")
    client.limit("events", f"phc_over{number}")
    client.restrict("drop_event_from_ingestion", {"token": f"phc_dropped{number}"})
    client.command("SET", "capture_known_tokens_swept_at", int(time.time()))
    for token in ("phc_load", "phc_hot", "phc_nobody", *(f"phc_{what}{n}" for what in ("over", "dropped") for n in (1, 2))):
        client.command("SET", f"capture_known_token:{token}", 1)


@pytest.fixture
def servers(tmp_path):
    """servers(…) → a Redis of the test's own, running unless told otherwise."""
    made = []

    def servers(started=True, **options):
        redis = Redis(tmp_path / f"redis-{len(made)}", **options)
        made.append(redis)
        return redis.start() if started else redis

    yield servers
    for redis in made:
        redis.stop()


def test_absent_at_the_start_and_there_later(start, binary, tmp_path, servers, phase):
    redis = servers(started=False)
    with Limited(start, binary, tmp_path, redis.url, **LONG_TIMEOUTS) as limited:
        time.sleep(phase)
        assert not limited.over_quota("phc_over1") and not limited.restricted("phc_dropped1")
        limited.heat()  # a process on its own limits by its own counts
        assert limited.sees("capture_redis_connected") == 0
        redis.start()
        write(redis, 1)
        limited.follows(1)
        assert limited.sees("capture_redis_connected") >= 1


def test_nothing_spins_while_it_is_absent(start, binary, tmp_path, servers, long):
    limited = Limited(start, binary, tmp_path, servers(started=False).url)
    before = cpu_seconds(limited.capture.pid)
    seconds = 10 if long else 1
    time.sleep(seconds)
    assert cpu_seconds(limited.capture.pid) - before < seconds / 2


def test_killed_under_load_and_started_anew(start, binary, tmp_path, servers, phase, long):
    redis = servers()
    write(redis, 1)
    with Limited(start, binary, tmp_path, redis.url, **LONG_TIMEOUTS) as limited:
        limited.follows(1)
        for round in range(3 if long else 1):
            old, new = 1 + round % 2, 2 - round % 2
            redis.kill()
            wait_until(lambda: limited.sees("capture_redis_connected") == 0, 20, "capture does not notice")
            limited.holds(old, phase)
            wait_until(lambda: limited.sees("capture_limits_snapshot_age_seconds", snapshot="event_restrictions") > 1, 20,
                       "nobody sees that the rules grow old")
            redis.start()
            write(redis, new)
            limited.follows(new)
            assert not limited.over_quota(f"phc_over{old}") and not limited.restricted(f"phc_dropped{old}")


@pytest.mark.parametrize("timeouts", [{}, LONG_TIMEOUTS], ids=["default", "long"])
def test_paused_under_load_and_continued(start, binary, tmp_path, servers, phase, long, timeouts):
    redis = servers()
    write(redis, 1)
    with Limited(start, binary, tmp_path, redis.url, **timeouts) as limited:
        limited.follows(1)
        for round in range(3 if long else 1):
            old, new = 1 + round % 2, 2 - round % 2
            redis.pause()
            limited.holds(old, phase)
            if not timeouts:
                wait_until(lambda: limited.sees("capture_redis_commands_total", result="timeout"), 20, "nothing times out")
            redis.resume()
            write(redis, new)
            limited.follows(new)


def test_what_outlasts_its_time_is_waived(start, binary, tmp_path, servers):
    """Rules that are too old apply no more, and a limit that nobody can check against the fleet's counts holds no more."""
    redis = servers()
    write(redis, 1)
    with Limited(start, binary, tmp_path, redis.url, EVENT_RESTRICTIONS_FAIL_OPEN_AFTER_SECS=1,
                 GLOBAL_RATE_LIMIT_WINDOW_INTERVAL_SECS=5, GLOBAL_RATE_LIMIT_SYNC_INTERVAL_SECS=0,
                 GLOBAL_RATE_LIMIT_MAX_READ_OUTAGE_SECS=2) as limited:
        limited.follows(1)
        limited.heat()
        redis.kill()
        wait_until(lambda: not limited.restricted("phc_dropped1"), 20, "old rules still apply")
        assert limited.sees("capture_event_restrictions_stale", pipeline="analytics") == 1
        wait_until(lambda: not limited.rate_limited(), 20, "the limit still holds")
        wait_until(lambda: limited.sees("global_rate_limiter_outage_limit_skipped_total"), 20, "nobody counts that")
        wait_until(lambda: limited.sees("global_rate_limiter_read_failing_seconds", scope="events_tok_distid") >= 2, 20,
                   "nobody sees how long reads fail")
        assert limited.over_quota("phc_over1"), "quotas do not grow old"
        redis.start()
        write(redis, 2)
        limited.follows(2, quotas=False)
        limited.heat()
        assert limited.sees("capture_event_restrictions_stale", pipeline="analytics") == 0


def test_slow_under_load(start, binary, tmp_path, servers, phase):
    redis = servers()
    write(redis, 1)
    with Proxy(redis.port) as proxy, \
            Limited(start, binary, tmp_path, f"redis://127.0.0.1:{proxy.port}", REDIS_RESPONSE_TIMEOUT_MS=1000) as limited:
        limited.follows(1)
        proxy.delay = 0.1  # each way, far below the timeout: all goes on
        write(redis, 2)
        limited.follows(2, quotas=False)
        proxy.delay = 1.0  # and above it: nothing more is read
        failures = limited.sees("capture_limits_refresh_failures_total")
        write(redis, 1)
        wait_until(lambda: limited.sees("capture_limits_refresh_failures_total") > failures, 30, "refreshes do not time out")
        end = time.monotonic() + phase
        while time.monotonic() < end:
            assert limited.restricted("phc_dropped2") and not limited.restricted("phc_dropped1")
        proxy.delay = 0.0
        limited.follows(1, quotas=False)


@pytest.mark.parametrize("old_one", ["killed", "silent"])
def test_moved_to_another_address(start, binary, tmp_path, servers, phase, old_one):
    """The name leads elsewhere after a failover; the old server is gone, or holds its connections and says nothing."""
    first = servers()
    second = servers(port=first.port, host="127.0.0.2")
    write(first, 1)
    write(second, 2)
    address = tmp_path / "address"
    address.write_text(first.host)
    shim = tmp_path / "resolver.so"
    source = Path(__file__).resolve().parents[1] / "support" / "resolver.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", shim, source], check=True)
    with Limited(start, binary, tmp_path, f"redis://redis.test:{first.port}", LD_PRELOAD=shim, RESOLVER_NAME="redis.test",
                 RESOLVER_FILE=address) as limited:
        limited.follows(1)
        if old_one == "killed":
            first.kill()
        else:
            first.pause()
        limited.holds(1, phase)
        address.write_text(second.host)
        limited.follows(2, quotas=False)
