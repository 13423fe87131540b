"""Trains a recurrent network chunk by chunk, carrying its gradient as --policy says.

For example:

  python scripts/train.py --data=stdlib --policy=exact --window=8 --logdir=runs/text
  python scripts/train.py --data=series --units=32 --chunk=26 --batch=8 --logdir=runs/co2
  python scripts/train.py --data=my.csv --target=load --stream=sensor --logdir=runs/mine

The same command again goes on with a run that was interrupted. SIGTERM or SIGINT has it save and
end with exit code 75, which says so; a second one ends it at once.

scripts/launch.py starts it as several ranks, which share the streams out or, with
--parallel=sequence, the chunks of a few long ones; one that loses another ends with exit code 76.
"""

import _startup

import logging
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import _data_flags
from absl import flags
from tqdm import tqdm

from tgcarry import console
from tgcarry.cluster import Cluster, Group, of_chief
from tgcarry.engines import ENGINES
from tgcarry.errors import ChunkError, LostRankError, StoppedError
from tgcarry.model import CELLS, OPTIMIZERS
from tgcarry.options import JobOptions, TrainOptions
from tgcarry.plots import plot_run
from tgcarry.signals import StopSignals
from tgcarry.training import Progress, train

# EX_TEMPFAIL of sysexits.h: what was to be done was not, and trying again will help.
EXIT_GO_ON = 75
# EX_PROTOCOL: another rank is gone or silent; all are to be started again.
EXIT_LOST_RANK = 76

_CELL = flags.DEFINE_enum("cell", "gru", list(CELLS), "Kind of cell.")
_UNITS = flags.DEFINE_list("units", ["64"], "Units of each layer: 64,32 for two layers.")
_EMBEDDING = flags.DEFINE_integer("embedding", 32, "Width of a character's vector.")
_CHUNK = flags.DEFINE_integer("chunk", 50, "Steps of a chunk (L).")
_POLICY = flags.DEFINE_enum(
    "policy",
    "exact",
    ["truncated", "stale", "exact", "random", "synthetic"],
    "Where the gradient at a chunk's end is from.",
)
_WINDOW = flags.DEFINE_integer(
    "window", 10, "Chunks per sweep and optimiser step of exact and random; 0: the whole sequence."
)
_CUT = flags.DEFINE_float(
    "cut", 0.3, "Probability of --policy=random that a chunk's end cuts the gradient."
)
_SYNTHETIC = flags.DEFINE_integer(
    "synthetic", 64, "Hidden units of what --policy=synthetic predicts the gradient with."
)
_SYNTHETIC_RATE = flags.DEFINE_float(
    "synthetic_rate", 1e-3, "Adam's learning rate for what --policy=synthetic predicts with."
)
_TRUNK = flags.DEFINE_float(
    "trunk", 0.0, "How much of what --policy=synthetic fails to predict counts for the model."
)
_BUDGET = flags.DEFINE_string(
    "memory_budget",
    None,
    "Memory for activations that --policy=exact need not compute twice, such as 512MiB.",
)
_DECAY = flags.DEFINE_float("decay", 1.0, "Share of the previous gradient in --policy=stale.")
_OPTIMIZER = flags.DEFINE_enum("optimizer", "adam", list(OPTIMIZERS), "Optimiser.")
_RATE = flags.DEFINE_float("learning_rate", 1e-3, "Learning rate.")
_CLIP = flags.DEFINE_float("clip_norm", 1.0, "Largest global norm of a gradient; 0: no limit.")
_REDUCE = flags.DEFINE_enum(
    "reduce", "mean", ["mean", "sum"], "Whether a sweep applies its chunks' mean gradient or sum."
)
_EPOCHS = flags.DEFINE_integer("epochs", 1, "Times to read the training data.")
_STEPS = flags.DEFINE_integer("steps", 0, "Stop after so many optimiser steps; 0: no limit.")
_EVERY = flags.DEFINE_integer("eval_every", 0, "Chunks between validations; 0: twenty in a run.")
_SEED = flags.DEFINE_integer("seed", 0, "Seed of weights and generated data.")
_CLIP_CARRY = flags.DEFINE_float(
    "clip_carry", 0.0, "Largest norm of a gradient that is carried between chunks; 0: no limit."
)
_ENGINE = flags.DEFINE_enum("engine", "auto", list(ENGINES), "How the cells are unrolled.")
_LOG_DIR = flags.DEFINE_string("logdir", None, "Folder for checkpoints, metrics and plots.")
_OVERWRITE = flags.DEFINE_bool(
    "overwrite", False, "Remove an earlier run in --logdir, rather than go on with it."
)
_OVERRIDE = flags.DEFINE_bool(
    "override_config", False, "Go on with a run in --logdir although options or data changed."
)
_SAVE_EVERY = flags.DEFINE_float(
    "checkpoint_every", 60.0, "Seconds between checkpoints; each validation makes one besides."
)
_KEEP = flags.DEFINE_integer("keep", 3, "Checkpoints to keep; the best is kept besides.")
_ON_NAN = flags.DEFINE_enum(
    "on_nan",
    "stop",
    ["stop", "skip", "rollback"],
    "A number that is not finite: stop; or leave its sweep out; or take the weights of the last "
    "validation and leave out what was read since.",
)
_ON_STORAGE = flags.DEFINE_enum(
    "on_storage_error",
    "stop",
    ["stop", "continue"],
    "Metrics or a checkpoint that cannot be written: stop, or go on without and try again.",
)
_PARALLEL = flags.DEFINE_enum(
    "parallel",
    "streams",
    ["streams", "sequence"],
    "What ranks share out: the streams, or the chunks of one long sequence (--policy=exact).",
)
_PARTS = flags.DEFINE_integer(
    "parts",
    None,
    "Parts of the streams that --parallel=sequence passes along one behind another; one per rank "
    "by default.",
)
_SEGMENT = flags.DEFINE_integer(
    "segment", 1, "Chunks in a row that --parallel=sequence deals to a rank at a time."
)
_TIMEOUT = flags.DEFINE_float(
    "rank_timeout", 300.0, "Seconds that a rank waits for the others at an optimiser step."
)
_PATIENCE = flags.DEFINE_float(
    "rank_patience", 60.0, "Seconds that a rank waits for the others at its start."
)
_LAUNCH = flags.DEFINE_string(
    "launch", None, "Names the launch that started this process; --overwrite spares what it began."
)

