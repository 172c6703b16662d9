"""Ten times the load that there is capacity for, in its short form; ./dev bench has the long one."""
import memory
import payloads
from lab import Lab, running

from support.process import wait_until


def test_memory_stays_within_the_budget_and_small_requests_are_answered(programs, kafka, tmp_path):
    found = memory.under_overload(Lab(programs, tmp_path, kafka), 3)
    assert sum(found["flood"].values()) > 0
    assert found["bounded"], found
    assert found["small_unanswered"] == 0 and found["small"]["2xx"] > 0, found


def test_memory_is_given_back_while_nothing_comes(programs, tmp_path):
    lab = Lab(programs, tmp_path)
    large = lab.mix("large", lambda rng: payloads.batch(rng, 1000)._replace(expect="25"))
    with running(lab.capture()) as capture:
        at_rest = capture.rss() + 40 * 2**20
        lab.load(capture, large, 3, connections=200, strict=False)
        assert capture.peak_rss() > 2 * at_rest, "too small a load to tell"
        wait_until(lambda: capture.rss() < at_rest, 60, "the memory is not given back")
