"""The job of `scripts/train_chained.py`: words from characters, beside a plain character model."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry import data, logs
from tgcarry.calls import Visit
from tgcarry.data import Words
from tgcarry.data.wording import because
from tgcarry.errors import LogError, RunError
from tgcarry.options import make_policy
from tgcarry.plots import figure
from tgcarry.runner import Runner
from tgcarry.scores import score
from tgcarry.words.entries import (
    CHAINED,
    PLAIN,
    Entry,
    WordsOptions,
    WordStreams,
    chained_entry,
    cut_words,
    open_words,
    plain_entry,
    spec_for,
)
from tgcarry.words.model import count_parameters
from tgcarry.words.writer import write_words

RESULT, PICTURE = "result.json", "validation.png"
_VALIDATIONS = 10
_STYLES = {CHAINED: ("#0055a4", "-"), PLAIN: ("#c44e00", "--")}


def train_words(
    options: WordsOptions,
    log_dir: Path,
    *,
    overwrite: bool = False,
    on_progress: Callable[[str, int, int], None] | None = None,
    on_text: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Trains the chained model, and a plain one of its size on the same characters.

    The plain model is a GRU with as many parameters. It reads the very same characters in as many
    streams and chunks, and so takes as many steps, under the same policy and optimiser.
    Everything that can be refused is refused before the log folder is touched.

    Args:
      options: the run.
      log_dir: gets a log folder of each model, the results as `result.json`, and a picture.
      overwrite: remove an earlier run there.
      on_progress: called with the model's name, the chunks visited, and their number in all.
      on_text: called with a line now and then.

    Returns:
      "models" (name -> figures) and "sample" (text, or None), as written.

    Raises:
      TgcarryError: bad options or data, a log folder in use, numbers gone bad.
    """
    policy = make_policy(options.policy, options.window, options.decay)
    if options.epochs < 1 or options.chunk < 1 or options.sample < 0:
        raise RunError(
            f"epochs {options.epochs}, chunk {options.chunk}, sample {options.sample}: give at "
            f"least 1 of the first two, and 0 or more of the last"
        )
    for folder in (log_dir, log_dir / CHAINED, log_dir / PLAIN):
        logs.check_free(folder, overwrite)
    words = open_words(options)
    streams = cut_words(words, options)
    spec = spec_for(options, words, streams)
    on_text(_description(words, streams))
    figures: dict[str, Any] = {}
    weights: dict[str, np.ndarray] = {}
    for name in (CHAINED, PLAIN) if options.compare else (CHAINED,):
        with tf.Graph().as_default():
            if name == CHAINED:
                entry = chained_entry(spec, streams, options)
            else:
                entry = plain_entry(spec, streams, options, figures[CHAINED]["parameters"])
            job = _Job(entry, options.epochs, on_progress, on_text)
            runner = Runner(entry.chunk, policy, reduce="mean", on_visit=job.visited)
            config = {"options": asdict(options), "vocabulary": words.vocabulary}
            with runner, logs.LogWriter(log_dir / name, config, overwrite) as log:
                figures[name] = job.run(runner, log)
                log.finish(figures[name])
                if name == CHAINED:
                    trained = {v.op.name: v for v in entry.chunk.variables}
                    weights = runner.session.run(trained)
    text = None
    if options.sample:
        text = data.decode(
            write_words(spec, weights, options.sample, options.seed), words.vocabulary
        )
    result = {"models": figures, "sample": text}
    _write_result(log_dir / RESULT, result)
    _draw(log_dir, list(figures))
    return result


def _description(words: Words, streams: WordStreams) -> str:
    held = int(streams.held["steps"].sum())
    return (
        f"{words.source}: {streams.train['steps'].size} words of {streams.characters} characters "
        f"to train on, in {len(streams.train['steps'])} streams; {streams.held['steps'].size} of "
        f"{held} to validate on; {len(words.vocabulary)} different characters"
    )


class _Job:
    """Trains one model and keeps its figures."""

    def __init__(
        self,
        entry: Entry,
        epochs: int,
        on_progress: Callable[[str, int, int], None] | None,
        on_text: Callable[[str], None],
    ) -> None:
        self._entry, self._epochs = entry, epochs
        self._on_progress, self._on_text = on_progress, on_text
        self._chunks = len(entry.train) * epochs
        self._seen = 0

    def visited(self, index: int, visit: Visit) -> None:
        """Passes a backward visit on to the progress display."""
        self._seen += 1
        if self._on_progress is not None:
            self._on_progress(self._entry.name, self._seen, self._chunks)

    def run(self, runner: Runner, log: logs.LogWriter) -> dict[str, Any]:
        """Trains to the end and returns the figures."""
        every = -(-self._chunks // _VALIDATIONS)
        read, step, seconds, due, rates = 0, 0, 0.0, every, []
        values = self._validate(runner, log, step, read)
        for report in runner.run(data.epochs(self._entry.train, self._epochs)):
            step, scored = report.step, report.metrics["scored"]
            read, seconds = read + int(scored), seconds + report.seconds
            rates.append(scored / report.seconds)
            loss = report.metrics["total"] / scored
            log.write("train", step, {"loss": loss, "characters": read})
            done = report.chunks.stop
            if done >= due or done == self._chunks:
                values = self._validate(runner, log, step, read)
                due = done + every
        return {
            "parameters": count_parameters(self._entry.chunk),
            "characters": read,
            "steps": step,
            "validation": values,
            "characters_per_second": float(np.median(rates)),
            "training_seconds": seconds,
        }

    def _validate(
        self, runner: Runner, log: logs.LogWriter, step: int, read: int
    ) -> dict[str, float]:
        values = score(runner.evaluate(self._entry.held), "characters")
        values["perplexity"] = float(np.exp(values["loss"]))
        log.write("validation", step, {**values, "characters": read})
        self._on_text(
            f"{self._entry.name}  step {step}  characters {read}  validation nats "
            f"{values['loss']:.4f}  perplexity {values['perplexity']:.3f}"
        )
        return values


def _write_result(path: Path, result: dict[str, Any]) -> None:
    try:
        path.write_text(json.dumps(result, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    except OSError as error:
        raise LogError(f"{path}: cannot be written: {because(error)}") from error


def _draw(log_dir: Path, names: Sequence[str]) -> None:
    """Draws the models' validation losses over the characters that they read."""
    with figure(log_dir / PICTURE, figsize=(7, 4)) as axes:
        for name in names:
            # Untrained, both are so far off that the rest of the curves would be flat.
            lines = logs.read_metrics(log_dir / name, "validation")[1:]
            colour, dash = _STYLES[name]
            axes.plot(
                [line["characters"] for line in lines],
                [line["loss"] for line in lines],
                color=colour,
                linestyle=dash,
                marker="o",
                markersize=2.5,
                label=name,
            )
        axes.set_xlabel("characters read")
        axes.set_ylabel("nats per character")
        axes.set_title("Words from characters: validation")
        axes.legend(frameon=False)
