"""Flat graphs respect memory: who shares it, how tensors lie in it, and who overwrites it."""

import pytest
import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from grokbench.engine import flat_function
from grokbench.engine.flat_function import FlatFunction

KEPT = torch.zeros(2)


def bits(tree):
    return [(leaf.dtype, str(leaf.tolist())) if isinstance(leaf, Tensor) else leaf for leaf in pytree.tree_leaves(tree)]


def each_like_the_function(function, calls, note=None):
    """Give the same calls to a function and its flat function, which may differ in nothing but time."""
    flat = FlatFunction(function, record_after=1)
    for made in calls:
        assert bits(flat(*made())) == bits(function(*made()))
    assert flat.note == note
    assert note or any(each.checked for each in flat._calls.values())


def chained(function, state, times=6):
    """Do the same with calls of which each gets the result of the one before."""
    flat, ours, theirs = FlatFunction(function, record_after=1), state(), state()
    for _ in range(times):
        ours, theirs = flat(ours, ()), function(theirs, ())
        assert bits(ours) == bits(theirs)
    assert flat.note is None and any(each.checked for each in flat._calls.values())


def filled(call, *shape, **options):
    return torch.arange(float(torch.Size(shape).numel()), **options).reshape(shape) + call


LAYOUTS = {
    "an offset and gaps": lambda call: filled(call, 3, 6)[:, 1:3],
    "stride zero": lambda call: filled(call, 2).expand(3, 2),
    "columns first": lambda call: filled(call, 2, 3).t(),
    "no elements": lambda call: filled(call, 3, 6)[:, 2:2],
}


@pytest.mark.parametrize("make", LAYOUTS.values(), ids=LAYOUTS)
def test_the_state_may_lie_in_memory_in_any_way(make):
    def function(state, inputs):
        return state.t()[None] + 1, state[1:].sum(), state.flatten().clone()

    each_like_the_function(function, [lambda call=call: (make(call), ()) for call in range(5)])


def test_equal_results_have_memory_of_their_own():
    def function(state, inputs):
        a, b = state
        a.add_(1)
        return b * 2, b * 2

    chained(function, lambda: (torch.ones(2), torch.ones(2)))


def test_one_result_of_two_equal_operations_is_overwritten():
    def function(state, inputs):
        one, other = state.max(0), state.max(0)
        one.values.add_(1)
        return one.values, other.values

    each_like_the_function(function, [lambda call=call: (filled(call, 2, 3), ()) for call in range(5)])


def test_views_show_what_is_written_later_and_numbers_read_before_stay():
    def function(state, inputs):
        row, before = state[0], state * 2
        state.t()[1].add_(inputs)
        kept = state.clone()
        state[1:].zero_()
        return row, before, state * 2, kept, state[0].clone(), state

    each_like_the_function(function, [lambda call=call: (filled(call, 2, 3), torch.ones(2)) for call in range(5)])


def test_arguments_that_share_memory_at_first_may_differ_later():
    def function(state, inputs):
        one, other = inputs
        return one.t() + 1, other.t() * 2

    def shared(call):
        tensor = filled(call, 2, 3)
        return (), (tensor, tensor if call < 4 else filled(7 * call, 2, 3))

    each_like_the_function(function, [lambda call=call: shared(call) for call in range(7)])


def test_a_state_that_shares_memory_with_another_one_is_overwritten():
    def function(state, inputs):
        one, other = state
        before = other * 2
        one.add_(1)
        return before, other * 2

    def made(call):
        tensor = filled(call, 2, 3)
        return (tensor, tensor.t()), ()

    flat, expected = FlatFunction(function, record_after=1), [function(*made(call)) for call in range(5)]
    assert bits([flat(*made(call)) for call in range(5)]) == bits(expected)


@pytest.mark.parametrize("back", [False, True])
def test_a_repeated_function_may_change_the_layout_of_its_state(back):
    def function(state, inputs):
        result = (state + state[0][:, None] * inputs[0]).t()
        return result.t().clone() if back else result

    numbers = [torch.tensor(number) for number in range(9)]
    flat, expected = FlatFunction(function, record_after=0), filled(0, 3, 3)
    for number in numbers:
        expected = function(expected, (number,))
    assert bits(flat.repeat(filled(0, 3, 3), (), numbers)) == bits(expected)
    assert any(each.checked for each in flat._calls.values())


