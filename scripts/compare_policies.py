"""Compares carry policies on a task: what each makes of the gradient, and what training gains.

For example:

  python scripts/compare_policies.py --data=recall --sequence=50 --chunks=5,10 --seconds=20
  python scripts/compare_policies.py --data=my.csv --target=load --chunks=10,50 --seconds=60
  python scripts/compare_policies.py --data=stdlib --policies=truncated,exact:4 --steps=500

Policies: truncated, stale, stale:DECAY, exact, exact:WINDOW, random:P, random:P:WINDOW, synthetic,
synthetic:TRUNK. A window is in chunks; without one it is as long as the steps that gradients are
compared on.

Leaves comparison.json, comparison.md and comparison.png in --out, and prints the tables and a
recommendation. The same command again takes up the trainings that are there.
"""

import _startup

import json
import sys
from pathlib import Path

import _data_flags
from absl import flags

from tgcarry import console
from tgcarry.data.wording import because
from tgcarry.engines import ENGINES
from tgcarry.errors import ChunkError, LogError, RunError
from tgcarry.laboratory import plot, report
from tgcarry.laboratory.asked import read_policies
from tgcarry.laboratory.compare import Question, compare
from tgcarry.laboratory.measure import Plan
from tgcarry.laboratory.own import POLICIES
from tgcarry.laboratory.recommend import Budget, recommend
from tgcarry.model import CELLS, OPTIMIZERS
from tgcarry.options import TrainOptions

flags.adopt_module_key_flags(_data_flags)
flags.set_default(_data_flags.SEQUENCE, 50)
flags.set_default(_data_flags.DATA, "recall")

_MODEL = flags.DEFINE_string(
    "model",
    None,
    "FILE.py:FUNCTION that builds a model of your own, in place of --cell, --units, --embedding.",
)
_CELL = flags.DEFINE_enum("cell", "gru", list(CELLS), "Kind of cell.")
_UNITS = flags.DEFINE_list("units", ["32"], "Units of each layer: 64,32 for two layers.")
_EMBEDDING = flags.DEFINE_integer("embedding", 32, "Width of a character's vector.")
_OPTIMIZER = flags.DEFINE_enum("optimizer", "adam", list(OPTIMIZERS), "Optimiser.")
_RATES = flags.DEFINE_list(
    "learning_rates", ["0.01"], "Each setting is trained with each; the best one counts."
)
_CLIP = flags.DEFINE_float("clip_norm", 1.0, "Largest global norm of a gradient; 0: no limit.")
_ENGINE = flags.DEFINE_enum("engine", "auto", list(ENGINES), "How training unrolls the cells.")
_SYNTHETIC = flags.DEFINE_integer("synthetic", 64, "Hidden units of what synthetic predicts with.")
_SYNTHETIC_RATE = flags.DEFINE_float(
    "synthetic_rate", 0.01, "Adam's learning rate for what synthetic predicts with."
)

_POLICIES = flags.DEFINE_list(
    "policies",
    list(POLICIES),
    "What to compare.",
)
_CHUNKS = flags.DEFINE_list("chunks", ["5", "10"], "Steps of a chunk: each length is tried.")
_SECONDS = flags.DEFINE_float("seconds", 0.0, "Training time of each setting; 0: no limit.")
_STEPS = flags.DEFINE_integer("steps", 0, "Most optimiser steps of each setting; 0: no limit.")
_MEMORY = flags.DEFINE_integer("memory", 0, "MiB that a training may take at most; 0: no limit.")
_POINTS = flags.DEFINE_integer("points", 20, "Validations in each training.")
_STRETCH = flags.DEFINE_integer(
    "stretch",
    0,
    "Steps that gradients are compared on; 0: four of the longest chunks, or whole sequences "
    "where only some steps are scored.",
)
_CHUNKINGS = flags.DEFINE_integer("chunkings", 16, "Random chunkings to take means over.")
_WARM = flags.DEFINE_integer(
    "warm_steps", 100, "Exact steps before gradients are compared again; 0: at the start only."
)
_LAG = flags.DEFINE_integer("most_lag", 0, "Largest lag; 0: four of the longest chunks.")
_LESSONS = flags.DEFINE_integer(
    "lessons", 300, "Chunks that synthetic's predictor learns from before it is measured."
)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of weights, generated data, chunkings and cuts.")
_OUT = flags.DEFINE_string("out", "runs/compare", "Folder for figures, picture and trainings.")

