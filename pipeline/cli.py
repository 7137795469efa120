"""The command line. Each command is one module and one line in `COMMANDS`; none is imported before it is asked for.

stdout is one JSON line for programs; people read stderr. Exit codes: 0 done, 1 failed, 2 usage, 3 refused by the
gate, 4 lost a race, 130 interrupted, 143 terminated.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from importlib import metadata
from typing import NoReturn

from tamis.classifiers.errors import TamisError, UsageError
from tamis.pipeline import interrupts, jsonlog, uncollected
from tamis.pipeline.errors import describe
from tamis.pipeline.exits import FAILED, USAGE, code_of
from tamis.pipeline.redact import redact
from tamis.pipeline.wording import nearest

__all__ = ["COMMANDS", "main", "parser"]

#: Command -> (module, what it does).
COMMANDS = {
    "init": ("command_init", "write a starter plan from a look at a corpus"),
    "run": ("command_run", "filter a corpus by a plan, measure what the filter did, publish, report"),
    "refresh": ("command_refresh", "bring the published run up to date with the corpus, doing only what changed"),
    "apply": ("command_apply", "decide and measure other interventions from the scores of a finished run"),
    "inspect": ("command_inspect", "read what was dropped, tagged, redacted, or kept near a threshold"),
    "audit": ("command_audit", "sample documents for human labels, label them, and certify numbers by them"),
    "rollback": ("command_rollback", "publish an earlier run again, by moving the pointer"),
    "gc": ("command_gc", "delete runs that nobody needs any more, and what killed writers left"),
    "verify": ("command_verify", "recheck digests, alignment and conservation of a finished run"),
    "report": ("command_report", "show a run's before/after table, or what differs between several runs"),
    "generations": ("command_generations", "score the continuations of your own models, and compare them"),
    "reshard": ("command_reshard", "write the same records in shards of one size, proven by reading them back"),
    "classifier": ("command_classifier", "train, calibrate, evaluate, score with and describe classifiers"),
}


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line with the nearest choice, and exit 2."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"tamis: {message}\nTry `{self.prog} --help`.\n")


def parser(command: str | None = None) -> argparse.ArgumentParser:
    """Builds the parser of all commands, with the options of one of them filled in.

    Args:
        command: The command whose module may be imported for its options.
    """
    top = _Parser(
        prog="tamis",
        description="Filter a pretraining corpus by content policy, and measure what the filter did.",
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"tamis {metadata.version('tamis')}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (module, text) in COMMANDS.items():
        sub = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.", allow_abbrev=False)
        if name == command:
            importlib.import_module(f"tamis.pipeline.{module}").add_arguments(sub)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit code; a user's mistake is one message, never a traceback."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    uncollected.seldom()
    with jsonlog.installed(next((word for word in arguments if word in COMMANDS), "tamis")):
        return _guarded(arguments)


def _guarded(arguments: list[str]) -> int:
    try:
        with interrupts.heeded():
            return _dispatch(arguments)
    except TamisError as error:
        return _say(error)
    except KeyboardInterrupt as stop:
        print(f"tamis: {interrupts.word_of(stop)}", file=sys.stderr)
        return interrupts.code_of(stop)
    except BrokenPipeError:
        # The reader of our output is gone; there is nobody left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:
        if os.environ.get("TAMIS_DEBUG"):
            raise
        return _say(TamisError(describe(error)))
    except Exception as error:
        if os.environ.get("TAMIS_DEBUG"):
            raise
        print(
            f"tamis: unexpected {type(error).__name__}; set TAMIS_DEBUG=1 to see where, and please report it",
            file=sys.stderr,
        )
        return FAILED


def _dispatch(arguments: list[str]) -> int:
    words = [word for word in arguments if not word.startswith("-")]
    command = words[0] if words else None
    if command is not None and command not in COMMANDS and not arguments[0].startswith("-"):
        raise UsageError(f"`{command}` is not a command{nearest(command, COMMANDS)}")
    options, rest = parser(command).parse_known_args(arguments)
    module = importlib.import_module(f"tamis.pipeline.{COMMANDS[options.command][0]}")
    if rest and not getattr(module, "TAKES_BEAM_FLAGS", False):
        action = getattr(options, "action", None)
        called = " ".join(["tamis", options.command, *([action] if action else [])])
        raise UsageError(
            f"`{rest[0]}` is not an option of `{called}`{nearest(rest[0], _options_of(options.command, action))}"
        )
    code: int = module.main(options, rest)
    return code


def _options_of(command: str, action: str | None) -> set[str]:
    """The options of a command, or of the action of one that has several."""
    found = _chosen(parser(command), command)
    if action:
        found = _chosen(found, action)
    return {option for known in found._actions for option in known.option_strings if option.startswith("--")}


def _chosen(found: argparse.ArgumentParser, name: str) -> argparse.ArgumentParser:
    actions = (action for action in found._actions if isinstance(action, argparse._SubParsersAction))
    return next(action.choices[name] for action in actions)  # type: ignore[no-any-return]


def _say(error: TamisError) -> int:
    print(f"tamis: {redact(str(error))}", file=sys.stderr)
    return code_of(error)


if __name__ == "__main__":
    sys.exit(main())
