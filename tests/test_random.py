"""Keys in, numbers out: the generator's words, their distribution, and their independence of company."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.func import vmap

from grokbench import random

MASK = (1 << 64) - 1
DRAWS = {
    "bits": lambda key: random.bits(key, (7, 3)),
    "uniform": lambda key: random.uniform(key, (7, 3)),
    "a single number": lambda key: random.uniform(key, ()),
    "integers": lambda key: random.integers(key, (7, 3), 10),
    "permutation": lambda key: random.permutation(key, 21),
    "normal": lambda key: random.normal(key, (7, 3)),
    "fold": lambda key: random.fold(key, "purpose", 3),
}


def splitmix64(word):
    """The finalizer in Python's integers, from Steele, Lea & Flood."""
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & MASK
    return word ^ (word >> 31)


def test_the_published_first_words_of_splitmix64():
    zero = torch.zeros((), dtype=torch.int64)
    expected = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    assert [word & MASK for word in random.bits(zero, (3,)).tolist()] == expected


@settings(deadline=None, max_examples=50)
@given(st.integers(0, MASK))
def test_words_are_those_of_unsigned_arithmetic(word):
    key = torch.tensor(word - (1 << 64) if word >> 63 else word)
    expected = [splitmix64((word + i * 0x9E3779B97F4A7C15) & MASK) for i in (1, 2, 3)]
    assert [drawn & MASK for drawn in random.bits(key, (3,)).tolist()] == expected


@pytest.mark.parametrize("draw", DRAWS)
@pytest.mark.parametrize("seeds", [(0, 1), (5, 4, 3, 2, 1, 0), (1024,)])
def test_a_seed_alone_and_in_a_group_draw_the_same(draw, seeds):
    keys = torch.stack([random.key(seed) for seed in seeds])
    together = vmap(DRAWS[draw])(keys)
    alone = torch.stack([DRAWS[draw](random.key(seed)) for seed in seeds])
    if draw == "normal":
        torch.testing.assert_close(together, alone, rtol=1e-12, atol=1e-14)
    else:
        assert torch.equal(together, alone)


def test_draws_have_no_hidden_state():
    before = torch.get_rng_state()
    first = random.normal(random.key(3), (5,))
    random.bits(random.key(4), (100,))
    assert torch.equal(first, random.normal(random.key(3), (5,)))
    assert torch.equal(before, torch.get_rng_state())


def test_a_longer_draw_begins_with_the_shorter_one():
    assert torch.equal(random.bits(random.key(1), (10,))[:4], random.bits(random.key(1), (4,)))


def test_seeds_and_purposes_give_keys_of_their_own():
    keys = [random.key(seed) for seed in (*range(-3, 500), 2**31, 2**63, 2**64 - 9)]
    keys += [random.fold(random.key(0), purpose) for purpose in ("task", "init", "batches", 7, 8)]
    keys += [random.fold(random.key(0), "batches", epoch, step) for epoch in range(20) for step in range(20)]
    assert len({int(key) for key in keys}) == len(keys)
    assert all(key.shape == () and key.dtype == torch.int64 for key in keys)


def test_the_order_of_purposes_matters():
    key = random.key(1)
    assert int(random.fold(key, "a", "b")) != int(random.fold(key, "b", "a"))
    for one, other in [(0, 1), (3, 1000), (7, 12345)]:
        assert int(random.fold(random.key(one), other)) != int(random.fold(random.key(other), one))


@pytest.mark.parametrize("seed", [0, 1, 1000])
def test_no_key_folds_to_itself_or_to_zero(seed):
    key = random.key(seed)
    children = {int(random.fold(key, data)) for data in (0, 1, int(key))}
    assert len(children | {int(key), 0}) == len(children) + 2


def test_the_normal_of_a_key_does_not_reuse_its_uniforms():
    for seed in range(4):
        z = random.normal(random.key(seed), (4000,))
        u = random.uniform(random.key(seed), (4000,))
        radius = torch.corrcoef(torch.stack([z.abs(), u]))[0, 1]
        assert abs(float(radius)) < 0.08


def test_a_fold_takes_tensors_and_integers_alike():
    key, epoch = random.key(2), torch.tensor(5)
    assert random.fold(key, "batches", epoch) == random.fold(key, "batches", 5)
    assert random.fold(key, torch.tensor(5, dtype=torch.int32)) == random.fold(key, 5)
    table = random.fold(key.expand(3, 1), torch.arange(4))
    assert table.shape == (3, 4)
    assert table[2].tolist() == [int(random.fold(key, i)) for i in range(4)]


def test_uniforms_are_uniform():
    u = random.uniform(random.key(11), (200, 1000))
    assert 0.0 <= float(u.min()) and float(u.max()) < 1.0
    assert float(u.mean()) == pytest.approx(0.5, abs=0.003)
    counts = torch.histc(u, 20, 0.0, 1.0)
    assert float(((counts - 10_000).square() / 10_000).sum()) < 50  # chi-squared with 19 degrees of freedom
    assert torch.equal(u * 2.0**53, (u * 2.0**53).floor())


def test_neighbouring_seeds_and_draws_are_uncorrelated():
    table = torch.stack([random.uniform(random.key(seed), (4000,)) for seed in range(12)])
    rows = torch.corrcoef(table) - torch.eye(12)
    assert float(rows.abs().max()) < 0.08
    flat = table.flatten()
    assert abs(float(torch.corrcoef(torch.stack([flat[:-1], flat[1:]]))[0, 1])) < 0.02


def test_normals_are_normal():
    z = random.normal(random.key(12), (100_000,))
    assert z.isfinite().all()
    assert float(z.mean()) == pytest.approx(0.0, abs=0.015)
    assert float(z.std()) == pytest.approx(1.0, abs=0.015)
    assert float(z.pow(4).mean()) == pytest.approx(3.0, abs=0.15)
    assert float((z.abs() < 1.0).double().mean()) == pytest.approx(0.6827, abs=0.006)


def test_float32_is_the_rounded_float64():
    key = random.key(6)
    for draw in (random.uniform, random.normal):
        assert torch.equal(draw(key, (50,), torch.float32), draw(key, (50,)).float())


def test_integers_cover_their_range_evenly():
    drawn = random.integers(random.key(8), (70_000,), 7)
    assert drawn.dtype == torch.int64
    counts = torch.bincount(drawn, minlength=7)
    assert len(counts) == 7 and float(((counts - 10_000).square() / 10_000).sum()) < 25


def test_a_permutation_holds_everything_once_and_favours_no_place():
    for n in (1, 2, 97):
        assert random.permutation(random.key(n), n).sort().values.tolist() == list(range(n))
    keys = random.fold(random.key(0).expand(3000), torch.arange(3000))
    orders = vmap(lambda key: random.permutation(key, 4))(keys)
    places = torch.stack([(orders == value).sum(0) for value in range(4)])
    assert float((places - 750).abs().max()) < 120
