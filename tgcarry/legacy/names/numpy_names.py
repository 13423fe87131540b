"""Tables of NumPy as it was before 1.20: the names that went, where they are now."""

from __future__ import annotations

from tgcarry.legacy.table import Table

_HERE = "tgcarry.legacy.shims.arrays"

# Python's own types, under a second name; NumPy 2's `bool` and `long` are other ones.
_TYPES = {
    "bool": "builtins:bool",
    "complex": "builtins:complex",
    "float": "builtins:float",
    "int": "builtins:int",
    "long": "builtins:int",
    "object": "builtins:object",
    "str": "builtins:str",
    "unicode": "builtins:str",
    "bool8": "numpy:bool_",
    "cfloat": "numpy:complex128",
    "complex_": "numpy:complex128",
    "clongfloat": "numpy:clongdouble",
    "float_": "numpy:float64",
    "int0": "numpy:intp",
    "longcomplex": "numpy:clongdouble",
    "longfloat": "numpy:longdouble",
    "object0": "numpy:object_",
    "singlecomplex": "numpy:complex64",
    "str0": "numpy:str_",
    "string_": "numpy:bytes_",
    "uint0": "numpy:uintp",
    "unicode_": "numpy:str_",
    "void0": "numpy:void",
    "typeDict": "numpy:sctypeDict",
}

_CONSTANTS = {
    "Inf": "math:inf",
    "Infinity": "math:inf",
    "NAN": "math:nan",
    "NINF": f"{_HERE}:NINF",
    "NZERO": f"{_HERE}:NZERO",
    "NaN": "math:nan",
    "PINF": "math:inf",
    "PZERO": f"{_HERE}:PZERO",
    "infty": "math:inf",
}

_RENAMED = {
    "alltrue": "numpy:all",
    "cumproduct": "numpy:cumprod",
    "product": "numpy:prod",
    "round_": "numpy:round",
    "row_stack": "numpy:vstack",
    "sometrue": "numpy:any",
    "AxisError": "numpy.exceptions:AxisError",
    "ComplexWarning": "numpy.exceptions:ComplexWarning",
    "VisibleDeprecationWarning": "numpy.exceptions:VisibleDeprecationWarning",
    "mat": "numpy:asmatrix",
}

_FUNCTIONS = {
    name: f"{_HERE}:{name}"
    for name in (
        "alen",
        "array",
        "asanyarray",
        "asfarray",
        "asarray",
        "asscalar",
        "concatenate",
        "find_common_type",
        "fromstring",
        "hstack",
        "in1d",
        "linspace",
        "load",
        "msort",
        "rank",
        "reshape",
        "set_printoptions",
        "stack",
        "trapz",
        "vstack",
    )
}

TABLES: tuple[Table, ...] = (
    Table(
        "numpy",
        names={
            **_TYPES,
            **_CONSTANTS,
            **_RENAMED,
            **_FUNCTIONS,
            "cast": f"{_HERE}:cast_by_type",
            "__version__": f"{_HERE}:VERSION",
        },
        fallback=("numpy",),
        missing={
            "safe_eval": "use ast.literal_eval",
            "set_numeric_ops": "wrap the arrays in a class of your own",
        },
    ),
    Table(
        "numpy.random",
        names={"random_integers": f"{_HERE}:random_integers"},
        fallback=("numpy.random",),
    ),
)
