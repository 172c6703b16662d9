"""Processes and their sockets: who listens where, how much memory, a port nobody uses."""
import json
import os
import random
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

LISTEN = "0A"
SOCKET = re.compile(r"socket:\[(\d+)\]")


class Failure(AssertionError):
    """Something a test depends on did not come about; the text carries the log of the process concerned."""


def wait_until(condition, seconds, what):
    """Polls until the condition returns something true, and returns that."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"timed out after {seconds} s: {what}")
        time.sleep(0.02)


def free_port():
    """A TCP port on loopback, outside the range from which the kernel takes ports for outgoing connections: a client
    that reconnects to a server just killed would else now and then be given the server's own port."""
    low = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for _ in range(200):
        port = random.randrange(10_000, max(low, 10_500))
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise Failure("no free port")


def listening_ports(pid):
    """The TCP ports on which this very process listens; none when it is gone."""
    try:
        inodes = {match[1] for match in map(SOCKET.fullmatch, open_files(pid)) if match}
        lines = [line for table in ("tcp", "tcp6")
                 for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]]
    except OSError:
        return []
    rows = [line.split() for line in lines]
    return sorted({int(row[1].rsplit(":", 1)[1], 16) for row in rows if row[3] == LISTEN and row[9] in inodes})


def open_files(pid):
    for entry in os.scandir(f"/proc/{pid}/fd"):
        try:
            yield os.readlink(entry.path)
        except FileNotFoundError:  # closed meanwhile
            continue


def rss_bytes(pid):
    match = re.search(r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.M)
    return int(match[1]) * 1024


def cpu_seconds(pid):
    """CPU time that the process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_rss_bytes(pid):
    match = re.search(r"^VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.M)
    return int(match[1]) * 1024


SANITIZER = re.compile(r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:")
NOT_TELLING = {"timestamp", "level", "message", "target", "span", "spans", "threadId"}


def digest(output, lines=30):
    """The last lines of a log, short: what informs only is left out, and what is said again."""
    kept, said = [], set()
    for line in output.splitlines():
        try:
            entry = json.loads(line)
            if entry.get("level") == "INFO" or entry.get("message") in said:
                continue
            said.add(entry.get("message"))
            fields = {name: value for name, value in entry.items() if name not in NOT_TELLING}
            line = f"{entry.get('level')} {entry.get('message')} {fields or ''}"
        except (ValueError, AttributeError):
            pass
        kept.append(line[:300])
    # A sanitizer's report begins with what matters.
    report = next((number for number, line in enumerate(kept) if SANITIZER.search(line)), None)
    return "\n".join(kept[-lines:] if report is None else kept[report:report + 2 * lines])


class Process:
    """A child process with its output in a file. It dies with the test that started it, unless it is detached."""

    def __init__(self, command, log, env=None, cwd=None, detached=False):
        self.name = Path(str(command[0])).name
        if not detached:
            command = ["setpriv", "--pdeathsig", "KILL", "--", *command]
        self.log = Path(log)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with open(self.log, "ab") as output:
            self.popen = subprocess.Popen(
                [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                env=env, cwd=cwd, start_new_session=detached)
        self.pid = self.popen.pid

    def output(self):
        return self.log.read_text(errors="replace")

    def running(self):
        return self.popen.poll() is None

    def fail(self, text):
        raise Failure(f"{text}\n--- output of {self.name} ---\n{digest(self.output())}")

    def wait_listening(self, port=None, seconds=30):
        """Waits until this process itself listens (on the port, when given); returns its ports."""
        def check():
            if not self.running():
                self.fail(f"{self.name} ended with status {self.popen.returncode} before it listened")
            ports = listening_ports(self.pid)
            return ports if (port in ports if port else ports) else None
        try:
            return wait_until(check, seconds, f"{self.name} does not listen")
        except Failure as failure:
            self.fail(str(failure))

    def signal(self, number):
        self.popen.send_signal(number)

    def pause(self):
        self.signal(signal.SIGSTOP)

    def resume(self):
        self.signal(signal.SIGCONT)

    def wait(self, seconds):
        """Waits for the end; returns the exit status (negative: the signal that ended it)."""
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.fail(f"{self.name} still runs after {seconds} s")

    def stop(self, seconds=20):
        if self.running():
            self.resume()
            self.signal(signal.SIGTERM)
            try:
                self.popen.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.popen.returncode

    def kill(self):
        if self.running():
            self.signal(signal.SIGKILL)
        self.popen.wait()
