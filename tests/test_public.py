"""The public names: listed, documented in the code, and mentioned in the documentation."""

import inspect
import pathlib
import re

import pytest

import tgcarry as tgc

DOCS = pathlib.Path(__file__).parent.parent / "docs"


def test_the_list_is_sorted_complete_and_true():
    assert len(set(tgc.__all__)) == len(tgc.__all__)
    assert tgc.__all__ == sorted(tgc.__all__)
    public = {
        name
        for name, value in vars(tgc).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }
    assert public <= set(tgc.__all__)
    for name in tgc.__all__:
        assert hasattr(tgc, name), name


@pytest.mark.parametrize("name", tgc.__all__)
def test_a_public_name_has_a_docstring_of_its_own(name):
    value = getattr(tgc, name)
    text = inspect.getdoc(value) or ""
    # Python's own for dataclasses and named tuples: "Name(field, field)".
    assert not text.startswith(f"{name}("), text
    assert len(text.split()) >= 4, text


def public_methods():
    for name in tgc.__all__:
        value = getattr(tgc, name)
        if inspect.isclass(value) and value.__module__.startswith("tgcarry"):
            for method, code in vars(value).items():
                if not method.startswith("_") and inspect.isfunction(code):
                    yield f"{name}.{method}", code


@pytest.mark.parametrize(("where", "code"), list(public_methods()))
def test_a_public_method_has_a_docstring(where, code):
    cls, method = where.split(".")
    assert inspect.getdoc(getattr(getattr(tgc, cls), method)), where


@pytest.fixture(scope="module")
def documentation():
    pages = sorted(DOCS.rglob("*.md"))
    return "\n".join(page.read_text(encoding="utf-8") for page in pages)


@pytest.mark.parametrize("name", tgc.__all__)
def test_a_public_name_is_in_the_documentation(name, documentation):
    assert re.search(rf"\b{re.escape(name)}\b", documentation), f"say in docs/ what {name} is"
