"""One exception class and exit code per kind of failure.

Exit codes: 0 every claim that could be judged is reproduced or explained; 1 some claim differs;
2 bad input or usage; 3 environment (missing device, wheel, disk, network).
"""

import signal

EXIT_OK = 0
EXIT_DIFFERS = 1
EXIT_INPUT = 2
EXIT_ENVIRONMENT = 3


class ReproError(Exception):
    """A failure with one readable message.

    Args:
        what: what is wrong, as a sentence without a full stop.
        where: the file, option or tensor.
        next_step: the command or change to try next.
    """

    exit_code = EXIT_INPUT

    def __init__(self, what: str, *, where: object = None, next_step: str | None = None) -> None:
        self.what, self.where, self.next_step = what, where, next_step
        parts = [what]
        if where is not None:
            parts.append(f"  where: {where}")
        if next_step:
            parts.append(f"  next:  {next_step}")
        super().__init__("\n".join(parts))


class InputError(ReproError):
    """Bad input or usage: a file, an option, a checkpoint, a data set. Exit code 2."""

    exit_code = EXIT_INPUT


class EnvironmentFault(ReproError):
    """Something of the machine is missing: device, wheel, disk, network. Exit code 3."""

    exit_code = EXIT_ENVIRONMENT


class Interrupted(BaseException):
    """A signal asked this program to end. ``code`` is the exit code that says so: 128 + the signal's number."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.code = 128 + number
