"""The ways that a gradient takes through a graph, with loops, branches and functions inlined.

A graph is followed backwards as if every loop, branch and function were written out in place.
The walk is of three kinds of tensors: those that carry a gradient (floats, and the handles of
variables and tensor lists), those behind a stop, and integers, which carry values but no
gradient.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tgcarry import tf1

STOP, STAIRS, INTEGERS = "tf.stop_gradient", "steps, which are flat,", "integers"


class _Frame:
    """Is one call of a function: its nodes, and where its arguments come from."""

    def __init__(self, body: Any, call: str, arguments: Sequence[Place], loop: bool) -> None:
        self.call = call
        self.loop = loop
        self.arguments = arguments
        self.types = [tf.as_dtype(arg.type) for arg in body.signature.input_arg]
        self.places = {arg.name: i for i, arg in enumerate(body.signature.input_arg)}
        self.nodes = {node.name: node for node in body.node_def}
        self.results = [self.place(body.ret[arg.name]) for arg in body.signature.output_arg]

    def place(self, name: str) -> Place:
        """Returns the place of a body's `argument` or `node:output:index`."""
        node, *rest = name.split(":")
        return Place(self, node, int(rest[-1]) if rest else 0)


class Place(NamedTuple):
    """Is one output of an operation, in the graph (frame None) or in a call of a function."""

    frame: _Frame | None
    name: str
    output: int

    @property
    def full_name(self) -> str:
        """The operation's name, behind that of the call it is inside."""
        return f"{self.frame.call}/{self.name}" if self.frame else self.name


