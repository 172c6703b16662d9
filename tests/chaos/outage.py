"""What the outage tests have in common."""
import time

from support.kafka import Topics

RETRY = b"transient error, please retry"


def run_for(load, seconds, *statuses, patience=60):
    """Lets the load go on for some seconds, then until something was answered with one of the statuses since."""
    begin = time.monotonic()
    time.sleep(seconds)
    end = time.monotonic() + patience
    while not any(one.status in statuses for one in load.since(begin)):
        assert time.monotonic() < end, f"no {statuses} within {patience} s, only {load.statuses()}"
        time.sleep(0.05)


def check_nothing_lost(load, found, allowed=(200, 503, None)):
    """Every event of an answer 200 is among what was found; nothing is there that nobody sent; the rest was told to retry."""
    statuses = load.statuses()
    assert set(statuses) <= set(allowed), statuses
    acknowledged = load.acknowledged()
    assert acknowledged, f"nothing was ever acknowledged: {statuses}"
    lost = acknowledged - found
    assert not lost, f"{len(lost)} of {len(acknowledged)} acknowledged events are lost"
    assert found <= load.all_uuids()
    for one in load.sent:
        if one.status == 503:
            assert one.body == RETRY


def uuids(records):
    return {record.value["uuid"] for record in records}


def hasty(topics, **more):
    """Settings under which an outage is told to clients after two seconds instead of twenty."""
    return topics.env() | {"KAFKA_MESSAGE_TIMEOUT_MS": 2000, "KAFKA_PRODUCER_LINGER_MS": 5} | more


def topics_of(kafka, **options):
    return Topics(kafka.bootstrap, **options)
