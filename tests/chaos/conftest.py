import pytest

from support.stack import Kafka, make_archive


@pytest.fixture
def cluster(tmp_path):
    """cluster(brokers, …) → a Kafka of the test's own, that it may break."""
    made = []

    def cluster(brokers=1, started=True, **options):
        make_archive()
        kafka = Kafka(tmp_path / f"kafka-{len(made)}", brokers, **options)
        made.append(kafka)
        return kafka.start() if started else kafka

    yield cluster
    for kafka in made:
        kafka.stop()


@pytest.fixture
def phase(long):
    """Seconds that a phase of a test lasts at least: a moment, or long enough for timeouts to strike many times."""
    return 20.0 if long else 1.0
