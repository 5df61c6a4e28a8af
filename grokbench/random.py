"""Random numbers from keys: the same on every device, whether a seed trains alone or in a group.

A key is a 0-d int64 tensor, made from a seed and folded with integers and purposes (epoch, step, "batches", ...). Draw
i of a key is `mix(key + i GAMMA)`, the counter form of SplitMix64 (Steele, Lea & Flood, "Fast splittable pseudorandom
number generators", OOPSLA 2014), written in wrapping int64 arithmetic so that it also runs under `torch.func.vmap`.
There is no hidden state: the draws of a method never change the draws of others.

Integers and uniforms are equal bit for bit everywhere. Normals are equal up to the rounding of `log`, `cos` and `sqrt`.
"""

import math
from functools import lru_cache
from hashlib import blake2b

import torch
from torch import Tensor

__all__ = ["bits", "fold", "integers", "key", "normal", "permutation", "uniform"]


def _signed(word: int) -> int:
    """Return the int64 with the bits of an unsigned 64-bit word."""
    return word - (1 << 64) if word >> 63 else word


GAMMA = _signed(0x9E3779B97F4A7C15)  # 2^64 / golden ratio, odd
_WORD = (1 << 64) - 1
_MIX = _signed(0xBF58476D1CE4E5B9), _signed(0x94D049BB133111EB)


def _shift(word: Tensor, places: int) -> Tensor:
    """Shift right and fill with zeros; torch's `>>` on int64 fills with copies of the sign bit."""
    if word.is_meta:
        return word
    return (word >> places) & ((1 << (64 - places)) - 1)


def _mix(word: Tensor) -> Tensor:
    """SplitMix64's finalizer: a bijection in which every input bit moves every output bit."""
    if word.is_meta:  # only the shape counts, and torch takes seconds to find the shape of its first shift
        return word
    word = (word ^ _shift(word, 30)) * _MIX[0]
    word = (word ^ _shift(word, 27)) * _MIX[1]
    return word ^ _shift(word, 31)


@lru_cache(1024)
def _mix_constant(data: int | str) -> int:
    """Apply `_mix` to an integer, or to the hash of a purpose's name; computed once for all devices."""
    word = data if isinstance(data, int) else int.from_bytes(blake2b(data.encode(), digest_size=8).digest(), "little")
    for places, factor in zip((30, 27), _MIX, strict=True):
        word &= _WORD
        word = (word ^ (word >> places)) * factor
    word &= _WORD
    return _signed(word ^ (word >> 31))


def key(seed: int, device: torch.device | str = "cpu") -> Tensor:
    """Make the root key of a seed, () int64.

    Args:
        seed: any int64.
        device: the device of the key, and of everything that is drawn from the key.
    """
    return fold(torch.zeros((), dtype=torch.int64, device=device), seed)


def fold(key: Tensor, *data: int | str | Tensor) -> Tensor:
    """Make a new key from a key and a purpose: `fold(key, "batches", epoch)`.

    Args:
        key: (...), int64.
        *data: the purpose, as names, ints or integer tensors. Tensors must broadcast with the key. The order matters.

    Returns:
        The new key: (), if the key and all tensors are ().
    """
    for item in data:
        word = _mix(item.to(torch.int64)) if isinstance(item, Tensor) else _mix_constant(item)
        key = _mix(_mix(key + GAMMA) + word)  # swapping key and word gives another result
    return key


def bits(key: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Draw independent uniform 64-bit words, int64.

    Args:
        key: (), int64.
        shape: the shape of the result.
    """
    counter = torch.arange(1, math.prod(shape) + 1, device=key.device)
    return _mix(key + counter * GAMMA).reshape(shape)


def uniform(key: Tensor, shape: tuple[int, ...], dtype: torch.dtype = torch.float64) -> Tensor:
    """Draw uniform multiples of 2^-53 in [0, 1).

    Args:
        key: (), int64.
        shape: the shape of the result.
        dtype: the dtype to which the float64 draws are rounded. In float32 a draw may round up to 1.
    """
    return (_shift(bits(key, shape), 11).double() * 2.0**-53).to(dtype)


def integers(key: Tensor, shape: tuple[int, ...], high: int) -> Tensor:
    """Draw uniform integers in [0, high), int64.

    Args:
        key: (), int64.
        shape: the shape of the result.
        high: the number of possible values, at least 1. The bias of the modulo operation is below high / 2^63.
    """
    return _shift(bits(key, shape), 1) % high


def normal(key: Tensor, shape: tuple[int, ...], dtype: torch.dtype = torch.float64) -> Tensor:
    """Draw standard normals, by Box and Muller's cosine branch: sqrt(-2 log u) cos(2 pi v).

    Args:
        key: (), int64.
        shape: the shape of the result.
        dtype: the dtype to which the float64 draws are rounded.
    """
    u = 1.0 - uniform(fold(key, 0), shape)  # in (0, 1]: log never sees a zero
    v = uniform(fold(key, 1), shape)
    return ((-2.0 * u.log()).sqrt() * (2.0 * math.pi * v).cos()).to(dtype)


def permutation(key: Tensor, n: int) -> Tensor:
    """Draw a permutation of 0 to n - 1, (n,) int64: the stable argsort of random words.

    Args:
        key: (), int64.
        n: the length of the permutation.
    """
    return bits(key, (n,)).argsort(stable=True)
