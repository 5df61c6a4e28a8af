"""Of what is not finite, the line that made it is named."""

import re
from pathlib import Path

import pytest
import torch

from grokbench.conformance import Verdict, nonfinite

from .helpers import planted
from .helpers.check_answers import asked

pytestmark = pytest.mark.usefixtures("quick_clock")


LINES = {  # planted fault -> the line that makes it, whether it runs forwards or is differentiated
    "a nan gradient on a dead network": ".square().sum(-1).sqrt().mean()",
    "a logarithm of nothing in a sure network": "return 0.1 * (p * p.log()).sum(-1).mean()",
    "an exponential in a sure network": "outputs.exp().mean().log()",
    "a penalty without a value": "return 0.1 * (local.outputs.square().mean() - 1e9).log()",
    "a norm of zero divided by": "factor = {name: 1.0 + gain",
}


@pytest.mark.parametrize("fault", LINES)
def test_the_line_is_named_that_makes_what_is_not_finite(tmp_path, fault):
    given = asked(tmp_path, planted.METHODS[fault].source, planted.METHODS[fault].question)
    assert re.match(r"method\.py, line \d+: ", given.place) and LINES[fault] in given.place


def test_an_infinity_that_is_put_aside_is_not_blamed(tmp_path):
    source = """
def penalty(local, state, at):
    aside = local.outputs.masked_fill(local.outputs < 0.0, -torch.inf).exp().mean()
    return 0.01 * aside + (local.outputs - local.outputs).sum().sqrt()


def method() -> Regularizer:
    \"\"\"Set some outputs aside.\"\"\"
    return Regularizer(penalty=penalty)
"""
    given = asked(tmp_path, source, "precision")
    assert given.verdict is Verdict.FAILED and given.place.endswith("(local.outputs - local.outputs).sum().sqrt()")


def test_what_the_task_itself_makes_is_not_laid_to_a_method():
    one, here = torch.ones(()), Path(__file__)
    assert nonfinite.birthplace(lambda: [one.log()], here) == ""  # zero
    assert nonfinite.birthplace(lambda: [(one - one).log()], here).startswith("test_nonfinite.py, line ")
    assert nonfinite.birthplace(lambda: [(one - one).log()], here.parent / "elsewhere" / "method.py") == ""
