"""The rules of the house that a compiler does not know; ARCHITECTURE.md and STYLE.md give the reasons.

lint.py [--tidy] [--junit file]
"""
import argparse
import concurrent.futures
import functools
import json
import os
import platform
import re
import shlex
import subprocess
import sys
from pathlib import Path

import frames
import report

ROOT = Path(__file__).resolve().parents[1]
SRC = ROOT / "src"
CORES = os.cpu_count() or 2

# Who may use whom: each room everything to its left, the rooms of one layer never each other.
LAYERS = [["base"], ["telemetry"], ["config"], ["model"], ["http", "decode", "parse", "limits", "route", "sink"],
          ["pipeline"], ["app"]]

# Which folders of src/ may include which libraries; everything not named here is for nobody.
LIBRARIES = [
    (r"boost/(asio|beast|system|core|intrusive)\b.*", ["base", "http", "limits", "pipeline", "app", "main.cc"]),
    (r"openssl/.*", ["limits", "pipeline"]),
    (r"CLI/.*", ["app"]),
    (r"simdjson\.h", ["parse/json_differential_test.cc", "decode/utf8.cc", "sink/kafka/statistics.cc", "sink/store", "limits"]),
    (r"isa-l(/.*|\.h)", ["decode"]),
    (r"(zlib|zstd|lz4|snappy)\.h|brotli/.*", ["decode"]),
    (r"zstd\.h", ["limits/redis"]),
    (r"lz4\.h", ["route", "sink"]),
    (r"librdkafka/.*", ["sink/kafka"]),
    (r"sqlite3\.h", ["sink/store", "app"]),
    (r"hiredis/.*", ["limits/redis"]),
    (r"absl/.*", ["base", "telemetry", "http", "decode", "parse", "limits", "route", "sink", "pipeline", "app"]),
    (r"jemalloc/.*", ["telemetry", "app"]),
]
TEST_LIBRARIES = re.compile(r"(gtest|gmock)/.*")
BENCH_LIBRARIES = re.compile(r"benchmark/.*")
# What the compiler and the C library bring.
SYSTEM = re.compile(r"[a-z_0-9]+|(sys|netinet|arpa|linux|net)/\w+\.h|"
                    r"(errno|fcntl|netdb|poll|pthread|sched|signal|stdio|stdlib|string|threads|time|unistd|malloc|limits|math|"
                    r"\w*intrin|dirent|glob|getopt|syslog|spawn|dlfcn|execinfo|link|cpuid)\.h")

# (name, what must not appear, where it may, why)
CALLS = [
    ("codecs only behind the gate",
     r"\b(isal_inflate\w*|inflate(Init2?|End|Reset)?|uncompress2?|ZSTD_decompress\w*|LZ4_decompress\w*|"
     r"BrotliDecoder\w+|snappy::(Raw)?Uncompress\w*)\s*\(",
     ["decode", "limits/redis"], "decode/gate.h is the one place with the caps"),
    ("clocks only in base/clock",
     r"\b((system|steady|high_resolution|utc)_clock::now|clock_gettime|gettimeofday|time)\s*\(\s*(\)|NULL|nullptr|0|&|CLOCK)",
     ["base/clock.cc"], "take a base::Clock"),
    ("environment only in config", r"\b(secure_)?getenv\s*\(|\benviron\b", ["config", "app/main.cc", "main.cc"],
     "the environment is read once, as one snapshot"),
    ("threads only in app and sink", r"\bstd::(jthread|thread)\b(?!::)|\bpthread_create\s*\(|\bstd::async\s*\(",
     ["app", "sink", "telemetry/log.cc"], "only app starts threads, the sinks their pollers and writers, the log its own"),
    ("no sleeping", r"\b(sleep_for|sleep_until|usleep|nanosleep)\s*\(", ["app/commands/tail.cc"], "wait for the event itself"),
    ("no unfinished work", r"\b(TODO|FIXME|XXX)\b", [], "finish it or leave it out"),
]
MAX_LINES = 600