def test_a_tensor_made_from_numbers_is_new_in_each_call():
    def function(state, inputs):
        total = torch.tensor([0.0, 1.0])
        total += (state > 2).to(total.dtype)
        return total, torch.tensor([0.0, 1.0])

    each_like_the_function(function, [lambda call=call: (torch.full((2,), call), ()) for call in range(6)])


SCALES = {"-inf": float("-inf"), "nan": float("nan"), "complex": 2 - 3j, "bool": True, "minus zero": -0.0}


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_constants_keep_their_bits(scale):
    def function(state, inputs):
        result = torch.where(state > 1, state * scale, torch.ones_like(state) * scale).isnan()
        return result, torch.full((2,), scale), state.new_empty(0).sum()

    each_like_the_function(function, [lambda call=call: (torch.full((2,), float(call)), ()) for call in range(5)])


def test_complex_and_boolean_numbers_are_recorded():
    def function(state, inputs):
        turned = torch.fft.rfft(state)
        return turned.conj().t()[1] * turned.t()[0], turned.conj().imag.clone(), (turned.real > 0).all(), turned.conj()

    each_like_the_function(function, [lambda call=call: (filled(call, 2, 3), ()) for call in range(5)])


def test_a_state_that_is_conjugated_lazily_is_not_recorded():
    calls = [lambda call=call: (filled(call, 2).to(torch.complex64).conj(), ()) for call in range(4)]
    each_like_the_function(lambda state, inputs: state * 2, calls, "a state is conjugated or negated lazily")


def swallowed(state):
    try:
        return state * float(state[0])
    except Exception:
        return state


def overwritten_constant(state):
    return KEPT.fill_(1) * state


NUMBER, SHAPE = "it reads a number from a tensor", "a shape depends on the numbers of a tensor"
READ = {
    "tolist": (lambda state: state * (2 if state.tolist()[0] < 100 else 3), NUMBER),
    "numpy": (lambda state: state * (2 if state.numpy()[0] < 100 else 3), NUMBER),
    "equal": (lambda state: state * (2 if torch.equal(state, state) else 3), NUMBER),
    "swallowed": (swallowed, NUMBER),
    "mask": (lambda state: state[state < 100], SHAPE),
    "nonzero": (lambda state: (state < 100).nonzero(), SHAPE),
    "constant": (overwritten_constant, "it overwrites a tensor that it keeps between calls"),
}


@pytest.mark.parametrize(("function", "note"), READ.values(), ids=READ)
def test_operations_that_depend_on_numbers_are_not_recorded(function, note):
    calls = [lambda call=call: (torch.full((2,), 60.0 * call), ()) for call in range(5)]
    each_like_the_function(lambda state, inputs: function(state), calls, note)


def test_an_index_without_a_mask_is_recorded():
    calls = [lambda call=call: (filled(call, 3), torch.tensor([2, call % 3])) for call in range(5)]
    each_like_the_function(lambda state, inputs: state[inputs], calls)


def test_without_memory_for_a_copy_the_function_is_called(monkeypatch):
    def exhausted(leaf):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory\n  at line 3")

    monkeypatch.setattr(flat_function, "copied", exhausted)
    calls = [lambda call=call: (torch.full((2,), call), ()) for call in range(4)]
    each_like_the_function(lambda state, inputs: state * 2, calls, "DefaultCPUAllocator: can't allocate memory")


DIFFERENT = {
    "dtype": lambda call: torch.ones(2, dtype=torch.float64 if call else torch.float32),
    "sign of zero": lambda call: torch.zeros(2).neg() if call else torch.zeros(2),
    "shape": lambda call: torch.ones(1, 2) if call else torch.ones(2),
    "structure": lambda call: [torch.ones(2)] * (1 + call),
}


@pytest.mark.parametrize("result", DIFFERENT.values(), ids=DIFFERENT)
def test_results_that_differ_in_more_than_value_are_noticed(result):
    recorded = []

    def function(state, inputs):
        recorded.append(1)
        return result(len(recorded) > 1)  # the first call is recorded

    flat = FlatFunction(function, record_after=0)
    for _ in range(3):
        flat(torch.ones(2), ())
    assert flat.note == "its recorded operations compute other numbers"
