# shellcheck shell=bash
# Sourced by run_all.sh and run_tests.sh: chooses a Python and makes or reuses the virtual environment of the checkout.
#
#   REPRO_PYTHON   interpreter to make the environment with (default: the first of python3.11 and python3.12 that runs)
#   REPRO_VENV     folder of the environment (default: .venv in the checkout)
#   REPRO_VARIANT  cpu or gpu (default: gpu where both frameworks support a GPU of this machine)

REPRO_CHECKOUT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# python_fault PYTHON: prints why PYTHON cannot make the environment, or nothing if it can.
# It has to run: pyenv's shims exist for versions that are not selected, and then fail.
python_fault() {
    local python=$1
    command -v -- "$python" > /dev/null || { echo "not found"; return; }
    "$python" -c '
import sys
version = ".".join(map(str, sys.version_info[:2]))
if sys.implementation.name != "cpython" or sys.version_info[:2] not in ((3, 11), (3, 12)):
    sys.exit(print(f"{sys.implementation.name} {version}, and CPython 3.11 or 3.12 is needed"))
if sys.maxsize < 2**32:
    sys.exit(print("a 32-bit build"))
try:
    import ensurepip, venv
except ImportError as error:
    package = f"python{version}-venv"
    sys.exit(print(f"{version} without {error.name} (Debian, Ubuntu: apt install {package})"))
' 2> /dev/null || echo "does not run"
}

# find_python: prints the interpreter to use; ends the program with exit code 3 if there is none.
find_python() {
    local candidates=(python3.11 python3.12 python3 python) python fault faults=""
    if [[ -n ${REPRO_PYTHON:-} ]]; then candidates=("$REPRO_PYTHON"); fi
    for python in "${candidates[@]}"; do
        fault=$(python_fault "$python")
        if [[ -z $fault ]]; then
            command -v -- "$python"
            return
        fi
        faults+="    $python: $fault"$'\n'
    done
    {
        echo "error: no suitable Python (CPython 3.11 or 3.12 with venv and ensurepip):"
        printf '%s' "$faults"
        echo "  next:  install python3.11 (Debian, Ubuntu: apt install python3 python3-venv), or name one: REPRO_PYTHON=/path/to/python3.11"
    } >&2
    exit 3
}

# setup_env run|test: makes or reuses the environment and sets PYTHON to its interpreter.
# Ends the program if that fails, even where the caller has suspended `set -e`.
setup_env() {
    local purpose=$1 python venv=${REPRO_VENV:-$REPRO_CHECKOUT/.venv}
    [[ $venv == /* ]] || venv=$PWD/$venv
    python=$(find_python) || exit
    # Standard output belongs to the program that runs next.
    "$python" "$REPRO_CHECKOUT/tools/make_venv.py" "$purpose" --venv "$venv" --variant "${REPRO_VARIANT:-auto}" >&2 || exit
    # Used by the caller.
    # shellcheck disable=SC2034
    PYTHON=$venv/bin/python
}
