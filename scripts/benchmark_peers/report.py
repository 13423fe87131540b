"""Turns measurements into tables: for the terminal, and for a page between two markers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmark_peers.results import (
    case_title,
    means,
    peak_of,
    ratio_of,
    rounds_of,
    uncut,
    versions_of,
)

BEGIN, END = "<!-- benchmark: begin -->", "<!-- benchmark: end -->"

HEADER = [
    "",
    "ms",
    "ratio",
    "quartiles",
    "GFLOP/s",
    "of peak",
    "compile s",
    "first s",
    "peak MiB",
    "error",
]
LEGEND = """\
ms: median over rounds of the median call. ratio: to the first row, compared round by round;
median and quartiles. GFLOP/s: of the matrix products that the work needs; of peak: in shares of
the faster of TensorFlow's and NumPy's product of 2048 x 2048 matrices. compile: first call minus
median. first: from the start of a fresh process to its first result. error: largest difference of
any gradient from float64, relative to that array's largest entry. *: PyTorch's GRU applies the
reset gate behind the product, which is another function; its gradients are held against its own
equations."""

Table = Callable[[Sequence[str], Sequence[Sequence[str]]], str]


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Writes rows under a header, the first column to the left."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def case_rows(result: Mapping[str, Any], peak: float) -> list[list[str]]:
    """Writes one case's rows under `HEADER`."""
    return [_case_row(row, peak) for row in result["rows"]]


def _case_row(row: Mapping[str, Any], peak: float) -> list[str]:
    memory, error = row["peak_memory"], row["error"]
    unroll = row["option"].get("unroll", 1)
    return [
        row["label"] + (" *" if row["reset_after"] else "") + (f" x{unroll}" * (unroll > 1)),
        _three(row["median"] * 1e3),
        _ratio(row["ratio"]["median"]),
        f"{_ratio(row['ratio']['low'])}-{_ratio(row['ratio']['high'])}",
        f"{row['gflops']:.3g}",
        f"{row['gflops'] / peak:.1%}",
        f"{row['compile']:.2f}",
        f"{row['first_result']:.1f}",
        "" if memory is None else f"{memory / 2**20:.0f}",
        "" if error is None else f"{error:.0e}",
    ]


def _ratio(value: float) -> str:
    return f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def _three(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def ratio_table(results: Mapping[str, Any], cell: str) -> tuple[list[str], list[list[str]]]:
    """Returns header and rows of one cell's ratios by case, with their geometric mean.

    Cut cases have other rows and are no part of it. A mean is given for rows that are in every
    case.
    """
    found = uncut(results, cell)
    labels: dict[str, str] = {}
    for result in found:
        labels.update((row["key"], row["label"]) for row in result["rows"])
    rows, average = [], means(results, cell)
    for key, label in labels.items():
        by_case = [ratio_of(result, key) for result in found]
        cells = ["" if ratio is None else _ratio(ratio) for ratio in [*by_case, average.get(key)]]
        rows.append([label, *cells])
    return [f"{cell.upper()}, time / tgcarry's", *(r["case"] for r in found), "mean"], rows


def machine_lines(results: Mapping[str, Any]) -> list[str]:
    """Describes the machine, the versions and the settings."""
    machine, gemm, settings = (results[name] for name in ("machine", "gemm", "settings"))
    versions = ", ".join(f"{name} {version}" for name, version in versions_of(results).items())
    return [
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']:.0f} GiB; "
        f"{machine['system']}; Python {machine['python']}.",
        f"{versions}.",
        f"Peak of float32 matrix products: {gemm['tensorflow']:.0f} GFLOP/s by TensorFlow, "
        f"{gemm['numpy']:.0f} by NumPy.",
        f"{rounds_of(results)}, each row about {settings['seconds']:g} s a round; "
        f"seed {settings['seed']}.",
    ]


def report(results: Mapping[str, Any], table: Table, heading: str, code: str) -> str:
    """Writes everything: the machine, the ratios by cell, every case, and what was left out.

    Args:
      results: of all cases.
      table: writes header and rows.
      heading: what titles begin with.
      code: how a verbatim block begins and ends; nothing for none.
    """
    peak, parts = peak_of(results), ["\n".join(machine_lines(results))]
    for cell in dict.fromkeys(result["cell"] for result in results["results"]):
        if uncut(results, cell):
            parts.append(table(*ratio_table(results, cell)))
    for result in results["results"]:
        parts += [f"{heading}{case_title(result)}", table(HEADER, case_rows(result, peak))]
        parts += [f"Left out: {reason}" for reason in result["skipped"].values()]
    parts += [f"Left out: {reason}" for reason in results["skipped"]]
    parts.append(f"{code}\n{LEGEND}\n{code}".strip("\n"))
    return "\n\n".join(parts)


def put_between_markers(path: Path, text: str) -> None:
    """Writes the text between the page's markers, or as a page of its own if there is none."""
    block = f"{BEGIN}\n{text}\n{END}"
    page = path.read_text(encoding="utf-8") if path.exists() else f"{BEGIN}\n{END}\n"
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{path}: there are no lines {BEGIN} and {END} to write between")
    path.write_text(f"{before}{block}{after}", encoding="utf-8")
