"""The first screen: what it says, in how many words, in which order, and that it fits."""

from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from repro.config.paths import RunPaths
from repro.pages import Plain
from repro.report import render_text
from repro.report.headlines import headline
from repro.report.needs_attention import SHOWN, shortlist
from repro.report.not_judged import not_judged
from repro.report.summary import result_sentence
from repro.results.report import Report
from tests.report.synthetic_run import (
    answer,
    make_record,
    make_step,
    read_report,
    write_log,
    write_run,
    write_step,
)
from tools.check_report import MOST_LINES, unfolded

PLAIN = Plain()


def needs_attention(report: Report) -> list[str]:
    return [str(PLAIN.text(line)) for line in shortlist(report).lines]


def test_every_step_has_a_verdict_a_number_and_at_most_twelve_words(full_run: RunPaths) -> None:
    report, _ = read_report(full_run)
    for status in ("passed", "failed", "undecided", "not run"):
        for step in report.steps:
            line = headline(report, step.replace(status=status))
            assert line.number and 0 < len(PLAIN.text(line.words).split()) <= 12


def test_what_was_not_tested_is_in_the_first_sentence(full_run: RunPaths) -> None:
    report, text = read_report(full_run)
    sentence = str(PLAIN.text(result_sentence(report)))
    open_claims = [claim for claim in report.claims if claim.verdict == "not comparable in this profile"]
    assert f"and {len(open_claims)} not tested: " in sentence and sentence.count(". ") == 0
    assert "the published F1 scores, and whether training reaches them (21)" in sentence
    assert text.index("not tested") < 400
    decided = [claim for claim in report.claims if claim.step in (1, 2, 3, 4, 6, 9, 11)]
    why = str(PLAIN.text(result_sentence(report.replace(claims=(*decided, *report.claims_of(8))))))
    assert "not tested because profile synthetic trains a small model on generated data: " in why


def test_an_undecided_step_is_no_agreement(full_run: RunPaths) -> None:
    write_step(full_run, make_step(3, [make_record("f1", verdict="undecidable at this precision")]))
    sentence = str(PLAIN.text(result_sentence(read_report(full_run)[0])))
    assert sentence.startswith("PyTorch and Paddle agree in 10 of 11 steps, undecided: 3; ")


def test_every_claim_that_was_not_judged_is_in_one_group(full_run: RunPaths) -> None:
    report, text = read_report(full_run)
    groups = not_judged(report)
    grouped = [claim.id for group in groups for claim in group.claims]
    verdicts = ("not comparable in this profile", "not run")
    assert sorted(grouped) == sorted(claim.id for claim in report.claims if claim.verdict in verdicts)
    assert {group.name for group in groups} == {"encoder", "sizes", "f1", "audit", "selftest", "undecided"}
    for group in groups:
        assert group.command in text


ALL_SEEDS = {"sizes": (16,), "seeds": (42, 43, 44, 45, 46)}


@pytest.mark.parametrize(
    ("changes", "name", "command"),
    [
        ({"steps": (1, 4)}, "left-out", "repro all --profile synthetic --out $RUN --steps 2,3,5,6,7,8,9,10,11"),
        ({"backends": ("pytorch",), "steps": (1,)}, "one-framework", "repro all --out $RUN --backends pytorch,paddle"),
        ({"steps": (1, 4)}, "f1", "repro all --profile paper"),
        ({"weights": {"source": "fetched"}}, "seeds", "repro all --profile paper --seeds 42-46"),
        ({"weights": {"source": "fetched"}, "training": ALL_SEEDS}, "undecided", ""),  # they scatter too much
    ],
)
def test_what_is_missing_depends_on_the_run(changes: dict[str, Any], name: str, command: str, tmp_path: Path) -> None:
    report, _ = read_report(write_run(tmp_path, **changes))
    assert {group.name: group.command for group in not_judged(report)}[name] == command