def files(*patterns):
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "--", *patterns], cwd=ROOT, text=True,
                            capture_output=True, check=True).stdout.split("\n")
    return [ROOT / name for name in listed if name and (ROOT / name).is_file()]


def code():
    return [path for path in files("*.h", "*.cc") if path.is_relative_to(SRC)]


def place(path):
    return path.relative_to(SRC).as_posix()


def within(path, folders):
    return any(place(path) == folder or place(path).startswith(folder + "/") for folder in folders)


def is_test(path):
    return path.stem.endswith(("_test", "_bench")) or path in test_headers()


@functools.cache
def test_headers():
    """Headers that nothing but tests and other such headers include."""
    includers = {}
    for path in code():
        for name in re.findall(r'^\s*#\s*include\s*"([^"]+)"', path.read_text(), re.M):
            includers.setdefault(SRC / name, set()).add(path)
    found = set()
    while True:
        more = {header for header, by in includers.items() if header not in found and not header.with_suffix(".cc").exists()
                and all(path.stem.endswith(("_test", "_bench")) or path in found for path in by)}
        if not more:
            return found
        found |= more


def says(path, line, text):
    return f"{path.relative_to(ROOT)}:{line}: {text}"


def bare(text):
    """The text with comments and string literals blanked, lines kept."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"', re.S)
    return pattern.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


# ------------------------------------------------------------------------------------------------------ the rules


def declared_uses():
    """What each room's CMakeLists.txt says it uses."""
    uses = {}
    for path in SRC.glob("*/CMakeLists.txt"):
        match = re.search(r"capture_room\((\w+)(?:\s+USES\s+((?:[a-z]+\s*)+))?", path.read_text())
        if match:
            uses[match[1]] = (match[2] or "").split()
    return uses


def check_layers():
    layer = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}
    problems = []
    for room, used in declared_uses().items():
        if room not in layer:
            problems.append(f"src/{room}: not in the list of rooms")
            continue
        problems += [f"src/{room}/CMakeLists.txt: {room} may not use {other}" for other in used
                     if layer.get(other, 99) >= layer[room]]
    return problems


def check_includes():
    uses = declared_uses()

    def closure(room):
        seen = {room}
        for other in uses.get(room, []):
            seen |= closure(other)
        return seen

    problems = []
    for path in code():
        room = place(path).split("/")[0]
        allowed = closure("app" if room == "main.cc" else room)
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
            if not match:
                continue
            ours, name = match[1] == '"', match[2]
            if ours and ("/" not in name or name.startswith(".")):
                problems.append(says(path, number, f'"{name}": includes start at src/'))
            elif ours and name.split("/")[0] not in allowed:
                problems.append(says(path, number, f"{room} may not include {name}"))
            elif ours and not (SRC / name).is_file() and not (SRC / f"{name}.in").is_file():
                problems.append(says(path, number, f'"{name}" is not ours: use <>'))
            elif not ours and not library_allowed(path, name):
                problems.append(says(path, number, f"<{name}> may not be included here"))
    return problems


def library_allowed(path, name):
    if TEST_LIBRARIES.fullmatch(name) or BENCH_LIBRARIES.fullmatch(name):
        return is_test(path)
    if SYSTEM.fullmatch(name):
        return True
    matching = [folders for pattern, folders in LIBRARIES if re.fullmatch(pattern, name)]
    return any(within(path, folders) for folders in matching) or (bool(matching) and path.stem.endswith("_test"))


def check_calls(pattern, allowed, why):
    regex = re.compile(pattern)
    problems = []
    for path in code():
        if within(path, allowed) or is_test(path):
            continue
        for number, line in enumerate(bare(path.read_text()).splitlines(), 1):
            match = regex.search(line)
            if match:
                problems.append(says(path, number, f"{match[0].strip()}: {why}"))
    return problems


