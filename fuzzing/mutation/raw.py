"""Edits of raw bytes."""

from random import Random

__all__ = ["edit_bytes", "extreme_integer"]

WORDS = (b"\x00" * 4, b"\xff" * 4, b"\x7f\xff\xff\xff", b"\x80\x00\x00\x00", b"\n", b'"', b"{", b"[", b"\xed\xa0\x80")


def edit_bytes(data: bytes, rng: Random) -> bytes:
    """Change, delete, insert, repeat or cut off some bytes.

    Args:
        data: the bytes.
        rng: the source of all choices.
    """
    at = rng.randrange(len(data) + 1)
    length = min(rng.choice((1, 1, 2, 4, 8, 64)), len(data) - at)
    old, word = data[at : at + length], rng.choice(WORDS)
    new = rng.choice((b"", word, old + word, old * 3, bytes(byte ^ 1 << rng.randrange(8) for byte in old)))
    return data[:at] if rng.random() < 0.05 else data[:at] + new + data[at + length :]


def extreme_integer(rng: Random, bits: int) -> int:
    """Return an unsigned integer of some bits: small, large, or of one bit.

    Args:
        rng: the source of all choices.
        bits: the number of bits.
    """
    return rng.choice((0, 1, 2, rng.randrange(1, 100), 2**bits - 1, 2 ** (bits - 1), 1 << rng.randrange(bits)))
