"""A timeline as a Gantt chart: in text for a terminal or a log, and as an SVG picture."""

from html import escape

from repro.markdown import table
from repro.progress import clock
from repro.workflow.timeline import OPENING, JobTime, Timeline, Work

WORKING, LOADING, IDLE = "█", "░", "·"
NARROW, WIDE = 60, 200  # columns of a chart in text
SHOWN = 5  # idle times
LANE, TASK, MARGIN, WIDTH = 26, 22, 90, 1400  # of the picture, in pixels


def _bar(jobs: list[JobTime], scale: float, columns: int) -> str:
    """One character a slice of time: what these jobs do in the middle of it. The shortest job has one as well."""
    line = [" "] * columns
    for job in jobs:
        first = min(int(job.start / scale + 0.5), columns - 1)
        for column in range(first, min(max(int(job.end / scale + 0.5), first + 1), columns)):
            middle = min(max((column + 0.5) * scale, job.start), job.end)
            at_work = next((work for work in job.work if work.start <= middle <= work.end), None)
            line[column] = IDLE if at_work is None else LOADING if at_work.kind == OPENING else WORKING
    return "".join(line)


def _named(work: Work) -> str:
    return f"{OPENING} {work.name}" if work.kind == OPENING else work.name


def text(timeline: Timeline, width: int) -> str:
    """The chart ``width`` columns wide, a row per worker and per job, then idle times, critical path and CPU time."""
    names = [f"worker {lane + 1}" for lane in range(timeline.workers)]
    names += [job.name for job in (*timeline.loading, *timeline.jobs)]
    left = max(map(len, names)) + 1
    columns = min(max(width, NARROW), WIDE) - left - 10
    scale = (timeline.seconds or 1.0) / columns
    lanes = [[job for job in timeline.jobs if job.lane == lane] for lane in range(timeline.workers)]
    rows = [*lanes, *([job] for job in (*timeline.loading, *timeline.jobs))]
    opening = sum(work.seconds for work in timeline.work() if work.kind == OPENING)
    lines = [
        f"{clock(timeline.seconds)}, {timeline.workers} jobs at a time, {len(timeline.jobs)} jobs; "
        f"busy {timeline.busy():.1f} % of the time, loading {timeline.share(opening):.1f} %",
        f"{WORKING} at work, {LOADING} loading, {IDLE} between tasks; one column is {scale:.1f} s",
        "",
    ]
    for name, jobs in zip(names, rows, strict=True):
        spent = sum(job.seconds for job in jobs)
        lines.append(f"{name:<{left}}{_bar(jobs, scale, columns)} {clock(spent):>7}".rstrip())
    idle = timeline.idle()
    missing = sum(end - start for _, start, end in idle)
    lines += ["", f"idle: {clock(missing)} of {clock(timeline.workers * timeline.seconds)}; longest:"]
    lines += [f"  worker {lane + 1}: {end - start:.1f} s from {clock(start)}" for lane, start, end in idle[:SHOWN]]
    total = sum(work.seconds for work in timeline.chain)
    lines += ["", f"critical path, {clock(total)}: no number of workers makes the run shorter"]
    lines += [f"  {work.seconds:6.1f} s  {_named(work)}" for work in timeline.chain]
    stages = timeline.by_stage().items()
    cells = [[stage, count, f"{seconds:.1f}", f"{cpu:.1f}"] for stage, (count, seconds, cpu) in stages]
    return "\n".join([*lines, "", *table(["stage", "tasks", "seconds", "CPU seconds"], cells)])


def svg(timeline: Timeline) -> str:
    """The chart as a picture: a row per worker, every task a bar in the colour of its stage, named by its tool tip."""
    stages = list(dict.fromkeys(work.kind for work in timeline.work() if work.kind != OPENING))
    colours = {stage: f"hsl({round(360 * number / len(stages))} 55% 60%)" for number, stage in enumerate(stages)}
    colours[OPENING] = "#bbb"
    scale, bottom = WIDTH / (timeline.seconds or 1.0), LANE * timeline.workers
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{MARGIN + WIDTH + 10}" height="{bottom + 2 * LANE}" '
        'font-family="sans-serif" font-size="12">'
    ]
    parts += [f'<text x="4" y="{LANE * lane + 16}">worker {lane + 1}</text>' for lane in range(timeline.workers)]
    for job in timeline.jobs:
        for work in job.work:
            place = f'x="{MARGIN + scale * work.start:.1f}" y="{LANE * job.lane}" width="{scale * work.seconds:.1f}"'
            tip = escape(f"{_named(work)}: {work.seconds:.1f} s from {clock(work.start)}, CPU {work.cpu:.1f} s")
            parts.append(f'<rect {place} height="{TASK}" fill="{colours[work.kind]}"><title>{tip}</title></rect>')
    parts += [
        f'<text x="{MARGIN + WIDTH * share / 4:.0f}" y="{bottom + 14}">{clock(timeline.seconds * share / 4)}</text>'
        for share in range(4)
    ]
    for number, (stage, colour) in enumerate(colours.items()):
        x = MARGIN + WIDTH * number / len(colours)
        parts.append(f'<rect x="{x:.0f}" y="{bottom + 22}" width="12" height="12" fill="{colour}"/>')
        parts.append(f'<text x="{x + 16:.0f}" y="{bottom + 33}">{escape(stage)}</text>')
    return "\n".join([*parts, "</svg>", ""])
