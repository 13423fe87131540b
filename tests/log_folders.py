"""Log folders written by hand, for tests of what reads them."""

import json


def train_line(step, **more):
    """Gives a line of training: two chunks and a tenth of a second a step."""
    figures = {
        "loss": 3.0 / step,
        "chunks": 2 * step,
        "grad_norm": 0.5,
        "upstream_norm": 0.1,
        "seconds": 0.1,
        "time_steps": 80,
    }
    return {"kind": "train", "step": step, **figures, **more}


def held_line(step, loss, **more):
    """Gives a line of validation."""
    return {"kind": "validation", "step": step, "loss": loss, "chunks": 2 * step, **more}


CONFIG = {
    "options": {"policy": "exact", "steps": None, "data": {"data": "series", "batch": 4}},
    "model": {"kind": "regression", "units": [4]},
    "chunks": 20,
    "versions": {"python": "3.11.1", "tensorflow": "2.16.1"},
}
LINES = [held_line(0, 2.5), *map(train_line, range(1, 5)), held_line(4, 1.5), train_line(5)]
SUMMARY = {
    "policy": "ExactSweep(window=2)",
    "steps": 5,
    "chunks": 10,
    "milliseconds_per_step": 100.0,
    "peak_memory_mib": 512.25,
    "carry_norms": [1.0, 0.1, 0.0],
}


def write_run(folder, lines=LINES, *, config=CONFIG, summary=None, torn="", checkpoints=(2, 10)):
    """Writes a run's folder; one without a summary has not finished.

    Returns:
      The folder.
    """
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "metrics.jsonl").write_text(text + torn)
    if summary is not None:
        (folder / "summary.json").write_text(json.dumps(summary))
    for step in checkpoints:
        (folder / "checkpoints" / f"model.ckpt-{step}.index").write_bytes(b"")
    return folder
