"""Adds up the test reports of one run: tally.py <directory>. The last line printed is `N passed, N failed`.

The directory holds JUnit reports and parts.tsv (part, exit code, seconds). A part that failed without a failed test in
any report (a build that broke, a runner that died) counts as one failure, so nothing can fail unseen.
"""
import sys
import xml.etree.ElementTree as xml
from pathlib import Path


def outcome(case):
    if case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail":
        return "failed"
    if case.find("skipped") is not None or case.get("status") in ("notrun", "disabled", "skipped"):
        return "skipped"
    return "passed"


def read(report):
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    failures = []
    for case in xml.parse(report).iter("testcase"):
        result = outcome(case)
        counts[result] += 1
        if result == "failed":
            failures.append(f"{case.get('classname', '')} {case.get('name')}{output(case)}".strip())
    return counts, failures


def output(case):
    """The end of what a failed test printed; other runners than ctest have shown it themselves."""
    lines = (case.findtext("system-out") or "").rstrip().splitlines()[-25:]
    return "".join(f"\n        {line}" for line in lines)


def main(directory):
    total = {"passed": 0, "failed": 0, "skipped": 0}
    for report in sorted(directory.glob("*.xml")):
        try:
            counts, failures = read(report)
        except xml.ParseError as problem:
            counts, failures = {"passed": 0, "failed": 1, "skipped": 0}, [f"unreadable report: {problem}"]
        print(f"{report.stem:32} {counts['passed']:6} passed {counts['failed']:4} failed {counts['skipped']:4} skipped")
        for failure in failures:
            print(f"    FAILED {failure}")
        for name, count in counts.items():
            total[name] += count

    broken = 0
    for line in (directory / "parts.tsv").read_text().splitlines():
        name, code, seconds = line.split("\t")
        print(f"{name:32} {int(seconds):6} s{'' if code == '0' else f'   exit status {code}'}")
        broken += code != "0"
    # Reports tell how many tests failed; a part's status only matters where they say nothing.
    failed = max(total["failed"], broken)
    skipped = f", {total['skipped']} skipped" if total["skipped"] else ""
    print(f"{total['passed']} passed, {failed} failed{skipped}")
    return 1 if failed or not total["passed"] else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
