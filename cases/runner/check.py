"""Runs one case against a running service and says what is not as expected."""
import time

from runner import body, metrics, texts
from runner.wire import Connection, WireError, encode

OK = '{"status":"Ok"}'
METRICS_SECONDS = 3


class Run:
    def __init__(self, case, service, sink, folder):
        self.case = case
        self.service = service
        self.sink = sink
        self.folder = folder
        self.lines = []

    def run(self):
        before = self.service.metrics() if self.case.metrics else []
        self.sink.fresh()
        for number, step in enumerate(self.case.steps, 1):
            where = f"step {number}: " if len(self.case.steps) > 1 else ""
            try:
                for _ in range(step.repeat):
                    self.step(step, where)
            except (WireError, OSError) as problem:
                self.lines.append(f"{where}no answer: {problem!r}")
                self.service.connection.close()
            if step.records != "any":
                self.records(step, where)
            if self.lines:
                break
        if self.case.metrics and not self.lines:
            self.deltas(before)
        return self.lines

    def fill(self, value):
        return texts.fill(value, self.case.token, self.sink.topic, texts.utc_now())

    def expected(self, value):
        return texts.fill_expected(value, self.case.token, self.sink.topic)

    # ------------------------------------------------------------------------------------------------ request

    def step(self, step, where):
        send = self.fill(step.send)
        if "raw" in send:
            self.raw(send["raw"], step, where)
            return
        method = next((name.upper() for name in send if name.upper() == name or name in
                       ("get", "post", "head", "options", "put", "delete", "patch")), None)
        target = send[method.lower()] if method else send["path"]
        method = method or send["method"]
        if "query" in send:
            target += "?" + body.pairs(send["query"], self.folder).decode()
        headers = send.get("headers", {})
        headers = [tuple(pair) for pair in headers] if isinstance(headers, list) else list(headers.items())
        headers = [(name, str(value)) for name, value in headers]
        if "form" in send and not any(name.lower() == "content-type" for name, _ in headers):
            headers.append(("Content-Type", "application/x-www-form-urlencoded"))
        data = encode(method, target, headers, body.build(send, self.folder), send.get("chunked"))
        answer = self.service.connection.exchange(method, data)
        origin = next((value for name, value in headers if name.lower() == "origin"), None)
        self.answer(answer, step.answer, step, where, method)
        if not target.startswith("/metrics"):
            self.cors(answer, origin, where)

    def raw(self, text, step, where):
        """Bytes as they are, on a connection of their own; several answers when the case lists them."""
        connection = Connection(self.service.address)
        try:
            connection.open()
            connection.send(text.replace("\n", "\r\n").encode())
            wanted = step.answer if isinstance(step.answer, list) else [step.answer]
            for item in wanted:
                if item == "closed":
                    if not connection.socket or not connection.closed_by_server(10):
                        self.lines.append(f"{where}the connection was not closed")
                    break
                head = isinstance(item, dict) and item.get("head")
                self.answer(connection.read_answer("HEAD" if head else "GET"), item, step, where, "GET")
        finally:
            connection.close()

    # ------------------------------------------------------------------------------------------------- answer

    def answer(self, got, wanted, step, where, method):
        status, text, kind = read_answer(self.expected(wanted))
        if method == "HEAD":
            text = None
        received = got.body.decode("utf-8", "replace")
        if got.status != status:
            self.lines.append(f"{where}expected status {status}, got {got.status} with body {texts.short(received)}")
            return
        if text is not None and not body_matches(text, received):
            self.lines.append(f"{where}expected body {texts.short(text)}, got {texts.short(received)}")
        if kind is not None and got.header("content-type") != (kind or None):
            self.lines.append(f"{where}expected Content-Type {kind or 'absent'}, got {got.header('content-type')}")
        have = {name.lower(): got.header(name) for name, _ in got.headers}
        for name, value in self.expected(step.answer_headers).items():
            value = str(value)
            actual = have.get(name.lower(), texts.MISSING)
            if not texts.matches(value, actual):
                self.lines.append(f"{where}header {name}: expected {value!r}, got {actual!r}")

    def cors(self, got, origin, where):
        """Contract 10 §3: on every answer of these routes."""
        if got.header("access-control-allow-origin") != origin:
            self.lines.append(f"{where}Access-Control-Allow-Origin is {got.header('access-control-allow-origin')!r}, "
                              f"Origin was {origin!r}")
        if got.header("access-control-allow-credentials") != "true":
            self.lines.append(f"{where}Access-Control-Allow-Credentials is not true")
        vary = {word.strip() for line in got.lines("vary") for word in line.lower().split(",")}
        if vary != {"origin", "access-control-request-method", "access-control-request-headers"}:
            self.lines.append(f"{where}Vary is {sorted(vary)}")

    # ------------------------------------------------------------------------------------------------ records

    def records(self, step, where):
        found = self.sink.fresh()
        for record in found:
            self.lines += [f"{where}record on {record.topic}: {text}" for text in record.violations()]
        # Order is defined on one topic only.
        by_topic = {}
        for record in found:
            by_topic.setdefault(record.topic, []).append(record)
        wanted = {}
        for spec in step.records:
            wanted.setdefault(self.topic(spec), []).append(spec)
        for topic in dict.fromkeys([*wanted, *by_topic]):
            specs, got = wanted.get(topic, []), by_topic.get(topic, [])
            if len(specs) != len(got):
                self.lines.append(f"{where}expected {len(specs)} records on {topic}, got {len(got)}: "
                                  + texts.short(" | ".join(record.raw.decode("utf-8", "replace") for record in got)))
                continue
            for number, (spec, record) in enumerate(zip(specs, got)):
                name = f"{where}{topic}[{number}]" if len(specs) > 1 else f"{where}{topic}"
                self.lines += compare(name, self.expected(spec), record)

    def topic(self, spec):
        usual = "session_replay_main" if self.case.env.get("CAPTURE_MODE") == "recordings" else "analytics_main"
        return self.expected(spec["topic"]) if "<" in spec.get("topic", "") else self.sink.topic(spec.get("topic", usual))

    # ------------------------------------------------------------------------------------------------ metrics

    def deltas(self, before):
        """Counters may be a moment behind the answer."""
        wanted = {name: value for name, value in self.expected(self.case.metrics).items()}
        end = time.monotonic() + METRICS_SECONDS
        while True:
            after = self.service.metrics()
            lines = []
            for name, value in wanted.items():
                got = metrics.select(after, name) - metrics.select(before, name)
                if got != value:
                    lines.append(f"metric {name}: expected {value:+g}, got {got:+g}")
            if not lines or time.monotonic() > end:
                self.lines += lines
                return
            time.sleep(0.01)


