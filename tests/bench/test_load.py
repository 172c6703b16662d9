"""The load generator against servers that misbehave in known ways."""
import os
import random
import socket
import threading
import time

import payloads
import pytest
from lab import Failure, Lab

STALL = 0.6


class Server:
    """Answers every request of one line and no body; `answers` maps its target to a status. Once it stands still for
    STALL seconds, after `stall_after` requests, and every connection with it."""

    def __init__(self, answers=None, stall_after=None):
        self.answers = answers or {}
        self.left = stall_after
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.pid = os.getpid()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection:
            while request := connection.recv(65536):
                with self.lock:
                    if self.left is not None:
                        self.left -= 1
                        if self.left == 0:
                            time.sleep(STALL)
                target = request.split(b" ")[1].decode()
                status = self.answers.get(target, 200)
                connection.sendall(f"HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\nok".encode())

    def close(self):
        self.listener.close()


@pytest.fixture
def lab(programs, tmp_path):
    return Lab(programs, tmp_path)


@pytest.fixture
def serve():
    started = []

    def serve(**options):
        started.append(Server(**options))
        return started[-1]
    yield serve
    for server in started:
        server.close()


def plain(target="/", expect="2"):
    return payloads.Line(f"GET {target} HTTP/1.1\r\nHost: h\r\n\r\n".encode(), 1, expect)


def test_an_open_loop_does_not_omit_the_requests_that_a_stall_delays(lab, serve):
    """At 400 requests a second for 2 s, a stall of 0.6 s delays 240 of 800: all of them are seen, not one per connection."""
    mix = lab.mix("plain", lambda rng: plain())
    open_loop = lab.load(serve(stall_after=300), mix, 2, connections=4, warmup=0, rate=400)["latency_us"]
    assert open_loop["p90"] > 0.2 * STALL * 1e6
    assert open_loop["max"] > 0.9 * STALL * 1e6


def test_arrivals_have_the_rate_that_was_asked_for(lab, serve):
    result = lab.load(serve(), lab.mix("plain", lambda rng: plain()), 2, connections=16, warmup=0, rate=300)
    assert 450 < result["requests"] + result["unsent"] < 750  # 600 ± six standard deviations of a Poisson process


def test_answers_are_counted_by_class_and_held_against_what_was_expected(lab, serve):
    server = serve(answers={"/bad": 400, "/worse": 503})
    lines = [plain("/good"), plain("/good"), plain("/bad", "4"), plain("/worse", "25")]
    result = lab.load(server, lab.mix("classes", lambda rng: lines, variants=1), 0.3, connections=2, warmup=0)
    answers = result["answers"]
    assert result["unexpected"] == 0
    assert abs(answers["2xx"] - 2 * answers["4xx"]) <= 4 and abs(answers["4xx"] - answers["5xx"]) <= 4
    with pytest.raises(Failure, match="HTTP/1.1 503"):
        lab.load(server, lab.mix("wrong", lambda rng: plain("/worse")), 0.1, connections=2, warmup=0)


def test_keys_are_numbered_each_once(lab, serve):
    seen = []
    server = serve()
    server.answers = type("Seen", (), {"get": lambda self, target, status: seen.append(target) or status})()
    line = payloads.Line(f"GET /{payloads.KEY_MARK} HTTP/1.1\r\nHost: h\r\n\r\n".encode(), 1)
    lab.load(server, lab.mix("keys", lambda rng: line), 0.05, connections=1, warmup=0, warmup_requests=50, keys=50)
    numbers = [int(target[-10:]) for target in seen[:50]]
    assert sorted(numbers) == list(range(50))
    assert numbers != sorted(numbers)


def test_payloads_have_the_size_that_was_asked_for():
    for size in (100, 1000, 10_000, 100_000, 1_000_000):
        body = payloads.single_body(random.Random(1), size)
        assert 0.8 * size <= len(body) <= 1.2 * size + 60


def test_the_kernels_part_of_the_servers_time_is_what_the_system_says(lab, serve):
    mix = lab.mix("plain", lambda rng: plain())
    server = serve()
    before = os.times()
    result = lab.load(server, mix, 1, connections=4, warmup=0)
    after = os.times()
    user, kernel = after.user - before.user, after.system - before.system
    assert 0 < result["kernel_share"] < 1
    assert result["kernel_share"] == pytest.approx(kernel / (user + kernel), abs=0.15)
