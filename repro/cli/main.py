"""Entry point: parse, run one command, turn every failure into one message and an exit code."""

import errno
import importlib
import os
import signal
import sys
import traceback
from collections.abc import Sequence

from repro.errors import EXIT_ENVIRONMENT, EXIT_INPUT, Interrupted, ReproError

EXIT_INTERRUPTED = 128 + signal.SIGINT
MISTYPED = {
    errno.ENAMETOOLONG,
    errno.ELOOP,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EEXIST,
}  # a path that the user gave cannot exist


def _fail(message: str, code: int, *, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    print(f"repro: {message}", file=sys.stderr)
    return code


def _of_system(error: OSError, *, debug: bool) -> int:
    if error.errno in MISTYPED:
        what = f"{error.strerror}\n  where: {error.filename}\n  next:  name another file or folder"
        return _fail(what, EXIT_INPUT, debug=debug)
    what = str(error).removesuffix(" -> None")  # Python adds it where the file's name was set
    return _fail(f"{what}\n  next:  check the disk and the folder's permissions", EXIT_ENVIRONMENT, debug=debug)


def _unforeseen(error: Exception, *, debug: bool) -> int:
    from repro.machine.hidden_modules import hiding_file

    if file := hiding_file(error):
        what = f"Python loads {file} in place of a module of that name which this program needs"
        next_step = "rename that file, leave its folder out of PYTHONPATH, or start in another folder"
        return _fail(f"{what}\n  where: {file}\n  next:  {next_step}", EXIT_ENVIRONMENT, debug=debug)
    message = f"unexpected {type(error).__name__}: {error}\n  next:  the same command with --debug shows where"
    return _fail(message, EXIT_ENVIRONMENT, debug=debug)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code (``repro.errors``; 130 after Ctrl-C, 143 after SIGTERM)."""
    debug = "--debug" in (sys.argv[1:] if argv is None else argv)
    try:
        parser = importlib.import_module("repro.cli.parser")  # not above: a file of a module's name may break it
        arguments = parser.make_parser().parse_args(argv)
        module, _, function = arguments.function.partition(":")
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
        return _of_system(error, debug=debug)
    except Exception as error:
        return _unforeseen(error, debug=debug)
