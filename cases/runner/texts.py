"""The texts in a case: placeholders that are filled in before sending, and matchers that an answer is held against.

Placeholders `<token>`, `<topic:NAME>`, `<now-90s>`, `<ms:now+5s>`, `<s:now>` may stand anywhere in a text, as may
`<epoch:3600>`, the number of the rate limiter's present window of so many seconds. A matcher is a whole
text: `<any>`, `<absent>`, `<uuid>`, `<uuid7>`, `<now-90s>` (that time, give or take a minute), `<ms:now>`, `<re:…>`.
"""
import datetime
import re

PLACEHOLDER = re.compile(r"<(token|topic:[a-z_]+|epoch:\d+|(?:(ms|s):)?now(?:([+-])(\d+)([smhd]))?)>")
MATCHER = re.compile(r"<(any|absent|uuid7|uuid|re:.*|(?:(ms|s):)?now(?:([+-])(\d+)([smhd]))?)>", re.S)
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
RFC3339 = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)")
TOLERANCE_SECONDS = 60
MISSING = type("Missing", (), {"__repr__": lambda self: "(missing)"})()


def utc_now():
    return datetime.datetime.now(datetime.timezone.utc)


def moment(now, sign, amount, unit):
    if not sign:
        return now
    delta = datetime.timedelta(seconds=int(amount) * UNITS[unit])
    return now + delta if sign == "+" else now - delta


def print_time(form, when):
    if form == "ms":
        return str(int(when.timestamp() * 1000))
    if form == "s":
        return str(int(when.timestamp()))
    return when.strftime("%Y-%m-%dT%H:%M:%S.") + f"{when.microsecond // 1000:03d}Z"


def fill(value, token, topics, now):
    """The value with every placeholder in its texts (keys too) replaced."""
    if isinstance(value, str):
        def replacement(match):
            if match[1] == "token":
                return token
            if match[1].startswith("topic:"):
                return topics(match[1][6:])
            if match[1].startswith("epoch:"):
                return str(int(now.timestamp()) // int(match[1][6:]))
            return print_time(match[2], moment(now, match[3], match[4], match[5]))
        return PLACEHOLDER.sub(replacement, value)
    if isinstance(value, list):
        return [fill(item, token, topics, now) for item in value]
    if isinstance(value, dict):
        return {fill(key, token, topics, now): fill(item, token, topics, now) for key, item in value.items()}
    return value


def fill_expected(value, token, topics):
    """Like fill, but times stay matchers."""
    if isinstance(value, str):
        return re.sub(r"<topic:([a-z_]+)>", lambda m: topics(m[1]), value.replace("<token>", token))
    if isinstance(value, list):
        return [fill_expected(item, token, topics) for item in value]
    if isinstance(value, dict):
        return {fill_expected(key, token, topics): fill_expected(item, token, topics) for key, item in value.items()}
    return value


def read_time(text):
    """Seconds since the epoch, or None when the text is no RFC 3339 time."""
    match = RFC3339.fullmatch(text) if isinstance(text, str) else None
    if not match:
        return None
    zone = "+00:00" if match[3] == "Z" else match[3]
    try:
        whole = datetime.datetime.fromisoformat(match[1] + zone)
    except ValueError:
        return None
    return whole.timestamp() + (int(match[2].ljust(9, "0")) / 1e9 if match[2] else 0)


def matches(expected, actual):
    """True when the value is what the matcher or plain value says."""
    matcher = MATCHER.fullmatch(expected) if isinstance(expected, str) else None
    if not matcher:
        return type(expected) is type(actual) and expected == actual
    kind = matcher[1]
    if kind == "absent":
        return actual is MISSING
    if actual is MISSING:
        return False
    if kind == "any":
        return True
    if not isinstance(actual, str):
        return False
    if kind == "uuid":
        return bool(UUID.fullmatch(actual))
    if kind == "uuid7":
        return bool(UUID7.fullmatch(actual))
    if kind.startswith("re:"):
        return bool(re.fullmatch(kind[3:], actual, re.S))
    wanted = moment(utc_now(), matcher[3], matcher[4], matcher[5]).timestamp()
    if matcher[2]:
        seconds = int(actual) / (1000 if matcher[2] == "ms" else 1) if re.fullmatch(r"-?\d+", actual) else None
    else:
        seconds = read_time(actual)
    return seconds is not None and abs(seconds - wanted) <= TOLERANCE_SECONDS


def differences(where, expected, actual, exact=False):
    """One line per difference. Objects are compared by the members the case names; all members count when exact."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        lines = []
        for key, item in expected.items():
            lines += differences(f"{where}.{key}", item, actual.get(key, MISSING), exact)
        if exact:
            lines += [f"{where}.{key}: not expected, got {short(actual[key])}" for key in actual if key not in expected]
        return lines
    if isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        return [line for index, pair in enumerate(zip(expected, actual))
                for line in differences(f"{where}[{index}]", *pair, exact)]
    return [] if matches(expected, actual) else [f"{where}: expected {short(expected)}, got {short(actual)}"]


def short(value):
    text = value if isinstance(value, str) else repr(value)
    return repr(text) if len(text) <= 400 else repr(text[:300]) + f"… ({len(text)} characters)"
