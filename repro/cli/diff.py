"""``repro diff A B``: two reports side by side."""

import argparse

from repro.errors import EXIT_DIFFERS, EXIT_OK


def diff(arguments: argparse.Namespace) -> int:
    """Print what differs; 0 where no result does, 1 otherwise."""
    from repro.report.diff import compare, lines, read

    differences = compare(read(arguments.a), read(arguments.b), arguments.steps)
    text = (
        differences.model_dump_json(indent=1)
        if arguments.json
        else "\n".join(lines(differences, arguments.a, arguments.b))
    )
    print(text)
    return EXIT_DIFFERS if differences.moved else EXIT_OK
