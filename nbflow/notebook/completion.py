"""What Tab offers behind `%nbflow` and `%%app`.

One matcher for IPython's completer. Where it has something to offer, the completer offers nothing else.
"""

# IPython's decorator carries no types, and its record asks for a key that it documents as optional
# mypy: disable-error-code="untyped-decorator, no-any-return, typeddict-item"

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult, context_matcher

from nbflow.notebook.commands import COMMANDS
from nbflow.notebook.flows import loaded_flow

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from IPython.core.completer import MatcherAPIv2


def matcher(parser: ArgumentParser, aliases: Sequence[str]) -> MatcherAPIv2:
    """A matcher that knows the options of `%%app` by its `parser`, and other names of `%nbflow`."""
    options = [name for action in parser._actions for name in action.option_strings]

    @context_matcher(identifier="nbflow")
    def match(context: CompletionContext) -> SimpleMatcherResult:
        *words, begun = context.text_until_cursor.split(" ")
        words = [word for word in words if word]
        offered: Sequence[str] = ()
        if words[:1] == ["%%app"]:
            offered = _behind_app(words, options)
        elif words and words[0] in ("%nbflow", *aliases):
            offered = _behind_nbflow(words)
        # what is no single word would not mean what it says, and with a newline in it be a line of code
        found = [
            SimpleCompletion(text, type="param")
            for text in offered
            if text.startswith(begun) and _is_word(text)
        ]
        return SimpleMatcherResult(
            completions=found, matched_fragment=begun, suppress=bool(found), ordered=True
        )

    return match


def _is_word(text: str) -> bool:
    return bool(text) and text.isprintable() and " " not in text


def _behind_app(words: Sequence[str], options: Sequence[str]) -> Sequence[str]:
    if words[-1] != "--executor":
        return [option for option in options if option not in words]
    flow = loaded_flow()
    return () if flow is None else list(flow.executors)


def _behind_nbflow(words: Sequence[str]) -> Sequence[str]:
    if len(words) == 1:
        return list(COMMANDS)
    command = COMMANDS.get(words[1])
    return () if command is None or command.complete is None else command.complete()
