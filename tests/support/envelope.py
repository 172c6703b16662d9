"""The LZ4 envelope of recordings: contract 20 §10."""
import lz4.block


def opened(value, encoding):
    """The JSON of a record's value; `encoding` is its header content-encoding, None where there is none."""
    if encoding is None:
        return value
    if encoding != "lz4":
        raise ValueError(f"content-encoding is {encoding!r}")
    return lz4.block.decompress(value[4:], uncompressed_size=int.from_bytes(value[:4], "little"))
