"""Sends events with posthog (Python) and prints, as one JSON document, what the SDK says it has sent.

python_sdk.py '{"host": "http://…", "gzip": true, "historical": false}'
"""
import datetime
import json
import sys

from posthog import Posthog
from posthog.request import DatetimeSerializer

options = json.loads(sys.argv[1])
captured, errors = [], []


def before_send(message):
    captured.append(message)
    return message


client = Posthog("phc_python", host=options["host"], gzip=options["gzip"], flush_at=7, flush_interval=0.2, max_retries=0,
                 historical_migration=options["historical"], before_send=before_send,
                 on_error=lambda error, batch: errors.append(f"{error}: {len(batch)} events"))

client.capture("plain", distinct_id="p-1")
client.capture("with everything", distinct_id="p-1", uuid="018f4e7a-1b2c-7d3e-8f40-aabbccddeeff",
               timestamp=datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=1),
               properties={"text": 'Grüße ☃ "quoted" \\ \n', "deep": {"list": [1, 2.5, None, {"a": []}]}, "big": 2**62},
               groups={"company": "acme"})
client.set(distinct_id="p-2", properties={"email": "p2@example.com"})
client.set_once(distinct_id="p-2", properties={"first": "yes"})
client.alias("p-anonymous", "p-2")
client.group_identify("company", "acme", {"name": "Acme"})
try:
    raise ValueError("out of cheese")
except ValueError as problem:
    client.capture_exception(problem, distinct_id="p-3")
client.capture("$ai_generation", distinct_id="p-4", properties={"$ai_model": "m", "$ai_input": "hello"})
for number in range(40):
    client.capture("many", distinct_id=f"p-{number % 3}", properties={"n": number})
client.shutdown()
print(json.dumps({"sent": captured, "errors": errors}, cls=DatetimeSerializer))
