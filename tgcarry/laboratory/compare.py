"""The whole comparison: gradients first, then a process for each policy and chunk length."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tgcarry.dataset import open_dataset
from tgcarry.errors import RunError
from tgcarry.fingerprint import of_dataset
from tgcarry.laboratory.asked import Asked
from tgcarry.laboratory.curves import Trial
from tgcarry.laboratory.forward import sum_of
from tgcarry.laboratory.measure import Plan, measure_gradients, window_for
from tgcarry.laboratory.processes import run_in_process
from tgcarry.laboratory.recommend import Budget
from tgcarry.laboratory.report import Report, Trained, best_rates
from tgcarry.laboratory.stretch import open_stretch
from tgcarry.laboratory.subject import Described
from tgcarry.options import TrainOptions

# Unrolls chunks of any length without compiling for each.
_ANY_LENGTH = "loop"


@dataclass(frozen=True)
class Question:
    """Says what is compared, on what, and for how much."""

    options: TrainOptions
    """The data and the model; the policy and the chunk in it are not looked at."""
    plan: Plan
    budget: Budget
    rates: tuple[float, ...] = (1e-3,)
    """Learning rates that each setting is trained with; the first one trains for the gradients."""
    stretch: int = 0
    """Steps that gradients are compared on; 0 for four of the longest chunks, or for whole
    sequences where the data are scored at some steps only."""
    points: int = 20
    """Validations in a training."""
    model: str | None = None
    """"file.py:function" that builds the model; None for the one that options describe."""

    def __post_init__(self) -> None:
        check_question(self.plan, self.budget, self.rates, self.points, self.stretch)


def check_question(
    plan: Plan, budget: Budget, rates: Sequence[float], points: int, stretch: int = 0
) -> None:
    """Refuses what cannot be compared.

    Raises:
      RunError: it cannot.
    """
    if budget.seconds is None and budget.steps is None:
        raise RunError("no budget to train for: give --seconds or --steps above 0")
    if budget.seconds is not None and not 0 < budget.seconds < math.inf:
        raise RunError(f"seconds {budget.seconds:g}: give a finite number above 0")
    for name, values in (("chunks", plan.lengths), ("learning_rates", rates)):
        good = all(0 < value < math.inf for value in values)
        if not values or len(set(values)) < len(values) or not good:
            raise RunError(f"{name} {list(values)}: give one or more above 0, each once")
    numbers = (plan.chunkings, points, plan.lessons, plan.steps + 1, stretch + 1)
    if min(numbers) < 1 or plan.most_lag < 0:
        raise RunError(
            f"chunkings {plan.chunkings}, points {points}, lessons {plan.lessons}, "
            f"warm_steps {plan.steps}, stretch {stretch}, most_lag {plan.most_lag}: give "
            f"at least 1 of the first three, and 0 or more of the others"
        )


def compare(
    question: Question,
    command: Sequence[str],
    folder: Path,
    on_text: Callable[[str], None] = lambda text: None,
) -> Report:
    """Measures gradients and trains under every policy at every chunk length.

    Trainings are one after another, so that none takes another's time, each in a process of its
    own. A training whose result is in the folder already is not made again.

    Args:
      question: what to compare.
      command: starts a process that calls `tgcarry.laboratory.processes.serve`, when the path of
        its file is put behind it.
      folder: for the trainings' files.
      on_text: called with a line on each part.

    Returns:
      A `Report`.

    Raises:
      TgcarryError: bad options or data; a training that failed for another reason than numbers
        that are not finite; or an exact policy that is not exact.
    """
    longest = max(question.plan.lengths)
    options = replace(question.options, data=replace(question.options.data, chunk=longest))
    dataset = open_dataset(options.data)
    if not dataset.validation:
        raise RunError("nothing is held out to compare policies on: give --validation above 0")
    stretch = open_stretch(options.data, question.stretch)
    on_text(dataset.description)
    on_text(f"gradients are compared on {stretch.steps} steps of {len(stretch.lengths)} streams")
    still = replace(options, engine=_ANY_LENGTH, learning_rate=question.rates[0])
    subject = Described(still, question.model)
    gradients = measure_gradients(subject, stretch, question.plan, on_text)
    of_data, of_model = of_dataset(dataset), sum_of(question.model)
    trained = []
    for asked, length, rate in _settings(question):
        window = window_for(stretch.steps, length)
        trial = _trial(question, asked, length, window, rate)
        trial = replace(trial, data_sum=of_data, model_sum=of_model)
        title = f"{asked.name}-{length}-{rate:g}".replace(":", "_")
        on_text(f"training {asked.name} in chunks of {length}, rate {rate:g}")
        result = run_in_process(trial, command, folder / f"{title}.json")
        on_text(f"  {outcome(result)}")
        chunks = trial.options.window if asked.windowed else None
        told = trial.options.synthetic_rate if asked.kind == "synthetic" else None
        trained.append(Trained(asked.name, length, chunks, rate, result, told))
    best, others = best_rates(trained)
    return Report(
        dataset.description,
        stretch.steps,
        len(stretch.lengths),
        question.plan.policies,
        gradients,
        best,
        others,
        question.budget,
    )


def _settings(question: Question) -> Iterator[tuple[Asked, int, float]]:
    for length in question.plan.lengths:
        for asked in question.plan.policies:
            for rate in question.rates:
                yield asked, length, rate


def _trial(question: Question, asked: Asked, length: int, window: int, rate: float) -> Trial:
    options = replace(
        question.options,
        data=replace(question.options.data, chunk=length),
        policy=asked.kind,
        window=asked.window if asked.bounded else window,
        decay=asked.decay,
        cut=asked.cut,
        trunk=asked.trunk,
        learning_rate=rate,
        steps=question.budget.steps,
    )
    held = max(question.plan.lengths)
    return Trial(
        asked.name,
        options,
        question.budget.seconds,
        question.points,
        held,
        model=question.model,
    )


def outcome(result: dict[str, object]) -> str:
    """Tells in a line what a training came to."""
    if result["failed"]:
        return f"failed: {result['failed']}"
    points = result["points"]
    assert isinstance(points, list)
    return f"{result['steps']} steps, held-out loss {points[-1]['loss']:.4g}"
