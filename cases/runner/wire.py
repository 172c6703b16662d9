"""HTTP/1.1 over a plain socket: the bytes of a request are exactly what the case says."""
import socket


class WireError(Exception):
    pass


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers  # pairs as received
        self.body = body

    def lines(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name):
        values = self.lines(name)
        return ", ".join(values) if values else None


class Connection:
    """One connection, opened on first use and again after the other side closed it."""

    def __init__(self, address, timeout=30):
        self.address = address
        self.timeout = timeout
        self.socket = None
        self.buffer = b""

    def close(self):
        if self.socket:
            self.socket.close()
        self.socket = None
        self.buffer = b""

    def open(self):
        if self.socket is None:
            self.socket = socket.create_connection(self.address, self.timeout)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def exchange(self, method, data):
        """Sends one request and reads its answer. A kept-alive connection that turns out closed is opened anew."""
        reused = self.socket is not None
        self.open()
        try:
            self.send(data)
            return self.read_answer(method)
        except (BrokenPipeError, ConnectionResetError, WireError):
            self.close()
            if not reused:
                raise
        self.open()
        self.send(data)
        return self.read_answer(method)

    def send(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            # The server may have answered and closed before it read everything.
            if len(data) < 1 << 20:
                raise

    def more(self):
        data = self.socket.recv(1 << 16)
        if not data:
            raise WireError(f"connection closed, {len(self.buffer)} bytes of an answer were there")
        self.buffer += data

    def take(self, count):
        while len(self.buffer) < count:
            self.more()
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def read_answer(self, method):
        while b"\r\n\r\n" not in self.buffer:
            self.more()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        version, status = lines[0].split(" ")[:2]
        headers = [tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:]]
        answer = Answer(int(status), headers, b"")
        if method != "HEAD" and answer.status not in (204, 304):
            answer.body = self.read_body(answer, version)
        if (answer.header("connection") or "").lower() == "close":
            self.close()
        return answer

    def read_body(self, answer, version):
        if (answer.header("transfer-encoding") or "").lower() == "chunked":
            body = b""
            while True:
                size = int(self.take_line(), 16)
                body += self.take(size)
                self.take_line()
                if size == 0:
                    return body
        length = answer.header("content-length")
        if length is not None:
            return self.take(int(length))
        if version == "HTTP/1.0" or (answer.header("connection") or "").lower() == "close":
            while True:
                try:
                    self.more()
                except WireError:
                    return self.take(len(self.buffer))
        raise WireError("an answer without Content-Length")

    def take_line(self):
        while b"\r\n" not in self.buffer:
            self.more()
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def closed_by_server(self, seconds):
        """True when the server ends the connection within that time."""
        self.socket.settimeout(seconds)
        try:
            while self.socket.recv(1 << 16):
                pass
            return True
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False


def encode(method, target, headers, body, chunk=None):
    """The bytes of a request. Headers that the case sets itself are not added."""
    names = {name.lower() for name, _ in headers}
    lines = [f"{method} {target} HTTP/1.1"]
    if "host" not in names:
        lines.append("Host: capture.test")
    lines += [f"{name}: {value}" for name, value in headers]
    if chunk:
        lines.append("Transfer-Encoding: chunked")
        parts = [body[i:i + chunk] for i in range(0, len(body), chunk)]
        body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    elif "content-length" not in names and (body or method not in ("GET", "HEAD", "OPTIONS")):
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape") + body
