"""Capture: what is called is what the user sees, and nothing is pickled again that has not changed.

Functions are made with `exec` in a namespace called `__main__`, as a notebook makes them.
"""

from __future__ import annotations

import functools
import importlib
import math
import pickle
import sys
from pathlib import Path
from typing import Any

import pytest

from nbflow.values import pickling, referring
from nbflow.values.functions import Captor


def main(source: str) -> dict[str, Any]:
    """A namespace as a notebook's after running `source`."""
    namespace: dict[str, Any] = {"__name__": "__main__", "functools": functools}
    exec(source, namespace)
    return namespace


def call(captor: Captor, *args: Any) -> Any:
    return pickle.loads(captor.capture().code)(*args)


def test_an_unchanged_function_is_captured_once() -> None:
    captor = Captor(main("k = 2\ndef f(x): return k * x")["f"])
    assert captor.capture() is captor.capture()
    assert captor.capture().reusable


@pytest.mark.parametrize(
    ("before", "change", "expected"),
    [
        ("k = 1\ndef f(): return k", "k = 2", 2),
        ("def g(): return 1\ndef f(): return g()", "def g(): return 2", 2),
        ("k = 1\ndef g(): return k\ndef f(): return g()", "k = 2", 2),
        ("l = [1]\ndef f(): return l[0]", "l[0] = 2", 2),
        ("d = {'a': [1]}\ndef f(): return d['a'][0]", "d['a'][0] = 2", 2),
        ("class C: n = 1\ndef f(): return C.n", "class C: n = 2", 2),
        ("class C: n = 1\ndef f(): return C.n", "C.n = 2", 2),
        ("class C: n = 1\ndef f(): return (lambda: C().n)()", "C.n = 2", 2),
        ("def f(): return len([1, 2])", "len = lambda x: 'shadowed'", "shadowed"),
        ("t = (1, (2, 3))\ndef f(): return t[1][0]", "t = (1, (4, 3))", 4),
        ("t = (1, [2])\ndef f(): return t[1][0]", "t[1][0] = 5", 5),
        ("def f(x=1): return x", "f.__defaults__ = (2,)", 2),
        ("import math\ndef f(): return math.floor(1.5)", "class math: floor = staticmethod(lambda x: 2)", 2),
        (
            "def make(n):\n def f(): return n\n def put(m):\n  nonlocal n\n  n = m\n return f, put\nf, put = make(1)",
            "put(2)",
            2,
        ),
        ("c = functools.cache\nk = 1\n@c\ndef g(): return k\ndef f(): return g()", "k = 2", 2),
        ("c = functools.cache\n@c\ndef g(): return 1\ndef f(): return g()", "@c\ndef g(): return 2", 2),
        ("def g(): return 1\nt = (g,)\ndef f(): return t[0]()", "g.__code__ = (lambda: 2).__code__", 2),
    ],
)
def test_what_a_function_refers_to_is_seen_as_it_is_at_the_call(
    before: str, change: str, expected: Any
) -> None:
    namespace = main(before)
    captor = Captor(namespace["f"])
    first = call(captor)
    exec(change, namespace)
    assert call(captor) == expected
    assert first != expected


@pytest.mark.parametrize(
    ("source", "reusable"),
    [
        ("def f(): return 1", True),
        ("import math\ndef f(): return math.pi", True),
        ("n = 0\ndef f():\n global n\n n += 1\n return n", False),
        ("seen = []\ndef f():\n seen.append(1)\n return len(seen)", False),
        ("def f(seen=[]):\n seen.append(1)\n return len(seen)", False),
        ("def make():\n n = 0\n def f():\n  nonlocal n\n  n += 1\n  return n\n return f\nf = make()", False),
        ("class C: pass\ndef f(): return C()", False),
        ("@functools.cache\ndef g(): return 1\ndef f(): return g()", True),
        ("@functools.lru_cache(maxsize=2)\ndef f(): return 1", True),
        ("seen = []\n@functools.cache\ndef g(): return seen\ndef f(): return g()", False),
        ("def f(x): f.seen = x", False),
        ("def g(): ...\ng.n = 0\ndef f(x): g.n += x", False),
        ("def g(): ...\ng.n = 0\ndef f(x): del g.n", False),
        ("def f(x): x.seen = f", True),
        ("class A:\n    def __init__(self, x): self.x = x\ndef f(x): return x", True),
    ],
)
def test_a_copy_serves_many_calls_only_if_calls_leave_nothing_behind(source: str, reusable: bool) -> None:
    assert Captor(main(source)["f"]).capture().reusable is reusable


