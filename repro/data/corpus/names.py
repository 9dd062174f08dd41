"""Names of fictional entities, and which of them pretraining, training and evaluation may use.

A name has a *core* that identifies it (a surname, the name of a town, a whole book title). The split depends on a
hash of the core alone, so that one string is never on two sides, whatever kinds of thing carry it.
"""

import hashlib
import itertools
from collections.abc import Mapping
from functools import cache
from random import Random
from types import MappingProxyType
from typing import Literal

Split = Literal["pretraining", "training", "dev"]
SPLITS: tuple[Split, ...] = ("pretraining", "training", "dev")
KINDS = ("person", "town", "organisation", "book", "ship", "peak", "river")
CLOSED_KINDS = ("year", "occupation", "instrument", "ware")

CHUNKS = (
    "Al Ard Bal Bar Bel Ber Bor Bran Bren Bur Cal Car Cor Cul Dal Dar Del Der Dol Dor Dun El Er Fal Far Fel Fen Gal "
    "Gar Gol Gor Hal Har Hel Hol Il Jar Jor Kal Kar Kel Ker Kol Kor Lam Lan Lar Lor Lun Mal Mar Mel Mor Nar Nel Nor Ol "
    "Or Pal Par Pel Por Ral Ran Rel Ros Sal Sar Sel Sor Tal Tar Tel Tor Ul Val Var Vel Ven Vor Wal Wen Wol Yar Yor Zan Zel"
).split()
FIRST_NAMES = (
    "Ada Agnes Alma Anton Basil Bruno Clara Conrad Cyril Dora Edgar Edith Elsa Emil Enid Felix Flora Greta Hugo Ida "
    "Iris Ivor Jonas Karl Laura Leo Lydia Magnus Mira Nora Olga Oscar Paula Rufus Selma Silas Thea Ursula Viktor Wilma"
).split()
ADJECTIVES = (
    "Amber Ancient Bitter Blind Broken Burning Crimson Distant Empty Endless Fallen Forgotten Frozen Gentle Gilded Golden "
    "Hidden Hollow Last Lonely Lost Midnight Painted Patient Quiet Restless Sacred Secret Silent Sleeping Stolen Wandering"
).split()
NOUNS = (
    "Anchor Bell Bridge Candle Castle Clock Crown Desert Door Feather Forest Garden Harbour Island Key Ladder Lantern "
    "Letter Meadow Mirror Mountain Orchard Palace Promise Road Shadow Summer Tower Valley Voyage Window Winter"
).split()
COLOURS = "Black Blue Brave Bright Bronze Copper Grey Green Iron Noble Proud Red Royal Scarlet Silver Swift White Wild".split()
ANIMALS = (
    "Badger Bear Crane Dolphin Eagle Falcon Fox Hawk Heron Lion Otter Owl Raven Salmon Stag Swan Tern Wolf".split()
)
SURNAME_ENDINGS = "ane ber den dick ens ett ier in ison lock man ner oway ski son tti ul vik well wright".split()
TOWN_ENDINGS = "bury by cester combe dale field ford gate ham haven holm leigh mouth port stead ton wick worth".split()
TOWN_PREFIXES = ("Port", "Upper", "Saint", "East", "New")
FIRM_ENDINGS = "co dyne ex fax gen ia max nova on tek trix us".split()
FIRM_WORDS = "Bank Club Company Foundation Guild Institute Laboratory Press Society Trust Union Works".split()
PEAK_ENDINGS = "ak eth inor ock oth ur".split()
RIVER_ENDINGS = "ame een ibe olne unna yss".split()

# A core is made of two parts.
_PARTS: Mapping[str, tuple[list[str], list[str]]] = MappingProxyType(
    {
        "person": (CHUNKS, SURNAME_ENDINGS),
        "town": (CHUNKS, TOWN_ENDINGS),
        "organisation": (CHUNKS, FIRM_ENDINGS),
        "book": (ADJECTIVES, NOUNS),
        "ship": (COLOURS, ANIMALS),
        "peak": (CHUNKS, PEAK_ENDINGS),
        "river": (CHUNKS, RIVER_ENDINGS),
    }
)
TITLES = ("book", "ship")  # kinds whose names are two words of the language

_CLOSED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "year": tuple(str(year) for year in range(1710, 1990)),
        "occupation": tuple(
            "architect astronomer baker botanist carpenter chemist dentist engineer farmer goldsmith historian jeweller "
            "lawyer miner nurse painter pharmacist pilot poet potter sailor sculptor surgeon tailor teacher weaver".split()
        ),
        "instrument": tuple(
            "bassoon cello clarinet flute guitar harp lute oboe organ piano trumpet viola violin".split()
        ),
        "ware": tuple(
            "barley bricks butter candles carpets cheese clocks coal coffee cotton furniture glass honey leather linen "
            "paper pepper perfume porcelain rope salt silk soap sugar tea timber tobacco wheat wine wool".split()
        ),
    }
)


def split_of(core: str) -> Split:
    """Side of a core: 80 % pretraining, 10 % training, 10 % dev, by sha256."""
    bucket = hashlib.sha256(core.encode()).digest()[0] * 10 // 256
    return "pretraining" if bucket < 8 else "training" if bucket == 8 else "dev"


@cache
def cores(kind: str, split: Split) -> tuple[str, ...]:
    """Every core of one kind that a split may use, in a fixed order."""
    glue = " " if kind in TITLES else ""
    every = (f"{first}{glue}{second}" for first, second in itertools.product(*_PARTS[kind]))
    return tuple(core for core in every if split_of(core) == split)


def draw(kind: str, split: Split, rng: Random) -> str:
    """One name, or one word of a closed kind (those are common to all splits)."""
    if kind in _CLOSED:
        return rng.choice(_CLOSED[kind])
    core = rng.choice(cores(kind, split))
    if kind == "person":
        return f"{rng.choice(FIRST_NAMES)} {core}"
    if kind == "town":
        return f"{rng.choice(TOWN_PREFIXES)} {core}" if rng.random() < 0.4 else core
    if kind == "organisation":
        return f"{core} {rng.choice(FIRM_WORDS)}"
    return {"peak": f"Mount {core}", "river": f"River {core}"}.get(kind, core)


def core_of(kind: str, name: str) -> str:
    """What identifies a name: surname, town without its prefix, firm without its last word, whole title."""
    words = name.split(" ")
    if kind == "organisation":
        return words[0]
    return name if kind in (*TITLES, *_CLOSED) else words[-1]
