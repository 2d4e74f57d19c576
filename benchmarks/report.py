"""`python -m benchmarks.report`: the tables of a run in Markdown, and the part of the README that shows them.

They are made of the JSON that a run has left, so they can be made anew without measuring.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.bars import Verdict, judge
from benchmarks.catalogue import SHOWN, TITLES, WORKS, Shown
from benchmarks.results import OURS, Results
from benchmarks.rows import factor, grid, sign

ROOT = Path(__file__).parent.parent
DIRECTORY = ROOT / "benchmarks" / "results"
README = ROOT / "README.md"
BEGIN, END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"
IN_README = (
    *(
        "start",
        "memory",
        "bag of 10,000",
        "submit",
        "round trip",
        "chain",
        "METG stencil",
        "busy chain ratio",
    ),
    *("array chain", "array fan", "pieces"),
)


def figures(results: Results, shown: Sequence[Shown] = SHOWN) -> str:
    """The table of all figures: medians, and behind each how many times better nbflow is."""
    peers = results.peers
    rows = []
    for line in shown:
        cells = [_cell(results, peer, line) for peer in peers]
        if any(cells):
            rows.append([line.title, *(cell or "–" for cell in cells)])
    return grid(["", *(f"**{TITLES[p]}**" if p == OURS else TITLES[p] for p in peers)], rows)


def _cell(results: Results, peer: str, line: Shown) -> str:
    value = results.median(peer, line.figure)
    if value is None:
        return ""
    text = line.text(value)
    if peer == OURS:
        return f"**{text}**"
    ratio = results.ratio(peer, line.figure)
    # of what is zero, or itself a ratio, no ratio is taken
    if not ratio or line.figure.endswith(("ratio", "grown")):
        return text
    return f"{text} ({factor(1 / ratio if line.higher else ratio)})"


def bars(verdicts: Iterable[Verdict]) -> str:
    """The table of the bars: what is wanted, what was found."""
    rows = []
    for verdict in verdicts:
        bar = verdict.bar
        rows.append([bar.title, verdict.wanted, verdict.got, sign(verdict.reached)])
    return grid(["work", "bar (×: times as good as a peer)", "found", ""], rows, numbers=False)


def summary(verdicts: Sequence[Verdict]) -> str:
    """How many bars are reached, in a line."""
    reached = sum(verdict.reached for verdict in verdicts)
    return f"{reached} of {len(verdicts)} bars reached."


DISTURBED = " **The machine was at work elsewhere: not even ratios are worth much.**"


def disturbed(results: Results) -> bool:
    """Whether other programs used more than half of the cores when the run began."""
    return float(results.machine.get("load before", 0)) > float(results.machine.get("cores", 1)) / 2


def machine(results: Results) -> str:
    """What was measured on, and what."""
    about = [f"- {name}: {value}" for name, value in results.machine.items()]
    versions = ", ".join(f"{TITLES[p]} {v}" for p, v in results.versions.items() if v)
    if versions:
        about.append(f"- peers: {versions}")
    if disturbed(results):
        about.append(f"-{DISTURBED}")
    return "\n".join(about)


def missing(results: Results) -> str:
    """What has no figure, and why."""
    lines = [
        f"- {TITLES[peer]}, {work}: {why}"
        for peer, notes in results.notes.items()
        for work, why in notes.items()
    ]
    return "\n".join(lines)


def fewer(results: Results) -> str:
    """Which peers were given less to do than the table's first column says."""
    lines = []
    for peer in results.peers:
        less = [
            f"{work.name} ({_size(given)} of {_size(work.sizes)})"
            for work in WORKS
            if (given := results.sizes.get(peer, {}).get(work.name)) and _size(given) != _size(work.sizes)
        ]
        if less:
            lines.append(f"- {TITLES[peer]}: {', '.join(less)}")
    return "\n".join(lines)


def _size(sizes: object) -> str:
    assert isinstance(sizes, dict)
    names = ("count", "calls", "links", "leaves", "maps", "steps", "items")
    return next((f"{sizes[name]:,}" for name in names if name in sizes), "")


READING = """Medians of all rounds. In brackets: how many times as long the peer takes, or as much it needs, as nbflow;
for rates and efficiencies how many times better nbflow is. Of peers that take turns with nbflow the ratios are taken
within the turns. Two workers for everybody. The pool and loky know no dependencies: there, done-callbacks submit.
"map" is `pool.map` in chunks of 1,000, and joblib's `Parallel` for loky. Efficiency and METG are of what two plain
processes get of the cores at that time."""


def page(results: Results) -> str:
    """The whole report of `make bench-peers`."""
    verdicts = list(judge(results))
    parts = ["# nbflow beside its peers", "Made by `make bench-peers`.", READING, figures(results)]
    parts += ["![all](overview.png)", "![busy](busy.png)", "![bags](bags.png)"]
    parts += ["## What nbflow is held to", bars(verdicts), summary(verdicts)]
    parts += ["## The machine", machine(results)]
    if less := fewer(results):
        parts += ["## Given less to do", "Figures are for a task; these would have taken minutes.", less]
    if gone := missing(results):
        parts += ["## Missing", gone]
    return "\n\n".join(parts) + "\n"


def readme_part(results: Results) -> str:
    """What the README shows: some lines of the table, and where the rest is."""
    about = results.machine
    where = f"{about['cores']} shared cores, {about['memory']}, Python {about['Python'].split()[-1]}"
    reading = (
        f"Two workers each, on {where}; medians, rounds: {about['rounds']}. In brackets: how many times better nbflow "
        f"is.{DISTURBED if disturbed(results) else ''} [All figures](benchmarks/results/peers.md), and what nbflow "
        "is held to."
    )
    shown = [line for line in SHOWN if line.figure in IN_README]
    picture = "![nbflow beside its peers](benchmarks/results/overview.png)"
    return "\n\n".join([picture, figures(results, shown), reading])


def put_between(text: str, begin: str, end: str, part: str) -> str:
    """The text, with what stands between the two marks replaced. Raises ValueError without the marks."""
    head, found, rest = text.partition(begin)
    _, found_too, tail = rest.partition(end)
    if not found or not found_too:
        raise ValueError(f"there is no {begin} ... {end}")
    return f"{head}{begin}\n\n{part}\n\n{end}{tail}"


def write(results: Results, directory: Path = DIRECTORY, readme: Path | None = README) -> None:
    """Write page, plots, and the README's part."""
    from benchmarks import plots

    directory.mkdir(parents=True, exist_ok=True)
    plots.overview(results, directory / "overview.png")
    plots.busy(results, directory / "busy.png")
    plots.bags(results, directory / "bags.png")
    (directory / "peers.md").write_text(page(results), encoding="utf-8")
    if readme is not None:
        text = readme.read_text(encoding="utf-8")
        readme.write_text(put_between(text, BEGIN, END, readme_part(results)), encoding="utf-8")


def main() -> None:
    """Make the report anew."""
    write(Results.load(DIRECTORY / "peers.json"))


if __name__ == "__main__":
    main()
