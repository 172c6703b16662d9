"""What is concluded from the figures."""
import math
import random

import compare
import instructions
import latency
import results


def test_the_confidence_interval_holds_the_true_ratio_and_excludes_what_is_far():
    rng = random.Random(5)
    logs = [math.log(1.1) + rng.gauss(0, 0.03) for _ in range(12)]
    low, high = compare.bootstrap(logs, random.Random(1))
    assert 1.05 < low < 1.1 < high < 1.15
    same = [rng.gauss(0, 0.05) for _ in range(12)]
    low, high = compare.bootstrap(same, random.Random(1))
    assert low < 1 < high


def test_instructions_fail_above_five_percent_and_when_they_cannot_be_compared():
    assert instructions.judge("a", 105, 100) is None
    assert "+6.0%" in instructions.judge("a", 106, 100)
    assert instructions.judge("a", 50, 100) is None
    assert "not recorded" in instructions.judge("a", 100, None)
    assert "no longer counted" in instructions.judge("a", None, 100)


def test_what_is_added_to_a_latency_is_judged_by_neighbouring_turns():
    broker = [dict.fromkeys(latency.QUANTILES, float(micros)) for micros in (10_000, 90_000, 20_000)]  # slow for a turn
    capture = [dict.fromkeys(latency.QUANTILES, its["p99"] + more) for its, more in zip(broker, (1000, 3000, 1500))]
    added = latency.added(capture, broker)
    assert added["p99"] == [1250, 1500, 2250]
    row = {"network": "Kafka, linger 20 ms", "linger_ms": 20, "share": 0.5, "added": {"broker": added}}
    [aim] = [aim for aim in results.judge({"latency": [row]}) if "p99" in aim["aim"]]
    assert "linger 20 ms" in aim["aim"] and aim["measured"].startswith("1.50 ms") and aim["met"]


def growth(*costs):
    return {"x": "things", "points": [{"x": 10 ** n, "capture": cost} for n, cost in enumerate(costs)]}


def test_flat_is_what_does_not_rise():
    assert results.flatness("keys", growth(1, 1.4, 0.9))[2]
    assert not results.flatness("keys", growth(2, 1, 1.6))[2]
    assert results.flatness("events", growth(10, 2, 1))[2]


def test_linear_is_a_price_per_byte_that_does_not_rise():
    assert results.flatness("bytes", growth(10, 20, 100, 1000))[2]
    assert not results.flatness("bytes", growth(1, 20, 400))[2]


def test_a_ratio_below_one_in_every_round_accuses_the_floor():
    row = {"scenario": "batch-50", "title": "t", "network": "Kafka", "per": "event", "capture": 9, "floor": 10, "ratio": 0.9}

    def missed(low, high):
        judged = results.judge({"cost": [row | {"ratio_range": [low, high]}]})
        return [aim["aim"] for aim in judged if not aim["met"]]
    assert missed(0.8, 0.95) == ["the floor is a minimum: no ratio below 1 in all rounds"]
    assert missed(0.8, 1.1) == []
