#!/usr/bin/env bash
# Make or reuse the environment, then run the tests; options go to pytest (./run_tests.sh -k metric).
set -euo pipefail

# shellcheck source=tools/setup_env.sh
source "$(dirname "${BASH_SOURCE[0]}")/tools/setup_env.sh"
setup_env test

# One thread a process, as the jobs of the workflow have: results do not depend on the number of cores.
export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1
cd "$REPRO_CHECKOUT"
exec "$PYTHON" -m pytest "$@"
