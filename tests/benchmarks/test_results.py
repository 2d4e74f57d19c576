"""Medians, ratios, tables and bars of figures that are made up."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.bars import BARS, judge
from benchmarks.catalogue import PEERS, SHOWN, WORKS
from benchmarks.environments import REQUIREMENTS
from benchmarks.report import bars, figures, page, put_between, readme_part
from benchmarks.results import Results
from benchmarks.rows import factor, grid, per_second, us


@pytest.fixture
def results() -> Results:
    made = Results(machine={"cores": "2", "memory": "4 GiB", "Python": "CPython 3.11.7", "rounds": "2"})
    for ours, theirs in ((1e-5, 9e-5), (2e-5, 1.6e-4), (4e-5, 2.8e-4)):  # 9, 8 and 7 times
        made.add("pool", "bag of 10,000", {"": theirs})
        made.add("nbflow", "bag of 10,000", {"": ours})
    made.add("nbflow", "submit", {"": 9e-6, "p99": 2e-5})
    made.add("nbflow", "array chain", {"": 0.01, "grown": 0.0})
    made.add("pool", "array chain", {"": 0.1, "grown": 210.0})
    made.note("pool", "round trip", "no answer within 100 s")
    return made


def test_neighbours_are_divided_before_the_median_is_taken(results: Results) -> None:
    assert results.ratio("pool", "bag of 10,000") == pytest.approx(8)


def test_without_pairs_medians_are_divided(results: Results) -> None:
    results.add("pool", "bag of 10,000", {"": 2e-4})
    assert results.ratio("pool", "bag of 10,000") == pytest.approx(1.8e-4 / 2e-5)


def test_there_is_no_ratio_of_what_was_not_measured_nor_of_nothing(results: Results) -> None:
    assert results.ratio("pool", "submit") is None
    assert results.ratio("ray", "bag of 10,000") is None
    assert results.ratio("pool", "array chain grown") is None


def test_nbflow_comes_first_and_each_peer_shows_its_ratio(results: Results) -> None:
    lines = figures(results).splitlines()
    assert lines[0] == "|  | **nbflow** | process pool |"
    assert "| bag of 10,000, tasks/s | **50,000** | 6,250 (8.0×) |" in lines
    assert "| a call returns, median | **9.0 µs** | – |" in lines
    assert "| … memory of the caller's process grows by | **0 MB** | 210 MB |" in lines


def test_bars_say_whether_they_are_reached_and_what_was_not_measured(results: Results) -> None:
    lines = bars(judge(results)).splitlines()
    assert "| bag of 10,000 | ≥ 8.0× process pool | 8.0× | ✓ |" in lines
    assert "| `app()` returns | ≤ 8.0 µs | 9.0 µs | ✕ |" in lines
    assert "| round trip | ≥ 2.0× process pool | not measured | ✕ |" in lines
    assert "| `nbflow.map` of 100,000 items, items/s | ≥ 300,000 | not measured | ✕ |" in lines
    assert not any("Dask" in line for line in lines)  # it had no part in this run


def test_the_page_says_what_is_missing_and_why(results: Results) -> None:
    assert "at work elsewhere" not in page(results)
    results.machine["load before"] = "1.5"
    assert "at work elsewhere" in page(results)
    assert "- process pool, round trip: no answer within 100 s" in page(results)
    assert "medians, rounds: 2" in readme_part(results)


def test_results_are_the_same_after_they_were_kept(results: Results, tmp_path: Path) -> None:
    results.save(tmp_path / "results.json")
    assert Results.load(tmp_path / "results.json") == results


def test_what_stands_between_the_marks_is_replaced_and_nothing_else() -> None:
    assert put_between("a <b> old <e> z", "<b>", "<e>", "new") == "a <b>\n\nnew\n\n<e> z"
    with pytest.raises(ValueError, match="there is no"):
        put_between("a <b> old z", "<b>", "<e>", "new")


def test_numbers_have_three_digits_that_count() -> None:
    assert [us(5.94e-6), us(1.234e-5), us(0.0012345)] == ["5.9 µs", "12.3 µs", "1,230 µs"]
    assert [factor(0.5), factor(1.04), factor(9.94), factor(1234)] == ["0.50×", "1.0×", "9.9×", "1,234×"]
    assert per_second(1 / 123456) == "123,000"
    assert grid(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | ---: |\n| 1 | 2 |"


def test_every_bar_is_about_a_figure_that_is_taken() -> None:
    taken = {work.name for work in WORKS} | {"start", "memory", "core flatness"}
    for figure in [bar.figure for bar in BARS] + [line.figure for line in SHOWN]:
        assert any(figure == name or figure.startswith(name + " ") for name in taken), figure
    assert set(REQUIREMENTS) < set(PEERS)
