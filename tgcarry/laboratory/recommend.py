"""Turns figures into words: which policy, chunk length and window for this task and budget.

The rules, in this order; the numbers are those below.

1. A setting whose training failed is out, and so is one that does not fit into the memory.
2. Credit beyond a chunk matters where the truncated gradient's bias is above `LITTLE`.
3. Where no setting made the held-out loss fall by `LEARNT` of it, only the gradients can tell:
   the simplest setting with little bias is named, and more training.
4. Else settings whose gain in loss is within `TIE` of the best one's are equally good, and the
   simplest of them is taken: truncated before exact before random before synthetic before stale,
   a shorter window before a longer one, less memory before more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LITTLE = 0.1
"""A relative bias that is taken for none."""
LEARNT = 0.02
"""The least share of the first held-out loss that has to be gained."""
TIE = 0.05
"""Share of the best gain that is taken for noise."""
FADED = 0.01
"""Share of its first size at which the gradient at a state is taken to have faded."""

_ORDER = ("truncated", "exact", "random", "synthetic", "stale")
_CLASSES = {
    "truncated": "Truncated",
    "exact": "ExactSweep",
    "random": "RandomTruncation",
    "synthetic": "Synthetic",
    "stale": "Stale",
}


@dataclass(frozen=True)
class Setting:
    """Holds the figures of one policy at one chunk length."""

    policy: str
    """As the user wrote it."""
    kind: str
    chunk: int
    """Steps."""
    window: int | None
    """Chunks per optimiser step, for policies with windows."""
    bias: float
    """Relative, of the gradient, without what chance makes of it: the largest measured."""
    variance: float
    """Likewise."""
    loss: float | None
    """Held-out, at the end of the budget; None where training failed."""
    early: float | None
    """Held-out, after as many optimiser steps as the setting that took the fewest."""
    steps: int
    """Optimiser steps within the budget."""
    peak_mib: float
    """Of the process."""
    learning_rate: float | None = None
    """That the losses are of; the best of those tried."""
    synthetic_rate: float | None = None
    """Of what a synthetic policy predicts with."""
    bounded: bool = False
    """Whether the window is shorter than the stretch that gradients were compared on."""

    @property
    def title(self) -> str:
        """Names it in a sentence."""
        return f"{self.policy} in chunks of {self.chunk}"


@dataclass(frozen=True)
class Budget:
    """Says what there is to spend."""

    seconds: float | None = None
    steps: int | None = None
    memory_mib: float | None = None

    def __str__(self) -> str:
        parts = [f"{self.seconds:g} s of training"] if self.seconds is not None else []
        parts += [f"{self.steps} optimiser steps"] if self.steps is not None else []
        parts += [f"{self.memory_mib:g} MiB"] if self.memory_mib is not None else []
        return ", ".join(parts) or "no limit"


@dataclass(frozen=True)
class Figures:
    """Holds all that a recommendation follows from."""

    settings: tuple[Setting, ...]
    first_loss: float
    """Held-out, before the first step."""
    reach: tuple[tuple[int, float], ...] = ()
    """Lag in steps, and the size of the exact gradient at the state so far back, by that at 0."""


def recommend(figures: Figures, budget: Budget) -> str:
    """Says in words which policy, chunk length and window to take, and why.

    Nothing but the arguments decides; the rules are those at the top of this module.

    Args:
      figures: what was measured.
      budget: what there is to spend.

    Returns:
      Sentences, a line each.
    """
    usable = [s for s in figures.settings if s.loss is not None]
    lines = [*_credit(figures), *_reach(figures)]
    if not usable:
        return _text(
            f"No policy can be recommended for {budget}: every training failed. Give lower "
            f"--learning_rates or a lower --clip_norm.",
            *lines,
        )
    memory = budget.memory_mib
    fits = [s for s in usable if memory is None or s.peak_mib <= memory]
    if not fits:
        least = min(usable, key=lambda s: s.peak_mib)
        return _text(
            f"No setting fits into {memory:g} MiB: the smallest, {least.title}, peaks at "
            f"{least.peak_mib:.0f} MiB. {_smaller(least)}",
            *lines,
        )
    best = min(fits, key=_loss)
    gain = figures.first_loss - _loss(best)
    if not gain > LEARNT * abs(figures.first_loss):
        return _text(*_unlearnt(fits, figures, budget), *lines)
    level = _loss(best) + TIE * gain
    chosen = min((s for s in fits if _loss(s) <= level), key=_simplicity)
    return _text(
        f"Take {_call(chosen)} in chunks of {chosen.chunk} ({_flags(chosen)}) for {budget}: "
        f"held-out loss {_loss(chosen):.4g}, from {figures.first_loss:.4g}; the best that fits "
        f"came to {_loss(best):.4g}.",
        *_why(chosen, fits),
        *_left_out(chosen, usable, fits, memory),
        *lines,
    )


def _credit(figures: Figures) -> list[str]:
    """Says at which chunk lengths credit beyond a chunk matters."""
    lines = []
    for kind in sorted((s for s in figures.settings if s.kind == "truncated"), key=_chunk):
        matters = "matters" if kind.bias > LITTLE else "matters little"
        lines.append(
            f"Credit beyond a chunk of {kind.chunk} steps {matters}: truncation misses the "
            f"gradient by {kind.bias:.0%} of it."
        )
    enough = [s for s in figures.settings if s.bounded and s.kind == "exact" and s.bias <= LITTLE]
    if enough:
        short = min(enough, key=_span)
        lines.append(
            f"Windows of {short.window} chunks of {short.chunk} hold nearly all of the gradient: "
            f"{short.policy} misses it by {short.bias:.0%}."
        )
    return lines


def _reach(figures: Figures) -> list[str]:
    faded = [lag for lag, size in figures.reach if size < FADED]
    if faded:
        return [
            f"The gradient of a loss at a state has faded to below {FADED:.0%} of its size "
            f"{faded[0]} steps back."
        ]
    if figures.reach:
        lag, size = figures.reach[-1]
        return [
            f"The gradient of a loss at the state {lag} steps back is {size:.2g} times that at "
            f"the state before it."
        ]
    return []


def _unlearnt(fits: Sequence[Setting], figures: Figures, budget: Budget) -> list[str]:
    """Recommends by the gradients alone."""
    right = [s for s in fits if s.bias <= LITTLE]
    lines = [
        f"Within {budget} nothing was learnt worth the name (held-out loss "
        f"{min(map(_loss, fits)):.4g}, from {figures.first_loss:.4g}), so that the curves do not "
        f"tell policies apart: train longer, or with other --learning_rates."
    ]
    if right:
        chosen = min(right, key=_simplicity)
        lines.append(
            f"By the gradients alone, take {_call(chosen)} in chunks of {chosen.chunk} "
            f"({_flags(chosen)}): the simplest whose bias is small, {chosen.bias:.2g}."
        )
    else:
        least = min(fits, key=lambda s: s.bias)
        lines.append(
            f"By the gradients alone, none of those that fit is right either; {least.title} has "
            f"the least bias, {least.bias:.2g}: add exact, or longer chunks."
        )
    return lines


def _why(chosen: Setting, fits: Sequence[Setting]) -> list[str]:
    others = [s for s in fits if s is not chosen]
    exact = min((s for s in others if s.kind == "exact"), key=_loss, default=None)
    if chosen.kind == "truncated":
        return _why_truncated(chosen, exact)
    truncated = min((s for s in others if s.kind == "truncated"), key=_loss, default=None)
    lines = []
    if truncated is not None:
        lines.append(
            f"Carrying pays: the best truncation, in chunks of {truncated.chunk}, came to "
            f"{_loss(truncated):.4g}, with a gradient off by {truncated.bias:.0%}."
        )
    if chosen.kind == "exact" and chosen.bounded:
        lines.append(
            f"A window of {chosen.window} chunks, {_span(chosen)} steps, is enough: its gradient "
            f"is off by {chosen.bias:.0%}, and it steps more often than the whole sequence."
        )
    elif chosen.kind == "exact":
        shorter = any(s.kind == "exact" and s.bounded for s in others)
        beside = ", and no shorter window did as well" if shorter else ""
        lines.append(f"Its gradient is the exact one{beside}.")
    elif chosen.kind == "random":
        right = "right in the mean"
        if chosen.bounded:
            right += f" within {chosen.window} chunks, and off by {chosen.bias:.0%}"
        lines.append(
            f"Its gradient is {right}, with a variance of {chosen.variance:.2g} of the "
            f"exact one's square; it holds the states of a piece only, however long the sequence."
        )
        if exact is None:
            lines.append("No exact setting was there to compare with within the limits.")
    elif chosen.kind == "synthetic":
        lines.append(
            f"Its gradient is biased by {chosen.bias:.0%}, as far as the predictor is wrong, and "
            f"it visits every chunk once."
        )
    else:
        lines.append(
            f"Be careful: its gradient is biased by {chosen.bias:.0%}, in a direction that "
            f"nothing stands for; look at another seed before you rely on it."
        )
    return lines


def _why_truncated(chosen: Setting, exact: Setting | None) -> list[str]:
    if chosen.bias <= LITTLE:
        return [
            f"Its gradient is off by {chosen.bias:.1%} only, it is the cheapest, and it took "
            f"{chosen.steps} steps."
        ]
    lines = [f"Its gradient is off by {chosen.bias:.0%}, and yet it is not behind here."]
    if exact is None or exact.early is None or chosen.early is None:
        return lines
    if exact.early < chosen.early and chosen.steps > exact.steps:
        lines.append(
            f"It is ahead by the number of its steps, {chosen.steps} to {exact.steps}: step for "
            f"step {exact.title} is better, {exact.early:.4g} to {chosen.early:.4g}. With a "
            f"larger budget, compare again."
        )
    elif exact.early < chosen.early and _loss(exact) > _loss(chosen):
        lines.append(
            f"Early on {exact.title} was better, {exact.early:.4g} to {chosen.early:.4g}, but it "
            f"came to {_loss(exact):.4g} in the end."
        )
    elif exact.early < chosen.early:
        lines.append(
            f"{exact.title} came to {_loss(exact):.4g}: that is within {TIE:.0%} of what was "
            f"gained, and truncation is simpler."
        )
    else:
        lines.append(
            f"Step for step it is not behind {exact.title} either, {chosen.early:.4g} to "
            f"{exact.early:.4g}: what is further back does not help this loss so far."
        )
    return lines


def _left_out(
    chosen: Setting, usable: Sequence[Setting], fits: Sequence[Setting], memory: float | None
) -> list[str]:
    better = [s for s in usable if s not in fits and _loss(s) < _loss(chosen)]
    if not better or memory is None:
        return []
    first = min(better, key=_loss)
    return [
        f"{first.title} came to {_loss(first):.4g}, but peaks at {first.peak_mib:.0f} MiB, over "
        f"the {memory:g} MiB that there are: shorter chunks need less."
    ]


def _smaller(least: Setting) -> str:
    text = "Take fewer streams (--batch)"
    if least.chunk > 1:
        text = f"Take chunks of {least.chunk // 2} or fewer steps, or fewer streams (--batch)"
    if least.kind in ("exact", "random"):
        return f"{text}; random:0.3 holds the states of a few chunks at a time."
    return f"{text}; exact carries the gradient over short chunks, and holds one at a time."


def _simplicity(setting: Setting) -> tuple[int, float, float]:
    span = 0 if setting.window is None else _span(setting)
    return _ORDER.index(setting.kind), span, setting.peak_mib


def _call(setting: Setting) -> str:
    """Writes a policy as Python makes it."""
    name, _, rest = setting.policy.partition(":")
    first, _, window = rest.partition(":")
    if name == "random":
        size = f", window={window or setting.window}"
        return f"RandomTruncation({first}{size})"
    if name == "exact":
        return f"ExactSweep({setting.window})"
    if name == "synthetic" and first:
        return f"Synthetic(trunk={first})"
    return f"{_CLASSES[setting.kind]}({first})"


def _flags(setting: Setting) -> str:
    """Writes a setting as train.py reads it."""
    _, _, rest = setting.policy.partition(":")
    first = rest.partition(":")[0]
    flags = [f"--policy={setting.kind}", f"--chunk={setting.chunk}"]
    if setting.window is not None:
        flags.append(f"--window={setting.window}")
    if setting.kind == "random":
        flags.append(f"--cut={first}")
    if setting.kind == "stale" and first:
        flags.append(f"--decay={first}")
    if setting.kind == "synthetic":
        flags += [f"--trunk={first}"] if first else []
        rate = setting.synthetic_rate
        flags += [f"--synthetic_rate={rate:g}"] if rate is not None else []
    if setting.learning_rate is not None:
        flags.append(f"--learning_rate={setting.learning_rate:g}")
    return " ".join(flags)


def _loss(setting: Setting) -> float:
    return float("inf") if setting.loss is None else setting.loss


def _chunk(setting: Setting) -> int:
    return setting.chunk


def _span(setting: Setting) -> int:
    return setting.chunk * (setting.window or 1)


def _text(*lines: str) -> str:
    return "\n".join(lines)
