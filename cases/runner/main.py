"""The command: reads cases, starts one service per environment, runs, reports."""
import argparse
import concurrent.futures
import contextlib
import os
import queue
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from runner import sinks, texts
from runner.case import FormError, group, load, merged
from runner.check import Run
from runner.content import Databases, loaded_series
from runner.service import Failure, Service, WireError, environment, run_to_end

CASES = Path(__file__).resolve().parents[1]


class Result:
    def __init__(self, case, lines, seconds, name=None):
        self.file = case.file
        self.name = name or case.name
        self.section = case.section
        self.lines = lines
        self.seconds = seconds


def options():
    parser = argparse.ArgumentParser(prog="cases/run", description="Runs the declarative cases against the binary.")
    parser.add_argument("--binary", required=True)
    parser.add_argument("--sink", choices=["store", "kafka"], default="store")
    parser.add_argument("--brokers", help="a running cluster for --sink kafka; without it one is started")
    parser.add_argument("--redis", help="redis://host:port of a running server whose databases 1 to 15 may be emptied")
    parser.add_argument("--filter", action="append", default=[], metavar="TEXT",
                        help="only cases whose file, name or section contains the text; may be repeated")
    parser.add_argument("--jobs", type=int, default=max(2, os.cpu_count() or 2), help="services running at once")
    parser.add_argument("--junit", metavar="FILE")
    parser.add_argument("--without", action="append", default=[], metavar="TAG", help="leave out cases with this tag")
    parser.add_argument("--list", action="store_true", help="print the cases instead of running them")
    return parser.parse_args()


class Runner:
    def __init__(self, arguments, folder, brokers):
        self.binary = str(Path(arguments.binary).resolve())
        self.kind = arguments.sink
        self.brokers = brokers
        self.folder = folder
        self.databases = Databases(folder / "redis", arguments.redis)
        self.stations = queue.SimpleQueue()  # a folder and, on Kafka, a set of topics for each job
        self.sinks = []
        self.jobs = arguments.jobs
        self.lock = threading.Lock()

    def prepare(self, with_redis):
        if with_redis:
            self.databases.start()
        run = f"case-{os.getpid()}-{int(time.time()) % 100000}"
        for number in range(self.jobs):
            folder = self.folder / f"job-{number}"
            folder.mkdir()
            sink = sinks.Store(folder) if self.kind == "store" else sinks.Kafka(self.brokers, f"{run}-{number}-")
            self.sinks.append(sink)
            self.stations.put((folder, sink))

    def end(self):
        self.databases.stop()
        for sink in self.sinks:
            if self.kind == "kafka":
                sink.end()

    def run_group(self, cases):
        folder, sink = self.stations.get()
        try:
            return self.run_on(cases, folder, sink)
        finally:
            sink.close()
            self.stations.put((folder, sink))

    def run_on(self, cases, folder, sink):
        number = None
        now = texts.utc_now()
        content = merged([texts.fill(case.redis, case.token, sink.topic, now) for case in cases])
        try:
            url = None
            if cases[0].needs_redis:
                number = self.databases.take(content)
                url = f"{self.databases.url}/{number}"
            env = environment(cases[0].env, sink, url)
            if cases[0].start:
                return [self.run_start(cases[0], sink, env, folder)]
            return self.run_cases(cases, sink, env, folder, content)
        except Failure as failure:
            return [Result(case, [f"the service did not start: {failure}"], 0) for case in cases]
        finally:
            if number is not None:
                self.databases.give_back(number)

    def run_start(self, case, sink, env, folder):
        begin = time.monotonic()
        start = case.start
        for name in start.get("without", ()):
            env.pop(name, None)
        code, output = run_to_end(self.binary, start.get("arguments", sink.arguments), env, folder)
        lines = []
        if code != start["exit"]:
            lines.append(f"expected exit status {start['exit']}, got {code}: {texts.short(output)}")
        lines += [f"output lacks {text!r}: {texts.short(output)}" for text in start.get("says", ()) if text not in output]
        return Result(case, lines, time.monotonic() - begin)

    def run_cases(self, cases, sink, env, folder, content):
        (folder / "capture.log").unlink(missing_ok=True)
        service = Service(self.binary, sink.arguments, env, folder)
        results = []
        try:
            sink.open()
            missing = service.wait_loaded(loaded_series(env, content)) if cases[0].needs_redis else {}
            for case in cases:
                begin = time.monotonic()
                try:
                    lines = Run(case, service, sink, CASES / Path(case.file).parent).run()
                except (WireError, OSError, RuntimeError) as problem:
                    lines = [f"{problem!r}"]
                    if not service.process.running():
                        lines.append(f"the process ended: {service.process.output()[-3000:]}")
                if lines and missing:
                    lines.append(f"(the limits never loaded their content: {sorted(missing)})")
                results.append(Result(case, lines, time.monotonic() - begin))
        finally:
            ending = service.stop()
        if ending:
            env_text = " ".join(f"{name}={value}" for name, value in sorted(cases[0].env.items())) or "defaults"
            results.append(Result(cases[-1], ending, 0, name=f"the process ends in good order ({env_text})"))
        return results


