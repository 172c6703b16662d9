"""The text of /metrics as numbers, and the ledger that every test ends with."""
import re

from support.process import Failure

LINE = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)(?: \d+)?$")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')
GLOBAL_LABELS = {"role", "capture_mode"}


class Metrics:
    def __init__(self, text):
        self.series = {}
        for line in text.splitlines():
            if not line or line.startswith("#"):
                continue
            match = LINE.match(line)
            if not match:
                raise Failure(f"not a line of the Prometheus text format: {line!r}")
            labels = frozenset(LABEL.findall(match[2] or ""))
            self.series[match[1], labels] = float(match[3])

    def sum(self, name, **labels):
        """Sum of the series of that name that carry (at least) these labels; 0 when there is none."""
        wanted = set(labels.items())
        return sum(value for (series, own), value in self.series.items() if series == name and wanted <= own)

    def by(self, name, label):
        """{label value: sum}"""
        totals = {}
        for (series, own), value in self.series.items():
            if series == name:
                key = dict(own).get(label)
                totals[key] = totals.get(key, 0) + value
        return totals

    def since(self, before):
        """What was added since an earlier reading, as a Metrics of its own (meant for counters)."""
        difference = Metrics("")
        difference.series = {key: value - before.series.get(key, 0) for key, value in self.series.items()}
        return difference


ENDS = ("delivered", "dropped", "refused", "spooled")


class Ledger:
    """Every event that came in ends exactly once."""

    def __init__(self, metrics):
        self.received = metrics.sum("capture_ledger_received_total")
        self.ends = {end: metrics.sum("capture_ledger_events_total", end=end) for end in ENDS}
        self.in_flight = metrics.sum("capture_ledger_in_flight")
        self.unbalanced = metrics.sum("capture_ledger_unbalanced_total")

    def __getattr__(self, name):
        if name in ENDS:
            return self.ends[name]
        raise AttributeError(name)

    def __repr__(self):
        return f"received {self.received:.0f}, {self.ends}, in flight {self.in_flight:.0f}"

    def check(self, at_rest=True):
        if self.received != sum(self.ends.values()) + self.in_flight:
            raise Failure(f"the ledger does not add up: {self}")
        if self.unbalanced:
            raise Failure(f"{self.unbalanced:.0f} requests ended with a ledger that does not add up: {self}")
        if at_rest and self.in_flight:
            raise Failure(f"nothing runs, but events are in flight: {self}")
        return self
