"""The service's metrics as numbers: /metrics parsed, series selected by name and some of their labels."""
import re

LINE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


def parse(text):
    series = []
    for line in text.splitlines():
        match = LINE.fullmatch(line) if line and line[0] != "#" else None
        if match:
            series.append((match[1], dict(LABEL.findall(match[2] or "")), float(match[3])))
    return series


def select(series, name):
    """The sum of all series with that name and those labels; `name` as in the exposition, labels optional."""
    match = re.fullmatch(r"([a-zA-Z0-9_:]+)(?:\{(.*)\})?", name)
    if not match:
        raise ValueError(f"not a metric: {name}")
    labels = dict(LABEL.findall(match[2] or ""))
    return sum(value for other, have, value in series
               if other == match[1] and all(have.get(key) == wanted for key, wanted in labels.items()))
