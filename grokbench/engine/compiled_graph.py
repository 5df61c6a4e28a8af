"""Flat graphs through torch's compiler: loops that fuse elementwise operations, in C++ for a CPU.

Compiled code is kept in the user's cache, under a digest of the graph, torch and the processor. The second time, it is
loaded without being compiled.
"""

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import Graph, GraphModule, Node

from grokbench.engine.cuda_graphs import first_cause
from grokbench.engine.graph_passes import looks_like
from grokbench.engine.out_of_memory import exhausted
from grokbench.provenance import environment
from grokbench.resources.compiler import code_folder

__all__ = ["CompilationError", "CompiledGraph", "set_up"]

# Settings of torch's compiler. A worker has one thread. Without the checks of sizes, which `FlatFunction` makes, a call
# is cheaper. NaN and infinity are kept, and no operation is reordered to save rounding. torch repeats an expression at
# each of its uses until it has so many operations; a chain of x ^ (x >> k), as in random draws, then doubles at every
# link, and with torch's 50 operations the draws of GrokAlign were not compiled within five minutes.
OPTIONS = {
    "realize_opcount_threshold": 8,
    "cpp.threads": 1,
    "compile_threads": 1,
    "cpp.enable_unsafe_math_opt_flag": False,
    "freezing": False,
    "max_autotune": False,
    "size_asserts": False,
    "alignment_asserts": False,
}

Compiled = Callable[..., Any]  # tensors -> tuple of tensors


class CompilationError(Exception):
    """torch's compiler failed, or its code gives other numbers than the graph."""


class CompiledGraph:
    """A flat graph that is compiled, or loaded from the user's cache. It is called as the graph's module.

    The compiled function takes only tensors that the graph uses, the graph's constants among them, and returns only
    tensors that it computes. Results that are arguments, overwritten or not, are taken from the arguments.
    """

    def __init__(self, module: GraphModule, leaves: Sequence[Tensor | None]) -> None:
        """Compile the graph.

        Args:
            module: the result of `record`, whose views are not merged; its graph is changed.
            leaves: arguments of the graph, of which only shapes, strides and dtypes count.

        Raises:
            CompilationError: the compiler failed.
        """
        self._values: Any = module.graph.output_node().args[0]
        self._results = list(_take_results(module.graph))
        self._constants = _take_constants(module)
        self._used = _take_arguments(module.graph)
        inputs: list[Any] = [*(leaves[position] for position in self._used), *self._constants]
        try:
            self._compiled = _loaded(_path(module.graph)) or _compiled(module.graph, inputs)
        except Exception as error:
            if exhausted(error):
                raise
            raise CompilationError(f"torch's compiler failed: {first_cause(error)}") from error

    def __call__(self, *leaves: Tensor | None) -> list[Any]:
        """Run the compiled function."""
        found = self._compiled(*[leaves[position] for position in self._used], *self._constants)
        sources = (leaves, found, self._values)
        return [sources[source][number] for source, number in self._results]


def set_up() -> None:
    """Tell torch's compiler its folder, and to start no processes; it has to be called before the compiler is used."""
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(code_folder()))
    os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)  # it warns of a CPU without CUDA


def _take_results(graph: Graph) -> Iterator[tuple[int, int]]:
    """Reduce the results to those that are computed.

    Yields:
        For each result its source and its number there: in the arguments (0), in the computed results (1), or in the
        results themselves (2), because it is no tensor.
    """
    arguments = {node: number for number, node in enumerate(graph.find_nodes(op="placeholder"))}
    output, computed = graph.output_node(), dict[Node, int]()
    for number, node in enumerate(output.args[0]):  # type: ignore[arg-type]
        if not isinstance(node, Node):
            yield 2, number
        elif (memory := node.meta["storage"]) in arguments and (memory is node or looks_like(node, memory)):
            yield 0, arguments[memory]
        else:
            yield 1, computed.setdefault(node, len(computed))
    output.args = (tuple(computed),)


def _take_constants(module: GraphModule) -> list[Tensor]:
    """Make arguments of the constants, because compiled code may be shared by graphs that differ in their values."""
    found, last = [], [*module.graph.find_nodes(op="placeholder")][-1]
    for node in module.graph.find_nodes(op="get_attr"):
        found.append(getattr(module, node.target))
        with module.graph.inserting_after(last):
            last = module.graph.placeholder(f"of_{node.target}")
        node.replace_all_uses_with(last)
        module.graph.erase_node(node)
    return found


def _take_arguments(graph: Graph) -> list[int]:
    """Remove the arguments that the graph does not use, and return the numbers of the others, without constants."""
    used = []
    for number, node in enumerate(graph.find_nodes(op="placeholder")):
        if not node.users:
            graph.erase_node(node)
        elif node.name.startswith("argument"):
            used.append(number)
    return used


FACTS = ("layout", "kind")  # facts of a node that its text lacks


def _path(graph: Graph) -> Path:
    """Return the file of a graph's compiled code."""
    facts = [torch.__version__, _processor(), repr(sorted(OPTIONS.items()))]
    nodes = [f"{node.format_node()} {node.kwargs} {[node.meta.get(fact) for fact in FACTS]}" for node in graph.nodes]
    return code_folder() / "grokbench" / f"{sha256(chr(10).join(facts + nodes).encode()).hexdigest()[:32]}.bin"


def _processor() -> str:
    """Describe the processor, for which the code is compiled: its name and its instructions."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    instructions = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return f"{environment()['cpu']} {torch.backends.cpu.get_cpu_capability()} {instructions}"


def _loaded(path: Path) -> Compiled | None:
    """Load compiled code; None if there is none, or if it is damaged."""
    if not path.is_file():
        return None
    from torch._inductor.standalone_compile import CompiledArtifact

    with suppress(Exception):  # whatever a damaged file causes
        return CompiledArtifact.load(path=str(path), format="binary")
    return None


def _compiled(graph: Graph, inputs: Sequence[Tensor]) -> Compiled:
    """Compile a graph, and keep the code if the folder can be written."""
    from torch._inductor import config, standalone_compile

    path = _path(graph)
    options = {name: value for name, value in OPTIONS.items() if name in config.get_config_copy()}
    found = standalone_compile(
        GraphModule(nn.Module(), graph),
        list(inputs),
        dynamic_shapes="from_example_inputs",
        options={"config_patches": options},
    )
    with suppress(Exception):  # the folder cannot be written, or the code cannot be kept: the next process compiles
        path.parent.mkdir(parents=True, exist_ok=True)
        written = path.with_suffix(f".{os.getpid()}")  # another worker never loads half of a file
        found.save(path=str(written), format="binary")
        written.replace(path)
    return found
