"""An interpreter of pickle opcodes that knows no class and no function: it can only build plain values.

``pickletools.genops`` splits the file into opcodes; here they move values between a stack and a memo. A name outside
the table in ``repro.untrusted.rebuild`` ends the reading, and so does an opcode that would create any other object.
"""

import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from repro.untrusted.rebuild import KNOWN, Array, Dtype, Name
from repro.untrusted.source import Refused, Source, shown

MAX_OPCODES = 300_000
MAX_BITS = 128  # of an integer: above torch's magic number, below what is slow to print
MAX_KEY = 500
MAX_ARGUMENTS = 16
_MAX_INDEX = 0xFFFFFFFF
_DAMAGED = "not a pickle, or a damaged one"
_SIZES = {"BINBYTES": 4, "BINBYTES8": 8, "BYTEARRAY8": 8}  # opcodes of array data -> bytes of their length


@dataclass
class _Machine:
    persistent: Callable[[object], object] | None
    encodable: int  # bytes that texts may still be turned into: one text in the memo can be encoded many times
    stack: list[object] = field(default_factory=list)
    outer: list[list[object]] = field(default_factory=list)
    memo: dict[int, object] = field(default_factory=dict)

    def push(self, value: object) -> None:
        if type(value) is int and value.bit_length() > MAX_BITS:
            raise Refused(f"integer of {value.bit_length()} bits, more than {MAX_BITS}")
        self.stack.append(value)

    def mark(self, _: object) -> None:
        self.outer.append(self.stack)
        self.stack = []

    def since_mark(self) -> list[object]:
        items, self.stack = self.stack, self.outer.pop()
        return items

    def pop(self, _: object) -> None:
        if self.stack:
            self.stack.pop()
        else:
            self.since_mark()

    def put(self, index: int | None) -> None:
        index = len(self.memo) if index is None else index
        if not 0 <= index <= _MAX_INDEX:
            raise Refused("memo index is negative or above 32 bits")
        self.memo[index] = self.stack[-1]

    def get(self, index: int) -> None:
        if index not in self.memo:
            raise Refused(f"memo entry {index if abs(index) <= _MAX_INDEX else 'above 32 bits'} was never written")
        self.stack.append(self.memo[index])

    def take(self, count: int) -> list[object]:
        return [self.stack.pop() for _ in range(count)][::-1]

    def extend(self, items: list[object]) -> None:
        if type(self.stack[-1]) is not list:
            raise Refused(f"items are appended to a {type(self.stack[-1]).__name__}")
        self.stack[-1].extend(items)

    def update(self, items: list[object]) -> None:
        target = self.stack[-1]
        if type(target) is not dict or len(items) % 2:
            raise Refused(f"items are set on a {type(target).__name__}, or a key has no value")
        for key, value in zip(items[::2], items[1::2], strict=True):
            target[checked_key(key)] = value

    def look_up(self, module: object, name: object) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise Refused("refused: the file asks for a name that is not text")
        known = Name(module, name)
        if known not in KNOWN:
            raise Refused(f"refused: the file asks for {shown(module)}.{shown(name)}")
        self.stack.append(known)

    def reduce(self, _: object) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        rebuild = KNOWN.get(function) if isinstance(function, Name) else None
        if rebuild is None or type(arguments) is not tuple:
            what = function if isinstance(function, Name) else f"a {type(function).__name__}"
            raise Refused(f"refused: the file calls {what}")
        if len(arguments) > MAX_ARGUMENTS:
            raise Refused(f"refused: the file calls {function} with {len(arguments)} arguments")
        try:
            value = rebuild(*arguments)
        except TypeError:
            raise Refused(f"refused: the file calls {function} in an unknown way") from None
        self.encodable -= len(value) if type(value) is bytes else 0
        if self.encodable < 0:
            raise Refused("texts are encoded to more bytes than the file has")
        self.stack.append(value)

    def build(self, _: object) -> None:
        state, target = self.stack.pop(), self.stack[-1]
        if isinstance(target, (Array, Dtype)):
            target.set_state(state)
        elif not (type(target) is dict and type(state) is dict and list(state) == ["_metadata"]):
            # torch attaches the versions of its modules to a state dict: the one attribute that may be left out
            raise Refused(f"refused: the file sets the state of a {type(target).__name__}")

    def persist(self, _: object) -> None:
        if self.persistent is None:
            raise Refused("refused: a persistent id outside a torch file")
        self.stack.append(self.persistent(self.stack.pop()))


def checked_key(key: object) -> object:
    """Short printable texts, because they become names in reports, and integers of 32 bits.

    An attacker can choose large numbers of one hash; a dict or memo whose keys all collide takes hours to fill.
    """
    if isinstance(key, np.generic):
        key = key.item()
    if isinstance(key, (str, bytes)) and len(key) <= MAX_KEY and (isinstance(key, bytes) or key.isprintable()):
        return key
    if key is None or type(key) is bool or (type(key) is int and abs(key) <= _MAX_INDEX):
        return key
    raise Refused(f"dict key is neither a short printable text nor an integer of 32 bits: {type(key).__name__}")