def check_awaited_lambdas():
    """g++ 12 copies a lambda written inside an awaited expression bit by bit into the coroutine's frame and destroys it
    twice. So such a lambda captures by reference, or is named before."""
    problems = []
    for path in code():
        text = bare(path.read_text())
        for match in re.finditer(r"\bco_await\b", text):
            depth, position = 0, match.end()
            while position < len(text) and not (depth <= 0 and text[position] in ";)}" and depth + (text[position] != ";") <= 0):
                char = text[position]
                if char in "({":
                    depth += 1
                elif char in ")}":
                    depth -= 1
                lambda_ = re.compile(r"\[([^\[\]]*)\]\s*[({]").match(text, position) if char == "[" else None
                if lambda_ and re.match(r"\s*[(,=]", text[:position][::-1]):
                    captures = [one.strip() for one in lambda_[1].split(",") if one.strip()]
                    if any(one != "this" and not one.startswith("&") for one in captures):
                        line = text.count("\n", 0, position) + 1
                        problems.append(says(path, line, f"[{lambda_[1]}] inside co_await captures by value"))
                    # What the lambda's body does is its own affair.
                    position = text.index("{", lambda_.end() - 1)
                    inner = 0
                    while True:
                        inner += {"{": 1, "}": -1}.get(text[position], 0)
                        if inner == 0:
                            break
                        position += 1
                position += 1
    return problems


def check_unfinished(pattern):
    regex = re.compile(pattern)
    return [says(path, number, line.strip()) for path in code() + files("*.py", "dev", "cases/run")
            if path.name != Path(__file__).name
            for number, line in enumerate(path.read_text().splitlines(), 1) if regex.search(line)]


def check_sizes():
    problems = []
    for path in files("*.h", "*.cc", "*.py", "*.mjs", "*.cmake", "CMakeLists.txt", "dev", "cases/run"):
        lines = path.read_text().count("\n")
        if lines > MAX_LINES:
            problems.append(says(path, 1, f"{lines} lines, at most {MAX_LINES}"))
    return problems


def check_pragma():
    return [says(path, 1, "#pragma once is missing") for path in code()
            if path.suffix == ".h" and "#pragma once" not in path.read_text()]


def check_format():
    names = [str(path) for path in files("*.h", "*.cc")]
    done = subprocess.run(["clang-format-19", "--dry-run", "-Werror", *names], capture_output=True, text=True)
    lines = [line for line in done.stderr.splitlines() if "error:" in line]
    return sorted({line.split(":")[0].removeprefix(f"{ROOT}/") + ": ./dev format" for line in lines})


