"""Runs Python 2 programs: syntax, built-ins, division, library."""

import ast
import pickle

import numpy as np
import pytest

from tgcarry.legacy import run
from tgcarry.legacy.python2 import division, evidence
from tgcarry.legacy.python2.builtin_names import built_ins
from tgcarry.legacy.source import Source
from tgcarry.legacy.translation import translate


def out_of(tmp_path, capsys, text, **siblings):
    for name, code in siblings.items():
        (tmp_path / f"{name}.py").write_text(code, encoding="utf-8")
    path = tmp_path / "prog.py"
    path.write_text(text, encoding="utf-8")
    run(str(path))
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("code", "printed"),
    [
        ("print 'a', 7 / 2, 7 / 2.0", "a 3 3.5"),
        ("print ('a', 1)", "('a', 1)"),
        ("print 'a',; print 'b'", "a b"),
        ("print 0777, 10L, 0xFFL, `5`, 1 <> 2", "511 10 255 5 True"),
        ("print u'\\xe9' == ur'\\xe9' or ur'x'", "x"),
        ("d = {'a': 1}; print d.keys() + [2], d.has_key('a')", "['a', 2] True"),
        ("for k, v in {'a': 1}.iteritems(): print k, v", "a 1"),
        ("print map(None, [1, 2], [3]), filter(str.isdigit, 'a1b2')", "[(1, 3), (2, None)] 12"),
        ("print range(2) + zip([1], [2])", "[0, 1, (1, 2)]"),
        ("print reduce(lambda a, b: a + b, xrange(4))", "6"),
        ("print round(2.5), round(-0.5), round(2.675, 2)", "3.0 -1.0 2.67"),
        ("print 0.1 + 0.2, 1e20, 2.0, [0.1 + 0.2]", "0.3 1e+20 2.0 [0.30000000000000004]"),
        ("print sorted([1, 3, 2], lambda a, b: b - a), cmp(1, 2)", "[3, 2, 1] -1"),
        ("x = [1, 3, 2]; x.sort(cmp=lambda a, b: cmp(b, a)); print x", "[3, 2, 1]"),
        ("print isinstance('a', unicode), isinstance(u'a', str)", "True True"),
        ("print unicode('a', 'utf-8'), type(u'a') == unicode", "a True"),
        ("print 'a b'.translate(None, ' '), 'é'.decode('utf-8').encode('utf-8')", "ab é"),
        ("print 'é!'.decode('utf-8').encode('ascii', 'ignore')", "!"),
        ("import string; print string.letters[:3], string.join(['a', 'b'], '-')", "abc a-b"),
        ("import string; print 'ab'.translate(string.maketrans('ab', 'xy'))", "xy"),
        ("import sys; print sys.maxint > 2 ** 40; sys.stdout.write('x\\n')", "True\nx"),
        ("import os; print os.getcwdu() == os.getcwd()", "True"),
        ("from itertools import izip, imap; print list(izip([1], [2]))", "[(1, 2)]"),
        ("import Queue, ConfigParser, urllib2, urlparse; print Queue.Queue().empty()", "True"),
        ("import urllib; print urllib.urlencode({'a': 'b c'}), urllib.quote(' ')", "a=b+c %20"),
        ("from StringIO import StringIO; print StringIO('a').read()", "a"),
        ("exec 'y = 3'; print y", "3"),
        ("f = lambda (a, b): a + b; print f((1, 2))", "3"),
        ("it = iter([5]); print it.next()", "5"),
        ("print 7 // 2, -7 / 2, True / 2", "3 -4 0"),
        ("from __future__ import division\nprint 7 / 2", "3.5"),
        ("import types; print isinstance([], types.ListType)", "True"),
        ("try:\n    raise ValueError, 'bad'\nexcept ValueError, e: print e.message", "bad"),
        ("class A:\n    def __nonzero__(self): return False\nprint bool(A())", "False"),
    ],
)  # fmt: skip
def test_python_2_code_prints_what_it_did(tmp_path, capsys, code, printed):
    assert out_of(tmp_path, capsys, f"{code}\nprint ''").strip() == printed


def test_classes(tmp_path, capsys):
    code = """
class Meta(type):
    def __new__(cls, name, bases, names):
        names["made"] = 1
        return type.__new__(cls, name, bases, names)
class Three(object):
    __metaclass__ = Meta
    n = 0
    def __iter__(self): return self
    def next(self):
        self.n += 1
        if self.n > 3: raise StopIteration
        return self.n
    def __div__(self, other): return "div"
t = Three()
print list(t), t.made, t / 2
"""
    assert out_of(tmp_path, capsys, code) == "[1, 2, 3] 1 div\n"


def test_arrays_and_tensors_divide_as_before(tmp_path, capsys):
    code = """
import numpy as np, tensorflow as tf
x = np.arange(5); x /= 2
y = np.ones(2); y /= 4
class A: pass
a = A(); a.n = 7; a.n /= 2
b = [7]; b[0] /= 2
m = np.arange(6).reshape(2, 3); m[:, 1:] /= 2
t, f = tf.constant(7) / 2, tf.constant(7.) / 2
with tf.Session() as s: print x, y, a.n, b, m.tolist(), s.run([t, f]), np.float32(3) / 2
"""
    want = "[0 0 1 1 2] [0.25 0.25] 3 [3] [[0, 0, 1], [3, 2, 2]] [3, 3.5] 1.5\n"
    assert out_of(tmp_path, capsys, code) == want


