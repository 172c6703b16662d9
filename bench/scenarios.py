"""What is measured, as data."""
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import payloads


@dataclass(frozen=True)
class Scenario:
    name: str
    title: str
    make: Callable  # rng → payloads.Line, or a list of them
    per: str  # "event" or "request"
    connections: int  # that keep the core busy, though each waits for the linger
    server: str = "events"  # which capture of SERVERS
    surface: str = "analytics"  # of the floor
    aim: float | None = None  # at most so many times the floor's CPU, on Kafka
    aim_alone: float | None = None  # at most so many µs with a sink that drops


SCENARIOS = [
    Scenario("single", "single event, 1 KB JSON", payloads.single, "request", 256, aim=1.3, aim_alone=9),
    Scenario("batch-50", "gzip batch of 50 × 1.4 KB", partial(payloads.batch, count=50), "event", 64, aim=1.25, aim_alone=3.5),
    Scenario("batch-1000", "gzip batch of 1000 × 1.4 KB", partial(payloads.batch, count=1000), "event", 8, aim=1.25),
    Scenario("lz-string", "lz-string form of 50 × 1.4 KB", partial(payloads.lz_form, count=50), "event", 64),
    Scenario("replay", "replay of 1 MB, gzip in, LZ4 out", partial(payloads.replay, size=2**20), "request", 16,
             server="recordings", surface="replay", aim=1.3),
    Scenario("limits", "gzip batch of 50, all limits on", partial(payloads.batch, count=50), "event", 64, server="limits"),
    Scenario("mixed", "mixed traffic, 10 % garbage", payloads.mixed, "request", 64),
]

# Environments of capture. A scenario names the one it wants.
SERVERS = {
    "events": {},
    "recordings": {
        "CAPTURE_MODE": "recordings",
        "KAFKA_REPLAY_ENVELOPE_COMPRESSION": "lz4",
        "KAFKA_PRODUCER_MESSAGE_MAX_BYTES": 20 * 2**20,
    },
    "limits": {  # with the Redis of limits_in_redis()
        "GLOBAL_RATE_LIMIT_ENABLED": "true",
        "OVERFLOW_ENABLED": "true",
        "OVERFLOW_PER_SECOND_LIMIT": 1_000_000,
        "OVERFLOW_BURST_LIMIT": 1_000_000,
        "EVENT_RESTRICTIONS_ENABLED": "true",
        "TOKEN_VALIDATION_MODE": "enforce",
        "DROP_EVENTS_BY_TOKEN_DISTINCT_ID": "phc_other,phc_bench:nobody",
    },
}

RESTRICTED = 10_000
OVER_QUOTA = 10_000


def limits_in_redis(client, now):
    """As many facts as a large installation has; they let the load pass, so that all work is done for it."""
    import json
    entries = [{"version": 2, "token": f"phc_{n:06}", "pipelines": ["analytics"], "distinct_ids": [f"user-{n}"]}
               for n in range(RESTRICTED)]
    entries.append({"version": 2, "token": payloads.TOKEN, "pipelines": ["analytics"], "distinct_ids": ["nobody"]})
    for kind in ("drop_event_from_ingestion", "skip_person_processing"):
        client.set(f"event_ingestion_restriction_dynamic_config:{kind}", json.dumps(entries))
    client.zadd("@posthog/quota-limits/events", {f"phc_{n:06}": now + 3600 for n in range(OVER_QUOTA)})
    client.set("capture_known_tokens_swept_at", now)
    client.set(f"capture_known_token:{payloads.TOKEN}", 1)