flags.adopt_module_key_flags(_data_flags)
flags.mark_flag_as_required("logdir")


def _units(values: list[str]) -> tuple[int, ...]:
    try:
        return tuple(int(value) for value in values)
    except ValueError as error:
        raise ChunkError(
            f"--units={','.join(values)}: give whole numbers such as 64,32"
        ) from error


def _options() -> TrainOptions:
    """Gathers the flags."""
    return TrainOptions(
        data=_data_flags.data_options(_SEED.value, _CHUNK.value),
        cell=_CELL.value,
        units=_units(_UNITS.value),
        embedding=_EMBEDDING.value,
        policy=_POLICY.value,
        window=_WINDOW.value or None,
        memory_budget=_BUDGET.value,
        decay=_DECAY.value,
        optimizer=_OPTIMIZER.value,
        learning_rate=_RATE.value,
        clip_norm=_CLIP.value or None,
        reduce=_REDUCE.value,
        epochs=_EPOCHS.value,
        steps=_STEPS.value or None,
        eval_every=_EVERY.value,
        seed=_SEED.value,
        engine=_ENGINE.value,
        clip_carry=_CLIP_CARRY.value or None,
        cut=_CUT.value,
        synthetic=_SYNTHETIC.value,
        synthetic_rate=_SYNTHETIC_RATE.value,
        trunk=_TRUNK.value,
        parallel=_PARALLEL.value,
        parts=_PARTS.value,
        segment=_SEGMENT.value,
    )


def _care() -> JobOptions:
    return JobOptions(
        overwrite=_OVERWRITE.value,
        override_config=_OVERRIDE.value,
        checkpoint_every=_SAVE_EVERY.value,
        keep=_KEEP.value,
        on_nan=_ON_NAN.value,
        on_storage_error=_ON_STORAGE.value,
    )


def _summary(values: dict[str, Any], log_dir: Path) -> str:
    rows = [
        ["policy", values["policy"]],
        ["optimiser steps", str(values["steps"])],
        ["chunks read", str(values["chunks"])],
        ["median time per step", f"{values['milliseconds_per_step'] or math.nan:.1f} ms"],
        ["mean time per chunk", f"{values['milliseconds_per_chunk']:.1f} ms"],
        ["training time", f"{values['training_seconds']:.1f} s"],
        ["peak memory", f"{values['peak_memory_mib']:.0f} MiB"],
    ]
    if "bubble" in values:
        rows.insert(-1, ["median idle time of the ranks", f"{values['bubble']:.0%}"])
    for name, value in (values["validation"] or {}).items():
        rows.append([f"validation {name}", f"{value:.4f}"])
    rows.append(["log folder", str(log_dir)])
    return console.table(["run", "value"], rows)


def _say(text: str) -> None:
    """Prints above the bar, and at once: whoever reads a log wants to see where the job is."""
    tqdm.write(text)
    sys.stdout.flush()


def _nothing(text: str) -> None:
    pass


@contextmanager
def _lost_ranks() -> Iterator[None]:
    """Turns the loss of another rank into one line and an exit code of its own."""
    try:
        yield
    except LostRankError as error:
        print(f"train.py: {error}", file=sys.stderr)
        sys.exit(EXIT_LOST_RANK)


def main(_: list[str]) -> None:
    """Reads the flags and trains."""
    log_dir = Path(_LOG_DIR.value or "")
    console.quiet_tensorflow()
    if _LAUNCH.value:
        # The launcher has said who can reach the ranks.
        logging.getLogger("tgcarry.cluster").setLevel(logging.ERROR)
    with (
        console.one_line_errors("train.py"),
        # A bar where someone watches, plain lines elsewhere.
        tqdm(unit="chunk", disable=None if sys.stderr.isatty() else True, leave=False) as bar,
        StopSignals() as signals,
        _lost_ranks(),
        Group(
            Cluster.from_environment(), timeout=_TIMEOUT.value, patience=_PATIENCE.value
        ) as group,
    ):

        def show(progress: Progress) -> None:
            bar.total = progress.chunks
            bar.set_postfix(loss=f"{progress.loss:.4f}", refresh=False)
            bar.update(progress.chunk - bar.n)

        try:
            summary = train(
                _options(),
                log_dir,
                _care(),
                on_progress=show,
                on_text=_say if group.rank == 0 else _nothing,
                should_stop=lambda: signals.requested,
                group=group,
                launch=_LAUNCH.value,
            )
        except StoppedError as stopped:
            print(f"train.py: {stopped}", file=sys.stderr)
            sys.exit(EXIT_GO_ON)
        # Rank 0 has everybody's figures, and could not be started again alone.
        plots = of_chief(group, lambda: plot_run(log_dir))
    if plots is None:
        return
    print(_summary(summary, log_dir))
    print("plots:", ", ".join(str(path) for path in plots))


if __name__ == "__main__":
    _startup.run(main)
