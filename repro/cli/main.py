"""Entry point: parse, run one command, turn every failure into one message and an exit code."""

import importlib
import os
import signal
import sys
import traceback
from collections.abc import Sequence

from repro.cli.parser import make_parser
from repro.errors import EXIT_ENVIRONMENT, Interrupted, ReproError

EXIT_INTERRUPTED = 128 + signal.SIGINT


def _fail(message: str, code: int, *, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    print(f"repro: {message}", file=sys.stderr)
    return code


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code (``repro.errors``; 130 after Ctrl-C, 143 after SIGTERM)."""
    arguments = make_parser().parse_args(argv)
    debug: bool = arguments.debug
    module, _, function = arguments.function.partition(":")
    try:
        code = getattr(importlib.import_module(module), function)(arguments)
        sys.stdout.flush()
        return int(code or 0)
    except ReproError as error:
        return _fail(str(error), error.exit_code, debug=debug)
    except BrokenPipeError:
        # nobody reads the output any more; nothing may be written to it at exit either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_ENVIRONMENT
    except Interrupted as interruption:
        return _fail(f"stopped by {interruption}; the same command goes on from here", interruption.code, debug=debug)
    except KeyboardInterrupt:
        return _fail("interrupted; the same command goes on from here", EXIT_INTERRUPTED, debug=debug)
    except MemoryError:
        return _fail("out of memory\n  next:  fewer jobs at a time: --jobs 1", EXIT_ENVIRONMENT, debug=debug)
    except OSError as error:
        return _fail(f"{error}\n  next:  check the disk and the folder's permissions", EXIT_ENVIRONMENT, debug=debug)
    except Exception as error:
        message = f"unexpected {type(error).__name__}: {error}\n  next:  the same command with --debug shows where"
        return _fail(message, EXIT_ENVIRONMENT, debug=debug)
