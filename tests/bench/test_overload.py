"""Ten times the load that there is capacity for, in its short form; ./dev bench has the long one."""
import memory
from lab import Lab


def test_memory_stays_within_the_budget_and_small_requests_are_answered(programs, kafka, tmp_path):
    found = memory.under_overload(Lab(programs, tmp_path, kafka), 3)
    assert sum(found["flood"].values()) > 0
    assert found["bounded"], found
    assert found["small_unanswered"] == 0 and found["small"]["2xx"] > 0, found
