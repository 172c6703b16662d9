"""Three brokers of which one is lost."""
from outage import check_nothing_lost, hasty, run_for, topics_of, uuids

from support.load import Load


def test_one_of_three_brokers_lost(cluster, start, phase, long):
    kafka = cluster(3, overrides={"min.insync.replicas": 2})
    topics = topics_of(kafka, partitions=6, replicas=3)
    # Longer than it takes the cluster to elect new leaders: clients notice nothing but a slower answer.
    capture = start(topics.env() | {"KAFKA_MESSAGE_TIMEOUT_MS": 20000, "KAFKA_PRODUCER_MAX_RETRIES": 100})
    with Load(capture.port, timeout=90) as load:
        run_for(load, phase, 200)
        for broker in kafka.brokers if long else kafka.brokers[-1:]:
            broker.kill()
            run_for(load, phase + 2, 200)
            broker.restart()
            run_for(load, phase + 2, 200)
    check_nothing_lost(load, uuids(topics.records()))
    ledger = capture.settled_ledger()
    assert ledger.delivered == len(load.acknowledged())


def test_too_few_replicas_in_sync(cluster, start, phase):
    kafka = cluster(3, overrides={"min.insync.replicas": 3})
    topics = topics_of(kafka, partitions=1, replicas=3)
    capture = start(hasty(topics))
    with Load(capture.port, timeout=90) as load:
        run_for(load, phase, 200)
        kafka.brokers[2].kill()
        run_for(load, phase, 503)
        kafka.brokers[2].restart()
        run_for(load, phase, 200)
    check_nothing_lost(load, uuids(topics.records()))
    ledger = capture.settled_ledger()
    assert ledger.delivered == len(load.acknowledged())
