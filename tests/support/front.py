"""What stands around capture in production, on loopback: a site with a page on it, and a host that answers the SDKs' remote
configuration itself and passes everything else on to capture, as a load balancer would."""
import http.client
import http.server
import json
import threading
import time
import urllib.parse
from dataclasses import dataclass
from pathlib import Path

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding"}


class Server:
    """One HTTP server on a port of its own, a thread for each connection."""

    def __init__(self, handler, **attributes):
        cls = type("Handler", (handler,), attributes)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), cls)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class Quiet(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", content_type="text/plain", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def answer_file(self, file, headers=()):
        kind = {".html": "text/html; charset=utf-8", ".js": "text/javascript"}.get(file.suffix, "text/plain")
        self.answer(200, file.read_bytes(), kind, headers)


class Site(Quiet):
    """The customer's web site: files by path, and an empty page for every path that has none."""

    files: dict

    def do_GET(self):
        path = urllib.parse.urlsplit(self.path).path
        file = next((Path(folder) / path.removeprefix(prefix) for prefix, folder in self.files.items()
                     if path.startswith(prefix)), None)
        if file is None or not file.is_file():
            return self.answer(200, b"<!doctype html><link rel=icon href='data:,'><title>empty</title>", "text/html")
        self.answer_file(file)


@dataclass
class Exchange:
    method: str
    target: str
    headers: dict
    body: bytes
    status: int
    began: float  # monotonic, before the request went on to the service
    ended: float  # after its answer had come


# The remote configuration of a project that records its sessions, console and network included.
RECORDING = {"endpoint": "/s/", "consoleLogRecordingEnabled": True, "sampleRate": None, "minimumDurationMilliseconds": None,
             "networkPayloadCapture": {"recordHeaders": True, "recordBody": True,
                                       "capturePerformance": {"network_timing": True}}}


class Gateway(Quiet):
    """The host that SDKs are configured with. With a `replay_port`, /s goes there and the browser SDK is told to record;
    `scripts` is the folder of what it then loads from /static/."""

    capture_port: int
    exchanges: list
    replay_port: int | None = None
    scripts: Path | None = None

    def remote_config(self):
        return {"supportedCompression": ["gzip", "gzip-js"], "hasFeatureFlags": False, "captureDeadClicks": False,
                "capturePerformance": False, "autocapture_opt_out": False, "autocaptureExceptions": False,
                "analytics": {"endpoint": "/i/v0/e/"}, "elementsChainAsString": True,
                "sessionRecording": RECORDING if self.replay_port else False,
                "heatmaps": False, "surveys": False, "defaultIdentifiedOnly": True, "siteApps": []}

    def cors(self):
        origin = self.headers.get("Origin")
        return [("Access-Control-Allow-Origin", origin), ("Access-Control-Allow-Credentials", "true"),
                ("Access-Control-Allow-Headers", "*, content-type, authorization")] if origin else []

    def handle_request(self):
        path = urllib.parse.urlsplit(self.path).path
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if path.startswith("/array/"):
            token = path.split("/")[2]
            text = json.dumps(self.remote_config() | {"token": token})
            if path.endswith(".js"):
                script = (f"(window._POSTHOG_REMOTE_CONFIG ??= {{}})[{json.dumps(token)}] = "
                          f"{{config: {text}, siteApps: []}}")
                return self.answer(200, script.encode(), "text/javascript", self.cors())
            return self.answer(200, text.encode(), "application/json", self.cors())
        if path.startswith("/static/") and self.scripts:
            return self.answer_file(self.scripts / Path(path).name, self.cors())
        if path.startswith(("/flags", "/decide")):
            flags = {"flags": {}, "featureFlags": {}, "featureFlagPayloads": {}, "errorsWhileComputingFlags": False}
            return self.answer(200, json.dumps(flags).encode(), "application/json", self.cors())
        self.forward(body, self.replay_port if self.replay_port and path in ("/s", "/s/") else self.capture_port)

    do_GET = do_POST = do_OPTIONS = handle_request

    def forward(self, body, port):
        began = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        headers = dict(self.headers.items())
        self.exchanges.append(Exchange(self.command, self.path, headers, body, answer.status, began, time.monotonic()))
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in HOP_BY_HOP | {"content-length", "date", "server"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
