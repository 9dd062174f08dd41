"""``python -m tools.pretrain --recipe FILE --out DIR``, from the root of the checkout."""

import argparse
import sys
from pathlib import Path

from repro.errors import ReproError
from tools.pretrain.train import pretrain


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.pretrain", description="pretrain the mini checkpoint")
    parser.add_argument("--recipe", type=Path, required=True, metavar="FILE")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    options = parser.parse_args()
    try:
        pretrain(options.recipe, options.out)
    except ReproError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