@pytest.mark.parametrize(
    "by", ["edited.helper(x)", "helper(x)", "__import__('edited').helper(x)", "inside(x)"]
)
def test_what_counts_is_worked_out_anew_when_a_module_has_changed_that_the_capture_names(
    by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "edited.py"
    file.write_text("def helper(x): return x + 1")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "edited", raising=False)
    edited = importlib.import_module("edited")
    inside = "def inside(x):\n    import edited\n    return edited.helper(x)\n"
    space = main(f"import edited\nfrom edited import helper\n{inside}def f(x): return {by}")
    captor = Captor(space["f"])
    code, before = captor.capture().code, captor.fingerprint("f")
    file.write_text("def helper(x): return x + 100")
    importlib.invalidate_caches()
    space["helper"] = importlib.reload(edited).helper
    assert captor.capture().code == code
    assert before
    assert (captor.fingerprint("f") != before) == (not by.startswith("__import__")), "that one nobody sees"


def test_a_function_that_can_be_imported_travels_by_its_name() -> None:
    capture = Captor(math.floor).capture()
    assert pickle.loads(capture.code) is math.floor
    assert capture.reusable


def test_what_cannot_be_pickled_says_so_at_the_call() -> None:
    namespace = main("import threading\nlock = threading.Lock()\ndef f(): return lock")
    with pytest.raises(TypeError, match="lock"):
        Captor(namespace["f"]).capture()


def test_code_comes_with_the_file_and_the_lines_in_which_it_was_written() -> None:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(compile("\n\ndef f():\n    return [n for n in range(3)]", "Cell In[4]", "exec"), namespace)
    code = pickle.loads(Captor(namespace["f"]).capture().code).__code__
    assert (code.co_filename, code.co_firstlineno) == ("Cell In[4]", 3)
    assert {c.co_filename for c in code.co_consts if hasattr(c, "co_filename")} <= {"Cell In[4]"}
    assert pickle.loads(Captor(namespace["f"]).capture().code)() == [0, 1, 2]


def test_mutually_recursive_helpers_are_captured() -> None:
    namespace = main("def even(n): return n == 0 or odd(n - 1)\ndef odd(n): return n != 0 and even(n - 1)")
    captor = Captor(namespace["even"])
    assert call(captor, 10) is True
    assert captor.capture() is captor.capture()


def test_a_function_with_a_cache_travels_with_an_empty_one_of_its_size() -> None:
    namespace = main(
        "@functools.lru_cache(maxsize=3, typed=True)\ndef g(x): return [x]\ndef f(x): return g(x), g.cache_info()"
    )
    kept = namespace["f"](1)[0]
    again = pickle.loads(Captor(namespace["f"]).capture().code)
    value, info = again(1)
    assert value == kept
    assert (info.hits, info.misses, info.maxsize) == (0, 1, 3)
    assert again(1)[0] is value, "the copy keeps it"
    assert again(1.0)[0] is not value, "typed"


def test_a_function_with_a_cache_may_call_itself() -> None:
    namespace = main("@functools.cache\ndef fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)")
    again = pickle.loads(Captor(namespace["fib"]).capture().code)
    assert again(80) == 23416728348467685
    assert again.cache_info().misses == 81


def test_what_functools_and_typing_make_of_functions_and_types_travels() -> None:
    namespace = main(
        "import typing\n"
        "class Box:\n"
        "    def __init__(self, x): self.x = x\n"
        "    @functools.cached_property\n"
        "    def twice(self): return 2 * self.x\n"
        "@functools.singledispatch\n"
        "def words(x): return 'any'\n"
        "@words.register(int)\n"
        "def _(x): return 'int'\n"
        "@words.register\n"
        "def _(x: list): return 'list of ' + words(x[0])\n"
        "Id = typing.NewType('Id', int)\n"
        "def f(x): return Box(x).twice, words([x]), words('x'), Id(x), Id"
    )
    *found, named = pickle.loads(Captor(namespace["f"]).capture().code)(3)
    assert found == [6, "list of int", "any", 3]
    assert (repr(named), named.__supertype__) == ("__main__.Id", int)


def test_a_function_with_a_cache_that_can_be_imported_travels_by_its_name() -> None:
    capture = Captor(referring.names_of).capture()
    assert pickle.loads(capture.code) is referring.names_of
    assert pickling.loads(pickling.dumps([referring.names_of]).data) == [referring.names_of]


def test_a_function_with_a_cache_may_be_an_argument() -> None:
    function = main("@functools.cache\ndef g(x): return [x]")["g"]
    again = pickling.loads(pickling.dumps((function,)).data)[0]
    assert again(1) is again(1)
