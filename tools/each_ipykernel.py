"""Runs the tests that drive a real kernel with each tested ipykernel, and one in a browser of what an old one cannot.

Each version has an environment of its own in .venvs/, kept between runs. At the end stands a table.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from tools.pythons import ROOT

TESTED = ("6.29", "6.31", "7.1", "7.3", "7.4")
HINTING = "6.31"
"""The kernel that the test in the browser starts: it hears no click beside a cell."""
MARK = "real_kernel("
"""What stands in a file of tests that drive one."""


@dataclass(frozen=True)
class Verdict:
    """What came of one version."""

    version: str
    passed: int = 0
    skipped: int = 0
    wrong: int = 0  #: failed, or could not be run
    remark: str = ""

    @property
    def well(self) -> bool:
        """Whether all went as it should."""
        return bool(self.passed) and not self.wrong and not self.remark


def home(version: str) -> Path:
    """The environment of an ipykernel."""
    return ROOT / ".venvs" / f"ipykernel-{version}"


def files() -> list[str]:
    """The files of tests that drive a real kernel."""
    found = sorted((ROOT / "tests").rglob("test_*.py"))
    return [str(path.relative_to(ROOT)) for path in found if MARK in path.read_text(encoding="utf-8")]


def make(version: str) -> bool:
    """Make the environment, or bring it up to date."""
    folder = home(version)
    base = subprocess.run(
        ["sh", "tools/make_venv.sh", str(folder), "kernels", sys.executable], cwd=ROOT, check=False
    )
    pinned = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", f"ipykernel=={version}.*"]
    return not base.returncode and not subprocess.run(pinned, cwd=ROOT, check=False).returncode


def run(version: str, arguments: list[str]) -> Verdict:
    """Run the tests in the environment of one version."""
    if not make(version):
        return Verdict(version, remark="its environment could not be made")
    report = ROOT / "test-output" / f"ipykernel-{version}.xml"
    report.parent.mkdir(exist_ok=True)
    report.unlink(missing_ok=True)
    command = [str(home(version) / "bin" / "python"), "-m", "pytest", "-q", f"--junit-xml={report}"]
    subprocess.run([*command, *files(), *arguments], cwd=ROOT, check=False)
    if not report.exists():
        return Verdict(version, remark="the tests did not run")
    return read(version, report)


def read(version: str, report: Path) -> Verdict:
    """What pytest's report tells."""
    suites = list(ElementTree.parse(report).getroot().iter("testsuite"))
    count = {
        name: sum(int(suite.get(name, 0)) for suite in suites)
        for name in ("tests", "skipped", "failures", "errors")
    }
    wrong = count["failures"] + count["errors"]
    return Verdict(version, count["tests"] - count["skipped"] - wrong, count["skipped"], wrong)


def hint() -> bool:
    """Run the test of the hint in a browser, in this environment, on the kernel of another."""
    environment = {**os.environ, "NBFLOW_OLD_KERNEL": str(home(HINTING) / "bin" / "python")}
    command = [sys.executable, "-m", "pytest", "-q", "tests/browser/test_old_kernel.py"]
    return not subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def table(verdicts: list[Verdict]) -> str:
    """A line for each version."""
    lines = [f"{'ipykernel':<11}{'passed':>8}{'skipped':>9}{'failed':>8}"]
    for verdict in verdicts:
        numbers = f"{verdict.passed:>8}{verdict.skipped:>9}{verdict.wrong:>8}"
        lines.append(f"{verdict.version:<11}{verdict.remark or numbers}")
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Run pytest with the given further arguments on each version; 1 if it failed on any."""
    verdicts: list[Verdict] = []
    for version in TESTED:
        print(f"--- ipykernel {version}", flush=True)
        verdicts.append(run(version, arguments))
    print(f"--- the hint in a browser, ipykernel {HINTING}", flush=True)
    hinted = hint()
    print(table(verdicts))
    print(f"hint on {HINTING}: {'passed, or skipped where there is no browser' if hinted else 'failed'}")
    return 0 if hinted and all(verdict.well for verdict in verdicts) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
