#!/usr/bin/env bash
# Make or reuse the environment, then run the tests in two processes. Options go to pytest:
#   ./run_tests.sh -m 'not slow'       ./run_tests.sh -k metric -n 0
set -euo pipefail

# shellcheck source=tools/setup_env.sh
source "$(dirname "${BASH_SOURCE[0]}")/tools/setup_env.sh"
setup_env test

# One thread per process, as in the jobs of the workflow: results do not depend on the number of cores.
export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1
cd "$REPRO_CHECKOUT"
exec "$PYTHON" -m pytest -n 2 "$@"
