"""One running service with the environment of a group of cases, and what it takes to talk to it."""
import os
import re
import subprocess
import time

from runner import metrics, texts
from runner.wire import Connection, WireError, encode
from support.process import Failure, Process, listening_ports, wait_until

KEPT = ("PATH", "HOME", "LD_LIBRARY_PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS")
READY_SECONDS = 3


def environment(case_env, sink, redis_url):
    """Nothing leaks in from the caller's environment."""
    env = {name: os.environ[name] for name in KEPT if name in os.environ}
    env["ADDRESS"] = "127.0.0.1:0"
    env.update(sink.environment(case_env))
    if redis_url:
        env["REDIS_URL"] = redis_url
    elif sink.needs_redis_url:
        env["REDIS_URL"] = "none"
    env.update(texts.fill(case_env, "", sink.topic, texts.utc_now()))
    return {name: value for name, value in env.items() if value != "<unset>"}


def run_to_end(binary, arguments, env, folder, seconds=20):
    """For starts that are refused: exit status and everything printed."""
    try:
        done = subprocess.run([binary, *arguments], env=env, cwd=folder, stdin=subprocess.DEVNULL, timeout=seconds,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    except subprocess.TimeoutExpired as expired:
        return None, (expired.stdout or b"").decode(errors="replace")
    return done.returncode, done.stdout.decode(errors="replace")


class Service:
    def __init__(self, binary, arguments, env, folder):
        self.process = Process([binary, *arguments], folder / "capture.log", env=env, cwd=folder)
        self.address = None
        try:
            self.address = self.wait_address()
        except BaseException:
            self.process.kill()
            raise
        self.connection = Connection(self.address)
        self.probe = Connection(self.address)

    def wait_address(self):
        """The address from the log line; the port must belong to this very process."""
        def announced():
            if not self.process.running():
                self.process.fail(f"ended with status {self.process.popen.returncode} before it listened")
            line = re.search(r"listening.*?address.*?(\d+(?:\.\d+){3}:\d+)", self.process.output())
            return line and line[1]
        host, port = wait_until(announced, 15, "no log line `listening`").rsplit(":", 1)
        if int(port) not in listening_ports(self.process.pid):
            self.process.fail(f"port {port} does not belong to this process")
        return host, int(port)

    def metrics(self):
        answer = self.probe.exchange("GET", encode("GET", "/metrics", [], b""))
        return metrics.parse(answer.body.decode())

    def wait_loaded(self, wanted):
        """Until each of these series has reached its value: limits load their Redis content right after the start."""
        end = time.monotonic() + READY_SECONDS
        while wanted and time.monotonic() < end:
            series = self.metrics()
            wanted = {name: value for name, value in wanted.items() if metrics.select(series, name) < value}
            time.sleep(0.01)
        return wanted

    def stop(self):
        """Ends the process in an orderly way; returns what went wrong."""
        self.connection.close()
        self.probe.close()
        alive = self.process.running()
        code = self.process.stop(30)
        output = self.process.output()
        report = re.search(r"(ERROR: AddressSanitizer|WARNING: ThreadSanitizer|runtime error:).*", output, re.S)
        if report:
            return [f"sanitizer: {report[0][:3000]}"]
        if not alive or code != 0:
            return [f"the process {'ended with' if alive else 'died on its own:'} status {code}\n{output[-3000:]}"]
        return []


__all__ = ["Failure", "Service", "WireError", "environment", "run_to_end"]
