"""Trains words from characters: a model of words, and on each of its outputs one that spells.

The outer GRU reads word after word; for each, the inner one writes the next word's characters and
then STOP, so that its number of steps is the word's length. Beside it a plain GRU over the same
characters is trained, with as many parameters. For example:

  python scripts/train_chained.py --logdir=runs/words --sample=40
  python scripts/train_chained.py --text=my.txt --policy=exact --inner_state=reset --logdir=runs/my
"""

import _startup

import sys
from pathlib import Path
from typing import Any

from absl import flags
from tqdm import tqdm

from tgcarry import console
from tgcarry.engines import ENGINES
from tgcarry.model import OPTIMIZERS
from tgcarry.words.entries import BUILTIN, CHAINED, PLAIN, WordsOptions
from tgcarry.words.training import PICTURE, RESULT, train_words

_BUILTIN_HELP = "; ".join(f"{name}: {what}" for name, what in BUILTIN.items())

_TEXT = flags.DEFINE_string("text", "topics", f"A text file, or a built-in: {_BUILTIN_HELP}.")
_LIMIT = flags.DEFINE_integer("limit", 0, "Most characters of --text to read; 0: all.")
_MAX_WORD = flags.DEFINE_integer(
    "max_word", 20, "Most inner steps of a word, STOP included; longer ones are cut into pieces."
)
_VALIDATION = flags.DEFINE_float("validation", 0.1, "Share of the words held out at the end.")
_OUTER = flags.DEFINE_integer("outer_units", 128, "Units of the model of words.")
_INNER = flags.DEFINE_integer("inner_units", 128, "Units of the model that spells.")
_EMBEDDING = flags.DEFINE_integer("embedding", 32, "Width of a character's vector.")
_INNER_STATE = flags.DEFINE_enum(
    "inner_state",
    "carry",
    ["carry", "reset"],
    "Whether the inner state goes on from word to word.",
)
_CHUNK = flags.DEFINE_integer("chunk", 20, "Words of a chunk.")
_BATCH = flags.DEFINE_integer("batch", 16, "Streams read side by side.")
_POLICY = flags.DEFINE_enum(
    "policy",
    "truncated",
    ["truncated", "stale", "exact"],
    "Where the gradient at a chunk's end is from.",
)
_WINDOW = flags.DEFINE_integer(
    "window", 5, "Chunks per sweep and optimiser step of --policy=exact; 0: the whole text."
)
_DECAY = flags.DEFINE_float("decay", 1.0, "Share of the previous gradient in --policy=stale.")
_OPTIMIZER = flags.DEFINE_enum("optimizer", "adam", list(OPTIMIZERS), "Optimiser.")
_RATE = flags.DEFINE_float("learning_rate", 4e-3, "Learning rate.")
_CLIP = flags.DEFINE_float("clip_norm", 1.0, "Largest global norm of a gradient; 0: no limit.")
_EPOCHS = flags.DEFINE_integer("epochs", 1, "Times to read the training data.")
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the weights and of what is written.")
_ENGINE = flags.DEFINE_enum("engine", "auto", list(ENGINES), "How the cells are unrolled.")
_COMPARE = flags.DEFINE_bool("compare", True, "Train the plain character model, too.")
_SAMPLE = flags.DEFINE_integer("sample", 0, "Words to write after training.")
_LOG_DIR = flags.DEFINE_string("logdir", None, "Folder for metrics, results and the picture.")
_OVERWRITE = flags.DEFINE_bool("overwrite", False, "Remove an earlier run in --logdir.")

flags.mark_flag_as_required("logdir")


def _options() -> WordsOptions:
    """Gathers the flags."""
    return WordsOptions(
        text=_TEXT.value,
        limit=_LIMIT.value or None,
        max_word=_MAX_WORD.value,
        validation=_VALIDATION.value,
        batch=_BATCH.value,
        chunk=_CHUNK.value,
        outer_units=_OUTER.value,
        inner_units=_INNER.value,
        embedding=_EMBEDDING.value,
        inner_state=_INNER_STATE.value,
        policy=_POLICY.value,
        window=_WINDOW.value or None,
        decay=_DECAY.value,
        optimizer=_OPTIMIZER.value,
        learning_rate=_RATE.value,
        clip_norm=_CLIP.value or None,
        epochs=_EPOCHS.value,
        seed=_SEED.value,
        engine=_ENGINE.value,
        compare=_COMPARE.value,
        sample=_SAMPLE.value,
    )


HEADER = [
    "model",
    "parameters",
    "characters read",
    "steps",
    "nats/char",
    "perplexity/char",
    "accuracy",
    "chars/s",
]


def _table(models: dict[str, dict[str, Any]]) -> str:
    rows = [
        [
            name,
            str(figures["parameters"]),
            str(figures["characters"]),
            str(figures["steps"]),
            f"{figures['validation']['loss']:.4f}",
            f"{figures['validation']['perplexity']:.3f}",
            f"{figures['validation']['accuracy']:.1%}",
            f"{figures['characters_per_second']:.0f}",
        ]
        for name, figures in models.items()
    ]
    return console.table(HEADER, rows)


def _verdict(models: dict[str, dict[str, Any]]) -> str:
    """Says in a sentence which model came out ahead, whichever it is."""
    chained, plain = models[CHAINED], models[PLAIN]
    gap = chained["validation"]["loss"] - plain["validation"]["loss"]
    if f"{abs(gap):.4f}" == "0.0000":
        result = "both models need the same number of nats"
    else:
        winner = "the chained model" if gap < 0 else "the plain character model"
        share = abs(gap) / plain["validation"]["loss"]
        result = f"{winner} is ahead by {abs(gap):.4f} nats a character ({share:.1%})"
    speed = plain["characters_per_second"] / chained["characters_per_second"]
    return f"On the held-out text {result}; the plain one reads {speed:.2f} times as fast."


def main(_: list[str]) -> None:
    """Reads the flags, trains, writes and compares."""
    log_dir = Path(_LOG_DIR.value or "")
    console.quiet_tensorflow()
    with (
        console.one_line_errors("train_chained.py"),
        # A bar where someone watches, plain lines elsewhere.
        tqdm(unit="chunk", disable=None if sys.stderr.isatty() else True, leave=False) as bar,
    ):

        def show(name: str, seen: int, chunks: int) -> None:
            if seen == 1:
                bar.reset(chunks)
                bar.set_description(name)
            bar.update()

        result = train_words(
            _options(),
            log_dir,
            overwrite=_OVERWRITE.value,
            on_progress=show,
            on_text=tqdm.write,
        )
    print(f"\n{_table(result['models'])}")
    if PLAIN in result["models"]:
        print(_verdict(result["models"]))
    if result["sample"] is not None:
        print(f"\n{_SAMPLE.value} words written by the chained model:\n{result['sample']}")
    print(f"\nresults: {log_dir / RESULT}   picture: {log_dir / PICTURE}")


if __name__ == "__main__":
    _startup.run(main)
