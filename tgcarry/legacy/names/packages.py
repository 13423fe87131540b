"""Tables of other packages, and of flags: names that went, where they are now."""

from __future__ import annotations

from tgcarry.legacy.table import Table

_STANDARD = "tgcarry.legacy.shims.standard"
_IMAGES = "tgcarry.legacy.shims.images"
_FLAGS = "tgcarry.legacy.shims.flags"

_ABSTRACT = {
    name: f"collections.abc:{name}"
    for name in (
        "Callable",
        "Container",
        "Generator",
        "Hashable",
        "ItemsView",
        "Iterable",
        "Iterator",
        "KeysView",
        "Mapping",
        "MappingView",
        "MutableMapping",
        "MutableSequence",
        "MutableSet",
        "Sequence",
        "Set",
        "Sized",
        "ValuesView",
    )
}

_FLAG_NAMES = {
    name: f"{_FLAGS}:{name}"
    for name in (
        "FLAGS",
        "DEFINE_bool",
        "DEFINE_boolean",
        "DEFINE_enum",
        "DEFINE_float",
        "DEFINE_integer",
        "DEFINE_list",
        "DEFINE_multi_float",
        "DEFINE_multi_integer",
        "DEFINE_multi_string",
        "DEFINE_spaceseplist",
        "DEFINE_string",
    )
}

_SPECIAL = {
    name: f"scipy.special:{name}"
    for name in ("comb", "factorial", "factorial2", "factorialk", "logsumexp")
}

_PICTURES = {
    name: f"{_IMAGES}:{name}"
    for name in (
        "bytescale",
        "imread",
        "imresize",
        "imrotate",
        "imsave",
        "imshow",
        "toimage",
    )
}

_STANDARD_TABLES = (
    Table("collections", names=_ABSTRACT, fallback=("collections",)),
    Table("fractions", names={"gcd": "math:gcd"}, fallback=("fractions",)),
    Table(
        "imp",
        names={
            name: f"{_STANDARD}:{name}"
            for name in ("find_module", "load_source", "new_module", "reload")
        },
        missing={"load_module": "use importlib.import_module"},
    ),
    Table("inspect", names={"getargspec": f"{_STANDARD}:getargspec"}, fallback=("inspect",)),
    Table("time", names={"clock": f"{_STANDARD}:clock"}, fallback=("time",)),
    Table("distutils"),
    Table(
        "distutils.version",
        names={name: f"{_STANDARD}:{name}" for name in ("LooseVersion", "StrictVersion")},
    ),
    Table("distutils.dir_util", names={"mkpath": "os:makedirs", "copy_tree": "shutil:copytree"}),
    Table("distutils.spawn", names={"find_executable": "shutil:which"}),
)

_SCIPY_TABLES = (
    Table("scipy", fallback=("scipy",)),
    Table(
        "scipy.misc",
        names={**_SPECIAL, **_PICTURES},
        fallback=("scipy.misc",),
        missing={
            "ascent": "use scipy.datasets.ascent",
            "face": "use scipy.datasets.face",
            "lena": "use scipy.datasets.face",
            "imfilter": "use PIL.ImageFilter",
        },
    ),
)

_SKLEARN_TABLES = (
    Table("sklearn", fallback=("sklearn",)),
    Table(
        "sklearn.cross_validation",
        fallback=("sklearn.model_selection",),
        differs={"KFold": "takes n_splits, and the data in its split method"},
        aliases=("sklearn.grid_search", "sklearn.learning_curve"),
    ),
    Table("sklearn.externals", names={"joblib": "joblib", "six": "six"}),
    Table("sklearn.externals.joblib", fallback=("joblib",)),
    Table(
        "sklearn.preprocessing",
        names={"Imputer": "sklearn.impute:SimpleImputer"},
        fallback=("sklearn.preprocessing",),
        differs={"Imputer": "SimpleImputer: no axis"},
    ),
)

_FLAG_TABLES = (
    Table(
        "tensorflow.flags",
        names=_FLAG_NAMES,
        fallback=("tensorflow.compat.v1.flags",),
        aliases=("tensorflow.app.flags", "tensorflow.python.platform.flags"),
    ),
    Table(
        "tensorflow.app",
        fallback=("tensorflow.compat.v1.app",),
        aliases=("tensorflow.python.platform.app",),
    ),
)

TABLES: tuple[Table, ...] = (
    *_STANDARD_TABLES,
    *_SCIPY_TABLES,
    *_SKLEARN_TABLES,
    *_FLAG_TABLES,
)
