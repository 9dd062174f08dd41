"""``repro convert SRC DST --to pytorch|hub|paddle``."""

from pathlib import Path

from repro.checkpoint.files import BinReader, find_weights, kind_of, read_checkpoint, write_checkpoint
from repro.checkpoint.layouts import Conversion
from repro.checkpoint.names import Layout
from repro.errors import InputError


def convert(
    src: Path, dst: Path, to: Layout, head_seed: int | None = None, bin_reader: BinReader | None = None
) -> Conversion:
    """Read the checkpoint ``src`` of any layout and write the folder ``dst`` in layout ``to``.

    Returns:
        How the source was read; ``describe()`` puts it in words.

    Raises:
        InputError: as ``read_checkpoint``; or ``dst`` is a file or the folder of the source.
    """
    nearest = next(path for path in (dst, *dst.absolute().parents) if path.is_symlink() or path.exists())
    if not nearest.is_dir():
        what = f"the destination is to be a folder, and this is {kind_of(nearest)}"
        raise InputError(what, where=nearest, next_step="choose another")
    if find_weights(src).parent.resolve() == dst.resolve():
        raise InputError("the destination is the folder of the source", where=dst, next_step="choose another")
    arrays, config, vocab, conversion = read_checkpoint(src, head_seed, bin_reader)
    write_checkpoint(dst, arrays, config, vocab, to)
    return conversion
