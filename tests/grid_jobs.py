"""A small program in train.py's place, which counts its steps, resumes and does as it is told."""

import json
import sys

from tgcarry.grid import Run, name_of

PROGRAM = """
import json, os, pathlib, signal, sys, time

given = dict(word.removeprefix("--").split("=", 1) for word in sys.argv[1:])
folder = pathlib.Path(given["logdir"])
steps, pause = int(given["steps"]), float(given.get("pause", 0))
if given.get("refused"):
    sys.exit(f"train.py: --refused={given['refused']}: give something else")
stopping = []
signal.signal(signal.SIGTERM, lambda number, frame: stopping.append(number))
folder.mkdir(parents=True, exist_ok=True)
(folder / "config.json").write_text(json.dumps({"threads": os.environ["TF_NUM_INTRAOP_THREADS"]}))
metrics = folder / "metrics.jsonl"
done = len(metrics.read_text().splitlines()) // 2 if metrics.exists() else 0
print("goes on from", done, flush=True)
for step in range(done + 1, steps + 1):
    if stopping:
        print("stopped")
        sys.exit(75)
    time.sleep(pause)
    loss = float(given.get("loss", 1)) / step
    with metrics.open("a") as file:
        for kind in ("train", "validation"):
            line = {"kind": kind, "step": step, "loss": loss, "chunks": step}
            line["seconds" if kind == "train" else "accuracy"] = 0.5
            file.write(json.dumps(line) + "\\n")
    if step == int(given.get("killed_at", 0)) and done < step:
        os.kill(os.getpid(), signal.SIGKILL)
(folder / "summary.json").write_text(json.dumps({"steps": steps, "peak_memory_mib": 100.5}))
"""


def program(folder):
    """Writes the program and gives the beginning of its command line."""
    path = folder / "program.py"
    path.write_text(PROGRAM)
    return [sys.executable, "-S", str(path)]


def run_of(steps=3, **changed):
    """Makes a run of a grid."""
    changed = {name: str(value) for name, value in changed.items()}
    return Run(name_of(changed), {"steps": str(steps), **changed}, changed)


def figures(folder):
    """Reads what the program left: its steps, and the threads that it was given."""
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    steps = [json.loads(line)["step"] for line in lines[::2]]
    return steps, int(json.loads((folder / "config.json").read_text())["threads"])
