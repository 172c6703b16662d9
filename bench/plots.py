"""The results as pictures. Text stays text and nothing depends on the time of day, so that a repository can keep them."""
import matplotlib

matplotlib.use("svg")
matplotlib.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "bench", "font.size": 9, "axes.spines.top": False,
                        "axes.spines.right": False, "axes.grid": True, "grid.alpha": 0.3, "axes.axisbelow": True}
import matplotlib.pyplot as plt  # noqa: E402

CAPTURE, FLOOR = "#1f77b4", "#bbbbbb"
SHADES = ["#d9d9d9", "#a6cee3", "#6baed6", "#3182bd", "#08519c"]


def save(figure, path):
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None, "Creator": None})
    plt.close(figure)


def cost(rows, path):
    networks = sorted({row["network"] for row in rows})
    figure, panels = plt.subplots(len(networks), 1, figsize=(8, 3.2 * len(networks)), squeeze=False)
    for panel, network in zip(panels[:, 0], networks):
        mine = [row for row in rows if row["network"] == network]
        places = range(len(mine))
        panel.barh([p + 0.2 for p in places], [row["ratio"] for row in mine], 0.38, color=CAPTURE, label="capture")
        panel.barh([p - 0.2 for p in places], [1] * len(mine), 0.38, color=FLOOR, label="floor")
        for place, row in zip(places, mine):
            panel.text(row["ratio"], place + 0.2, f" {row['ratio']:.2f}   {row['capture']:.1f} µs per {row['per']}", va="center")
            panel.text(1, place - 0.2, f" {row['floor']:.1f}", va="center")
        panel.set_yticks(list(places), [row["title"] for row in mine])
        panel.invert_yaxis()
        panel.set_xlim(0, 1.9 * max(1, *(row["ratio"] for row in mine)))
        panel.set_title("CPU time, floor = 1, " + ("Kafka" if network == "Kafka" else "a sink that drops"))
        panel.legend(loc="upper right")
    save(figure, path)


def parts(rows, path):
    figure, panel = plt.subplots(figsize=(8, 0.6 * len(rows) + 1.4))
    for place, row in enumerate(rows):
        widths = {name: max(value, 0) for name, value in row["parts"].items()}  # a difference can drown in noise
        total = sum(widths.values())
        left = 0
        for (name, width), shade in zip(widths.items(), SHADES):
            panel.barh(place, width / total, left=left, color=shade, label=name if place == 0 else None)
            left += width / total
        panel.text(1, place, f" {total:.1f} µs per {row['per']}", va="center")
    panel.set_yticks(range(len(rows)), [row["title"] for row in rows])
    panel.invert_yaxis()
    panel.set_xlim(0, 1.3)
    panel.set_title("The floor's parts, share of its CPU time")
    panel.legend(ncols=5, loc="upper center", bbox_to_anchor=(0.5, -0.12))
    save(figure, path)


def latency(rows, path):
    figure, panels = plt.subplots(1, len(rows), figsize=(3 * len(rows) + 1, 3.4), squeeze=False)
    names = ("p50", "p99", "p99.9")
    for panel, row in zip(panels[0], rows):
        bars = [("capture", CAPTURE), ("floor", FLOOR)] + ([("broker", SHADES[1])] if row["linger_ms"] else [])
        for number, (who, colour) in enumerate(bars):
            values = [row[who][name] / 1000 for name in names]
            panel.bar([place + 0.27 * (number - 1) for place in range(3)], values, 0.25, color=colour, label=who)
        panel.set_xticks(range(3), names)
        panel.set_ylabel("ms")
        panel.set_title(f"{row['network']}, {row['share']:.0%} of capacity\n{row['rate']:.0f} requests/s")
        panel.legend()
    save(figure, path)


def growth(dimensions, path):
    figure, panels = plt.subplots(1, len(dimensions), figsize=(3.4 * len(dimensions), 3.2), squeeze=False)
    for panel, (name, dimension) in zip(panels[0], dimensions.items()):
        points = dimension["points"]
        for who, colour in (("capture", CAPTURE), ("floor", FLOOR)):
            mine = [(point["x"], point[who]) for point in points if who in point]
            if mine:
                panel.plot(*zip(*mine), "o-", color=colour, label=who)
        if name == "workers":
            panel.set_xticks([point["x"] for point in points])
        else:
            panel.set_xscale("log")
        if name == "bytes":
            panel.set_yscale("log")
        else:
            panel.set_ylim(bottom=0)
        panel.set_xlabel(dimension["x"])
        panel.set_ylabel(dimension["y"])
        panel.legend()
    save(figure, path)


def memory(rows, path):
    figure, panel = plt.subplots(figsize=(6, 3))
    for number, (key, label, colour) in enumerate((("idle_mib", "idle", SHADES[0]), ("peak_mib", "peak", SHADES[4]),
                                                   ("after_mib", "after the load", SHADES[2]))):
        panel.bar([place + 0.27 * (number - 1) for place in range(len(rows))], [row[key] for row in rows], 0.25, color=colour,
                  label=label)
    panel.set_xticks(range(len(rows)), [row["load"] for row in rows])
    panel.set_ylabel("RSS, MiB")
    panel.legend()
    save(figure, path)


def draw(found, directory):
    wanted = {"cost": cost, "parts": parts, "latency": latency, "growth": growth}
    for name, plot in wanted.items():
        if found.get(name):
            plot(found[name], directory / f"{name}.svg")
    if found.get("memory", {}).get("loads"):
        memory(found["memory"]["loads"], directory / "memory.svg")
