"""A comparison's figures put together: as JSON, as tables, and as what a recommendation needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tgcarry.console import table
from tgcarry.laboratory.asked import Asked
from tgcarry.laboratory.measure import Gradients, window_for
from tgcarry.laboratory.recommend import Budget, Setting
from tgcarry.laboratory.recommend import Figures as Grounds
from tgcarry.laboratory.tally import Figures

# A bias that is rounding; whoever has no other at any lag needs no column.
NONE = 1e-4
# How far towards an optimiser step a validation has to be to count for it.
_NEARLY = 0.9


class Trained(NamedTuple):
    """Holds what came of training one policy at one chunk length."""

    policy: str
    chunk: int
    window: int | None
    """Chunks per optimiser step; None for policies without windows."""
    learning_rate: float
    """The one of those tried whose last held-out loss was lowest."""
    result: dict[str, Any]
    """Of `tgcarry.laboratory.curves.run_trial`."""
    synthetic_rate: float | None = None
    """Of what a synthetic policy predicts with; None for the others."""

    @property
    def loss(self) -> float | None:
        """The last held-out loss; None where training failed."""
        return None if self.result["failed"] else float(self.result["points"][-1]["loss"])

    def loss_at(self, step: int) -> float | None:
        """The held-out loss at an optimiser step, or shortly before.

        None where training failed, and where the last validation was long before: it would hold
        the start of one curve against the end of another.
        """
        if self.result["failed"]:
            return None
        last = [point for point in self.result["points"] if point["step"] <= step][-1]
        return float(last["loss"]) if last["step"] >= _NEARLY * step else None


class Report(NamedTuple):
    """Holds a whole comparison."""

    description: str
    """Of the data."""
    stretch: int
    """Steps that gradients were compared on."""
    streams: int
    policies: tuple[Asked, ...]
    gradients: list[Gradients]
    trained: list[Trained]
    """One for each policy and chunk length."""
    other_rates: list[Trained]
    """Those with learning rates that did less well."""
    budget: Budget


def best_rates(trained: Sequence[Trained]) -> tuple[list[Trained], list[Trained]]:
    """Splits into the learning rate with the lowest last loss of each setting, and the others."""
    chosen: dict[tuple[str, int], Trained] = {}
    for one in trained:
        key = (one.policy, one.chunk)
        if key not in chosen or _order(one) < _order(chosen[key]):
            chosen[key] = one
    best = list(chosen.values())
    return best, [one for one in trained if not any(one is other for other in best)]


def to_figures(report: Report) -> Grounds:
    """Takes from a report what a recommendation follows from."""
    fewest = min((t.result["steps"] for t in report.trained if t.loss is not None), default=0)
    asked = {one.name: one for one in report.policies}
    settings = []
    for one in report.trained:
        measured = [
            m.carried
            for at in report.gradients
            for m in at.settings
            if (m.policy, m.chunk) == (one.policy, one.chunk)
        ]
        policy = asked[one.policy]
        whole = window_for(report.stretch, one.chunk)
        settings.append(
            Setting(
                policy=one.policy,
                kind=policy.kind,
                chunk=one.chunk,
                window=one.window,
                # Offsets come evenly; only cuts and windows that are drawn leave chance behind.
                bias=max(m.lasting_bias if policy.windowed else m.bias for m in measured),
                variance=max(m.variance for m in measured),
                loss=one.loss,
                early=one.loss_at(fewest),
                learning_rate=one.learning_rate,
                synthetic_rate=one.synthetic_rate,
                steps=one.result["steps"],
                peak_mib=one.result["peak_mib"],
                bounded=one.window is not None and one.window < whole,
            )
        )
    first = report.trained[0].result["points"][0]["loss"]
    return Grounds(tuple(settings), first, tuple(report.gradients[-1].reach))


def to_json(report: Report, recommendation: str) -> dict[str, Any]:
    """Turns a report into what JSON can hold; what is not known is null."""
    return {
        "data": report.description,
        "stretch": report.stretch,
        "streams": report.streams,
        "budget": report.budget.__dict__,
        "gradients": [_gradients(at) for at in report.gradients],
        "training": [one._asdict() for one in report.trained],
        "other_learning_rates": [one._asdict() for one in report.other_rates],
        "recommendation": recommendation.splitlines(),
    }


def _gradients(at: Gradients) -> dict[str, Any]:
    return {
        "weights": at.weights,
        "steps": at.steps,
        "loss": at.loss,
        "settings": [
            {
                "policy": m.policy,
                "chunk": m.chunk,
                **m.carried._asdict(),
                "blocks": {name: _maybe(block) for name, block in m.blocks.items()},
            }
            for m in at.settings
        ],
        "lags": [
            {"policy": g.policy, "chunk": g.chunk, "lag": g.lag, **(_maybe(g.figures) or {})}
            for g in at.lags
        ],
        "reach": [{"lag": lag, "size": size} for lag, size in at.reach],
    }


def _maybe(figures: Figures | None) -> dict[str, float] | None:
    return None if figures is None else figures._asdict()


class Table(NamedTuple):
    """Is a table with a heading."""

    title: str
    header: list[str]
    rows: list[list[str]]

    def to_text(self) -> str:
        """Writes it in aligned columns."""
        return f"{self.title}\n\n{table(self.header, self.rows)}"

    def to_markdown(self) -> str:
        """Writes it as Markdown has it."""
        lines = [self.header, ["---", *["---:"] * (len(self.header) - 1)], *self.rows]
        body = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
        return f"## {self.title}\n\n{body}"


def tables(report: Report) -> Iterator[Table]:
    """Yields the tables of a report: gradients, lags and training."""
    for at in report.gradients:
        where = f"{at.weights} ({at.steps} steps, loss {at.loss:.4g})"
        yield Table(
            f"Gradients at the weights: {where}",
            ["policy", "chunk", "bias", "+-", "variance", "cosine", "cosine of each"],
            [_gradient_row(m.policy, m.chunk, m.carried) for m in at.settings],
        )
        yield Table(f"Bias by lag at the weights: {where}", *_lag_rows(at))
    header = ["policy", "chunk", "window", "rate", "loss", "early", "steps", "ms/step", "ms/1000"]
    yield Table(
        f"Training within {report.budget}",
        [*header, "peak MiB", "grown MiB"],
        [_training_row(one, early) for one, early in _with_early(report)],
    )


def _gradient_row(policy: str, chunk: int, figures: Figures) -> list[str]:
    values = (figures.bias, figures.bias_error, figures.variance)
    cosines = (figures.cosine, figures.cosine_each)
    return [policy, str(chunk), *(f"{v:.2g}" for v in values), *(f"{v:.4f}" for v in cosines)]


def _lag_rows(at: Gradients) -> tuple[list[str], list[list[str]]]:
    settings = list(dict.fromkeys(g[:2] for g in at.lags if g.figures and g.figures.bias > NONE))
    found: Mapping[tuple[str, int, int], Figures | None] = {g[:3]: g.figures for g in at.lags}
    rows = []
    for lag, size in at.reach:
        cells = [found[policy, chunk, lag] for policy, chunk in settings]
        shown = ["" if figures is None else f"{figures.bias:.2g}" for figures in cells]
        rows.append([str(lag), f"{size:.2g}", *shown])
    return ["lag", "size", *(f"{policy} {chunk}" for policy, chunk in settings)], rows


def _with_early(report: Report) -> Iterator[tuple[Trained, float | None]]:
    early = {(s.policy, s.chunk): s.early for s in to_figures(report).settings}
    for one in report.trained:
        yield one, early[one.policy, one.chunk]


def _training_row(one: Trained, early: float | None) -> list[str]:
    result = one.result
    return [
        one.policy,
        str(one.chunk),
        "" if one.window is None else str(one.window),
        f"{one.learning_rate:g}",
        "failed" if one.loss is None else f"{one.loss:.4f}",
        "" if early is None else f"{early:.4f}",
        str(result["steps"]),
        f"{1000 * result['seconds'] / max(result['steps'], 1):.1f}",
        f"{1e6 * result['seconds'] / max(result['time_steps'], 1):.1f}",
        f"{result['peak_mib']:.0f}",
        f"{result['grown_mib']:.0f}",
    ]


LEGEND = """\
bias: |mean gradient - exact| / |exact| over the random chunkings, of the variables that act on
the state; +-: its standard error, which is also what a gradient without bias comes out as.
variance: mean |gradient - mean gradient|^2 / |exact|^2. cosine: of the mean gradient to the exact
one; of each: the mean of those of single chunkings. Bias by lag: of the gradient of a loss at the
state so many steps back (settings without any are left out); size: of the exact one, by that at
lag 0. loss: held-out, at the end of the budget; early: when a setting had taken as many optimiser
steps as the one that took the fewest. ms/1000: milliseconds of training per 1000 steps of single
streams. peak MiB: of a process; grown: beyond what it had before training."""


def _order(one: Trained) -> float:
    return float("inf") if one.loss is None else one.loss
