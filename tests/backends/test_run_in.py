"""Scripts in forks of a process that has loaded a framework: each by itself, and a failed one is no success."""

import pytest

from tests.frameworks import run_in


def test_one_that_fails_is_named_with_its_last_lines() -> None:
    with pytest.raises(AssertionError, match=r"(?s)exit code 1: before.*ZeroDivisionError"):
        run_in("paddle", "print('before')\n1 / 0")
    with pytest.raises(AssertionError, match="exit code -9"):
        run_in("paddle", "import os\nos.kill(os.getpid(), 9)")


def test_none_sees_what_another_did() -> None:
    script = "import builtins, sys\nprint(hasattr(builtins, 'left'), *sys.argv)\nbuiltins.left = 1"
    assert [run_in("paddle", script, "a", 2) for _ in range(2)] == ["False -c a 2\n"] * 2
