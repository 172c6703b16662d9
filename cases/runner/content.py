"""Redis as the cases want it: one private server, one database per group of cases, filled before the service starts."""
import json
import queue
import socket
import time

from support.process import Failure
from support.stack import Redis


class Client:
    """Just enough of the protocol to fill a database."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
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


class Databases:
    """Hands out empty databases; the server is started when the first is asked for."""

    def __init__(self, folder, url=None):
        self.folder = folder
        self.url = url.rstrip("/") if url else None
        self.server = None
        self.free = queue.SimpleQueue()
        for number in range(1, 16):
            self.free.put(number)

    def start(self):
        if self.url:
            self.port = int(self.url.rsplit(":", 1)[1])
            return
        self.server = Redis(self.folder).start()
        self.port = self.server.port
        self.url = self.server.url.rstrip("/")
        information = Client(self.port).command("INFO", "server").decode()
        if f"process_id:{self.server.process.pid}\r" not in information:
            raise Failure("another process answers on the port of the Redis that was started")

    def take(self, redis):
        number = self.free.get()
        client = Client(self.port)
        client.command("SELECT", number)
        client.command("FLUSHDB")
        fill(client, redis)
        return number

    def give_back(self, number):
        self.free.put(number)

    def stop(self):
        if self.server:
            self.server.stop()


def fill(client, redis):
    until = int(time.time()) + 86400
    for family, prefix in (("quotas", "@posthog/quota-limits/"), ("suspended", "@posthog/quota-limiting-suspended/")):
        for resource, members in redis[family].items():
            for member in members:
                client.command("ZADD", prefix + resource, until, member)
    for name, members in redis["zsets"].items():
        for member, score in members.items():
            client.command("ZADD", name, score, member)
    for kind, entries in redis["restrictions"].items():
        client.command("SET", f"event_ingestion_restriction_dynamic_config:{kind}",
                       json.dumps([complete(entry) for entry in entries]))
    for name, value in redis["keys"].items():
        if isinstance(value, dict) and "hex" in value:
            data = bytes.fromhex(value["hex"])
        elif isinstance(value, (dict, list)):
            data = json.dumps(value)
        else:
            data = str(value)
        client.command("SET", name, data)


def complete(entry):
    """Entries are of version 2 for the analytics pipeline unless they say otherwise."""
    return {"version": 2, "pipelines": ["analytics"], **entry} if "as_is" not in entry else entry["as_is"]


def loaded_series(env, redis):
    """What /metrics shows once the service has read this content."""
    wanted = {}
    prefix = env.get("REDIS_KEY_PREFIX", "")
    own = ("recordings", "mobile_recordings") if env.get("CAPTURE_MODE") == "recordings" else ("events",)
    for resource in redis["quotas"]:
        if resource in (*own, "exceptions", "survey_responses", "llm_events"):
            wanted[f'capture_billing_limits_loaded_tokens{{cache_key="{prefix}@posthog/quota-limits/{resource}"}}'] = 1
    overflow = f"{prefix}@posthog/capture-overflow/replay"
    if any(score > time.time() for score in redis["zsets"].get(overflow, {}).values()):
        wanted[f'capture_billing_limits_loaded_tokens{{cache_key="{overflow}"}}'] = 1
    if env.get("EVENT_RESTRICTIONS_ENABLED") == "true":
        wanted["capture_event_restrictions_redis_fetch"] = 5
    if env.get("TOKEN_VALIDATION_MODE", "off") != "off":
        wanted["capture_known_tokens_marker_refresh"] = 1
    if "GLOBAL_RATE_LIMIT_CUSTOM_THRESHOLD_KEY" in env:
        wanted["global_rate_limiter_custom_thresholds_fetch_total"] = 1
    return wanted
