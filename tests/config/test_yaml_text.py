"""What people write into profiles and after ``--set``, and mutations of it: REPRO_MUTATIONS of them, or 100."""

import random
from pathlib import Path

import pytest

from repro.config.profile_file import FIELDS, PROFILES, load_profile
from repro.config.yaml_text import MAX_CHARACTERS, parse
from repro.errors import InputError
from repro.machine.needs import jobs_at_a_time
from repro.stages.locate import split_file
from tests.draws import draws

MUTATIONS = draws(100)
ODD = [
    *("", "~", "[", "]", "{", "}", "{}", "[]", "null", "no", "042", "1:30", "1e-3", "1e999", ".inf", ".nan", "-1", "0"),
    *(
        "9" * 50,
        "0.5",
        "true",
        "[1, 2]",
        "{a: 1}",
        "&a 1",
        "*a",
        "!!python/name:os.system",
        "? x",
        "- 1",
        "# x",
        "%",
        "@",
    ),
    *(
        "\x00",
        "\ud800",
        "\u2028",
        "{size",
        "{size!x}",
        "{seed.real}",
        "{0}",
        "../../x",
        "/",
        "\t",
        '"',
        "'",
        "|",
        ">",
        "a: b: c",
    ),
    *(
        "[[[[" * 500,
        "<<: 1",
        "2020-01-01",
        "é",
        "数据",
        "a" * 5000,
        "{size}-{seed}.jsonl",
        "shipped",
        "gpu",
        "all",
        "published",
    ),
]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("042", 42), ("1e-3", 1e-3), ("1:30", "1:30"), ("no", "no"), ("2020-01-01", "2020-01-01"), ("", None)),
        *(("-3", -3), (".5", 0.5), ("True", True), ("[1, a]", [1, "a"]), ("0x10", "0x10"), ("9" * 40, 1e40)),
    ],
)
def test_scalars_are_those_of_version_1_2(text: str, value: object) -> None:
    assert parse(text, "here") == value


@pytest.mark.parametrize("text", ["a: &x 1\nb: *x", "a: 1\na: 2", "[" * 9000, "!!python/name:os.system", "{", "\x00"])
def test_what_is_no_plain_yaml_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="not YAML") as caught:
        parse(text, "here.yaml")
    assert caught.value.where == "here.yaml"
    with pytest.raises(InputError, match="characters"):
        parse(" " * (MAX_CHARACTERS + 1), "here.yaml")


@pytest.mark.parametrize(
    ("field", "text", "words"),
    [
        ("training.learning_rat", "1", "did you mean training.learning_rate"),
        ("learning_rate", "1", "did you mean training.learning_rate"),
        ("training.seeds", "42", "a list is needed"),
        ("training.seeds", "[-1]", "-1 is not from 0 to"),
        ("training.sizes", "[0]", "training.sizes.0"),
        ("alignment.batch_size", "1e30", "batch_size"),
        ("training.learning_rate", ".inf", "finite"),
        ("training.epochs", "[", "--set training.epochs"),
        ("data.train", "{size.real}", "{size} and {seed} only"),
        ("data.train", "{", "no file name"),
        ("name", "../up", "name"),
    ],
)
def test_a_wrong_setting_names_its_field_and_the_way_out(field: str, text: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        load_profile("mini", {field: text})
    assert words in str(caught.value) and field in str(caught.value)


def test_names_and_paths_are_taken_as_they_are(tmp_path: Path) -> None:
    settings = {"data.train": "{size}.jsonl", "data.directory": "{odd} [name]", "weights.seed": "042"}
    profile = load_profile("mini", settings)
    assert (profile.data.train, profile.data.directory) == ("{size}.jsonl", Path("{odd} [name]"))
    assert profile.weights.seed == 42
    assert load_profile("mini", {"data.directory": "null"}).data.directory is None


def test_a_profile_that_is_no_text_or_no_profile_names_its_file(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    for content in (b"name: caf\xe9\n", b"", b"- 1\n", b"just text", b"\xff\xfe"):
        path.write_bytes(content)
        with pytest.raises(InputError, match=str(path)):
            load_profile(str(path))


def _mutated(rng: random.Random, text: str) -> str:
    lines = text.splitlines()
    for _ in range(rng.randint(1, 3)):
        place = rng.randrange(len(lines))
        kind = rng.randrange(5)
        if kind == 0:
            lines[place] = f"{lines[place].partition(':')[0]}: {rng.choice(ODD)}"
        elif kind == 1:
            del lines[place]
            lines = lines or [""]
        elif kind == 2:
            lines.insert(place, rng.choice(lines))
        elif kind == 3:
            lines[place] = " " * rng.randint(0, 6) + lines[place].strip()
        else:
            cut = rng.randrange(len(lines[place]) + 1)
            lines[place] = lines[place][:cut] + rng.choice(ODD) + lines[place][cut:]
    return "\n".join(lines)


def test_mutations_are_accepted_or_refused_in_one_readable_message(tmp_path: Path) -> None:
    """Whatever is accepted can be planned: memory, file names, number of trainings."""
    rng = random.Random(0)
    texts = [path.read_text(encoding="utf-8") for path in sorted(PROFILES.glob("*.yaml"))]
    accepted = 0
    for number in range(MUTATIONS):
        path, settings = "mini", {}
        if number % 4 == 0:
            path = str(tmp_path / "mutated.yaml")
            Path(path).write_bytes(_mutated(rng, rng.choice(texts)).encode("utf-8", "surrogatepass"))
        else:
            for _ in range(rng.randint(1, 2)):
                settings[rng.choice([*FIELDS, "nosuch.field", "", ".", "data.directory.x"])] = rng.choice(ODD)
        try:
            profile = load_profile(path, settings)
            jobs_at_a_time(profile)
            assert all(split_file(profile, split) for split in profile.splits())
            accepted += 1
        except InputError as error:
            assert error.where and len(str(error)) < 2000, (settings, str(error))
            assert "Traceback" not in str(error)
    assert MUTATIONS // 20 < accepted < MUTATIONS // 2
