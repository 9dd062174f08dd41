"""What keeps claims from being judged: what is missing, the command that has it, and what the command costs."""

from collections.abc import Callable
from dataclasses import dataclass

from repro.pages import Phrase, phrase
from repro.results.report import ReportedClaim


@dataclass(frozen=True)
class Group:
    """Claims that the same thing keeps from being judged.

    Attributes:
        missing: what the run lacks; ``cost``: of the command that has it.
        claims: may be empty where a whole check was left out.
        instead: what was judged about them all the same.
    """

    name: str
    title: Phrase
    missing: Phrase
    command: str
    cost: Phrase
    claims: tuple[ReportedClaim, ...] = ()
    instead: object = None

    @property
    def anchor(self) -> str:
        """Where the page speaks of it."""
        return f"not-judged-{self.name}"


@dataclass(frozen=True)
class Rule:
    """Which claims belong to a group; the first rule that holds decides."""

    group: Group
    holds: Callable[[ReportedClaim], bool]


F1 = Rule(
    Group(
        "f1",
        phrase("the published F1 scores, and whether training reaches them"),
        phrase("the published weights, the SQuAD files and a GPU"),
        "repro all --profile paper",
        phrase("network access; 4 hours on a T4-class GPU, estimated; one to two weeks on 2 CPU cores"),
    ),
    lambda claim: claim.step in (10, 11),
)
OTHER_WEIGHTS = (
    Rule(
        Group(
            "encoder",
            phrase("the encoder at full size, and the blame on `paddle.matmul()`"),
            phrase("a model of BERT-base size"),
            "repro all --profile base --data DIR --vocab FILE",
            phrase("about an hour on 2 CPU cores; the few-shot files in DIR, the published vocabulary as FILE"),
        ),
        lambda claim: claim.id in ("1.sequence_output", "1.cause.matmul"),
    ),
    Rule(
        Group(
            "sizes",
            phrase("absolute sizes of differences in logits and losses"),
            phrase("the published weights (differences grow with the logits)"),
            "repro all --profile paper --steps 1-10",
            phrase("network access; about as long as profile base, estimated"),
        ),
        lambda claim: claim.step in (1, 4, 8),
    ),
    F1,
)
DOCUMENTED_SEEDS = 5
FEW_SEEDS = Group(
    "seeds",
    phrase("F1 scores of which too few seeds were trained"),
    phrase("the trainings of all five seeds"),
    "repro all --profile paper --seeds 42-46",
    phrase("about an hour on a T4-class GPU for each seed, estimated"),
)
UNDECIDED = Group(
    "undecided",
    phrase("claims that this run had the means for, but could not decide"),
    phrase("the reason of each claim says it"),
    "",
    phrase("depends on the reason"),
)
PUBLISHED_WEIGHTS = (Rule(FEW_SEEDS, lambda claim: claim.step in (10, 11)),)
LOST = Group(
    "lost",
    phrase("claims of steps whose files are missing"),
    phrase("complete files: the same command goes on where the run stopped"),
    "repro all --out $RUN",
    phrase("what is left of the run"),
)
ONE_FRAMEWORK = Group(
    "one-framework",
    phrase("claims that compare two frameworks"),
    phrase("the other framework"),
    "repro all --out $RUN --backends pytorch,paddle",
    phrase("as long as the first framework took"),
)
AUDIT = Group(
    "audit",
    phrase("what the published dumps and logs say about the documented numbers"),
    phrase("the folder of the published files"),
    "repro audit DIR --notes FILE",
    phrase("seconds; the published repository in DIR, the notes as FILE"),
)
SELFTEST = Group(
    "selftest",
    phrase("whether the checks would see a fault"),
    phrase("the self-test"),
    "repro selftest",
    phrase("40 seconds on 2 CPU cores"),
)
