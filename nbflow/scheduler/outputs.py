"""What ended tasks have printed, bounded: kept up to `BUDGET` in all; beyond that the oldest lose their middle."""

from __future__ import annotations

from nbflow.scheduler.history import Job

BUDGET = 64_000_000  # characters of all outputs of ended tasks
SHORT = 4_000  # characters that each may keep whatever there is; half of it head, half tail
KEPT_WHOLE = SHORT + 100  # no output that was cut is longer, with the line that says so


class Outputs:
    """What ended tasks have printed, as far as it is long."""

    def __init__(self, budget: int = BUDGET) -> None:
        self._budget = budget
        self._total = 0
        self._kept: dict[int, tuple[Job, int]] = {}  # task -> (its job, characters), the oldest first

    def keep(self, job: Job, output: str) -> None:
        """Keep what a task's attempt has printed; what its attempts before had is dropped."""
        _, before = self._kept.pop(job.id, (job, 0))
        self._total -= before
        job.output = output
        if len(output) <= SHORT:
            return
        self._kept[job.id] = job, len(output)
        self._total += len(output)
        while self._total > self._budget:
            number, (oldest, length) = next(iter(self._kept.items()))
            del self._kept[number]
            self._total -= length
            half = SHORT // 2
            left_out = f"\n... {length - SHORT} characters are not kept any more ...\n"
            oldest.output = oldest.output[:half] + left_out + oldest.output[-half:]
