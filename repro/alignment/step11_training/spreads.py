"""Step 11: how far F1 scatters between training files, and between runs of one file."""

from repro.config.profile import BACKEND_NAMES
from repro.context.trainings import TrainingContext
from repro.numerics.equivalence import DECIMALS
from repro.numerics.seed_statistics import CONFIDENCE, variance_components
from repro.results import Table

TOGETHER = (
    "One run of each training file: the spread between files and the spread between runs of one file cannot be told"
    " apart; --repeats 2 or more runs each file again with another order of rows and other dropout masks."
)


def spread_tables(context: TrainingContext) -> list[Table]:
    """One row per framework and size from pretrained weights, where each file has several runs; else no table."""
    rows = []
    for backend in context.profile.backends:
        for size in context.profile.training.sizes:
            components = variance_components(context.scores(backend, "pretrained", size))
            if components is not None:
                of_files = (components.files, *components.files_interval)
                of_runs = (components.runs, *components.runs_interval)
                numbers = [round(value, DECIMALS) for value in (*of_files, *of_runs)]
                rows.append((BACKEND_NAMES[backend], size, *numbers))
    if not rows:
        return []
    columns = ("framework", "examples", "between files", "from", "to", "between runs of a file", "from", "to")
    title = f"Spread of F1: standard deviations in points, with {100 * CONFIDENCE:g} % intervals (variance components)"
    return [Table(title=title, columns=columns, rows=tuple(rows))]
