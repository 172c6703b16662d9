"""Clients that are slow, or that write what is no HTTP. Contract 10 §4, 80 §5."""
import time

import pytest
from watch import Raw, post

CAP = 20 * 2**20
HEAD = "POST /i/v0/e/ HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
SMALL = '{"api_key":"phc_raw","event":"e","distinct_id":"d"}'
OK = b'{"status":"Ok"}'


def whole(body=SMALL):
    return f"{HEAD}Content-Length: {len(body)}\r\n\r\n{body}"


def test_headers_that_never_end(service):
    """Two hundred connections each drop a byte now and then; all are closed when the header time is over."""
    before = service.metrics()
    slow = [Raw(service).write(HEAD) for _ in range(200)]
    for _ in range(3):
        time.sleep(0.1)
        for connection in slow:
            connection.write("X")
    for connection in slow:
        text = connection.closed()
        assert text == b"" or text.startswith(b"HTTP/1.1 4")
        connection.socket.close()
    assert service.metrics().since(before).sum("capture_ledger_received_total") < 1000


def test_bodies_that_stall(service):
    slow = [Raw(service).write(f"{HEAD}Content-Length: 1000\r\n\r\n{{") for _ in range(100)]
    for connection in slow:
        status, _, body = connection.answer()
        assert (status, body) == (408, b"client stopped sending data")
        connection.socket.close()
    assert service.metrics().sum("capture_body_read_timeout_total", path="/i/v0/e/") >= 100


def test_body_that_trickles_is_read(service):
    """Slow, but never a second without a byte."""
    with Raw(service) as connection:
        connection.write(f"{HEAD}Content-Length: {len(SMALL)}\r\n\r\n")
        for start in range(0, len(SMALL), 5):
            connection.write(SMALL[start:start + 5])
            time.sleep(0.1)
        assert connection.answer()[0] == 200


def test_chunked_body_of_single_bytes(service):
    with Raw(service) as connection:
        connection.write(f"{HEAD}Transfer-Encoding: chunked\r\n\r\n")
        connection.write("".join(f"1\r\n{c}\r\n" for c in SMALL) + "0\r\n\r\n")
        status, _, body = connection.answer()
        assert (status, body) == (200, OK)


def test_body_of_exactly_the_cap_and_one_byte_more(service):
    event = '{"api_key":"phc_raw","event":"e","distinct_id":"d","unknown":"%s"}'
    padding = CAP - len(event % "")
    assert post(service, event % ("x" * padding)) == (200, OK.decode())
    for extra in (1, 1000):
        status, body = post(service, event % ("x" * (padding + extra)))
        assert (status, body) == (413, "maximum event size exceeded: Request body exceeds limit of 20971520 bytes")


def test_chunked_body_over_the_cap(service):
    with Raw(service) as connection:
        connection.write(f"{HEAD}Transfer-Encoding: chunked\r\n\r\n")
        chunk = f"{2**20:x}\r\n" + "x" * 2**20 + "\r\n"
        for _ in range(21):
            connection.write(chunk)
        connection.write("0\r\n\r\n")
        status, _, body = connection.answer()
        assert (status, body) == (413, b"maximum event size exceeded: Request body exceeds limit of 20971520 bytes")


def test_endless_body_is_cut_off(service):
    """Past another cap's worth of bytes the connection may be reset; it must not go on."""
    with Raw(service) as connection:
        connection.write(f"{HEAD}Transfer-Encoding: chunked\r\n\r\n")
        chunk = f"{2**20:x}\r\n" + "x" * 2**20 + "\r\n"
        with pytest.raises(OSError):
            for _ in range(400):
                connection.write(chunk)


def test_many_large_bodies_at_once(service):
    """Sixty bodies of 20 MiB that stop one byte short: 1.2 GB, were it all kept. Each is answered, or cut off."""
    connections = []
    block = b"x" * 2**20
    for _ in range(60):
        connection = Raw(service, timeout=20)
        connections.append(connection)
        try:
            connection.write(f"{HEAD}Content-Length: {CAP}\r\n\r\n")
            for _ in range(19):
                connection.write(block)
        except OSError:
            continue
    for connection in connections:
        try:
            status, _, _ = connection.answer()
            assert status in (408, 503)
        except (OSError, AssertionError) as problem:
            if isinstance(problem, AssertionError) and "closed instead" not in str(problem):
                raise
        connection.socket.close()


def test_pipelined_requests_are_answered_in_order(service):
    with Raw(service) as connection:
        connection.write("".join(whole(SMALL.replace('"e"', f'"{"e" * (n % 3)}"')) for n in range(300)))
        statuses = [connection.answer()[0] for _ in range(300)]
    assert statuses == [400 if n % 3 == 0 else 200 for n in range(300)]


@pytest.mark.parametrize("garbage", [
    b"\x00" * 100, b"\xff\xfe" * 50, b"GET\r\n\r\n", b"POST /i/v0/e/ HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
    b"POST /i/v0/e/ HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"POST /i/v0/e/ HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
    b"POST /i/v0/e/ HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    b"POST /i/v0/e/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"POST /i/v0/e/ HTTP/1.1\r\nHost: h\r\nBad Header: x\r\n\r\n",
], ids=["zeros", "binary", "no-target", "version", "tls", "negative", "overflow", "two-lengths", "bad-chunk", "bad-header"])
def test_garbage_behind_a_good_request(service, garbage):
    """The good request is answered; what follows is answered with an error or by closing, never by waiting."""
    with Raw(service, timeout=10) as connection:
        connection.write(whole().encode() + garbage)
        status, _, body = connection.answer()
        assert (status, body) == (200, OK)
        rest = connection.closed()
        assert rest == b"" or rest.startswith(b"HTTP/1.1 4") or rest.startswith(b"HTTP/1.0 4"), rest[:200]


def test_request_smuggling_is_refused(service):
    """A body must have one length."""
    both = f"{HEAD}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /_liveness HTTP/1.1\r\nHost: h\r\n\r\n"
    with Raw(service, timeout=10) as connection:
        connection.write(both)
        first = connection.answer()
        assert first[0] == 400
        assert b"200" not in connection.closed()[:20]


def test_too_many_and_too_large_headers(service):
    many = "".join(f"X-Header-{n}: value\r\n" for n in range(5000))
    large = "X-Large: " + "y" * 2_000_000 + "\r\n"
    for extra in (many, large):
        with Raw(service, timeout=10) as connection:
            try:
                connection.write(f"{HEAD}{extra}Content-Length: 0\r\n\r\n")
                assert connection.answer()[0] in (400, 431)
            except ConnectionError:
                pass  # refused while it was still being written


def test_very_long_target(service):
    with Raw(service, timeout=10) as connection:
        try:
            connection.write(f"GET /i/v0/e/?data={'x' * 300_000} HTTP/1.1\r\nHost: h\r\n\r\n")
            assert connection.answer()[0] in (400, 414, 431)
        except ConnectionError:
            pass


def test_clients_that_leave_early(service):
    for n in range(300):
        with Raw(service) as connection:
            connection.write(whole()[:20 + n % 150])
    # And some that leave before reading the answer.
    for _ in range(300):
        with Raw(service) as connection:
            connection.write(whole())
