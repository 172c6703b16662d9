"""A load that remembers what every request was answered. Bounded in time and in count."""
import gzip
import http.client
import json
import threading
import time
import uuid
from dataclasses import dataclass


@dataclass
class Sent:
    uuids: list
    status: int | None  # None: no answer (connection refused, reset or timed out)
    body: bytes
    begin: float
    seconds: float


class Load:
    """`clients` threads, each with one connection, posting batches until stopped. The uuid of each event is known, so every
    one can be searched for afterwards."""

    def __init__(self, port, clients=4, batch=5, padding=200, limit=100_000, pause=0.0, timeout=60, compress=True):
        self.port = port
        self.batch = batch
        self.padding = "x" * padding
        self.limit = limit // clients  # for each
        self.pause = pause
        self.timeout = timeout
        self.compress = compress
        self.sent = []
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._client, args=(n,), daemon=True) for n in range(clients)]

    def start(self):
        for thread in self._threads:
            thread.start()
        return self

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join(self.timeout + 30)
        return self

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def _client(self, number):
        connection = None
        for _ in range(self.limit):
            if self._stop.is_set():
                break
            uuids = [str(uuid.uuid4()) for _ in range(self.batch)]
            body, headers = self._request(number, uuids)
            begin = time.monotonic()
            status, text = None, b""
            try:
                if connection is None:
                    connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout)
                connection.request("POST", "/batch/", body, headers)
                answer = connection.getresponse()
                status, text = answer.status, answer.read()
                if answer.will_close:
                    connection.close()
                    connection = None
            except (OSError, http.client.HTTPException):
                if connection:
                    connection.close()
                connection = None
            with self._lock:
                self.sent.append(Sent(uuids, status, text, begin, time.monotonic() - begin))
            self._stop.wait(self.pause if status is not None else max(self.pause, 0.02))
        if connection:
            connection.close()

    def _request(self, number, uuids):
        events = [{"event": "load", "uuid": one, "distinct_id": f"client-{number}", "properties": {"p": self.padding}}
                  for one in uuids]
        body = json.dumps({"api_key": "phc_load", "batch": events}).encode()
        headers = {"Content-Type": "application/json"}
        if self.compress:
            body = gzip.compress(body, 1)
            headers["Content-Encoding"] = "gzip"
        return body, headers

    def count(self, *statuses):
        with self._lock:
            return sum(one.status in statuses for one in self.sent)

    def since(self, moment):
        with self._lock:
            return [one for one in self.sent if one.begin >= moment]

    def statuses(self):
        totals = {}
        with self._lock:
            for one in self.sent:
                totals[one.status] = totals.get(one.status, 0) + 1
        return totals

    def acknowledged(self):
        """The uuids of all events in requests that were answered with success."""
        with self._lock:
            return {one for request in self.sent if request.status == 200 for one in request.uuids}

    def all_uuids(self):
        with self._lock:
            return {one for request in self.sent for one in request.uuids}