class Paths:
    """Follows a graph backwards from tensors.

    Args:
      graph: as it stands now.
    """

    def __init__(self, graph: tf.Graph) -> None:
        self._graph = graph
        library = graph.as_graph_def().library
        self._bodies = {f.signature.name: f for f in library.function}
        self._frames: dict[tuple[Place, str], _Frame] = {}
        self._known: dict[Place, list[Place]] = {}

    def carrying(self, tensor: tf.Tensor) -> tuple[set[str], dict[Place, str]]:
        """Walks where a gradient flows.

        Returns:
          (names of the graph's operations reached, what ends the walk -> why)
        """
        seen: set[Place] = set()
        ends: dict[Place, str] = {}
        among_integers: set[Place] = set()
        waiting = [self._of(tensor)]
        while waiting:
            place = waiting.pop()
            if place in seen or place in ends:
                continue
            why = self._stops(place)
            if why:
                ends[place] = why
            elif self.carries(place):
                seen.add(place)
                waiting.extend(self.sources(place))
            else:
                ends.update(self._into_integers(place, among_integers))
        return {place.name for place in seen if place.frame is None}, ends

    def _into_integers(self, start: Place, seen: set[Place]) -> dict[Place, str]:
        """Finds the operations that made integers of floats, behind an integer tensor."""
        ends = {}
        waiting = [start]
        while waiting:
            place = waiting.pop()
            if place in seen:
                continue
            seen.add(place)
            for source in self.sources(place):
                if self._stops(source) == STOP:
                    ends[source] = STOP
                elif self.carries(source):
                    ends[place] = INTEGERS
                else:
                    waiting.append(source)
        return ends

    def users(self, tensor: tf.Tensor) -> dict[Place, list[Place]]:
        """Walks everywhere that values come from; returns place -> the places that use it."""
        users: dict[Place, list[Place]] = {}
        start = self._of(tensor)
        seen, waiting = {start}, [start]
        while waiting:
            place = waiting.pop()
            for source in self.sources(place):
                users.setdefault(source, []).append(place)
                if source not in seen:
                    seen.add(source)
                    waiting.append(source)
        return users

    def sources(self, place: Place) -> list[Place]:
        """Lists the places that a place's value is made of."""
        if place not in self._known:
            self._known[place] = list(self._sources(place))
        return self._known[place]

    def _of(self, tensor: tf.Tensor) -> Place:
        return Place(None, tensor.op.name, tensor.value_index)

    def _sources(self, place: Place) -> Iterable[Place]:
        frame = place.frame
        if frame is not None and place.name in frame.places:
            number = frame.places[place.name]
            before = [frame.results[number]] if frame.loop else []
            return [frame.arguments[number], *before]
        kind = self._kind(place)
        inputs = self._inputs(place)
        if kind in tf1.SHAPES_ONLY:
            return []
        if kind in tf1.WHILE_OPS:
            frames = self._enter(place, ["body"], inputs, loop=True)
            return [f.results[place.output] for f in frames] + [inputs[place.output]]
        if kind in tf1.BRANCHES:
            frames = self._enter(place, ["then_branch", "else_branch", "branches"], inputs[1:])
            return [inputs[0], *(f.results[place.output] for f in frames)]
        if kind in tf1.CALLS or kind in self._bodies:
            frames = self._enter(place, ["f"], inputs)
            return [f.results[place.output] for f in frames]
        return inputs

    def _node(self, place: Place) -> Any:
        """Returns what has the attributes: an operation's NodeDef."""
        if place.frame is None:
            return self._graph.get_operation_by_name(place.name).node_def
        return place.frame.nodes[place.name]

    def _kind(self, place: Place) -> str:
        if place.frame is None:
            return str(self._graph.get_operation_by_name(place.name).type)
        node = place.frame.nodes.get(place.name)
        return "" if node is None else str(node.op)

    def _inputs(self, place: Place) -> list[Place]:
        if place.frame is None:
            inputs = self._graph.get_operation_by_name(place.name).inputs
            return [self._of(tensor) for tensor in inputs]
        names = place.frame.nodes[place.name].input
        return [place.frame.place(name) for name in names if not name.startswith("^")]

    def _enter(
        self,
        place: Place,
        attributes: Sequence[str],
        arguments: Sequence[Place],
        loop: bool = False,
    ) -> list[_Frame]:
        """Returns the frames of the functions that an operation calls."""
        node = self._node(place)
        names = [node.op] if node.op in self._bodies else []
        for attribute in attributes:
            value = node.attr.get(attribute)
            if value is not None:
                names += [f.name for f in value.list.func] or [value.func.name]
        frames = []
        for name in names:
            key = (place._replace(output=0), name)
            if key not in self._frames:
                body = self._bodies[name]
                self._frames[key] = _Frame(body, place.full_name, arguments, loop)
            frames.append(self._frames[key])
        return frames

    def _stops(self, place: Place) -> str:
        """Says why a gradient ends at an operation of floats; empty if it does not."""
        kind = self._kind(place)
        if kind in tf1.GRADIENT_STOPS:
            return STOP
        return STAIRS if kind in tf1.FLAT and self.carries(place) else ""

    def carries(self, place: Place) -> bool:
        """Says whether a place's dtype can carry a gradient."""
        if place.frame is None:
            operation = self._graph.get_operation_by_name(place.name)
            return _differentiable(operation.outputs[place.output].dtype)
        if place.name in place.frame.places:
            return _differentiable(place.frame.types[place.frame.places[place.name]])
        node = place.frame.nodes[place.name]
        if node.op in tf1.TO_INTEGERS:
            return False
        types = _output_types(node)
        if not types:
            return True
        return _differentiable(tf.as_dtype(types[min(place.output, len(types) - 1)]))


def _output_types(node: Any) -> list[int]:
    """Lists the types that a body's node says its outputs have; empty if it does not say."""
    for name in ("Tout", "DstT", "dtype", "Tparams", "T"):
        if name in node.attr:
            value = node.attr[name]
            return list(value.list.type) or [value.type]
    return []


def _differentiable(dtype: tf.DType) -> bool:
    base = dtype.base_dtype
    return bool(base.is_floating or base.is_complex or base in (tf.resource, tf.variant))
