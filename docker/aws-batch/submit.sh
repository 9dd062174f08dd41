#!/usr/bin/env bash
# A run on AWS Batch: a job that prepares, an array job with one child per training, a job that does the rest and reports,
# each waiting for the one before. The same command continues an interrupted run. Values: values.env, or the
# environment (IMAGE=… submit.sh).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

# submit NAME TEMPLATE [NAME=VALUE…]: prints the id of the job.
submit() {
    local name=$1 template=$2 request
    shift 2
    request=$(../render.py "$template" "NAME=$name" "$@")
    aws batch submit-job --cli-input-json "$request" --query jobId --output text
}

arguments=${ARGUMENTS:-$(sed -n 's/^ARGUMENTS=//p' values.env)}
definition=$(../render.py job-definition.json)
aws batch register-job-definition --cli-input-json "$definition" --query jobDefinitionArn --output text
prepare=$(submit repro-prepare job.json AFTER= "ARGUMENTS=$arguments --until features")
trainings=$(submit repro-trainings array-job.json "AFTER={\"jobId\": \"$prepare\"}")
report=$(submit repro-report job.json "AFTER={\"jobId\": \"$trainings\"}")
echo "prepare $prepare, trainings $trainings, report $report"
