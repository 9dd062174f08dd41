#!/usr/bin/env bash
# A run on Kubernetes: a job that prepares, an Indexed Job with one pod per training, a job that does the rest and reports.
# The same command continues an interrupted run. Values: values.env, or the environment (IMAGE=… submit.sh).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

# submit NAME TEMPLATE [NAME=VALUE…]: replaces the job of this name (jobs cannot be changed) and waits for its end.
submit() {
    local name=$1 template=$2 manifest ended=""
    shift 2
    manifest=$(../render.py "$template" "NAME=$name" "$@")
    kubectl delete job "$name" --ignore-not-found --wait
    kubectl create -f - <<< "$manifest"
    until [[ $ended == *Complete* || $ended == *Failed* ]]; do
        sleep "${POLL_SECONDS:-10}"
        ended=$(kubectl get job "$name" -o 'jsonpath={.status.conditions[?(@.status=="True")].type}')
    done
    echo "$name: $ended"
    [[ $ended == *Complete* ]]
}

arguments=${ARGUMENTS:-$(sed -n 's/^ARGUMENTS=//p' values.env)}
submit repro-prepare job.yaml "ARGUMENTS=$arguments --until features" GPUS=0
submit repro-trainings indexed-job.yaml || echo "some trainings failed: the last job tries them again" >&2
submit repro-report job.yaml || {
    echo "kubectl logs job/repro-report says why; exit code 1 there: a claim differs, see report.md" >&2
    exit 1
}
