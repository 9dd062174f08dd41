"""What the scripts of a folder compare, by which tolerance, and what they save: read from their syntax, nothing is run.

    source -> statements -> calls -> expressions -> recording
                              └ text, containers, library, comparers

An *abstract* interpreter: paths, numbers and the content of files are followed through assignments, functions, loops,
options and imports between the folder's scripts; every other value is opaque. The number of steps is bounded.
"""

from collections.abc import Sequence

from repro.audit.scripts.recording import Comparison, Record, Saved
from repro.audit.scripts.resolve import Dumps
from repro.audit.scripts.source import Modules, is_relevant
from repro.audit.scripts.statements import Interpreter

__all__ = ["Comparison", "Dumps", "Modules", "Record", "Saved", "follow", "is_relevant"]


def follow(script: str, modules: Modules, files: Sequence[str] = ()) -> Record:
    """What a script does.

    Args:
        script: its path in the audited folder.
        modules: the folder's scripts, of which it may import others.
        files: dumps of the folder, which it may list.
    """
    return Interpreter(script, modules, files).follow()
