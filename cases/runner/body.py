"""What a case sends: bodies built from a value and named transforms."""
import base64
import gzip
import json
import urllib.parse
import zlib
from pathlib import Path

LZ_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
SOURCES = ("text", "json", "hex", "base64", "file", "form")


def lz_string(data):
    """lz-string's compressToBase64 of UTF-8 text."""
    units = [int.from_bytes(pair, "little") for pair in zip(*[iter(data.decode().encode("utf-16-le"))] * 2)]
    return lz_units(units)


def lz_units(units):
    bits = []

    def put(value, count):
        bits.extend((value >> index) & 1 for index in range(count))

    def put_new(unit):
        put(*((0, width) if unit < 256 else (1, width)))
        put(unit, 8 if unit < 256 else 16)

    dictionary, fresh, phrase, width, enlarge = {}, set(), (), 2, 2

    def grown():
        nonlocal width, enlarge
        enlarge -= 1
        if enlarge == 0:
            enlarge = 1 << width
            width += 1

    def put_phrase():
        if phrase[0] in fresh and len(phrase) == 1:
            put_new(phrase[0])
            fresh.discard(phrase[0])
            grown()
        else:
            put(dictionary[phrase], width)
        grown()

    for unit in units:
        if (unit,) not in dictionary:
            dictionary[(unit,)] = len(dictionary) + 3
            fresh.add(unit)
        if phrase + (unit,) in dictionary:
            phrase += (unit,)
            continue
        put_phrase()
        dictionary[phrase + (unit,)] = len(dictionary) + 3
        phrase = (unit,)
    if phrase:
        put_phrase()
    return finish(bits, put, width)


def lz_run(unit, count):
    """A run of one unit, which lz-string packs into a few codes: each phrase is one longer than the one before."""
    bits = []

    def put(value, width):
        bits.extend((value >> index) & 1 for index in range(width))
    put(0 if unit < 256 else 1, 2)
    put(unit, 8 if unit < 256 else 16)
    codes, length, left = [], 2, count - 1
    while left:
        length = min(length, left)
        codes.append(length + 2)  # the code of the phrase of that length
        left -= length
        length += 1
    # The first unit counts twice, each later phrase once; the width grows whenever the count runs out.
    width, enlarge = 3, 4
    for code in codes:
        put(code, width)
        enlarge -= 1
        if enlarge == 0:
            enlarge = 1 << width
            width += 1
    return finish(bits, put, width)


def finish(bits, put, width):
    put(2, width)
    # One more flush bit at least, then whole groups of six.
    bits.append(0)
    while len(bits) % 6:
        bits.append(0)
    text = "".join(LZ_ALPHABET[int("".join(map(str, bits[i:i + 6])), 2)] for i in range(0, len(bits), 6))
    return (text + "=" * (-len(text) % 4)).encode()


def transform(data, step):
    name, argument = next(iter(step.items())) if isinstance(step, dict) else (step, None)
    match name:
        case "gzip":
            return gzip.compress(data, mtime=0)
        case "zlib":
            return zlib.compress(data)
        case "base64":
            return base64.b64encode(data)
        case "lzstring":
            return lz_string(data)
        case "lz_units":  # the argument's 16-bit units, which need not be text
            return lz_units(argument)
        case "lz_run":
            return lz_run(*argument)
        case "percent":
            return urllib.parse.quote(data, safe="").encode()
        case "repeat":
            return data * argument
        case "pad_to":  # blanks, which JSON allows at its end
            return data + b" " * (argument - len(data))
        case "truncate":
            return data[:argument]
        case "prepend":
            return bytes.fromhex(argument) + data
        case "append":
            return data + bytes.fromhex(argument)
        case "replace":
            return data.replace(*(text.encode() for text in argument))
        case _:
            raise ValueError(f"unknown transform {name}")


def build(spec, folder):
    """Bytes of a body: a text, or a mapping with one source and, in `encode`, its transforms in order."""
    if spec is None:
        return b""
    if not isinstance(spec, dict):
        return str(spec).encode()
    sources = [name for name in SOURCES if name in spec]
    if not sources:
        return b""
    if len(sources) > 1:
        raise ValueError(f"more than one source of a body: {sources}")
    source = spec[sources[0]]
    match sources[0]:
        case "text":
            data = source.encode()
        case "json":
            data = json.dumps(source, ensure_ascii=False, separators=(",", ":")).encode()
        case "hex":
            data = bytes.fromhex(source)
        case "base64":
            data = base64.b64decode(source)
        case "file":
            data = (Path(folder) / source).read_bytes()
        case "form":
            data = pairs(source, folder)
    for step in spec.get("encode", ()):
        data = transform(data, step)
    return data


def pairs(fields, folder):
    """An urlencoded form or query; a list of [name, value] may repeat names."""
    items = fields.items() if isinstance(fields, dict) else fields
    return "&".join(f"{urllib.parse.quote_plus(name)}={urllib.parse.quote_plus(build(value, folder))}"
                    for name, value in items).encode()