def report(result, out):
    print(f"FAILED {result.file}: {result.name}  (contract {result.section})", file=out)
    for line in result.lines:
        print(f"    {line}", file=out)
    out.flush()


def printable(text):
    """The text without what XML cannot carry."""
    text = text.encode("ascii", "backslashreplace").decode()
    return "".join(c for c in text if c in "\n\t" or 32 <= ord(c) < 127)


def write_junit(path, kind, results, seconds):
    failed = sum(bool(result.lines) for result in results)
    rows = [f'<testsuite name="cases-{kind}" tests="{len(results)}" failures="{failed}" errors="0" skipped="0" '
            f'time="{seconds:.3f}">']
    for result in results:
        head = (f'<testcase classname={quoteattr("cases." + result.file)} name={quoteattr(printable(result.name))} '
                f'time="{result.seconds:.3f}"')
        if result.lines:
            text = escape(printable("\n".join(result.lines)))
            rows.append(f'{head}><failure message="contract {result.section}">{text}</failure></testcase>')
        else:
            rows.append(head + "/>")
    rows.append("</testsuite>")
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text('<?xml version="1.0" encoding="utf-8"?>\n' + "\n".join(rows) + "\n")


def main():
    arguments = options()
    try:
        cases = load(CASES, arguments.filter, arguments.sink)
    except FormError as problem:
        print(f"cases: {problem}", file=sys.stderr)
        return 2
    cases = [case for case in cases if not set(case.tags) & set(arguments.without)]
    if arguments.list:
        for case in cases:
            print(f"{case.section:12} {case.title}")
        print(f"{len(cases)} cases")
        return 0
    if not cases:
        print("cases: no case matches", file=sys.stderr)
        return 2
    begin = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="capture-cases-"))
    results = []
    try:
        with contextlib.ExitStack() as stack:
            brokers = arguments.brokers
            if arguments.sink == "kafka" and not brokers:
                brokers = stack.enter_context(sinks.cluster(folder / "kafka")).bootstrap
            runner = Runner(arguments, folder, brokers)
            stack.callback(runner.end)
            runner.prepare(any(case.needs_redis for case in cases))
            with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
                for done in concurrent.futures.as_completed([pool.submit(runner.run_group, g) for g in group(cases)]):
                    for result in done.result():
                        results.append(result)
                        if result.lines:
                            report(result, sys.stdout)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    seconds = time.monotonic() - begin
    failed = sum(bool(result.lines) for result in results)
    if arguments.junit:
        write_junit(arguments.junit, arguments.sink, results, seconds)
    print(f"cases on {arguments.sink}: {seconds:.1f} s", file=sys.stderr)
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0
