#!/usr/bin/env bash
# The whole way: make or reuse the environment, then `repro all` with the options of this command.
set -euo pipefail

usage() {
    cat << 'TEXT'
usage: ./run_all.sh [options of `repro all`]

Makes or reuses the virtual environment, then runs `repro all`: both frameworks, eleven steps, 30 trainings, one
report. Without options: the mini profile, on CPU, without network (after set-up), into runs/mini.

    ./run_all.sh                                    the mini profile
    ./run_all.sh --profile base --data DIR --vocab FILE --steps 1-10
    ./run_all.sh --out DIR --jobs 4                 another folder, four jobs at a time

environment:
    REPRO_PYTHON   interpreter to make the environment with (CPython 3.11 or 3.12)
    REPRO_VENV     folder of the environment (default: .venv in the checkout)
    REPRO_VARIANT  cpu or gpu (default: gpu where both frameworks support a GPU of this machine)

exit codes: 0 every claim that could be judged is reproduced or explained, 1 some claim differs,
            2 bad input or usage, 3 environment (Python, disk, network, device)
TEXT
}

# shellcheck source=tools/setup_env.sh
source "$(dirname "${BASH_SOURCE[0]}")/tools/setup_env.sh"

for option in "$@"; do
    if [[ $option == -h || $option == --help ]]; then
        usage
        # Only the environment knows the options of `repro all`; asking for help does not install it.
        ready=${REPRO_VENV:-$REPRO_CHECKOUT/.venv}/bin/repro
        if [[ -x $ready ]]; then echo && exec "$ready" all --help; fi
        exit 0
    fi
done

setup_env run
exec "$PYTHON" -m repro all "$@"
