"""lines: lines that are there whole or not at all."""

import subprocess
import sys

import pytest
from scripts_run import ROOT

from tgcarry.lines import LineFile

# TensorFlow would take longer to import than all of these tests.
ALONE = """
import sys
sys.path.insert(0, "scripts")
from _alone import alone
LineFile = alone("lines").LineFile
"""


def run_alone(code, *arguments):
    """Runs code that finds `LineFile` in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", ALONE + code, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_appends_and_has_written_when_it_returns(tmp_path):
    path = tmp_path / "lines"
    path.write_text("of an earlier run\n")
    file = LineFile(path)
    assert path.read_bytes() == b""
    file.append("one")
    file.append("zwei ü")
    assert path.read_text(encoding="utf-8") == "one\nzwei ü\n"
    file.close()


def test_a_line_that_does_not_fit_is_taken_back_and_later_ones_are_whole(tmp_path):
    pytest.importorskip("resource")
    path = tmp_path / "lines"
    code = """
import resource
from pathlib import Path
path = Path(sys.argv[1])
file = LineFile(path)
file.append("a" * 9)
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (25, hard))
for letter in "bc":
    try:
        file.append(letter * 30)
    except OSError as error:
        print(error.strerror, path.stat().st_size)
file.append("d" * 5)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
file.append("e" * 30)
"""
    assert run_alone(code, str(path)).splitlines() == ["File too large 10"] * 2
    assert path.read_text().split("\n") == ["a" * 9, "d" * 5, "e" * 30, ""]


class Faulty:
    """Passes writes on in pieces, then fails once, as a disk does that fills up."""

    def __init__(self, file, piece, fails_after):
        self.file, self.piece, self.left = file, piece, fails_after

    def write(self, raw):
        self.left -= 1
        if self.left < 0:
            raise OSError(28, "No space left on device")
        return self.file.write(raw[: self.piece])

    def __getattr__(self, name):
        return getattr(self.file, name)


def test_short_writes_are_continued(tmp_path):
    file = LineFile(tmp_path / "lines")
    file._file = Faulty(file._file, 3, fails_after=100)
    file.append("0123456789")
    file.append("abc")
    file.close()
    assert (tmp_path / "lines").read_text() == "0123456789\nabc\n"


def test_a_write_of_nothing_is_not_tried_for_ever(tmp_path):
    file = LineFile(tmp_path / "lines")
    file._file = Faulty(file._file, 0, fails_after=100)
    with pytest.raises(OSError, match="nothing could be written"):
        file.append("0123456789")
    file.close()


@pytest.mark.parametrize("works", range(4))
def test_a_failure_after_some_pieces_leaves_nothing(tmp_path, works):
    file = LineFile(tmp_path / "lines")
    file.append("first")
    sound = file._file
    file._file = Faulty(sound, 3, fails_after=works)
    with pytest.raises(OSError, match="No space"):
        file.append("0123456789")
    assert (tmp_path / "lines").read_text() == "first\n"
    file._file = sound
    file.append("last")
    file.close()
    assert (tmp_path / "lines").read_text() == "first\nlast\n"


def test_what_could_not_be_taken_back_is_taken_back_before_the_next_line(tmp_path, monkeypatch):
    file = LineFile(tmp_path / "lines")
    sound = file._file
    file._file = Faulty(sound, 3, fails_after=2)

    def fail(*_):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr("os.ftruncate", fail)
        with pytest.raises(OSError, match="No space"):
            file.append("0123456789")
        assert (tmp_path / "lines").read_text() == "012345"
        file._file = sound
        with pytest.raises(OSError, match="Input/output"):
            file.append("next")
    file.append("next")
    file.close()
    assert (tmp_path / "lines").read_text() == "next\n"


def test_a_killed_writer_leaves_whole_lines(tmp_path):
    path = tmp_path / "lines"
    code = """
from pathlib import Path
file = LineFile(Path(sys.argv[1]))
print(flush=True)
while True:
    file.append("x" * 500)
"""
    writer = subprocess.Popen(
        [sys.executable, "-c", ALONE + code, str(path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    with writer.stdout as out:
        out.readline()
    while path.stat().st_size < 5000:
        assert writer.poll() is None
    writer.kill()
    writer.wait(30)
    *lines, torn = path.read_text().split("\n")
    assert {len(line) for line in lines} == {500} and len(torn) < 500


@pytest.mark.parametrize(
    ("content", "keep", "left"),
    [
        (b"one\ntwo\nthree\n", 8, b"one\ntwo\n"),
        (b"one\ntwo\nthree\n", 10, b"one\ntwo\n"),
        (b"one\ntwo\nthr", 100, b"one\ntwo\n"),
        (b"one", 3, b""),
        (b"", 5, b""),
        (b"one\n" + b"x" * 200_000, 10**9, b"one\n"),
    ],
)
def test_what_is_kept_are_whole_lines(tmp_path, content, keep, left):
    path = tmp_path / "lines"
    path.write_bytes(content)
    lines = LineFile(path, keep)
    assert path.read_bytes() == left and lines.size == len(left)
    lines.append("next")
    lines.sync()
    assert path.read_bytes() == left + b"next\n" and lines.size == len(left) + 5
    lines.close()
