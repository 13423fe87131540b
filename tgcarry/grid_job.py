"""The job behind `scripts/sweep.py`: a grid's runs as processes, taken up where they were left."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from tgcarry import grid_table
from tgcarry.errors import RunError
from tgcarry.fleet import BUSY, DONE, FAILED, FINISHED, KILLED, End, Fleet, Job
from tgcarry.folder import CONFIG
from tgcarry.grid import Run, varied
from tgcarry.grid_runs import (
    Record,
    Row,
    best_first,
    check_same,
    log_file,
    log_folder,
    look,
    read_record,
    row,
    write_record,
    write_whole,
)

JSON, CSV = "sweep.json", "sweep.csv"
INTRA, INTER = "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"


class GridJob:
    """Runs a grid's processes and keeps its table up to date.

    Runs that have finished with the same settings are not started again. What a run was started
    with, its threads included, is held in a file beside its log folder, since the number of
    threads may decide in which order numbers are summed: a run that goes on keeps its own.

    Not included: a lock on the folder; see `FolderLock`.

    Args:
      folder: of the grid.
      runs: of `read_grid`.
      program: the beginning of the command line; settings and `--logdir=` are added.
      at_once: processes at a time.
      retries: further starts of a process that was killed.
      grace: seconds between SIGTERM and SIGKILL.
      threads: TensorFlow's for each process. None: those of `TF_NUM_INTRAOP_THREADS`, or the
        cores divided by `at_once`.
      on_text: called with a line when a process starts or ends.
      on_done: called when a run is over, however it ended, or was over before.

    Raises:
      RunError: a number is out of range, or a run was begun with another number of threads.
      LogError: a run of the same name was begun with other settings, or a file is damaged.
    """

    def __init__(
        self,
        folder: Path,
        runs: Sequence[Run],
        program: Sequence[str],
        *,
        at_once: int = 1,
        retries: int = 3,
        grace: float = 60.0,
        threads: int | None = None,
        on_text: Callable[[str], None] = print,
        on_done: Callable[[], None] = lambda: None,
    ) -> None:
        for name, value, least in [("jobs", at_once, 1), ("retries", retries, 0)]:
            if value < least:
                raise RunError(f"{name} {value}: give at least {least}")
        if threads is not None and threads < 1:
            raise RunError(f"threads {threads}: give at least 1")
        if not 0 <= grace < float("inf"):
            raise RunError(f"grace {grace:g}: give a number of seconds, at least 0")
        check_same(folder, runs)
        self._folder = folder
        self._runs = {run.name: run for run in runs}
        self._varied = varied(runs)
        self._on_text = on_text
        self._on_done = on_done
        self._rows = {run.name: row(folder, run) for run in runs}
        self._awaited = set[str]()
        usual = threads or usual_threads(at_once, os.environ.get(INTRA))
        self._threads = {run.name: self._threads_of(run, threads, usual) for run in runs}
        self._fleet = Fleet(
            [self._job(run, program) for run in runs],
            at_once=at_once,
            retries=retries,
            grace=grace,
            on_start=self._started,
            on_end=self._ended,
            look=self._look,
        )

    def stop(self) -> None:
        """Has all processes save and stop; called again, kills them. For signals' handlers."""
        self._fleet.stop()

    def run(self) -> list[Row]:
        """Runs what has not finished, writes the table, and returns it, best first."""
        self._write()
        self._fleet.run()
        self._rows = {run.name: row(self._folder, run) for run in self._runs.values()}
        self._write()
        return self.rows()

    def rows(self) -> list[Row]:
        """Returns the table as it is, best first."""
        return best_first(list(self._rows.values()))

    def _threads_of(self, run: Run, asked: int | None, usual: int) -> int:
        record = read_record(self._folder, run)
        if record is None or not (log_folder(self._folder, run) / CONFIG).exists():
            return usual
        if asked not in (None, record.threads) and self._rows[run.name].state != FINISHED:
            raise RunError(
                f"threads {asked}: {run.name} was begun with {record.threads}, and another number "
                f"may change its results: leave --threads out, or remove its folder"
            )
        return record.threads

    def _job(self, run: Run, program: Sequence[str]) -> Job:
        where = log_folder(self._folder, run)
        command = [*program, *run.arguments(), f"--logdir={where}"]
        threads = str(self._threads[run.name])
        return Job(
            run.name, command, log_file(self._folder, run), {INTRA: threads, INTER: threads}
        )

    def _look(self, job: Job) -> str:
        found = look(self._folder, self._runs[job.name])
        if found == BUSY and job.name not in self._awaited:
            self._awaited.add(job.name)
            self._on_text(f"waits for {job.name}: a process that is not of this sweep works on it")
        if found == DONE:
            self._on_done()
        return found

    def _started(self, job: Job) -> None:
        run = self._runs[job.name]
        before = read_record(self._folder, run)
        attempts = before.attempts if before is not None else 0
        threads = self._threads[run.name]
        record = Record(dict(run.settings), threads, attempts=attempts + 1)
        write_record(self._folder, run, record)
        self._on_text(f"starts    {job.name}")

    def _ended(self, job: Job, end: End) -> None:
        run = self._runs[job.name]
        record = read_record(self._folder, run)
        if record is not None:
            write_record(self._folder, run, record._replace(state=end.state, message=end.message))
        self._rows[run.name] = row(self._folder, run)
        told = f": {end.message}" if end.message else ""
        again = "; will be started again" if end.again else ""
        self._on_text(f"{end.state:<9} {job.name} after {end.seconds:.1f} s{told}{again}")
        if not end.again:
            self._on_done()
        self._write()

    def _write(self) -> None:
        write_whole(self._folder / JSON, grid_table.to_json(self.rows()))
        write_whole(self._folder / CSV, grid_table.to_csv(self.rows(), self._varied))


def usual_threads(at_once: int, environment: str | None) -> int:
    """Says how many threads a process gets where nobody says: the user's, or a share of the cores.

    Args:
      at_once: processes at a time, whether or not so many run.
      environment: the user's own setting.
    """
    if environment is not None and environment.isdecimal() and int(environment) > 0:
        return int(environment)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, (cores or 1) // at_once)


def exit_code(rows: Sequence[Row]) -> int:
    """Sums up a table: 0 all finished, 75 to be run again, 1 some failed and none waits."""
    states = {row.state for row in rows}
    if states <= {FINISHED}:
        return 0
    return 1 if states <= {FINISHED, FAILED, KILLED} else 75
