"""Runs the tests on each tested version of Python that this machine has; browser tests are left out.

Each version has an environment of its own in .venvs/, kept between runs. Versions that are not here are named.
"""

from __future__ import annotations

import subprocess
import sys

from tools.pythons import ROOT, TESTED, find


def main(arguments: list[str]) -> int:
    """Run pytest with the given further arguments on each version; 1 if it failed on any."""
    verdicts: dict[str, str] = {}
    for version in TESTED:
        python = find(version)
        if python is None:
            verdicts[version] = "not on this machine"
            continue
        folder = ROOT / ".venvs" / version
        setup = ["sh", "tools/make_venv.sh", str(folder), "demo,dev", python]
        tests = [str(folder / "bin" / "python"), "-m", "pytest", "-m", "not browser", *arguments]
        for step, command in (("set-up failed", setup), ("failed", tests)):
            print(f"--- Python {version}: {' '.join(command)}", flush=True)
            if subprocess.run(command, cwd=ROOT, check=False).returncode:
                verdicts[version] = step
                break
        else:
            verdicts[version] = "passed"
    for version, verdict in verdicts.items():
        print(f"Python {version}: {verdict}")
    return 1 if any("failed" in verdict for verdict in verdicts.values()) else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
