"""Who looks at a notebook while it runs, told from the environment and from the request to run a cell."""

from __future__ import annotations

from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from nbflow.errors import ConfigurationError
from nbflow.notebook import audience
from tests.notebook.shells import shell_in_process

PAGE = {"content": {"allow_stdin": True}}
HEADLESS = {"content": {"allow_stdin": False}}


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(audience.VARIABLE, raising=False)
    monkeypatch.delenv("SERVER_SOFTWARE", raising=False)


@pytest.mark.parametrize(
    ("value", "request_", "expected"),
    [
        ("", PAGE, True),
        ("", HEADLESS, False),
        ("", {}, True),  # no kernel, or one that does not say
        ("1", PAGE, False),
        ("0", HEADLESS, True),
    ],
)
def test_the_environment_has_the_last_word(
    monkeypatch: pytest.MonkeyPatch, value: str, request_: dict[str, Any], expected: bool
) -> None:
    monkeypatch.setenv(audience.VARIABLE, value)
    assert audience.expected(request_) is expected


def test_voila_has_a_page_though_it_answers_no_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVER_SOFTWARE", "voila/0.5.8")
    assert audience.expected(HEADLESS)


def test_another_value_is_refused_where_the_extension_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(audience.VARIABLE, "yes")
    with pytest.raises(ConfigurationError, match="NBFLOW_NONINTERACTIVE is 'yes'; allowed are 1"):
        audience.said()
    InteractiveShell.clear_instance()
    with pytest.raises(ConfigurationError), shell_in_process():
        pass
