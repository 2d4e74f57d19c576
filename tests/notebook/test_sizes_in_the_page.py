"""Bytes are told by Python and by the page in the same words."""

from __future__ import annotations

import json
from pathlib import Path

from nbflow.sizes import in_words

CASES = json.loads((Path(__file__).parent / "cases" / "bytes.json").read_text())


def test_bytes_are_told_as_the_page_tells_them() -> None:
    assert {case["size"]: in_words(case["size"]) for case in CASES} == {
        case["size"]: case["text"] for case in CASES
    }
