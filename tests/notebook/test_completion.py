"""What Tab offers behind the magics, in a real kernel."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nbflow.notebook.commands import COMMANDS
from tests.notebook.shells import Kernel, real_kernel


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with real_kernel() as kernel:
        kernel.run("%%app\nimport time\ndef wait_for(x): time.sleep(x)\ndef other(x): time.sleep(x)\n")
        kernel.run("wait_for(0).result(); futures = [wait_for(60), other(60), other(60)]")
        yield kernel


@pytest.mark.parametrize("magic", ["%nbflow", "%flow"])
def test_the_words_of_the_magic_complete_and_nothing_else(kernel: Kernel, magic: str) -> None:
    assert kernel.complete(f"{magic} ") == list(COMMANDS)
    assert kernel.complete(f"{magic} st") == ["start", "status"]


def test_cancel_offers_apps_and_numbers_of_tasks_that_have_not_ended(kernel: Kernel) -> None:
    assert kernel.complete("%nbflow cancel ") == ["wait_for", "other", "2", "3", "4"]
    assert kernel.complete("%nbflow cancel 2 o") == ["other"]


def test_options_of_app_complete_in_the_first_line_of_a_cell(kernel: Kernel) -> None:
    cell = "%%app --re\ndef f(): ..."
    assert kernel.complete(cell, len("%%app --re")) == ["--retries"]
    assert kernel.complete("%%app --") == [
        "--bash",
        "--join",
        "--cache",
        "--retries",
        "--walltime",
        "--executor",
        "--inputs",
        "--outputs",
        "--no-infer",
        "--name",
    ]
    assert kernel.complete("%%app --cache --") == [
        "--bash",
        "--join",
        "--retries",
        "--walltime",
        "--executor",
        "--inputs",
        "--outputs",
        "--no-infer",
        "--name",
    ]


def test_executor_offers_the_labels_of_the_flow(kernel: Kernel) -> None:
    assert kernel.complete("%%app --executor ") == ["processes"]
    assert kernel.complete("%%app --executor p") == ["processes"]


def test_elsewhere_completion_is_ipythons(kernel: Kernel) -> None:
    assert "wait_for" in kernel.complete("wait_f")
    assert "%nbflow" in kernel.complete("%nbf")
    assert kernel.complete("x = '%nbflow st") != ["start", "status"]
