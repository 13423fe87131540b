"""Measures tgcarry beside TensorFlow's own loop, TensorFlow 1.15, PyTorch and JAX.

All do the same work on the same weights: a forward and a backward pass with every gradient. Each
runs in a process of its own, and they take turns. Opponents that are not installed are skipped.

For example:
  python scripts/benchmark.py --cells=gru,lstm,rnn --json=runs/benchmark.json
  python scripts/benchmark.py --cells=gru --cases=long --peers=torch,jax
  python scripts/benchmark.py --show=runs/benchmark.json --markdown=docs/benchmarks.md
"""

import _startup

import contextlib
import itertools
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import flags
from benchmark_peers import machine, report
from benchmark_peers.cases import CASES, CELLS, USUAL
from benchmark_peers.gemm import Gemm
from benchmark_peers.measure import Settings, measure_case
from benchmark_peers.peers import PEERS, find_tf1, rows_for
from benchmark_peers.picture import draw
from benchmark_peers.process import BenchmarkError
from benchmark_peers.results import VERSION, joined, peak_of, problems, with_means

from tgcarry import console
from tgcarry.unroll import ENGINES

_CELLS = flags.DEFINE_list("cells", ["gru"], f"Cells: {', '.join(CELLS)}.")
_CASES = flags.DEFINE_list("cases", list(USUAL), f"Cases: {', '.join(CASES)}.")
_ENGINES = flags.DEFINE_list(
    "engines", ["auto"], "Engines of tgcarry; the others are compared with the first."
)
_PEERS = flags.DEFINE_list("peers", list(PEERS), f"Opponents: {', '.join(PEERS)}; or nothing.")
_ROUNDS = flags.DEFINE_integer("rounds", 9, "Turns that each takes.", lower_bound=1)
_SECONDS = flags.DEFINE_float("seconds", 0.4, "About how long a turn is.", lower_bound=0.001)
_SEED = flags.DEFINE_integer("seed", 1, "Of the weights and the data.", lower_bound=0)
_TF1 = flags.DEFINE_string(
    "tf1_python", None, "Python 3.7 with TensorFlow 1.15; looked for on PATH and in pyenv."
)
_BUDGET = flags.DEFINE_string(
    "memory_budget", "", "Measures the long cases' sweeps with this memory budget, too: 512MiB."
)
_TIMEOUT = flags.DEFINE_float("timeout", 1800, "Most seconds for one answer.", lower_bound=0.01)
_JSON = flags.DEFINE_string("json", None, "File for all figures.")
_PLOT = flags.DEFINE_string("plot", None, "PNG file for the ratios as bars.")
_MARKDOWN = flags.DEFINE_string("markdown", None, "Page whose marked part gets the tables.")
_SHOW = flags.DEFINE_list("show", None, "Shows these JSON files instead of measuring.")


def _among(flag: Any, known: Sequence[str], empty: bool = False) -> None:
    flags.register_validator(
        flag,
        lambda given: (empty or bool(given)) and set(given) <= set(known),
        f"choose from {', '.join(known)}",
    )


_among(_CELLS, CELLS)
_among(_CASES, list(CASES))
_among(_ENGINES, list(ENGINES))
_among(_PEERS, PEERS, empty=True)


def _say(text: str) -> None:
    print(text, flush=True)


def measure(folder: Path) -> dict[str, Any]:
    """Measures everything that the flags ask for, and prints each case as it is done."""
    settings = Settings(_ROUNDS.value, _SECONDS.value, _SEED.value, _TIMEOUT.value, print)
    python, why = (None, "")
    if "tf1" in _PEERS.value:
        python, why = find_tf1(_TF1.value)
        if python is None:
            _say(f"skipping TensorFlow 1.15: {why}")
    results: dict[str, Any] = {
        "version": VERSION,
        "machine": machine.describe(),
        "settings": {"rounds": _ROUNDS.value, "seconds": _SECONDS.value, "seed": _SEED.value},
        "skipped": [f"TensorFlow 1.15: {why}"] if why else [],
        "failed": [],
        "results": [],
    }
    with contextlib.closing(Gemm(settings.timeout, folder)) as gemm:
        results["gemm"] = gemm.measure()
        for cell, name in itertools.product(_CELLS.value, _CASES.value):
            rows = rows_for(CASES[name], _ENGINES.value, _PEERS.value, python, _BUDGET.value)
            _say(f"measuring {cell} {name}: {CASES[name].title()} ...")
            try:
                results["results"].append(measure_case(cell, name, rows, settings, folder))
            except BenchmarkError as problem:
                # The cases before and behind it are worth having.
                results["failed"].append(f"{cell} {name}: {problem}")
            results["gemm"] = gemm.measure()
    return with_means(results)


def show(paths: Sequence[str]) -> dict[str, Any]:
    """Reads earlier results, several as if they were one measurement."""
    results: dict[str, Any] = {}
    for path in paths:
        try:
            read = json.loads(Path(path).read_text(encoding="utf-8"))
            if read["version"] != VERSION:
                raise ValueError(f"version {read['version']} is not {VERSION}")
            peak_of(read)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BenchmarkError(f"{path} is not what --json writes: {error}") from error
        try:
            results = joined(results, read) if results else read
        except ValueError as error:
            raise BenchmarkError(f"{path}: {error}") from error
    return with_means(results)


def write(results: dict[str, Any]) -> None:
    """Writes the files that the flags ask for."""
    if _JSON.value:
        _parent(_JSON.value).write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    if _MARKDOWN.value:
        text = report.report(results, report.markdown_table, "### ", "```")
        report.put_between_markers(_parent(_MARKDOWN.value), text)
    if _PLOT.value and results["results"]:
        try:
            draw(results, _parent(_PLOT.value))
        except ImportError as error:
            print(f"skipping the plot: {error}")


def _parent(path: str) -> Path:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    return Path(path)


def main(_: list[str]) -> None:
    """Measures or shows, prints the tables, and fails where a figure cannot be true."""
    console.quiet_tensorflow()
    with console.one_line_errors("benchmark.py"), tempfile.TemporaryDirectory() as folder:
        try:
            results = show(_SHOW.value) if _SHOW.value else measure(Path(folder))
            write(results)
        except (OSError, ValueError) as error:
            raise BenchmarkError(str(error)) from error
        print(f"\n{report.report(results, console.table, '', '')}")
        wrong = problems(results)
        for problem in wrong:
            print(f"WRONG: {problem}")
        if wrong:
            more = f" (and {len(wrong) - 1} more: see WRONG above)" if wrong[1:] else ""
            raise BenchmarkError(wrong[0] + more)


if __name__ == "__main__":
    _startup.run(main)