_CURVE = Path(__file__).resolve().with_name("_curve.py")


def _numbers(flag: flags.FlagHolder[list[str]], kind: type) -> tuple[float | int, ...]:
    try:
        return tuple(kind(part) for part in flag.value)
    except ValueError as error:
        raise ChunkError(
            f"{flag.name} {','.join(flag.value)}: give numbers such as 8,16"
        ) from error


def _question() -> Question:
    options = TrainOptions(
        data=_data_flags.data_options(_SEED.value),
        cell=_CELL.value,
        units=tuple(int(n) for n in _numbers(_UNITS, int)),
        embedding=_EMBEDDING.value,
        optimizer=_OPTIMIZER.value,
        clip_norm=_CLIP.value or None,
        seed=_SEED.value,
        engine=_ENGINE.value,
        synthetic=_SYNTHETIC.value,
        synthetic_rate=_SYNTHETIC_RATE.value,
    )
    plan = Plan(
        policies=read_policies(_POLICIES.value),
        lengths=tuple(int(n) for n in _numbers(_CHUNKS, int)),
        chunkings=_CHUNKINGS.value,
        steps=_WARM.value,
        most_lag=_LAG.value,
        lessons=_LESSONS.value,
        seed=_SEED.value,
    )
    budget = Budget(_SECONDS.value or None, _STEPS.value or None, _MEMORY.value or None)
    if min(_SECONDS.value, _STEPS.value, _MEMORY.value) < 0:
        raise RunError(f"a budget of {budget}: give numbers of at least 0")
    rates = tuple(float(rate) for rate in _numbers(_RATES, float))
    return Question(
        options, plan, budget, rates, _STRETCH.value, _POINTS.value, model=_MODEL.value
    )


def _say(text: str) -> None:
    print(text)
    sys.stdout.flush()


def _write(out: Path, found: report.Report, words: str) -> str:
    """Writes the three files; returns what is printed."""
    every = list(report.tables(found))
    command = " ".join(["scripts/compare_policies.py", *sys.argv[1:]])
    markdown = [
        f"# Carry policies on {found.description}",
        f"    {command}",
        words.replace("\n", "  \n"),
        *(one.to_markdown() for one in every),
        report.LEGEND,
    ]
    values = {"command": command, **report.to_json(found, words)}
    try:
        (out / "comparison.json").write_text(
            json.dumps(values, indent=1, allow_nan=False) + "\n", encoding="utf-8"
        )
        (out / "comparison.md").write_text("\n\n".join(markdown) + "\n", encoding="utf-8")
    except OSError as error:
        raise LogError(f"--out={out}: cannot be written: {because(error)}") from error
    plot.draw(found, out / "comparison.png")
    return "\n\n".join([*(one.to_text() for one in every), report.LEGEND, words])


def main(_: list[str]) -> None:
    """Reads the flags, compares, and leaves table, JSON, picture and recommendation."""
    console.quiet_tensorflow()
    out = Path(_OUT.value)
    with console.one_line_errors("compare_policies.py"):
        question = _question()
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LogError(f"--out={out}: cannot be made: {because(error)}") from error
        command = [sys.executable, str(_CURVE), "--trial"]
        found = compare(question, command, out / "trainings", _say)
        words = recommend(report.to_figures(found), question.budget)
        text = _write(out, found, words)
    _say(f"\n{text}\n\nfigures, tables and picture: {out}/comparison.json, .md and .png")


if __name__ == "__main__":
    _startup.run(main)
