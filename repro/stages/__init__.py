"""The stages of the workflow: one module per rule, of the same name, with one function ``run(stage)``.

A stage reads files of the run directory, writes files of the run directory, and does both task by task: a task is the
smallest part that is finished or not (one split's features, one step's capture, one training).
"""

STAGES = {  # rule -> what it does
    "inputs": "find, generate or fetch data, vocabulary and weights",
    "convert": "start weights in each framework's layout",
    "features": "windows of token ids by the framework's own tokeniser",
    "capture": "dumps of steps 1 to 10",
    "measure": "determinism, noise floor and error by operation of one framework",
    "train": "step 11: trainings",
    "compare": "records of both frameworks' dumps and trainings",
    "reprod-log": "reprod_log's own log of each pair of dumps",
    "audit": "audit of the published files",
    "selftest-prepare": "data and start weights of the self-test",
    "selftest-capture": "dumps of the self-test, clean and with each fault planted",
    "selftest-compare": "which steps detect the planted faults",
    "selftest-conclude": "the self-test's table",
    "deviations-train": "trainings with single rules of the published programs",
    "deviations-compare": "what each deviation of the published programs is worth",
    "report": "the report: one page, Markdown and JSON",
}
PER_BACKEND = (
    "features",
    "capture",
    "measure",
    "train",
    "selftest-capture",
    "deviations-train",
)  # one framework a process


TRAINS = ("train", "deviations-train")  # one task is one training


def task_name(stage: str, backend: str = "", part: str = "") -> str:
    """``capture-paddle-3``."""
    return "-".join(filter(None, [stage, backend, part]))
