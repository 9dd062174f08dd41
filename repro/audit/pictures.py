"""Pictures of an audit: each series with both sides and their gap, and how far the keys of a pair are apart."""

import itertools
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from matplotlib.ticker import MaxNLocator

from repro.numerics.verdict import EPS32
from repro.pages import Code, Joined, Phrase, Plain, phrase
from repro.pages.figure_style import INK, PADDLE, PYTORCH, Drawing, canvas, legend, logarithmic, styled, svg
from repro.results.audit import AuditedPair, AuditedSeries, AuditReport

MOST = 24  # of one page: each takes a tenth of a second and twenty kilobytes
FEW_KEYS = 3  # a table says more about fewer keys than a picture
MANY_KEYS = 40  # and a picture says nothing of more names than these: it shows the largest differences


class Picture(NamedTuple):
    """An inline SVG with its labels, and sentences that say what it shows of which pair."""

    caption: tuple[Phrase, ...]
    svg: str
    labels: Mapping[str, Phrase]


def _picture(figure: Drawing, name: str, *caption: Phrase) -> Picture:
    return Picture(caption, svg(figure, name, Plain().text(Joined(caption, " "))), figure.phrases)


def _is_equal(series: AuditedSeries) -> bool:
    return series.reference == series.port


def series_picture(pair: str, series: AuditedSeries, name: str) -> Picture:
    """Both sides over the steps, and below them the size of their difference on a logarithmic axis."""
    figure = canvas(4)
    say = figure.say
    values, gaps = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    steps = range(1, len(series.reference) + 1)
    values.plot(steps, series.reference, color=PYTORCH, marker="o", markersize=5, label=say(phrase("reference")))
    values.plot(steps, series.port, color=PADDLE, marker="x", linestyle="--", label=say(phrase("port")))
    legend(figure, values)
    values.set_ylabel(series.key or say(phrase("value")))
    sides = zip(series.reference, series.port, strict=True)
    gap = [abs(a - b) if a is not None and b is not None else None for a, b in sides]
    gaps.plot(steps, [value or None for value in gap], color=INK, marker="o", markersize=4)
    logarithmic(gaps, "y")
    gaps.xaxis.set_major_locator(MaxNLocator(integer=True))
    gaps.set(xlabel=say(phrase("step")), ylabel=say(phrase("|difference|")))
    of = Joined((Code(pair), Code(series.key)), ": ") if series.key else Code(pair)
    caption = [phrase("{series}: both sides over {n} steps, and the size of their difference.", series=of, n=len(gap))]
    if equal := sum(value == 0 for value in gap):
        caption.append(phrase("Steps that are equal to the bit and have no point below: {n}.", n=equal))
    return _picture(figure, name, *caption)


def pair_picture(check: AuditedPair, name: str) -> Picture | None:
    """Relative difference of each key of a pair on a logarithmic axis; None where a table says as much."""
    relative = {key.key: key.relative_l2 for key in check.keys if key.relative_l2}
    if len(relative) < FEW_KEYS:
        return None
    largest = dict(sorted(relative.items(), key=lambda item: item[1])[-MANY_KEYS:])
    figure = canvas(1.4 + 0.2 * len(largest))
    say, axes = figure.say, figure.subplots()
    label = say(phrase("key"))
    axes.plot(list(largest.values()), range(len(largest)), color=PYTORCH, marker="o", linestyle="", label=label)
    axes.axvline(float(EPS32), color=PADDLE, linestyle="--", label=say(phrase("one float32 rounding")))
    axes.set_yticks(range(len(largest)), [key[-40:] for key in largest])
    logarithmic(axes, "x")
    axes.set_xlabel(say(phrase("relative difference (L2)")))
    legend(figure, axes)
    keys = phrase(
        "{pair}: relative difference of {n} of {total} keys, the largest on top.",
        pair=Code(check.pair),
        n=len(largest),
        total=len(check.keys),
    )
    return _picture(figure, name, keys)


def _pictures(report: AuditReport) -> Iterator[Picture]:
    drawn = set()
    for index, check in enumerate(report.checks):
        for place, series in enumerate(check.series):
            content = (series.reference, series.port)
            if not _is_equal(series) and content not in drawn:
                drawn.add(content)
                yield series_picture(check.pair, series, f"s{index}-{place}")
        if picture := pair_picture(check, f"p{index}"):
            yield picture


def pictures(report: AuditReport) -> list[Picture]:
    """The first ``MOST`` pictures of an audit: series that differ, and pairs of many keys that differ."""
    with styled():
        return list(itertools.islice(_pictures(report), MOST))


def equal_series(report: AuditReport) -> list[str]:
    """Series that are equal to the bit, of which a picture would show nothing."""
    equal = [(check.pair, series.key) for check in report.checks for series in check.series if _is_equal(series)]
    return [f"{pair} [{key}]" if key else pair for pair, key in equal]
