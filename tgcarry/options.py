"""What a training run is asked to do, and the policy and model that follow from it."""

from __future__ import annotations

from dataclasses import dataclass, field

from tgcarry.dataset import DataOptions, Dataset
from tgcarry.errors import PolicyError, RunError
from tgcarry.model import ModelSpec
from tgcarry.policies import ExactSweep, Policy, RandomTruncation, Stale, Synthetic, Truncated


@dataclass(frozen=True)
class TrainOptions:
    """Says everything about a run; written to its log folder."""

    data: DataOptions = field(default_factory=DataOptions)
    cell: str = "gru"
    units: tuple[int, ...] = (64,)
    embedding: int = 32
    policy: str = "exact"
    window: int | None = 10
    decay: float = 1.0
    memory_budget: str | None = None
    """What the exact policy may keep in activations, such as "512MiB"."""
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    clip_norm: float | None = 1.0
    reduce: str = "mean"
    epochs: int = 1
    steps: int | None = None
    """Most optimiser steps; None for all epochs."""
    eval_every: int = 0
    """Chunks between validations; 0 for twenty in a run."""
    seed: int = 0
    engine: str = "auto"
    """How the cells are unrolled; see `dynamic_rnn`."""
    clip_carry: float | None = None
    """Largest norm of a carried gradient; None for no limit."""
    cut: float = 0.3
    """Probability of the random policy's cuts, which are drawn with `seed`."""
    synthetic: int = 64
    """Hidden units of the synthetic policy's predictor."""
    synthetic_rate: float = 1e-3
    """Adam's learning rate for that predictor; it has to keep up with the model."""
    trunk: float = 0.0
    """How much of what it misses counts for the model."""
    parallel: str = "streams"
    """What several processes share out: "streams"; or "sequence", its chunks."""
    parts: int | None = None
    """That the streams are put into to pass a sequence along; None for one per rank."""
    segment: int = 1
    """Chunks in a row that a rank is dealt of a sequence."""


@dataclass(frozen=True)
class JobOptions:
    """Says how a job is looked after; nothing here changes a number that is finite."""

    overwrite: bool = False
    """Remove an earlier run in the folder, rather than go on with it."""
    override_config: bool = False
    """Go on although options or data are others than those of the run."""
    checkpoint_every: float = 60.0
    """Seconds between checkpoints; there is one at every validation besides."""
    keep: int = 3
    """Checkpoints to keep, besides the best and the last one at a validation."""
    on_nan: str = "stop"
    """What to do about a sweep where a number is not finite: "stop", "skip" to leave it out,
    "rollback" to take up the weights of the last validation besides."""
    on_storage_error: str = "stop"
    """What to do where metrics or a checkpoint cannot be written: "stop", or "continue"."""

    def __post_init__(self) -> None:
        if not self.checkpoint_every > 0:
            raise RunError(f"checkpoint_every {self.checkpoint_every:g}: give seconds above 0")
        if self.keep < 1:
            raise RunError(f"keep {self.keep}: give at least 1 checkpoint")
        _check_among("on_nan", self.on_nan, ("stop", "skip", "rollback"))
        _check_among("on_storage_error", self.on_storage_error, ("stop", "continue"))


def _check_among(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise RunError(f"{name} {value!r} is unknown: choose among {', '.join(choices)}")


def make_policy(
    name: str,
    window: int | None = None,
    decay: float = 1.0,
    memory_budget: str | None = None,
    clip_norm: float | None = None,
    cut: float = 0.3,
    seed: int = 0,
    trunk: float = 0.0,
) -> Policy:
    """Makes the policy that a flag names: "truncated", "stale", "exact", "random" or
    "synthetic".

    Raises:
      PolicyError: an unknown name, or an argument outside its range.
    """
    if name == "truncated":
        return Truncated()
    if name == "stale":
        return Stale(decay, clip_norm)
    if name == "exact":
        return ExactSweep(window, memory_budget=memory_budget, clip_norm=clip_norm)
    if name == "random":
        return RandomTruncation(cut, window, seed, clip_norm=clip_norm)
    if name == "synthetic":
        return Synthetic(trunk)
    raise PolicyError(
        f"policy {name!r} is unknown: choose among truncated, stale, exact, random, synthetic"
    )


def check_parallel(options: TrainOptions, care: JobOptions) -> None:
    """Refuses what cannot be done while a sequence's chunks are passed from rank to rank.

    Raises:
      RunError: it cannot.
    """
    _check_among("parallel", options.parallel, ("streams", "sequence"))
    for name, least in (("parts", options.parts), ("segment", options.segment)):
        if least is not None and least < 1:
            raise RunError(f"{name} {least}: give a whole number of at least 1")
    if options.parallel == "streams":
        if options.parts is not None or options.segment != 1:
            name = "segment" if options.parts is None else "parts"
            raise RunError(
                f"{name} {getattr(options, name)} is for --parallel=sequence, and this run shares "
                f"out streams: leave it out, or give --parallel=sequence"
            )
        return
    found = _not_in_a_sequence(options, care)
    if found is not None:
        given, why, remedy = found
        raise RunError(
            f"--parallel=sequence with --{given}: {why}: {remedy}, or give --parallel=streams"
        )


def _not_in_a_sequence(options: TrainOptions, care: JobOptions) -> tuple[str, str, str] | None:
    """Finds an option that is for streams alone; why it is, and what to do about it."""
    if options.policy != "exact":
        why = "what is passed along is the exact gradient"
        return f"policy={options.policy}", why, "give --policy=exact"
    if options.memory_budget is not None:
        why = "each chunk is computed twice, and no activations are kept"
        return f"memory_budget={options.memory_budget}", why, "leave it out"
    if options.clip_carry is not None:
        why = "the norm is over all streams, which pass in parts"
        return f"clip_carry={options.clip_carry:g}", why, "leave it out"
    if care.on_nan != "stop":
        why = "no window is left out, since its chunks lie on different ranks"
        return f"on_nan={care.on_nan}", why, "give --on_nan=stop"
    return None


def spec_for(options: TrainOptions, dataset: Dataset) -> ModelSpec:
    """Puts together the model that a run's options and data ask for."""
    return ModelSpec(
        kind=dataset.kind,
        inputs=dataset.inputs,
        outputs=dataset.outputs,
        flat_target=dataset.flat_target,
        weighted=dataset.weighted,
        scored=dataset.scored,
        cell=options.cell,
        units=tuple(options.units),
        embedding=options.embedding,
        optimizer=options.optimizer,
        learning_rate=options.learning_rate,
        clip_norm=options.clip_norm,
        seed=options.seed,
        engine=options.engine,
        synthetic=options.synthetic if options.policy == "synthetic" else None,
        synthetic_rate=options.synthetic_rate,
    )
