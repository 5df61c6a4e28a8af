"""Plugin files as a user writes them."""

GOOD = """\
from grokbench import Regularizer, hookimpl

def {name}(limit: float = 1.0) -> Regularizer:
    '''Clip every gradient element.'''
    return Regularizer(transform=lambda g, s, at: ({{n: t.clamp(-limit, limit) for n, t in g.items()}}, s))

@hookimpl
def grokbench_regularizers():
    yield {name}
"""


def write(folder, name, text):
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file
