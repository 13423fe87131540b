"""What a gradient can flow back to, found by following the graph without running it.

Tensors are followed backwards. A while loop is looked into: its output i reaches its input j
if the body leads there, in any number of turns. Other functions count as one operation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry import states, tf1
from tgcarry.errors import CarryError, ChunkError


class Reach:
    """Answers which operations a gradient flows back to from given tensors of one graph.

    Args:
      graph: as it stands now; operations added later are not seen inside loops.
    """

    def __init__(self, graph: tf.Graph) -> None:
        library = graph.as_graph_def().library
        self._bodies = {f.signature.name: f for f in library.function}
        self._loops: dict[tf.Operation, list[set[int]]] = {}

    def before(self, tensors: Iterable[tf.Tensor]) -> set[tf.Operation]:
        """Returns the operations that a gradient can flow back to from `tensors`."""
        seen: set[tf.Operation] = set()
        seen_outputs: set[tuple[tf.Operation, int]] = set()
        waiting = list(tensors)
        while waiting:
            tensor = waiting.pop()
            op = tensor.op
            place = (op, tensor.value_index if op.type in tf1.WHILE_OPS else 0)
            if place in seen_outputs or op.type in tf1.GRADIENT_STOPS:
                continue
            seen_outputs.add(place)
            seen.add(op)
            waiting.extend(self._sources(tensor))
        return seen

    def variables(
        self, tensors: Iterable[tf.Tensor], variables: Iterable[tf.Variable]
    ) -> list[tf.Variable]:
        """Lists those of `variables` that a gradient can flow back to from `tensors`."""
        before = self.before(tensors)
        return [variable for variable in variables if variable.op in before]

    def _sources(self, tensor: tf.Tensor) -> list[tf.Tensor]:
        op = tensor.op
        if op.type not in tf1.WHILE_OPS:
            return list(op.inputs)
        if op not in self._loops:
            self._loops[op] = _through_loop(self._bodies.get(op.get_attr("body").name), op)
        return [op.inputs[j] for j in self._loops[op][tensor.value_index]]


def _through_loop(body: Any, op: tf.Operation) -> list[set[int]]:
    """Returns for each output of a loop the inputs that it reaches, in any number of turns."""
    count = len(op.inputs)
    if body is None:
        return [set(range(count)) for _ in range(count)]
    turn = _through_body(body)
    reached = [{i} for i in range(count)]
    changed = True
    while changed:
        changed = False
        for i, known in enumerate(reached):
            more = set().union(*(turn[j] for j in known)) - known
            reached[i] = known | more
            changed = changed or bool(more)
    return reached


def _through_body(body: Any) -> list[set[int]]:
    """Returns for each result of a loop's body the arguments that a gradient flows back to."""
    arguments = {arg.name: i for i, arg in enumerate(body.signature.input_arg)}
    nodes = {node.name: node for node in body.node_def}
    return [
        _arguments_before(body.ret[result.name], nodes, arguments)
        for result in body.signature.output_arg
    ]


def _arguments_before(
    start: str, nodes: Mapping[str, Any], arguments: Mapping[str, int]
) -> set[int]:
    found: set[int] = set()
    seen, waiting = set(), [start]
    while waiting:
        name = waiting.pop().split(":")[0]
        if name in seen or name.startswith("^"):
            continue
        seen.add(name)
        if name in arguments:
            found.add(arguments[name])
        elif nodes[name].op not in tf1.GRADIENT_STOPS:
            waiting.extend(nodes[name].input)
    return found


def check_reach(parts: Iterable[Any], initial_state: Any, final_state: Any) -> None:
    """Refuses what never matters to its loss, here or in a later chunk.

    A state leaf matters to a loss if it reaches it, or a leaf of the final state that (being the
    same leaf of the next chunk's initial state) matters in turn. Every leaf has to matter to
    some loss, and every variable of a partition to the partition's own. Structural: nothing is
    run.

    Args:
      parts: objects with a `loss` and a `var_list`.
      initial_state: nest of placeholders.
      final_state: nest like it.

    Raises:
      CarryError: naming the first leaf that does not matter.
      ChunkError: naming the first variable that does not matter to its loss.
    """
    parts = list(parts)
    reach = Reach(parts[0].loss.graph)
    starts, ends = tf.nest.flatten(initial_state), tf.nest.flatten(final_state)
    before_ends = [reach.before([end]) for end in ends]
    mattering = [
        _leaves_that_matter(reach.before([part.loss]), starts, before_ends) for part in parts
    ]
    losses = ", ".join(repr(part.loss.name) for part in parts)
    names = states.leaf_names(initial_state)
    for name, start, known in zip(names, starts, zip(*mattering, strict=True), strict=True):
        if not any(known):
            raise CarryError(
                f"initial_state{name} ({start.name!r}, shape {start.shape}) cannot reach the loss "
                f"{losses}, now or in a later chunk: pass the ports' initial_state to the unroll, "
                f"take the loss from its outputs, and keep tf.stop_gradient off the path"
            )
    for number, (part, mine) in enumerate(zip(parts, mattering, strict=True)):
        targets = [part.loss, *(end for end, known in zip(ends, mine, strict=True) if known)]
        reached = {variable.op.name for variable in reach.variables(targets, part.var_list)}
        for variable in part.var_list:
            if variable.op.name not in reached:
                where = f"partition {number}: " if len(parts) > 1 else ""
                raise ChunkError(
                    f"{where}no gradient of the loss {part.loss.name!r} reaches "
                    f"{variable.op.name}, now or in a later chunk: leave it out with var_list=, "
                    f"or mend the graph"
                )


def _leaves_that_matter(
    before_loss: set[tf.Operation],
    starts: list[tf.Tensor],
    before_ends: list[set[tf.Operation]],
) -> list[bool]:
    matters = [start.op in before_loss for start in starts]
    for _ in starts:
        useful = [end for here, end in zip(matters, before_ends, strict=True) if here]
        matters = [
            known or any(start.op in end for end in useful)
            for known, start in zip(matters, starts, strict=True)
        ]
    return matters
