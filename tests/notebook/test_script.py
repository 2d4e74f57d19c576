"""The page's modules as one text: what comes before what, what is taken out, what cannot be joined."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbflow.notebook.script import STATIC, joined, styles


def written(folder: Path, **modules: str) -> Path:
    for name, text in modules.items():
        (folder / f"{name}.mjs").write_text(text)
    return folder / "main.mjs"


def test_a_module_comes_after_what_it_imports_and_each_once(tmp_path: Path) -> None:
    main = written(
        tmp_path,
        main='import { b } from "./b.mjs";\nimport { a, one } from "./a.mjs";\nexport default { b };\n',
        b='import { one } from "./a.mjs";\nexport const b = one + 1;\n',
        a="export const one = 1;\nexport function a() {}\n",
    )
    assert joined(main) == (
        "const one = 1;\nfunction a() {}\n\nconst b = one + 1;\n\nexport default { b };\n"
    )


@pytest.mark.parametrize(
    ("modules", "why"),
    [
        ({"main": 'import { a as b } from "./a.mjs";\n'}, "is not of the form"),
        ({"main": 'import x from "https://example.org/x.js";\n'}, "is not of the form"),
        (
            {"main": 'import { a } from "./a.mjs";\nconst b = 1;\n', "a": "let b;\nexport const a = 1;\n"},
            "'b'",
        ),
        (
            {"main": 'import { a } from "./a.mjs";\n', "a": 'import { x } from "./main.mjs";\n'},
            "imports itself",
        ),
    ],
)
def test_what_cannot_be_joined_is_refused(tmp_path: Path, modules: dict[str, str], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        joined(written(tmp_path, **modules))


def test_the_page_of_the_graph_is_one_module_with_one_export() -> None:
    page = joined(STATIC / "graph" / "main.mjs").splitlines()
    assert [line for line in page if line.startswith("export")] == ["export default { initialize, render };"]
    assert not [line for line in page if line.startswith("import")]
    assert ".nbf-head" in styles(STATIC / "graph")
