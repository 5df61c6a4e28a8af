"""Compilation of flat graphs by torch's compiler, which fuses elementwise operations into loops, in C++ for a CPU.

Compiled code is kept in the user's cache, under a digest of the graph, torch and the processor. Later processes load it
instead of compiling again.
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

# Settings of torch's compiler. A worker has one thread. The compiled code need not check sizes, because `FlatFunction`
# does. It must keep NaN and infinity, and must not reorder floating-point operations. The compiler repeats an
# expression at each of its uses until the expression has so many operations. A chain of x ^ (x >> k), as in random
# draws, then doubles at every link: with torch's default of 50, GrokAlign was not compiled within five minutes.
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
    """torch's compiler failed, or its code computes other numbers than the graph."""


class CompiledGraph:
    """The compiled code of a flat graph, loaded from the user's cache if it is there; called like the graph's module.

    The code takes only the tensors that the graph uses, including its constants, and returns only the tensors that it
    computes. A result that is itself an argument, overwritten or not, is taken from the arguments.
    """

    def __init__(self, module: GraphModule, leaves: Sequence[Tensor | None]) -> None:
        """Compile the graph.

        Args:
            module: the result of `record`, with views that are not merged yet; its graph is changed.
            leaves: arguments of the graph; only their shapes, strides and dtypes are used.

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
        """Run the compiled code."""
        found = self._compiled(*[leaves[position] for position in self._used], *self._constants)
        sources = (leaves, found, self._values)
        return [sources[source][number] for source, number in self._results]


def set_up() -> None:
    """Set the folder of torch's compiler and let it start no processes; must be called before the compiler is used."""
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(code_folder()))
    os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)  # it warns on a machine without CUDA


def _take_results(graph: Graph) -> Iterator[tuple[int, int]]:
    """Remove from the graph's output everything that the graph does not compute.

    Yields:
        For each result its source and its position in that source. The source is 0 for the arguments, 1 for the
        computed results, and 2 for the original output, if the result is no tensor.
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
    """Turn the constants into arguments, because graphs that differ only in their constants share compiled code."""
    found, last = [], [*module.graph.find_nodes(op="placeholder")][-1]
    for node in module.graph.find_nodes(op="get_attr"):
        found.append(getattr(module, node.target))
        with module.graph.inserting_after(last):
            last = module.graph.placeholder(f"of_{node.target}")
        node.replace_all_uses_with(last)
        module.graph.erase_node(node)
    return found


def _take_arguments(graph: Graph) -> list[int]:
    """Remove the arguments that the graph does not use; return the positions of the others, constants left out."""
    used = []
    for number, node in enumerate(graph.find_nodes(op="placeholder")):
        if not node.users:
            graph.erase_node(node)
        elif node.name.startswith("argument"):
            used.append(number)
    return used


FACTS = ("layout", "kind")  # keys of `Node.meta` that the text of a node does not show


def _path(graph: Graph) -> Path:
    """Return the path of a graph's compiled code."""
    facts = [torch.__version__, _processor(), repr(sorted(OPTIONS.items()))]
    nodes = [f"{node.format_node()} {node.kwargs} {[node.meta.get(fact) for fact in FACTS]}" for node in graph.nodes]
    return code_folder() / "grokbench" / f"{sha256(chr(10).join(facts + nodes).encode()).hexdigest()[:32]}.bin"


def _processor() -> str:
    """Describe the processor for which code is compiled: its name and its instruction set."""
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
    """Compile a graph, and keep its code if the folder is writable."""
    from torch._inductor import config, standalone_compile

    path = _path(graph)
    options = {name: value for name, value in OPTIONS.items() if name in config.get_config_copy()}
    found = standalone_compile(
        GraphModule(nn.Module(), graph),
        list(inputs),
        dynamic_shapes="from_example_inputs",
        options={"config_patches": options},
    )
    with suppress(Exception):  # if the code cannot be kept, the next process compiles again
        path.parent.mkdir(parents=True, exist_ok=True)
        written = path.with_suffix(f".{os.getpid()}")  # so that another worker never loads half of a file
        found.save(path=str(written), format="binary")
        written.replace(path)
    return found
