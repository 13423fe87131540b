"""Gives programs NumPy, SciPy and scikit-learn as they were in 2019."""

import numpy as np
import pytest

from tgcarry import errors
from tgcarry.legacy import run


def names_of(tmp_path, text):
    path = tmp_path / "prog.py"
    path.write_text(f"import numpy as np\n{text}", encoding="utf-8")
    return run(str(path))


@pytest.mark.parametrize(
    ("code", "want"),
    [
        ("np.float, np.int, np.bool, np.object, np.str", (float, int, bool, object, str)),
        ("np.float_, np.unicode_, np.long", (np.float64, np.str_, int)),
        ("np.Inf, np.PINF, np.infty, -np.NINF, np.Infinity", (np.inf,) * 5),
        ("str(np.NaN), str(np.NAN)", ("nan", "nan")),
        (
            "int(np.product([2, 3])), bool(np.alltrue([1, 0])), bool(np.sometrue([1, 0]))",
            (6, 0, 1),
        ),
        ("np.asscalar(np.array([2]))", 2),
        ("np.in1d([1, 5], [5]).tolist(), np.msort([3, 1]).tolist()", ([False, True], [1, 3])),
        ("np.row_stack([[1], [2]]).tolist()", [[1], [2]]),
        ("float(np.trapz([1, 2, 3]))", 4.0),
        ("np.cast[np.int32]([1.5]).tolist(), np.rank([[1]])", ([1], 2)),
        ("np.reshape([1, 2], newshape=(2, 1)).tolist()", [[1], [2]]),
        ("np.array([[1, 2], [3]]).dtype.kind, np.asarray([[1], []]).shape", ("O", (2,))),
        ("np.fromstring(b'\\x01\\x00', np.int16).tolist()", [1]),
        ("np.fromstring('1 2', sep=' ').tolist()", [1.0, 2.0]),
        ("np.array([1]).tostring() == np.array([1]).tobytes()", True),
        ("np.array([1, 4]).ptp()", 3),
        ("1 <= np.random.random_integers(3) <= 3", True),
        ("np.find_common_type([np.float32], [np.int64])", np.float32),
        ("np.vstack(x for x in ([1], [2])).tolist()", [[1], [2]]),
        ("np.linspace(0, 1, 3.0).tolist()", [0.0, 0.5, 1.0]),
        ("np.__version__", "1.18.5"),
    ],
)
def test_names_that_went(tmp_path, code, want):
    assert names_of(tmp_path, f"x = {code}")["x"] == want


def test_numbers_print_as_they_did(tmp_path, capsys):
    code = "print([np.float32(1.5)], (np.int64(2),), repr(np.float64(0.1)), np.array([1.0, 2.5]))"
    names_of(tmp_path, code)
    assert capsys.readouterr().out == "[1.5] (2,) 0.1 [1.  2.5]\n"
    with np.printoptions():
        assert "np.float32" in repr([np.float32(1)]) or np.__version__ < "2"


def test_all_of_an_array_prints(tmp_path, capsys):
    names_of(tmp_path, "np.set_printoptions(threshold=np.nan)\nprint(np.arange(2000))")
    assert "..." not in capsys.readouterr().out


def test_the_host_keeps_its_numpy(tmp_path):
    names_of(tmp_path, "x = np.float")
    assert not hasattr(np, "float")
    assert np.get_printoptions()["threshold"] == 1000


def test_objects_are_loaded_when_asked(tmp_path):
    np.save(tmp_path / "o.npy", np.array([{}], dtype=object))
    name = str(tmp_path / "o.npy")
    with pytest.raises(ValueError, match=r"allow_pickle=True"):
        names_of(tmp_path, f"np.load({name!r})")
    assert names_of(tmp_path, f"x = np.load({name!r}, allow_pickle=True)")["x"].tolist() == [{}]


def test_seeds_give_the_same_numbers(tmp_path):
    names = names_of(tmp_path, "np.random.seed(1)\nx = np.random.rand(2).tolist()")
    assert names["x"] == pytest.approx([0.417022004702574, 0.7203244934421581], rel=1e-12)


def test_ragged_lists_of_a_given_type_are_refused(tmp_path):
    with pytest.raises(ValueError, match="inhomogeneous"):
        names_of(tmp_path, "np.array([[1, 2], [3]], dtype=np.float32)")


def test_scipy_misc(tmp_path):
    pytest.importorskip("scipy")
    pytest.importorskip("PIL")
    code = f"""
import scipy.misc
from scipy.misc import imread, imsave, imresize, logsumexp
from scipy.stats import norm
grey = np.arange(16).reshape(4, 4)
imsave({str(tmp_path / "a.png")!r}, grey)
x = imread({str(tmp_path / "a.png")!r}), imresize(grey, (2, 2)).shape, imresize(grey, 0.5).shape
y = scipy.misc.comb(4, 2), float(logsumexp([0.0, 0.0])), scipy.misc.factorial(3)
"""
    names = names_of(tmp_path, code)
    image, by_size, by_part = names["x"]
    assert (image.min(), image.max(), by_size, by_part) == (0, 255, (2, 2), (2, 2))
    assert names["y"] == pytest.approx((6.0, np.log(2), 6.0))
    with pytest.raises(errors.MissingNameError, match=r"prog.py, line 3\).*datasets"):
        names_of(tmp_path, "import scipy.misc\nscipy.misc.face()")


def test_sklearn(tmp_path):
    pytest.importorskip("sklearn")
    code = """
from sklearn.cross_validation import train_test_split
from sklearn.externals import joblib
from sklearn.metrics import accuracy_score
import sklearn
x = len(train_test_split(list(range(10)))), sklearn.__name__
"""
    assert names_of(tmp_path, code)["x"] == (2, "sklearn")


def test_the_standard_librarys_past(tmp_path):
    code = """
import collections, fractions, imp, inspect, time
from collections import Mapping, OrderedDict
from distutils.version import LooseVersion, StrictVersion
x = isinstance({}, collections.Iterable), isinstance(OrderedDict(), Mapping)
y = fractions.gcd(4, 6), time.clock() >= 0, inspect.getargspec(lambda a, b=1: a).args
z = LooseVersion('1.10') > LooseVersion('1.9.2'), LooseVersion('1.0rc1') < '1.0.0'
"""
    names = names_of(tmp_path, code)
    assert names["x"] == (True, True)
    assert names["y"] == (2, True, ["a", "b"])
    assert names["z"] == (True, True)