def compile_commands():
    for preset in ("release", "dev", "asan"):
        path = ROOT / "build" / preset / "compile_commands.json"
        if path.exists():
            return json.loads(path.read_text())
    subprocess.run(["cmake", "--preset", "release"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return json.loads((ROOT / "build" / "release" / "compile_commands.json").read_text())


def without_precompiled(words):
    if "-include" not in words:
        return words
    at = words.index("-include")
    return words[:at] + words[at + 2:]


def check_headers():
    """Every header compiles alone. One that its own .cc includes first does so already, in the fuzz build, which has
    no precompiled headers."""
    flags = {}
    for entry in compile_commands():
        source = Path(entry["file"])
        if source.is_relative_to(SRC) and (not source.stem.endswith("_bench")):
            flags.setdefault(place(source).split("/")[0], without_precompiled(shlex.split(entry["command"])))

    def first_include(path):
        match = re.search(r'^\s*#\s*include\s*[<"]([^">]+)[">]', path.read_text(), re.M)
        return match and match[1]

    work = ROOT / "build" / "headers"
    jobs = []
    for header in code():
        if header.suffix != ".h":
            continue
        own = header.with_suffix(".cc")
        if own.exists() and first_include(own) == place(header):
            continue
        room = place(header).split("/")[0]
        words = flags.get(room) or flags.get("app") or next(iter(flags.values()), None)
        if words is None:
            return ["no compile commands"]
        unit = work / (place(header).replace("/", "__") + ".cc")
        unit.parent.mkdir(parents=True, exist_ok=True)
        text = f'#include "{place(header)}"\n#include "{place(header)}"\n'
        if not unit.exists() or unit.read_text() != text:
            unit.write_text(text)
        base = words[:words.index("-o")]
        extra = ["-I", str(SRC)] if room not in flags else []
        jobs.append((header, [*base, *extra, "-O0", "-o", str(unit.with_suffix(".o")), "-c", str(unit)]))

    def compile_one(job):
        header, command = job
        done = subprocess.run(command, cwd=ROOT / "build" / "release", capture_output=True, text=True)
        if done.returncode == 0:
            return None
        error = next((line for line in done.stderr.splitlines() if "error:" in line), done.stderr[-300:])
        return says(header, 1, f"does not compile alone: {error}")
    with concurrent.futures.ThreadPoolExecutor(CORES) as pool:
        return [problem for problem in pool.map(compile_one, jobs) if problem]


def check_generated():
    """docs/ pages that are made from the declarations say what the binary says."""
    binary = ROOT / "build" / "release" / "src" / "capture"
    problems = []
    if not binary.exists():
        return ["build first: ./dev build"]
    for page in ("options", "metrics", "errors"):
        file = ROOT / "docs" / f"{page}.md"
        done = subprocess.run([binary, "docs", page], capture_output=True, text=True)
        if done.returncode != 0 or not file.exists() or done.stdout != file.read_text():
            problems.append(f"docs/{page}.md is not what the program says: ./dev docs")
    return problems


def check_frames():
    binary = ROOT / "build" / "release" / "src" / "capture"
    found = list(frames.beginnings(binary))
    if not found:
        return ["no coroutine was found in the program: scripts/frames.py looks for the wrong thing"]
    return [f"{actor}: its frame begins at {offset} instead of 0: no co_await in a condition" for actor, offset in found if offset]


def check_tidy():
    compile_commands()
    sources = [path for path in code() if path.suffix == ".cc" and not is_test(path)]

    def tidy(path):
        done = subprocess.run(["clang-tidy-19", "--quiet", "-p", ROOT / "build" / "release", path], capture_output=True,
                              text=True)
        return [line.removeprefix(f"{ROOT}/") for line in done.stdout.splitlines() if re.search(r": (error|warning): ", line)]
    with concurrent.futures.ThreadPoolExecutor(CORES) as pool:
        return sorted({line for lines in pool.map(tidy, sources) for line in lines})


def rules(tidy):
    yield "rooms use only rooms to their left", check_layers
    yield "includes stay inside what a room may use", check_includes
    for name, pattern, allowed, why in CALLS:
        if name == "no unfinished work":
            yield name, lambda pattern=pattern: check_unfinished(pattern)
        else:
            yield name, lambda pattern=pattern, allowed=allowed, why=why: check_calls(pattern, allowed, why)
    yield "awaited lambdas capture by reference", check_awaited_lambdas
    yield "files are short", check_sizes
    yield "headers have include guards", check_pragma
    yield "generated pages are up to date", check_generated
    yield "code is formatted", check_format
    yield "headers compile alone", check_headers
    if platform.machine() == "x86_64":
        yield "coroutine frames begin where they should", check_frames
    if tidy:
        yield "clang-tidy finds nothing", check_tidy


def main():
    parser = argparse.ArgumentParser(prog="./dev lint")
    parser.add_argument("--tidy", action="store_true", help="also run clang-tidy over all sources (slow)")
    parser.add_argument("--junit", type=Path)
    options = parser.parse_args()
    results = []
    for name, rule in rules(options.tidy):
        problems = rule()
        print(f"{'ok    ' if not problems else 'FAILED'} {name}", flush=True)
        for problem in problems:
            print(f"       {problem}")
        results.append((name, "\n".join(problems) if problems else None))
    if options.junit:
        report.write(options.junit, "lint", results)
    failed = sum(text is not None for _, text in results)
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
