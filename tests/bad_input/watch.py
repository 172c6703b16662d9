"""Raw requests for the tests of bad input, and the watch over everybody else's."""
import http.client
import json
import socket
import threading
import time

from support.process import Failure

# What a process may need beside its budget for everything that clients can blow up.
RSS_BESIDE_BUDGET = 388 * 2**20
PATIENCE = 5.0


SMALL = ("/i/v0/e/", {"api_key": "phc_watch", "event": "small", "distinct_id": "w"})


class Watch:
    """Another client of the service, whose small requests must be answered whatever the rest of the test does."""

    def __init__(self, capture, path, event):
        self.capture = capture
        self.path = path
        self.body = json.dumps(event)
        self.peak = 0
        self.slowest = 0.0
        self.answered = 0
        self.problem = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        while not self._stop.is_set():
            begin = time.monotonic()
            try:
                # A connection each: it lands on any of the workers.
                connection = http.client.HTTPConnection("127.0.0.1", self.capture.port, timeout=20)
                connection.request("POST", self.path, self.body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                answer.read()
                connection.close()
                # Short of memory, the service may say so; it may not fall silent.
                if answer.status not in (200, 503):
                    raise Failure(f"a small request was answered {answer.status}")
            except (OSError, http.client.HTTPException, Failure) as problem:
                self.problem = f"{type(problem).__name__}: {problem}"
            else:
                self.answered += 1
            self.slowest = max(self.slowest, time.monotonic() - begin)
            self.peak = max(self.peak, self.capture.rss())
            self._stop.wait(0.02)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        # At least one request has to have been made after everything the test did.
        self._stop.set()
        self._thread.join(30)

    def check(self):
        if not self.capture.running():
            self.capture.process.fail("capture ended")
        if self.problem:
            raise Failure(f"a small request failed meanwhile: {self.problem}")
        if not self.answered:
            raise Failure("no small request was answered meanwhile")
        if self.slowest > PATIENCE:
            raise Failure(f"a small request took {self.slowest:.1f} s meanwhile")
        if self.peak > int(self.capture.env["CAPTURE_MEMORY_BUDGET_MIB"]) * 2**20 + RSS_BESIDE_BUDGET:
            raise Failure(f"memory rose to {self.peak / 2**20:.0f} MiB")


class Raw:
    """A connection on which anything can be written."""

    def __init__(self, capture, timeout=30):
        self.socket = socket.create_connection(("127.0.0.1", capture.port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffered = b""

    def write(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())
        return self

    def answer(self):
        """(status, headers, body) of the next answer."""
        head = self._until(b"\r\n\r\n").decode("latin-1")
        line, *fields = head.split("\r\n")
        headers = {name.lower(): value for name, value in (field.split(": ", 1) for field in fields if field)}
        length = int(headers.get("content-length", 0))
        while len(self.buffered) < length:
            self._more()
        body, self.buffered = self.buffered[:length], self.buffered[length:]
        return int(line.split(" ")[1]), headers, body

    def closed(self):
        """Waits for the other side to close; returns what came before."""
        try:
            while self._more():
                pass
        except ConnectionResetError:
            pass
        return self.buffered

    def _until(self, mark):
        while mark not in self.buffered:
            if not self._more():
                raise Failure(f"the connection was closed instead of an answer; read {self.buffered!r}")
        head, self.buffered = self.buffered.split(mark, 1)
        return head

    def _more(self):
        data = self.socket.recv(65536)
        self.buffered += data
        return bool(data)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


def post(capture, body, path="/i/v0/e/", timeout=60, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", capture.port, timeout=timeout)
    try:
        connection.request("POST", path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()
