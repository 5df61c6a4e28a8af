"""The file formats that are fuzzed: a file is decoded, a value in it is edited, and it is encoded again."""

import gzip
import io
import json
import re
import struct
import zipfile
from collections.abc import Callable
from random import Random
from typing import Any

import yaml

from fuzzing.mutation.raw import edit_bytes, extreme_integer
from fuzzing.mutation.trees import edit_tree, json_text

__all__ = ["FORMS"]

CHARACTERS = tuple("0123456789.-+eE<>=, \t\n\u0660\u2007") + ("1" * 3000, " " * 3000, "-" * 100)
LARGEST = 2**24  # members of a zip file are edited only if it expands to at most this many bytes
INSIDE_NPY = re.compile(rb"(?<=\(|,| )[0-9]+(?=,|\))")  # a dimension in the header of an npy file


def edit_text(data: bytes, rng: Random) -> bytes:
    """Edit a short text such as a condition."""
    text = data.decode()
    at, end = sorted(rng.randrange(len(text) + 1) for _ in range(2))
    return (text[:at] + rng.choice(CHARACTERS) * rng.choice((0, 1, 2)) + text[rng.choice((at, end)) :]).encode()


def edit_json_lines(data: bytes, rng: Random) -> bytes:
    """Edit a value in one line of JSON, or delete, repeat or move a line."""
    lines = data.split(b"\n")
    at = rng.randrange(max(1, len(lines) - 1))
    if rng.random() < 0.1:
        lines[at : at + 1] = rng.choice(([], lines[at : at + 1] * 2, [rng.choice(lines), lines[at]]))
    else:
        lines[at] = _json(lines[at], rng)
    return b"\n".join(lines)


def _json(data: bytes, rng: Random) -> bytes:
    return json_text(edit_tree(json.loads(data), rng), rng).encode("utf-8", "surrogatepass")


def edit_yaml(data: bytes, rng: Random) -> bytes:
    """Edit a value of a YAML file, or a character of it."""
    if rng.random() < 0.3:
        return edit_text(data, rng)
    tree = edit_tree(yaml.safe_load(data), rng)
    if rng.random() < 0.3:  # JSON is YAML
        return json_text(tree, rng).encode("utf-8", "surrogatepass")
    return bytes(yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, default_flow_style=None).encode("utf-8"))


def edit_npy(data: bytes, rng: Random) -> bytes:
    """Edit a dimension of an npy file, or its bytes."""
    sizes = list(INSIDE_NPY.finditer(data[:200]))
    if not sizes or rng.random() < 0.5:
        return edit_bytes(data[:128], rng) + data[128:]
    found = rng.choice(sizes)
    return data[: found.start()] + str(extreme_integer(rng, 64)).encode() + data[found.end() :]


def edit_zip(data: bytes, rng: Random) -> bytes:
    """Edit a member of a zip file of npy files and JSON, or a field of its headers."""
    if rng.random() < 0.3:
        return _edit_zip_header(data, rng)
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        if sum(part.file_size for part in file.infolist()) > LARGEST:
            return _edit_zip_header(data, rng)
        members = {name: file.read(name) for name in file.namelist()}
    name = rng.choice([*members, *(name for name in members if name.startswith("head"))])
    members[name] = _edit_member(members[name], rng)
    if rng.random() < 0.1:
        members[rng.choice(("head.json", "t0.npy", "x"))] = members.pop(name)
    written = io.BytesIO()
    method = rng.choice((zipfile.ZIP_STORED,) * 4 + (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2))
    with zipfile.ZipFile(written, "w", method) as file:
        for each, content in members.items():
            file.writestr(each, content)
    return written.getvalue()


def _edit_member(data: bytes, rng: Random) -> bytes:
    """Edit a member of a zip file: an npy file, or JSON such as the head of a checkpoint."""
    return _json(data, rng) if data.startswith(b"{") and rng.random() < 0.9 else edit_npy(data, rng)


def _edit_zip_header(data: bytes, rng: Random) -> bytes:
    """Change one of the first 46 bytes of a directory entry or of a member's header."""
    heads = [found.start() for found in re.finditer(rb"PK(\x01\x02|\x03\x04|\x05\x06)", data)]
    at = rng.choice(heads) + rng.randrange(4, 46)
    return data[:at] + bytes([extreme_integer(rng, 8)]) + data[at + 1 :]


def edit_idx(data: bytes, rng: Random) -> bytes:
    """Edit the header of an idx file: the type, the number of dimensions or a dimension."""
    if rng.random() < 0.3:
        at = rng.randrange(4)
        return data[:at] + bytes([extreme_integer(rng, 8)]) + data[at + 1 :]
    at = 4 * rng.randint(1, max(1, data[3]))
    return data[:at] + struct.pack(">I", extreme_integer(rng, 32)) + data[at + 4 :]


def edit_gz(data: bytes, rng: Random) -> bytes:
    """Edit a compressed idx file; rarely, make it expand to a large one."""
    inner = edit_idx(gzip.decompress(data), rng)
    return gzip.compress(inner + bytes(2**28 if rng.random() < 0.002 else 0), 1)


def edit_safetensors(data: bytes, rng: Random) -> bytes:
    """Edit a value of the header of a file of weights, or the length of that header."""
    (length,) = struct.unpack("<Q", data[:8])
    header = _json(data[8 : 8 + length], rng)
    size = len(header) if rng.random() < 0.95 else extreme_integer(rng, 64)
    return struct.pack("<Q", size) + header + data[8 + length :]


FORMS: dict[str, Callable[[bytes, Random], Any]] = {
    "text": edit_text,
    "yaml": edit_yaml,
    "json": edit_json_lines,
    "zip": edit_zip,
    "npy": edit_npy,
    "idx": edit_idx,
    "gz": edit_gz,
    "safetensors": edit_safetensors,
}