def read_answer(wanted):
    """(status, body or None, content type or None) of the short form; a content type of "" means none at all."""
    if isinstance(wanted, dict):
        return wanted["status"], wanted.get("body"), wanted.get("type")
    wanted = str(wanted)
    if wanted == "ok":
        return 200, OK, "application/json"
    status, _, text = wanted.partition(" ")
    if not text:
        return int(status), "", ""
    return int(status), text, "text/plain; charset=utf-8"


def body_matches(wanted, received):
    if wanted.endswith("…"):
        return received.startswith(wanted[:-1])
    return texts.matches(wanted, received)


def compare(name, spec, record):
    lines = []
    key = spec.get("key", record.usual_key())
    if key != record.key:
        lines.append(f"{name}: expected key {key!r}, got {record.key!r}")
    lines += texts.differences(f"{name}: value", spec.get("value", {}), record.value)
    lines += texts.differences(f"{name}: header", spec.get("headers", {}), dict(record.headers))
    lines += texts.differences(f"{name}: data", spec.get("data", {}), record.data)
    if "exact_data" in spec:
        lines += texts.differences(f"{name}: data", spec["exact_data"], record.data, exact=True)
    if "raw_data" in spec and record.value.get("data") != spec["raw_data"]:
        lines.append(f"{name}: expected data text {spec['raw_data']}\n        got {record.value.get('data')}")
    # Marks that a case does not mention must not be there.
    if not record.broken:
        for mark in ("force_disable_person_processing", "skip_heatmap_processing", "dlq_reason", "content-encoding"):
            if mark not in spec.get("headers", {}) and record.header(mark) not in (None, texts.MISSING):
                lines.append(f"{name}: header {mark} is {record.header(mark)!r}, not expected")
        if "historical_migration" in record.value and "historical_migration" not in spec.get("value", {}) \
                and spec.get("topic") != "analytics_historical":
            lines.append(f"{name}: value has historical_migration, not expected")
    return lines
