"""Deviations as switches: each turns over one rule, and all of them together are the published Paddle program."""

from dataclasses import asdict, fields

import pytest

from repro.config.profile_file import load_profile
from repro.config.protocol import PAPER, PUBLISHED_PADDLE, Rules, deviations
from repro.config.switches import BASELINE, FIELDS, ROUNDING, SWITCHES, TOGETHER, differs, variants
from repro.errors import InputError


def changed(rules: Rules, others: Rules) -> set[str]:
    return {name for name, value in asdict(rules).items() if value != asdict(others)[name]}


def test_every_rule_has_its_switch() -> None:
    assert sorted(FIELDS.values()) == sorted(field.name for field in fields(Rules))
    assert {FIELDS[name] for name in SWITCHES if differs(name)} == set(deviations("published"))


def test_a_variant_differs_from_its_reference_in_its_own_rule_alone() -> None:
    trained = variants(SWITCHES)
    for name in SWITCHES:
        assert changed(trained[name].rules, trained[trained[name].reference].rules) == {FIELDS[name]}
        assert trained[name].init == "pretrained"
    assert trained["no-decay-rule"].reference == "weight-decay", "without decay the rule decides nothing"
    assert trained[ROUNDING].rules == trained[BASELINE].rules == PAPER and trained[ROUNDING].init == "perturbed"
    assert trained[TOGETHER].rules == PUBLISHED_PADDLE


def test_what_is_chosen_is_trained_with_what_it_needs() -> None:
    assert variants([]) == {}
    assert [*variants(["order"])] == [BASELINE, ROUNDING, "order"]
    assert [*variants(["no-decay-rule"])] == [BASELINE, ROUNDING, "weight-decay", "no-decay-rule", TOGETHER]
    assert [*variants(["last-epoch", "order"])] == [BASELINE, ROUNDING, "order", "last-epoch"], (
        "one in which they differ"
    )


def test_a_profile_names_switches_sizes_and_seeds() -> None:
    assert load_profile("mini").deviation_files() == [], "none unless asked for"
    profile = load_profile("mini", {"deviations.switches": ["order"], "deviations.seeds": [42, 50]})
    assert profile.deviation_files() == [(16, 42), (16, 50), (128, 42), (128, 50)]
    assert "train-128-50" in profile.splits() and "train-16-42" in profile.splits()
    assert profile.inits() == ["pretrained", "random", "perturbed"]
    assert {rules.shuffle for rules in profile.all_rules()} == {True, False}
    for field, value in (("switches", ["ordre"]), ("sizes", [0]), ("sizes", []), ("seeds", [-1])):
        with pytest.raises(InputError, match=rf"deviations\.{field}"):
            load_profile("mini", {f"deviations.{field}": value})
    twice = load_profile("mini", {"deviations.switches": ["order"], "deviations.sizes": [16, 16]})
    assert len(twice.deviation_files()) == 5
