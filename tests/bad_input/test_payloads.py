"""Bodies that are broken, or far larger inside than outside. Contract 10 §6, §7."""
import base64
import gzip
import json
import zlib

import pytest
from watch import post

OK = '{"status":"Ok"}'
CAP = 100 * 2**20
NO_VARIANT = "failed to parse request: data did not match any variant of untagged enum RawRequest"
EVENT = {"event": "e", "distinct_id": "d"}


def batch(events):
    return json.dumps({"api_key": "phc_bad", "batch": events})


def zeros(size, wrapped=b""):
    """gzip of `size` blanks after some text, made without holding them."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [packer.compress(wrapped)]
    block = b" " * 2**20
    for _ in range(size // 2**20):
        parts.append(packer.compress(block))
    parts.append(packer.compress(b" " * (size % 2**20)))
    return b"".join([*parts, packer.flush()])


def test_gzip_bomb(service):
    """One GiB in a megabyte."""
    status, body = post(service, zeros(2**30))
    assert status == 413
    assert body.startswith(f"maximum event size exceeded: Decompressed payload would exceed {CAP} bytes (got ")


def test_several_gzip_bombs_at_once(service):
    from concurrent.futures import ThreadPoolExecutor
    bomb = zeros(2**28)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: post(service, bomb), range(16)))
    assert {status for status, _ in answers} <= {413, 503}, answers
    assert any(status == 413 for status, _ in answers)


def test_gzip_of_exactly_the_cap(service):
    text = json.dumps({"api_key": "phc_bad"} | EVENT).encode()
    assert post(service, zeros(CAP - len(text), text)) == (200, OK)
    status, _ = post(service, zeros(CAP - len(text) + 1, text))
    assert status == 413


def test_lz_string_bomb(service):
    """lz-string's dictionary grows by itself: the n-th code stands for n characters."""
    bomb = lz_string_bomb(15_000)
    form = "data=" + base64.b64encode(bomb).decode().replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
    status, body = post(service, form + "&compression=lz64", Content_Type="application/x-www-form-urlencoded")
    assert status == 413, body
    assert body.startswith("maximum event size exceeded: ")


def lz_string_bomb(codes):
    """"aaa…" in the bit stream that lz-string's base64 carries: each code is the entry that it defines itself."""
    bits = []

    def put(value, width):
        bits.extend((value >> n) & 1 for n in range(width))

    put(0, 2)
    put(ord("a"), 8)
    entries, width, enlarge = 4, 3, 4
    # After the first character the decoder has four entries; code `entries` then always means "last plus its first".
    next_code = 4
    countdown = 4
    for _ in range(codes):
        put(next_code, width)
        next_code += 1
        countdown -= 1
        if countdown == 0:
            countdown = 1 << width
            width += 1
    put(2, width)
    while len(bits) % 8:
        bits.append(0)
    return bytes(sum(bit << (7 - n) for n, bit in enumerate(bits[i:i + 8])) for i in range(0, len(bits), 8))


@pytest.mark.parametrize("keep", [1, 10, 11, 20, 50, -9, -1])
def test_truncated_gzip(service, keep):
    whole = gzip.compress(batch([EVENT] * 50).encode())
    status, body = post(service, whole[:keep], Content_Encoding="gzip")
    assert (status, body) == (400, "failed to decode request: invalid GZIP data")


def test_gzip_with_a_broken_checksum(service):
    whole = bytearray(gzip.compress(batch([EVENT]).encode()))
    whole[-6] ^= 0xFF
    assert post(service, bytes(whole)) == (400, "failed to decode request: invalid GZIP data")


def test_gzip_of_binary(service):
    assert post(service, gzip.compress(b"\xff\xfe\xfd" * 100)) == (400, "failed to decode request: invalid gzip data")


@pytest.mark.parametrize("open, close", [("[", "]"), ('{"a":', "}")], ids=["arrays", "objects"])
def test_deep_nesting(service, open, close):
    depth = 100_000
    nested = open * depth + "1" + close * depth
    bodies = [nested, open * depth,
              f'{{"api_key":"t","event":"e","distinct_id":"d","properties":{{"x":{nested}}}}}']
    for body in bodies:
        status, text = post(service, body)
        assert status == 400
        assert text.startswith("failed to parse request: ")


