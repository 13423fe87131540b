"""Evaluates a trained model on its held-out data or a file; lets one of characters write.

For example:
  python scripts/evaluate.py --logdir=runs/text
  python scripts/evaluate.py --logdir=runs/text --data=my.txt
  python scripts/evaluate.py --logdir=runs/text --sample=400 --prime="def " --temperature=0.7
"""

import _startup

from pathlib import Path

from absl import flags

from tgcarry import console
from tgcarry.evaluation import evaluate, sample

_LOGDIR = flags.DEFINE_string("logdir", None, "Log folder of a training run.")
_DATA = flags.DEFINE_string("data", None, "File to evaluate on; none takes the held-out data.")
_BATCH = flags.DEFINE_integer("batch", 0, "Streams to read --data in; 0: as in training.")
_SAMPLE = flags.DEFINE_integer("sample", 0, "Characters to write after the evaluation.")
_PRIME = flags.DEFINE_string("prime", "\n", "Text to go on from.")
_TEMPERATURE = flags.DEFINE_float("temperature", 0.8, "Small for the likeliest characters.")
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the draws.")

flags.mark_flag_as_required("logdir")


def main(_: list[str]) -> None:
    """Reads the flags, evaluates and prints."""
    console.quiet_tensorflow()
    logdir = Path(str(_LOGDIR.value))
    with console.one_line_errors("evaluate.py"):
        result = evaluate(logdir, _DATA.value, _BATCH.value or None)
        rows = [[name, f"{value:.6g}"] for name, value in result.items()]
        print(console.table(["figure", "value"], rows))
        if _SAMPLE.value:
            text = sample(
                logdir,
                _SAMPLE.value,
                prime=_PRIME.value,
                temperature=_TEMPERATURE.value,
                seed=_SEED.value,
            )
            print()
            print(_PRIME.value + text)


if __name__ == "__main__":
    _startup.run(main)