def _inst(machine: _Machine, arg: str) -> None:
    raise Refused(f"refused: the file asks for {shown(arg.replace(' ', '.'))}")


def _dict(machine: _Machine, _: object) -> None:
    items = machine.since_mark()
    machine.push({})
    machine.update(items)


_OPCODES: dict[str, Callable[[_Machine, Any], None]] = {
    **dict.fromkeys(["PROTO", "FRAME", "STOP"], lambda machine, _: None),
    **dict.fromkeys("INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT".split(), _Machine.push),
    **dict.fromkeys("STRING BINSTRING SHORT_BINSTRING UNICODE BINUNICODE".split(), _Machine.push),
    **dict.fromkeys("SHORT_BINUNICODE BINUNICODE8 SHORT_BINBYTES BINBYTES BINBYTES8".split(), _Machine.push),
    "BYTEARRAY8": _Machine.push,  # the data of an array in protocol 5, and refused anywhere else
    "NONE": lambda machine, _: machine.push(None),
    "NEWTRUE": lambda machine, _: machine.push(True),
    "NEWFALSE": lambda machine, _: machine.push(False),
    "EMPTY_LIST": lambda machine, _: machine.push([]),
    "EMPTY_TUPLE": lambda machine, _: machine.push(()),
    "EMPTY_DICT": lambda machine, _: machine.push({}),
    "MARK": _Machine.mark,
    "POP": _Machine.pop,
    "POP_MARK": lambda machine, _: machine.since_mark().clear(),
    "DUP": lambda machine, _: machine.push(machine.stack[-1]),
    **dict.fromkeys(["PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"], _Machine.put),
    **dict.fromkeys(["GET", "BINGET", "LONG_BINGET"], _Machine.get),
    "LIST": lambda machine, _: machine.push(machine.since_mark()),
    "TUPLE": lambda machine, _: machine.push(tuple(machine.since_mark())),
    "TUPLE1": lambda machine, _: machine.push(tuple(machine.take(1))),
    "TUPLE2": lambda machine, _: machine.push(tuple(machine.take(2))),
    "TUPLE3": lambda machine, _: machine.push(tuple(machine.take(3))),
    "DICT": _dict,
    "APPEND": lambda machine, _: machine.extend([machine.stack.pop()]),
    "APPENDS": lambda machine, _: machine.extend(machine.since_mark()),
    "SETITEM": lambda machine, _: machine.update(machine.take(2)),
    "SETITEMS": lambda machine, _: machine.update(machine.since_mark()),
    "GLOBAL": lambda machine, arg: machine.look_up(*arg.split(" ", 1)),
    "STACK_GLOBAL": lambda machine, _: machine.look_up(*machine.take(2)),
    "INST": _inst,
    "REDUCE": _Machine.reduce,
    "BUILD": _Machine.build,
    "BINPERSID": _Machine.persist,
}


def _reader(opcode: pickletools.OpcodeInfo) -> Callable[[Any], Any] | None:
    """What reads the argument behind an opcode: that of ``pickletools``, but the data of arrays are not copied."""
    name = opcode.name
    if name not in _SIZES:
        return opcode.arg.reader if opcode.arg else None
    what, length = f"damaged pickle: {name}", _SIZES[name]
    return lambda source: source.window(int.from_bytes(source.exactly(length, what), "little"), what)


def _unknown(name: str) -> Callable[[_Machine, Any], None]:
    def refuse(_machine: _Machine, _argument: Any) -> None:
        raise Refused(f"refused: the file uses pickle opcode {name}")

    return refuse


# Code -> name, reader of the argument, what the opcode does. A dump of small arrays has thousands.
_BY_CODE = {
    opcode.code.encode("latin1"): (opcode.name, _reader(opcode), _OPCODES.get(opcode.name, _unknown(opcode.name)))
    for opcode in pickletools.opcodes
}


def unpickle(source: Source, persistent: Callable[[object], object] | None = None) -> object:
    """Interpret one pickle from the position of ``source`` to its STOP.

    Args:
        persistent: persistent id -> value; None where the file may hold no such id.

    Returns:
        The value, still with ``Array``, ``Tensor`` and ``Name`` objects in it; ``plain`` turns it into a plain one.

    Raises:
        Refused: the pickle asks for a name or opcode outside the tables, is damaged, or is out of bounds.
    """
    machine = _Machine(persistent, source.size)
    for _ in range(MAX_OPCODES):
        known = _BY_CODE.get(source.byte())
        if known is None:
            raise Refused(f"{_DAMAGED}: it ends early, or goes on with what is no opcode")
        name, read, act = known
        try:
            argument = read(source) if read else None
        except ValueError as error:
            raise Refused(f"{_DAMAGED}: {shown(str(error))}") from None
        try:
            act(machine, argument)
        except IndexError:
            raise Refused(f"{_DAMAGED}: {name} finds nothing to work on") from None
        if name == "STOP":
            break
    else:
        raise Refused(f"pickle of more than {MAX_OPCODES} opcodes")
    if machine.outer or len(machine.stack) != 1:
        raise Refused(f"{_DAMAGED}: it does not end with one value")
    return machine.stack[0]