def test_deep_nesting_inside_gzip(service):
    status, text = post(service, gzip.compress(b"[" * 50_000_000))
    assert status == 400
    assert text.startswith("failed to parse request: ")


@pytest.mark.parametrize("text", [r"\ud800", r"\udc00", r"\ud800\ud800", r"x\udfff", r"\ud83dx"])
@pytest.mark.parametrize("place", ["event", "distinct_id", "property", "key", "unknown"])
def test_lone_surrogates(service, text, place):
    fields = {"event": '"e"', "distinct_id": '"d"', "properties": "{}", "unknown": "1"}
    if place == "property":
        fields["properties"] = f'{{"p":["{text}"]}}'
    elif place == "key":
        fields["properties"] = f'{{"{text}":1}}'
    else:
        fields[place] = f'"{text}"'
    body = '{"api_key":"phc_bad",' + ",".join(f'"{name}":{value}' for name, value in fields.items()) + "}"
    status, answer = post(service, body)
    assert status == 400, answer
    assert answer.startswith("failed to parse request: ")


@pytest.mark.parametrize("bad", [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xe2\x82"])
def test_invalid_utf8(service, bad):
    body = b'{"api_key":"phc_bad","event":"e","distinct_id":"d","properties":{"p":"' + bad + b'"}}'
    assert post(service, body) == (400, "failed to decode request: invalid UTF8 in request payload")


def test_a_million_events(service):
    """Twenty bytes each once compressed away: 10^6 events are 60 MB of JSON."""
    one = '{"event":"e","distinct_id":"d","properties":{}}'
    text = '{"api_key":"phc_bad","batch":[' + ",".join([one] * 1_000_000) + "]}"
    status, body = post(service, gzip.compress(text.encode(), 1), timeout=120)
    # More records than the memory budget allows, or than the producer's queue of 100,000 messages can take.
    assert status == 503
    assert body in ("service unavailable: memory budget exhausted", "transient error, please retry")


def test_a_million_scalars_in_the_batch(service):
    text = '{"api_key":"phc_bad","batch":[' + ",".join(["1"] * 1_000_000) + "]}"
    status, body = post(service, text)
    assert (status, body) == (400, "failed to hydrate events from request: non-engage request missing event name attribute")


def test_a_million_properties(service):
    text = '{"api_key":"phc_bad","event":"e","distinct_id":"d","properties":{' + ",".join(
        f'"k{n}":{n}' for n in range(1_000_000)) + "}}"
    status, body = post(service, text)
    assert status == 413
    assert body == "maximum event size exceeded: Event rejected by kafka during send"


@pytest.mark.parametrize("body", [
    '{"api_key":"t","token":"t","event":"e","distinct_id":"d"}',
    '{"api_key":"t","event":"e","distinct_id":"d","$distinct_id":"d"}',
    '{"api_key":"t","event":"e","distinct_id":"d","properties":{},"properties":{}}',
    '[{"api_key":"t","event":"e","event":"e","distinct_id":"d"}]',
], ids=["token", "distinct_id", "properties", "event"])
def test_duplicate_fields(service, body):
    assert post(service, body) == (400, NO_VARIANT)


@pytest.mark.parametrize("body", ["[", "{", '{"a"', "nul", "[1,]", '{"a":1,}', "01", "1e", '"\t"', '"\\x"', "[] []", "\ufeff[]",
                                  "\x00", '{"api_key":"t","batch":[{"event":"e"'])
def test_broken_json(service, body):
    status, answer = post(service, body.encode())
    assert status == 400
    assert answer.startswith("failed to parse request: ")


def test_huge_numbers_and_strings(service):
    digits = "9" * 500_000
    body = f'{{"api_key":"t","event":"e","distinct_id":"d","properties":{{"n":{digits},"e":1e{digits[:400]}}}}}'
    status, _ = post(service, body)
    assert status in (200, 400)
    status, _ = post(service, '{"api_key":"t","event":"%s","distinct_id":"d"}' % ("e" * 5_000_000))
    assert status == 413
    status, _ = post(service, '{"api_key":"t","event":"e","distinct_id":"%s"}' % ("d" * 400_000))
    assert status == 200


def test_token_of_a_megabyte(service):
    status, answer = post(service, json.dumps({"api_key": "t" * 2**20} | EVENT))
    assert (status, answer) == (401, "API key is not valid: too_long")
