"""What a chunk was fed when its numbers went bad, kept in a run's folder to be looked at."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry.chunk import DERIVED_FEEDS, ChunkGraph
from tgcarry.data import Chunk
from tgcarry.data.wording import PathArg, because, listed, named
from tgcarry.diagnosis import files, stages
from tgcarry.diagnosis.outcome import Diagnosis
from tgcarry.diagnosis.replay import run_plainly
from tgcarry.errors import LogError
from tgcarry.folder import BAD_NUMBERS

# A run that skips what is bad must not fill the disk with it.
_MOST = 20


class Saved(NamedTuple):
    """Says where evidence lies, or why it does not; `str` of it does, too."""

    path: Path | None
    problem: str

    def __str__(self) -> str:
        return f"nothing: {self.problem}" if self.path is None else named(self.path)


@dataclass(frozen=True)
class Evidence:
    """Holds what a chunk was fed, to feed it again.

        evidence = load_evidence("runs/text/bad_numbers/chunk-0000012.npz")
        print(evidence.text)
        evidence.load_weights(chunk, session)
        print(diagnose(chunk, session, *evidence.fed(chunk)))
        found = runner.gradients([evidence.chunk()], initial_state=evidence.state(chunk))

    `diagnose` is fed exactly what was fed then. A `Runner` takes no upstream from outside:
    it visits the chunk as if nothing followed.

    Attributes:
      number: the chunk's, in its run.
      text: what was not finite.
      diagnosis: the same in parts, as `Diagnosis` has them.
      arrays: name -> array.
      leaves: of the state that entered the chunk.
      upstream_leaves: of its upstream; None where nothing was computed backwards.
      weights: variable name -> array, of what the chunk depends on; empty if none were kept.
    """

    number: int
    text: str
    diagnosis: dict[str, Any]
    arrays: dict[str, np.ndarray]
    leaves: list[np.ndarray]
    upstream_leaves: list[np.ndarray] | None
    weights: dict[str, np.ndarray]

    def state(self, chunk: ChunkGraph) -> Any:
        """Returns the state as a nest like the chunk's.

        Raises:
          LogError: the chunk is another model's.
        """
        return _packed("state", chunk.ports.initial_state, self.leaves)

    def upstream(self, chunk: ChunkGraph) -> Any:
        """Returns the upstream as a nest like the chunk's, or None.

        Raises:
          LogError: the chunk is another model's.
        """
        if self.upstream_leaves is None:
            return None
        return _packed("upstream", chunk.ports.upstream, self.upstream_leaves)

    def load_weights(self, chunk: ChunkGraph, session: Any) -> None:
        """Puts the weights that the chunk failed with into a session's variables.

        Raises:
          LogError: none were kept, or the chunk is another model's.
        """
        variables = stages.variables(chunk)
        for variable in variables:
            value = self.weights.get(variable.op.name)
            if value is None or not variable.shape.is_compatible_with(value.shape):
                raise LogError(
                    f"the evidence has no weights of shape {variable.shape} for "
                    f"{variable.op.name}, but {listed(self.weights)}: save it with weights=, or "
                    f"give the chunk of the model that was trained"
                )
        # Feeding the initialisers needs no operation that a finalized graph could not take.
        for variable in variables:
            fed = {variable.initializer.inputs[1]: self.weights[variable.op.name]}
            run_plainly(session, [variable.initializer], fed)

    def fed(self, chunk: ChunkGraph) -> tuple[tuple[np.ndarray, ...], Any, Any]:
        """Returns arrays, state and upstream, as `diagnose` takes them.

        Raises:
          LogError: the chunk is another model's.
        """
        missing = [name for name in chunk.feeds if name not in self.arrays]
        if missing:
            raise LogError(
                f"the evidence has no array {missing[0]!r}, but {', '.join(self.arrays)}: give "
                f"the chunk of the model that was trained"
            )
        arrays = tuple(self.arrays[name] for name in chunk.feeds)
        return arrays, self.state(chunk), self.upstream(chunk)

    def chunk(self) -> Chunk:
        """Returns the data as a chunk that a `Runner` takes; give it `state` to start from.

        Not included: the upstream, which is the policy's, and the "seed" feed.
        """
        arrays = {name: a for name, a in self.arrays.items() if name not in DERIVED_FEEDS}
        batch, length = next(iter(arrays.values())).shape[:2]
        lengths = self.arrays.get("lengths")
        if lengths is None:
            mask = self.arrays.get("mask", np.ones((batch, length)))
            lengths = np.count_nonzero(mask, axis=1)
        # The state was cut where streams start anew before it was fed.
        return Chunk(arrays, np.zeros(batch, bool), np.asarray(lengths, np.int32))


def save_evidence(
    folder: PathArg,
    number: int,
    diagnosis: Diagnosis,
    arrays: Sequence[np.ndarray],
    state: Any,
    upstream: Any = None,
    *,
    weights: Mapping[str, np.ndarray] | None = None,
    most: int = _MOST,
) -> Saved:
    """Keeps what a chunk was fed: `bad_numbers/chunk-0000012.npz`, and `.json` beside it.

    The arrays are plain ones, named feed/x, state/0, upstream/0, weight/rnn/kernel ...; the
    diagnosis is the JSON. Each file is there whole or not at all, and the second only with the
    first. Evidence of the same chunk is replaced. Nothing that the disk does is raised.

    Not included: optimiser slots, and weights that are not given, of which the run's
    snapshots are the nearest.

    Args:
      folder: the run's.
      number: of the chunk.
      diagnosis: what `diagnose` found.
      arrays: what was fed, in the order of the chunk's feeds.
      state: nest of arrays that entered the chunk.
      upstream: nest of arrays, or None.
      weights: of `read_weights`.
      most: chunks to keep; of more nothing is written.

    Returns:
      The path of the arrays; or None, and the problem in a line.
    """
    place = Path(folder) / BAD_NUMBERS
    path = place / f"chunk-{number:07d}.npz"
    about = {
        "chunk": number,
        "text": str(diagnosis),
        **{k: v for k, v in asdict(diagnosis).items() if k != "chunk"},
    }
    try:
        if not path.exists() and len(list(place.glob("chunk-*.npz"))) >= most:
            problem = f"{named(place)}: holds {most} chunks already, and keeps no more"
            return Saved(None, problem)
        place.mkdir(parents=True, exist_ok=True)
        held = _held(diagnosis.feeds, arrays, state, upstream)
        held |= {f"weight/{name}": np.asarray(value) for name, value in (weights or {}).items()}
        about["dtypes"] = {name: str(array.dtype) for name, array in held.items()}
        plain: dict[str, Any] = {name: files.plain(array) for name, array in held.items()}
        text = (json.dumps(about, indent=2) + "\n").encode()
        files.write_file(path, lambda file: np.savez(file, **plain))
        files.write_file(path.with_suffix(".json"), lambda file: file.write(text))
    except (OSError, ValueError) as error:
        return Saved(None, f"{named(path)}: cannot be written: {because(error)}")
    return Saved(path, "")


def load_evidence(path: PathArg) -> Evidence:
    """Reads what `save_evidence` wrote; nothing in the files is executed.

    Args:
      path: of the arrays or of the JSON.

    Raises:
      LogError: they are missing or damaged.
    """
    path = Path(path).with_suffix(".npz")
    try:
        about = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        dtypes = about["dtypes"]
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            held = {name: files.typed(file[name], dtypes[name]) for name in file.files}
        number, text = int(about["chunk"]), str(about["text"])
    # Reading a damaged archive raises nearly anything.
    except Exception as error:
        raise LogError(f"{named(path)}: cannot be read: {because(error)}") from error
    groups: dict[str, dict[str, np.ndarray]] = {
        group: {} for group in ("feed", "state", "upstream", "weight")
    }
    for name, array in held.items():
        group, _, rest = name.partition("/")
        groups.setdefault(group, {})[rest] = array
    upstream = list(groups["upstream"].values())
    state = list(groups["state"].values())
    return Evidence(number, text, about, groups["feed"], state, upstream or None, groups["weight"])


def read_weights(chunk: ChunkGraph, session: Any) -> dict[str, np.ndarray]:
    """Returns the variables that a chunk depends on, by name, as they are in a session.

    Not included: optimiser slots, and variables that do not reach loss, state or metrics.
    """
    variables = {v.op.name: v for v in stages.variables(chunk)}
    return dict(zip(variables, run_plainly(session, list(variables.values()), {}), strict=True))


def _held(
    feeds: Sequence[str], arrays: Sequence[np.ndarray], state: Any, upstream: Any
) -> dict[str, np.ndarray]:
    held = {f"feed/{name}": array for name, array in zip(feeds, arrays, strict=True)}
    for group, nest in (("state", state), ("upstream", upstream)):
        leaves = [] if nest is None else tf.nest.flatten(nest)
        held |= {f"{group}/{place}": leaf for place, leaf in enumerate(leaves)}
    return {name: np.asarray(array) for name, array in held.items()}


def _packed(what: str, ports: Any, leaves: Sequence[np.ndarray]) -> Any:
    flat = tf.nest.flatten(ports)
    if len(flat) != len(leaves):
        raise LogError(
            f"the evidence has a {what} of {len(leaves)} arrays, and the chunk one of "
            f"{len(flat)}: give the chunk of the model that was trained"
        )
    for port, leaf in zip(flat, leaves, strict=True):
        if not port.shape.is_compatible_with(leaf.shape):
            raise LogError(
                f"the evidence has a {what} of shape {leaf.shape}, and the chunk takes "
                f"{port.shape}: give the chunk of the model that was trained"
            )
    return tf.nest.pack_sequence_as(ports, leaves) if tf.nest.is_nested(ports) else leaves[0]
