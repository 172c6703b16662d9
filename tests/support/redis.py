"""A Redis and what the service reads from it, written as the web application writes it."""
import json
import socket
import time

from support.process import Failure

QUOTAS = "@posthog/quota-limits/"
RESTRICTIONS = "event_ingestion_restriction_dynamic_config:"


class Client:
    """Just enough of the protocol to fill a database."""

    def __init__(self, port, host="127.0.0.1"):
        self.socket = socket.create_connection((host, port), 10)
        self.file = self.socket.makefile("rb")

    def command(self, *parts):
        data = [part if isinstance(part, bytes) else str(part).encode() for part in parts]
        self.socket.sendall(b"*%d\r\n" % len(data) + b"".join(b"$%d\r\n%s\r\n" % (len(d), d) for d in data))
        return self.read()

    def read(self):
        line = self.file.readline().rstrip(b"\r\n")
        kind, rest = line[:1], line[1:]
        if kind == b"-":
            raise Failure(f"redis: {rest.decode()}")
        if kind in b":+":
            return rest
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        return [self.read() for _ in range(int(rest))]

    def limit(self, resource, *tokens):
        """These tokens are over their quota of the resource, and no others are."""
        until = int(time.time()) + 86400
        self.command("DEL", QUOTAS + resource)
        for token in tokens:
            self.command("ZADD", QUOTAS + resource, until, token)

    def restrict(self, kind, *entries):
        """These are the restrictions of that type, and no others are."""
        self.command("SET", RESTRICTIONS + kind,
                     json.dumps([{"version": 2, "pipelines": ["analytics"], **entry} for entry in entries]))
