"""Draws what a log folder holds, and runs beside one another, as PNG files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tgcarry import logs
from tgcarry.data.wording import because
from tgcarry.errors import LogError

# Told apart by readers who do not see colours: hue, lightness and dash all differ.
STYLES = {
    "truncated": ("#c44e00", "--"),
    "stale": ("#7a7a7a", ":"),
    "exact": ("#0055a4", "-"),
}


def plot_run(folder: Path) -> list[Path]:
    """Draws `loss.png` and `carry.png` into the log folder of a finished run.

    Returns:
      The files that were written.

    Raises:
      LogError: the folder is not that of a finished run, or cannot be written.
    """
    label = str(logs.read_config(folder)["options"]["policy"])
    norms = logs.read_summary(folder)["carry_norms"]
    loss, carry = (folder / name for name in logs.PLOTS)
    with figure(loss, figsize=(7, 4)) as axes:
        draw_losses(axes, {label: folder})
        axes.set_title("Loss per scored step")
    with figure(carry, figsize=(7, 4)) as axes:
        draw_carry(axes, {label: norms})
    return [loss, carry]


def draw_losses(axes: Any, folders: Mapping[str, Path], training: bool = True) -> None:
    """Draws the loss over the chunks read, one line per run; validation lines bear the label."""
    for label, folder in folders.items():
        colour, dash = STYLES.get(label, ("#0055a4", "-"))
        if training:
            lines = [e for e in logs.read_metrics(folder, "train") if e["loss"] is not None]
            axes.plot(
                [e["chunks"] for e in lines],
                smooth([e["loss"] for e in lines]),
                color=colour,
                alpha=0.35,
                linewidth=1,
            )
        held = logs.read_metrics(folder, "validation")
        axes.plot(
            [e["chunks"] for e in held],
            [e["loss"] for e in held],
            color=colour,
            linestyle=dash,
            marker="o",
            markersize=2.5,
            label=f"{label} (validation)" if training else label,
        )
    axes.set_xlabel("chunks read")
    axes.set_ylabel("loss")
    axes.legend(frameon=False)


def draw_carry(axes: Any, norms: Mapping[str, Sequence[float]]) -> None:
    """Draws how far back the last chunk's loss reaches: |d loss / d state| over the distance."""
    for label, values in norms.items():
        colour, dash = STYLES.get(label, ("#0055a4", "-"))
        positive = [v if v > 0 else float("nan") for v in values]
        axes.plot(
            range(len(values)),
            positive,
            color=colour,
            linestyle=dash,
            marker="o",
            markersize=2.5,
            label=label,
        )
    if any(v > 0 for values in norms.values() for v in values):
        axes.set_yscale("log")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel("chunk boundaries back from the loss")
    axes.set_ylabel("norm of the carried gradient")
    axes.set_title("How far back the gradient of one chunk's loss reaches")
    axes.legend(frameon=False)


def draw_comparison(
    path: Path,
    tasks: Mapping[str, Mapping[str, Path]],
    chance: Mapping[str, float] | None = None,
) -> Path:
    """Draws runs under several policies, a row per task: losses left, carried gradient right.

    Args:
      path: the PNG to write.
      tasks: title -> policy -> log folder.
      chance: title -> loss of a model without memory, drawn as a line.

    Returns:
      `path`.

    Raises:
      LogError: a folder is not that of a finished run, or the file cannot be written.
    """
    size = (11, 3.6 * len(tasks))
    with figure(path, len(tasks), 2, figsize=size, squeeze=False) as rows:
        _fill_comparison(rows, tasks, chance or {})
    return path


def _fill_comparison(
    rows: Any, tasks: Mapping[str, Mapping[str, Path]], chance: Mapping[str, float]
) -> None:
    for (title, runs), (left, right) in zip(tasks.items(), rows, strict=True):
        if title in chance:
            left.axhline(chance[title], color="black", linewidth=0.8)
            left.annotate(
                "without memory",
                (1, chance[title]),
                xycoords=("axes fraction", "data"),
                ha="right",
                va="bottom",
                fontsize=8,
            )
        draw_losses(left, runs, training=False)
        left.set_title(f"{title}: validation loss")
        norms = {name: logs.read_summary(folder)["carry_norms"] for name, folder in runs.items()}
        draw_carry(right, norms)


def smooth(values: Sequence[float], share: float = 0.02) -> list[float]:
    """Averages exponentially over about `share` of the values, without a bias at the start."""
    rate = min(1.0, 1 / max(1.0, share * len(values)))
    total = weight = 0.0
    out = []
    for value in values:
        total = (1 - rate) * total + rate * value
        weight = (1 - rate) * weight + rate
        out.append(total / weight)
    return out


@contextmanager
def figure(path: Path, *grid: int, **options: Any) -> Iterator[Any]:
    """Yields the axes of a new figure and writes it to `path` at the end."""
    try:
        import matplotlib as mpl
    except ModuleNotFoundError as error:
        raise LogError("plots need matplotlib: pip install 'tgcarry[scripts]'") from error
    mpl.use("Agg")
    from matplotlib import pyplot

    drawing, axes = pyplot.subplots(*grid, layout="constrained", **options)
    try:
        yield axes
        drawing.savefig(path, dpi=120)
    except OSError as error:
        if isinstance(error, LogError):
            raise
        raise LogError(f"{path}: cannot be written: {because(error)}") from error
    finally:
        pyplot.close(drawing)