def test_a_size_that_was_not_judged_still_says_what_was(full_run: RunPaths) -> None:
    write_step(full_run, answer(4, "4.model_output", semantics="same semantics, rounding only", relative=4e-7))
    _, text = read_report(full_run)
    assert " | same semantics, rounding only; [size not judged](#not-judged) |" in text
    assert "Judged instead: PyTorch against Paddle: same semantics, rounding only (1); relative size 4.0e-07." in text


def test_what_differs_comes_first_and_the_rest_is_counted(full_run: RunPaths) -> None:
    write_step(full_run, answer(9, "9.train_data", verdict="differs", measured=0.5, reason="Other order."))
    write_step(full_run, make_step(6, [make_record("rate", verdict="different semantics", reason="late")]))
    report, _ = read_report(full_run)
    lines = needs_attention(report)
    assert lines[0].startswith("failed: step 6: 1 of 1 comparisons failed")
    assert lines[1] == "differs: step 9: 9.train_data, documented 0.0, measured 0.5"
    assert "55.62" in lines[2] and "paddle.matmul()" in lines[3]
    write_step(full_run, make_step(7, [make_record("decay", verdict="different semantics", reason="late")]))
    lines = needs_attention(read_report(full_run)[0])
    assert len(lines) == SHOWN + 1 and lines[-1] == "1 more in all findings"


def test_what_reprod_log_does_not_see_is_named(full_run: RunPaths) -> None:
    step = make_step(8, [make_record("loss", verdict="different semantics", gap64=0.1, reason="not the same")])
    write_step(full_run, step)
    write_log(full_run, step)
    assert any(
        line.startswith("reprod_log: passes 1 tensors that did not pass here, in step 8")
        for line in needs_attention(read_report(full_run)[0])
    )


def test_a_log_that_fails_for_a_key_that_the_notes_do_not_print_names_it(full_run: RunPaths) -> None:
    path = full_run.reprod_log(3)
    text = path.read_text(encoding="utf-8").replace("diff check passed\n", "logits: \n")
    lines = ("\tmean diff: check passed: False, value: 3.167e-06", "diff check failed")
    path.write_text(text + "".join(f"[2026/01/01 00:00:00] root INFO: {line}\n" for line in lines), encoding="utf-8")
    assert (
        "Last line of the log now: `root INFO: diff check failed`, for keys that the notes do not print:"
        " `logits` (3.167e-06). The whole log: [`reprod_log/step03.txt`](reprod_log/step03.txt)."
    ) in read_report(full_run)[1]


def test_keys_of_a_log_that_agree_in_all_share_a_line(full_run: RunPaths) -> None:
    write_step(full_run, answer(3, "3.f1", verdict="differs"))
    lines = read_report(full_run)[1].splitlines()
    keys = [line for line in lines if line.startswith("| `") and "mean diff: check passed" in line]
    assert [line.partition(" | ")[0] for line in keys[1:]] == [
        "| `exact`, `total`, `HasAns_exact`, `HasAns_f1`, `HasAns_total`, `best_exact`, `best_exact_thresh`, `best_f1`,"
        " `best_f1_thresh`",
        "| `f1`",
    ]


def test_the_terminal_says_the_same_in_plain_text(full_run: RunPaths) -> None:
    report, _ = read_report(full_run)
    text = render_text(report)
    for number in range(1, 12):
        assert any(line.startswith(f"{number} ") and " passed " in line for line in text.splitlines())
    assert text.isascii() or not {*text} & {"*", "`", "<"}
    assert "repro all --profile paper" in text and "&" not in text and "\x1b" not in text


def test_the_unfolded_report_is_short_and_renders(full_run: RunPaths) -> None:
    _, text = read_report(full_run)
    assert len(unfolded(text)) < 240 < MOST_LINES
    html = MarkdownIt("gfm-like", {"linkify": False}).render(text)
    assert html.count("<details>") == html.count("</details>") == text.count("<details>") > 30
    assert "| --- |" not in html and html.count("<table>") == text.count("\n| --- |")
    assert "<h2>" in html and "**" not in html
