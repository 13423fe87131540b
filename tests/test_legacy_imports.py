"""Leads programs' imports to the facade, and nobody else's."""

import sys
import threading

import pytest
import tensorflow as tf2

import tgcarry
from tgcarry import errors
from tgcarry.legacy import facade, run
from tgcarry.legacy.modules import Facade
from tgcarry.legacy.table import Table


def names_of(tmp_path, text, argv=(), **files):
    for name, code in files.items():
        path = tmp_path / (name.replace("__", "/") + ".py")
        path.parent.mkdir(exist_ok=True)
        path.write_text(code, encoding="utf-8")
    path = tmp_path / "prog.py"
    path.write_text(text, encoding="utf-8")
    return run(str(path), argv)


def test_siblings_see_the_facade_and_packages_do_not(tmp_path):
    code = "import tensorflow as tf, other\nx = tf.__version__, other.tf.__version__"
    names = names_of(tmp_path, code, other="import tensorflow as tf\n")
    assert names["x"] == ("1.15.5", "1.15.5")
    assert tf2.__version__[0] == "2"
    assert "other" not in sys.modules


def test_modules_beside_and_above_the_program(tmp_path):
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__init__.py").write_text("")
    (tmp_path / "lib.py").write_text("import tensorflow as tf\nversion = tf.__version__\n")
    code = f"""
import sys
sys.path.append({str(tmp_path)!r})
from pack.inner import version
import lib
"""
    (tmp_path / "pack" / "inner.py").write_text("from .deep import version\n")
    (tmp_path / "pack" / "deep.py").write_text("from tensorflow import __version__ as version\n")
    (tmp_path / "run").mkdir()
    path = tmp_path / "run" / "prog.py"
    path.write_text(code)
    names = run(str(path))
    assert names["version"] == names["lib"].version == "1.15.5"


def test_runs_do_not_share_modules(tmp_path):
    assert names_of(tmp_path, "import data\nx = data.x", data="x = 1")["x"] == 1
    assert names_of(tmp_path, "import data\nx = data.x", data="x = 23")["x"] == 23


def test_everything_is_as_before(tmp_path):
    before = list(sys.path), list(sys.argv), sys.modules["__main__"], list(sys.meta_path)
    start, eager = threading.Thread.start, tf2.executing_eagerly()
    with pytest.raises(ZeroDivisionError):
        names_of(tmp_path, "import sys, tensorflow as tf\nsys.argv.append(1)\n1 / 0")
    after = list(sys.path), list(sys.argv), sys.modules["__main__"], list(sys.meta_path)
    assert before == after
    assert (threading.Thread.start, tf2.executing_eagerly()) == (start, eager)


def test_an_open_session_ends_with_its_program(tmp_path, graph):
    names_of(tmp_path, "import tensorflow as tf\ns = tf.InteractiveSession()\ntf.constant(1)")
    assert tf2.compat.v1.get_default_graph() is graph
    assert tf2.compat.v1.get_default_session() is None


def test_missing_names_say_where(tmp_path):
    code = "import tensorflow as tf\n\ntf.contrib.nowhere.Thing\n"
    with pytest.raises(errors.MissingNameError, match=r"contrib\.nowhere .*prog\.py, line 3\)"):
        names_of(tmp_path, code)
    with pytest.raises(ImportError, match=r"prog\.py, line 1\)"):
        names_of(tmp_path, "from tensorflow.contrib.nowhere import Thing")
    code = "try:\n    from tensorflow.contrib import nowhere\nexcept ImportError:\n    x = 1"
    assert names_of(tmp_path, code)["x"] == 1


def test_threads_have_the_runs_settings(tmp_path, capsys):
    code = """
import threading
import numpy as np
from tgcarry.legacy import settings
def work():
    print([np.float32(1)], settings.current().engine)
t = threading.Thread(target=work)
t.start()
"""
    path = tmp_path / "prog.py"
    path.write_text(code)
    run(str(path), engine="while")
    assert capsys.readouterr().out == "[1.0] while\n"


def test_the_program_in_its_place(tmp_path):
    code = "import sys, __main__\nx = sys.argv, sys.path[0], __file__, __main__.__name__\n"
    names = names_of(tmp_path, code, ["--a", "b"])
    path = str(tmp_path / "prog.py")
    assert names["x"] == ([path, "--a", "b"], str(tmp_path), path, "__main__")


def test_a_folder_runs_its_main(tmp_path):
    (tmp_path / "__main__.py").write_text("import sys\nx = sys.argv[0], sys.path[0]")
    assert run(str(tmp_path))["x"] == (str(tmp_path), str(tmp_path))


def test_flags(tmp_path):
    code = """
import sys
import tensorflow as tf
flags = tf.app.flags
flags.DEFINE_string('log_dir', 'logs', 'where')
tf.flags.DEFINE_integer('n', 3, 'how many')
tf.flags.DEFINE_boolean('train', True)
tf.app.flags.DEFINE_float(flag_name='rate', default_value=.5, docstring='speed')
FLAGS = flags.FLAGS
early = FLAGS.n
FLAGS._parse_flags()
FLAGS.more = 1
values = dict(FLAGS.__flags)
shown = ' '.join('{}={}'.format(k, v) for k, v in sorted(FLAGS.__flags.items()))
kept = FLAGS.more, FLAGS.__flags['n'].value, 'n' in FLAGS, FLAGS['n'].value
FLAGS.n += 1
def main(args):
    global got
    got = args[1:], FLAGS.n, FLAGS.log_dir, FLAGS.train
if __name__ == '__main__':
    try:
        tf.app.run()
    except SystemExit as error:
        code = error.code
"""
    for _ in range(2):
        names = names_of(tmp_path, code, ["--n", "7", "--notrain", "--what"])
        assert names["early"] == 7
        assert names["shown"] == "log_dir=logs n=7 rate=0.5 train=False"
        assert names["kept"] == (1, 7, True, 7)
        assert names["got"] == (["--what"], 7, "logs", False)
        assert names["code"] is None


def test_plots_need_no_display(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.delenv("DISPLAY", raising=False)
    names = names_of(tmp_path, "import os\nx = os.environ.get('MPLBACKEND')")
    assert names["x"] == ("Agg" if "matplotlib" not in sys.modules else None)


def test_the_facade_for_a_callers_own_code():
    with facade():
        import tensorflow as tf

        assert tf.__version__ == "1.15.5"
        assert not tf2.executing_eagerly()
    import tensorflow

    assert tensorflow is tf2
    assert tgcarry.legacy.facade is facade


def test_overlays_are_the_module_behind():
    overlay = Facade({"sys": Table("sys", fallback=("sys",))}).module("sys")
    overlay.tgcarry_test = 1
    assert sys.tgcarry_test == 1
    del overlay.tgcarry_test
    assert not hasattr(sys, "tgcarry_test")
    assert overlay.stdout is sys.stdout
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        overlay.nothing  # noqa: B018
