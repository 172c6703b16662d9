"""The program under test as a process."""
import json
import os
import signal

import requests

from support.metrics import Ledger, Metrics
from support.process import Failure, Process, peak_rss_bytes, rss_bytes, wait_until

# Nothing of the caller's environment reaches the service but what a process needs to start.
INHERITED = ("PATH", "HOME", "LANG", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LD_LIBRARY_PATH")


class Capture:
    """A running capture. Its address is read from the sockets the process holds, never assumed."""

    def __init__(self, binary, directory, env, arguments=(), port=0):
        self.log = directory / "capture.log"
        self.env = {name: os.environ[name] for name in INHERITED if name in os.environ}
        self.env |= {"ADDRESS": f"127.0.0.1:{port}", "REDIS_URL": "none"} | {k: str(v) for k, v in env.items()}
        self.process = Process([binary, *arguments], self.log, env=self.env, cwd=directory)
        self.pid = self.process.pid
        self.port = None
        self.end_expected = False

    def start(self, seconds=30):
        self.port = self.process.wait_listening(seconds=seconds)[0]
        wait_until(self.ready, seconds, "capture is not ready")
        return self

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def ready(self):
        if not self.process.running():
            self.process.fail("capture ended")
        try:
            return requests.get(f"{self.url}/_readiness", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def metrics(self):
        answer = requests.get(f"{self.url}/metrics", timeout=10)
        answer.raise_for_status()
        return Metrics(answer.text)

    def ledger(self):
        return Ledger(self.metrics())

    def settled_ledger(self, seconds=30):
        """The ledger once nothing is in flight any more."""
        wait_until(lambda: self.ledger().in_flight == 0, seconds, "events stay in flight")
        return self.ledger().check()

    def log_lines(self):
        """The log as objects; lines that are not JSON (a sanitizer's, for instance) as {"text": …}."""
        lines = []
        for line in self.process.output().splitlines():
            try:
                lines.append(json.loads(line))
            except ValueError:
                lines.append({"text": line})
        return lines

    def send(self, event, path="/i/v0/e/", token="phc_test", timeout=60, **extra):
        """Posts one event or a list of them as a batch; returns the answer."""
        body = {"api_key": token, "batch": event} if isinstance(event, list) else {"api_key": token} | event
        return requests.post(self.url + path, json=body, timeout=timeout, **extra)

    def rss(self):
        return rss_bytes(self.pid)

    def peak_rss(self):
        return peak_rss_bytes(self.pid)

    def running(self):
        return self.process.running()

    def terminate(self):
        self.end_expected = True
        self.process.signal(signal.SIGTERM)

    def stop(self, seconds=70):
        """An orderly end; anything but status 0 is a failure."""
        if self.process.running():
            self.process.resume()
            self.terminate()
        status = self.process.wait(seconds)
        if status != 0:
            self.process.fail(f"capture ended with status {status}")

    def kill(self):
        self.end_expected = True
        self.process.kill()