def test_integers_floor_and_floats_do_not(rng):
    for _ in range(50):
        a, b = int(rng.integers(-99, 99)), int(rng.integers(1, 9)) * int(rng.choice([-1, 1]))
        assert division.divide(a, b) == a // b
        assert division.divide(float(a), b) == a / b
        whole = division.divide(np.array([a]), np.int32(b))
        assert whole.dtype.kind == "i"
        assert whole[0] == a // b
    with pytest.raises(ZeroDivisionError):
        division.divide(1, 0)


def test_rounding_is_away_from_zero():
    rounds = built_ins(lambda path, into: None)["round"]
    assert [rounds(x) for x in (0.5, 1.5, -2.5, 1e300, 3)] == [1.0, 2.0, -3.0, 1e300, 3.0]
    assert rounds(2.345, 2) == 2.35 or rounds(2.345, 2) == 2.34
    assert np.isnan(rounds(float("nan")))


def test_siblings_are_python_2_together(tmp_path, capsys):
    # `half` could be either: the program is Python 2, so it floors.
    half = "def half(n):\n    return n / 2\n"
    assert out_of(tmp_path, capsys, "import half\nprint half.half(5)", half=half) == "2\n"


def test_a_python_3_program_stays_one(tmp_path, capsys):
    half = "def half(n):\n    return n / 2\n"
    code = "import half\ntry:\n    import cPickle\nexcept ImportError:\n    print(half.half(5))"
    assert out_of(tmp_path, capsys, code, half=half) == "2.5\n"


def test_implicit_relative_imports(tmp_path, capsys):
    package = tmp_path / "pack"
    package.mkdir()
    (package / "__init__.py").write_text("from inner import value\n")
    (package / "inner.py").write_text("value = 7 / 2\n")
    assert out_of(tmp_path, capsys, "import pack\nprint pack.value") == "3\n"


def test_files_and_pickles(tmp_path, capsys):
    name = tmp_path / "data.pkl"
    old = b"(dp0\nS'a'\np1\nS'caf\\xc3\\xa9'\np2\ns."
    name.write_bytes(old)
    code = f"""
import cPickle, gzip, csv
print cPickle.load(open({str(name)!r}))['a']
cPickle.dump([1], open({str(name)!r}, 'w'))
print cPickle.load(open({str(name)!r}, 'rb')), cPickle.loads(cPickle.dumps(2))
with open({str(name)!r}, 'wb') as f: f.write('x,y\\n1,2\\n')
print open({str(name)!r}, 'rb').read().split(), list(csv.reader(open({str(name)!r}, 'rb')))
"""
    out = out_of(tmp_path, capsys, code)
    assert out == "café\n[1] 2\n['x,y', '1,2'] [['x', 'y'], ['1', '2']]\n"
    array = pickle.dumps(np.arange(3.0), 2)
    name.write_bytes(array)
    assert out_of(
        tmp_path, capsys, f"import cPickle\nprint cPickle.load(open({str(name)!r}))"
    ) == ("[0. 1. 2.]\n")


@pytest.mark.parametrize(
    "text",
    [
        "for i in xrange(3): pass",
        "raw_input()",
        "import cPickle",
        "from urllib2 import urlopen",
        "d.iteritems()",
        "import sys\nprint >>sys.stderr, 1",
        "print (1), 2",
        "import sys\nsys.maxint",
        "isinstance(x, basestring)",
        "from itertools import izip",
    ],
)
def test_names_give_python_2_away(text):
    assert evidence.evidence(ast.parse(text))


@pytest.mark.parametrize(
    "text",
    [
        "for i in range(3): print(i)",
        "try:\n    import cPickle\nexcept ImportError:\n    import pickle",
        "from six.moves import xrange\nxrange(3)",
        "from six.moves import *\nxrange(3)",
        "try:\n    xrange\nexcept NameError:\n    xrange = range",
        "import sys\nif sys.version_info[0] < 3:\n    input = raw_input",
        "import pandas as pd\ndf.iteritems()",
        "with open('x') as file: file.read()",
        "print(1, file=f)",
    ],
)
def test_guarded_names_do_not(text):
    assert not evidence.evidence(ast.parse(text))


def test_lines_stay_where_they_are():
    text = "x = 1\n\nprint 'a', \\\n  x\ntry:\n    pass\nexcept E, e:\n    exec 'b'\nboom()\n"
    tree = translate(Source("p.py", text)).tree
    assert tree.body[-1].lineno == 9


def test_what_is_neither_keeps_pythons_own_error():
    with pytest.raises(SyntaxError) as caught:
        translate(Source("p.py", "x = 1\ny = (\n"))
    assert caught.value.lineno == 2
    assert caught.value.filename == "p.py"
