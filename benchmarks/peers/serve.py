"""`python -m benchmarks.peers.serve PEER`: start a peer, then answer questions, one line of JSON each, until they end.

after the first result:   {"ready": true, "version": ...}
{"work": "bag", "with": {"tasks": 1000}}  ->  {"figures": {"": 0.00012}}
                                          or  {"skipped": why} or {"failed": error}
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from typing import IO, Any

from benchmarks.peers.tasks import noop


def version_of(distribution: str) -> str:
    """The installed version; "" of what is not installed by itself."""
    if not distribution:
        return ""
    from importlib.metadata import version

    return version(distribution)


def answer(peer: Any, question: dict[str, Any]) -> dict[str, Any]:
    """Do one piece of work."""
    from benchmarks.peers import workloads
    from benchmarks.peers.base import Unsupported

    try:
        return {"figures": workloads.find(question["work"])(peer, **question.get("with", {}))}
    except Unsupported as why:
        return {"skipped": str(why)}
    except Exception as error:
        return {"failed": f"{type(error).__name__}: {error}"[:500]}


def serve(name: str, questions: IO[str], answers: IO[str]) -> None:
    """Start the peer, answer all questions, end it."""

    def say(what: dict[str, Any]) -> None:
        answers.write(json.dumps(what) + "\n")
        answers.flush()

    module = importlib.import_module(f"benchmarks.peers.on_{name}")
    peer = module.PEER()
    try:
        peer.result(peer.calls(noop)(1))
        say({"ready": True})
        say({"version": version_of(module.DISTRIBUTION)})
        for line in questions:
            say(answer(peer, json.loads(line)))
    finally:
        peer.close()


def main() -> None:
    """Serve the peer that is named. What it prints itself goes to the error output: the other is for answers."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    serve(sys.argv[1], sys.stdin, answers)


if __name__ == "__main__":
    main()
