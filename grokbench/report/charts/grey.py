"""Grey images as data URLs."""

import base64
import math
import struct
import zlib

import numpy as np

from grokbench.geometry.network import Array

__all__ = ["grey_png"]


def grey_png(values: Array) -> str:
    """Write a square image as a png in a data URL; black is the least value and white the largest.

    Args:
        values: the pixels, (side x side,), row by row.
    """
    side = math.isqrt(values.size)
    low, high = float(values.min()), float(values.max())
    pixels = np.rint(255.0 * (values.reshape(side, side) - low) / ((high - low) or 1.0)).astype(np.uint8)
    rows = np.concatenate([np.zeros((side, 1), np.uint8), pixels], axis=1)  # each row begins with the filter 0
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b""))
    content = b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
