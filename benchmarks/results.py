"""All figures of a run, by peer and name, one a sample; medians and ratios of them, and the file that keeps them."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

Figures = dict[str, float]

OURS = "nbflow"


@dataclass
class Results:
    """What was measured: `samples[peer][figure]`, in the order of the rounds.

    `sizes[peer][work]` says how much there was to do, `notes[peer][work]` why a figure is missing.
    """

    machine: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    samples: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    sizes: dict[str, dict[str, dict[str, float | str]]] = field(default_factory=dict)
    notes: dict[str, dict[str, str]] = field(default_factory=dict)

    def add(self, peer: str, work: str, figures: Mapping[str, float]) -> None:
        """Note a sample: figures of one piece of work, each named after it."""
        taken = self.samples.setdefault(peer, {})
        for name, value in figures.items():
            taken.setdefault(f"{work} {name}".strip(), []).append(value)

    def note(self, peer: str, work: str, why: str) -> None:
        """Say why there is no figure."""
        self.notes.setdefault(peer, {})[work] = why

    def median(self, peer: str, figure: str) -> float | None:
        """The median of all samples; None without any."""
        taken = self.samples.get(peer, {}).get(figure)
        return statistics.median(taken) if taken else None

    def ratio(self, peer: str, figure: str) -> float | None:
        """How many times nbflow's figure the peer's is.

        Samples that were taken in turn are divided in pairs first, so that a slow minute weighs on both.
        """
        ours = self.samples.get(OURS, {}).get(figure)
        theirs = self.samples.get(peer, {}).get(figure)
        if not ours or not theirs or not all(ours):
            return None
        if len(ours) == len(theirs):
            return statistics.median(a / b for a, b in zip(theirs, ours, strict=True))
        return statistics.median(theirs) / statistics.median(ours)

    @property
    def peers(self) -> list[str]:
        """Who was measured, nbflow first."""
        return sorted(self.samples, key=lambda peer: peer != OURS)

    def save(self, path: Path) -> None:
        """Write everything as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        rounded = asdict(self)
        for figures in rounded["samples"].values():
            for name, values in figures.items():
                figures[name] = [float(f"{value:.5g}") for value in values]
        path.write_text(json.dumps(rounded, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Results:
        """Read what `save` has written."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))
