"""Runs programs as a user does, at the command line."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tgcarry.legacy.command import main

SLOW = """
import sys, multiprocessing
import tensorflow as tf
def double(n): return 2 * n
if __name__ == '__main__':
    print(sys.stdin.read().strip(), sys.argv[1:])
    with multiprocessing.Pool(1) as pool: print(pool.map(double, [1, 2]))
    with tf.Session() as session: print(session.run(tf.constant(1) + 1))
    def inner():
        raise ValueError('own line')
    inner()
"""


def command(*args, **kwargs):
    return subprocess.run(
        [sys.executable, "-m", "tgcarry", *args],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **kwargs,
    )


def saved(tmp_path, text, name="prog.py"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_program_from_end_to_end(tmp_path):
    path = saved(tmp_path, SLOW)
    done = command(path, "--a", "-b", input="typed\n")
    assert done.returncode == 1
    assert done.stdout.splitlines() == ["typed ['--a', '-b']", "[2, 4]", "2"]
    traceback = done.stderr[done.stderr.index("Traceback") :].splitlines()
    assert traceback[1].strip() == f'File "{path}", line 11, in <module>'
    assert traceback[-1] == "ValueError: own line"
    assert "tgcarry" not in "".join(traceback)


def test_an_interrupt_is_130(tmp_path):
    path = saved(tmp_path, "import time\nprint('up', flush=True)\ntime.sleep(60)\n")
    # A shell has its background jobs ignore interrupts, and so their children.
    heeding = (
        "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); "
        "os.execv(sys.executable, [sys.executable, '-m', 'tgcarry', *sys.argv[1:]])"
    )
    with subprocess.Popen(
        [sys.executable, "-c", heeding, path],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout.readline() == "up\n"
        time.sleep(0.2)
        os.kill(running.pid, signal.SIGINT)
        assert "KeyboardInterrupt" in running.communicate(timeout=60)[1]
    assert running.returncode == 130


def test_a_closed_pipe_is_no_error(tmp_path):
    path = saved(tmp_path, "for i in range(100000):\n    print(i)\n")
    line = f"{sys.executable} -m tgcarry {path} | head -1"
    done = subprocess.run(line, shell=True, capture_output=True, text=True, check=False)
    assert done.stdout == "0\n"
    assert "BrokenPipe" not in done.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = (\n", "prog.py, line 1: '(' was never closed; neither Python 3 nor Python 2"),
        ("\x7f\0\0", "null bytes"),
    ],
)
def test_what_cannot_be_run_is_one_line(tmp_path, capsys, text, said):
    assert main([saved(tmp_path, text)]) == 1
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert said in err


def test_a_missing_file_is_one_line(tmp_path, capsys):
    assert main([str(tmp_path / "absent.py")]) == 1
    assert capsys.readouterr().err.endswith("give the path of a .py or .ipynb program\n")


def test_a_sibling_that_cannot_be_parsed_is_shown_with_its_importer(tmp_path, capsys):
    saved(tmp_path, "x = (\n", "broken.py")
    assert main([saved(tmp_path, "\nimport broken\n")]) == 1
    err = capsys.readouterr().err
    assert 'prog.py", line 2, in <module>' in err
    assert 'broken.py", line 1' in err


@pytest.mark.parametrize(("end", "code"), [("sys.exit(3)", 3), ("sys.exit()", None), ("0", 0)])
def test_exit_codes(tmp_path, end, code):
    path = saved(tmp_path, f"import sys\n{end}\n")
    try:
        got = main([path])
    except SystemExit as error:
        got = error.code
    assert got == code


def test_explain_tells_what_was_done(tmp_path, capsys):
    path = saved(tmp_path, "import numpy as np\nprint np.float(7 / 2)\n")
    assert main(["--explain", path]) == 0
    out, err = capsys.readouterr()
    assert out == "3.0\n"
    assert "translated from Python 2 (line 2" in err
    assert "numpy.float is builtins.float" in err


def test_a_missing_name_names_the_line(tmp_path, capsys):
    path = saved(tmp_path, "import tensorflow as tf\ntf.contrib.nowhere.F()\n")
    assert main([path]) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert f"tensorflow.contrib.nowhere is not in tgcarry's TensorFlow 1 ({path}, line 2)" in last
