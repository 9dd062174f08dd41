"""What a script compares is read from its text, and nothing in it is run or unfolded."""

import pytest

from repro.audit.scripts import comparisons, resolve


def paths(script: str) -> list[tuple[str, str]]:
    return [(item.first, item.second) for item in comparisons(script)]


def test_the_last_assignment_counts() -> None:
    body = "p = 'a.npy'\na = h.load_info(p)\np = 'b.npy'\nb = h.load_info(p)\nh.compare_info(a, b)"
    assert paths(body) == [("a.npy", "b.npy")]


@pytest.mark.parametrize(
    "path", ["Path('x').joinpath('a.npy')", "'%s/%s.npy' % ('x', 'a')", "str(Path('x') / 'a.npy')"]
)
def test_further_spellings_of_a_path_are_followed(path: str) -> None:
    """Beside those of ``tests.audit.faults``."""
    script = f"h.compare_info(h.load_info({path}), np.load('b.npy', allow_pickle=True).item())"
    assert paths(script) == [("x/a.npy", "b.npy")]


@pytest.mark.parametrize(
    "path",
    ["Path(__file__).parent / 'a.npy'", "os.path.join(os.path.dirname(os.path.abspath(__file__)), 'a.npy')"],
)
def test_the_folder_of_the_script_is_known(path: str) -> None:
    (sides,) = paths(f"h.compare_info(h.load_info({path}), h.load_info('b.npy'))")
    assert resolve(sides[0], "3_x/check.py", ["a.npy", "3_x/a.npy"]) == "3_x/a.npy"


@pytest.mark.parametrize("path", ["sys.argv[1]", "f'{side}.npy'", "'%s.npy' % side", "'{:>9}.npy'.format('a')", "x()"])
def test_what_is_not_written_out_stays_unknown(path: str) -> None:
    assert paths(f"h.compare_info(h.load_info({path}), h.load_info('b.npy'))") == []


@pytest.mark.parametrize(
    ("text", "threshold"),
    [
        ("1e-5", 1e-5),
        ("LIMIT", 2e-4),
        ("-1", -1.0),
        ("1e999", 1.7976931348623157e308),
        ("-1e999", -1.7976931348623157e308),
        ("sys.argv[1]", None),
    ],
)
def test_the_threshold_is_a_finite_number(text: str, threshold: float | None) -> None:
    body = f"LIMIT = 2e-4\nh.compare_info(h.load_info('a'), h.load_info('b'))\nh.report(diff_threshold={text})"
    assert [item.threshold for item in comparisons(body)] == [threshold]


def test_texts_and_numbers_do_not_unfold() -> None:
    doubled = "a = 'aaaaaaaaaaaaaaaa'\n" + "a = a + a\n" * 200 + "a = f'{a}{a}'\n" * 200
    huge = f"h.report(diff_threshold={'9' * 4000})\n"
    assert paths(doubled + huge + "h.compare_info(h.load_info(a), h.load_info('b'))") == []


def test_a_file_is_found_beside_the_script_or_from_the_root_or_by_its_end() -> None:
    dumps = ["1_x/a.npy", "2_x/a.npy", "2_x/log/b.npy"]
    assert resolve("./a.npy", "2_x/check.py", dumps) == "2_x/a.npy"
    assert resolve("1_x\\a.npy", "2_x/check.py", dumps) == "1_x/a.npy"
    assert resolve("/home/me/log/b.npy", "1_x/check.py", dumps) is None
    assert resolve("log/b.npy", "1_x/check.py", dumps) == "2_x/log/b.npy"
    assert resolve("a.npy", "check.py", dumps) is None
