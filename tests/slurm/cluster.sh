# A Slurm cluster of two nodes on this machine, each with one core: munged, slurmctld and two slurmd, all started here
# and stopped by their pids. To be sourced, as root, on Debian or Ubuntu (installs slurm-wlm and munge where missing).
#
#   start_cluster FOLDER    state and logs go to FOLDER, the configuration to /etc/slurm/slurm.conf; the user `munge`
#                           must be able to pass through the folders above FOLDER
#   kill_node NAME          what a power cut does: the node's daemon and everything that it runs is gone at once
#   stop_cluster
# shellcheck shell=bash

CLUSTER_PIDS=()
SLURM_CONF_FILE=/etc/slurm/slurm.conf # jobs do not inherit SLURM_CONF, so the file has to lie where Slurm looks for it
MARK="# written by repro's tests/slurm/cluster.sh"

install_slurm() {
    local missing=()
    command -v slurmctld > /dev/null && command -v slurmd > /dev/null || missing+=(slurm-wlm)
    command -v munged > /dev/null || missing+=(munge)
    if ((${#missing[@]})); then
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" > /dev/null
    fi
}

# wait_until SECONDS WHAT COMMAND...: polls COMMAND; ends the program when it has not succeeded in time.
wait_until() {
    local limit=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" > /dev/null 2>&1; do
        if ((SECONDS >= limit)); then
            echo "error: $what: not within the time; logs: $CLUSTER" >&2
            exit 3
        fi
        sleep 0.5
    done
}

write_configuration() {
    if [[ -s $SLURM_CONF_FILE ]] && ! grep -qF "$MARK" "$SLURM_CONF_FILE"; then
        echo "error: $SLURM_CONF_FILE belongs to another cluster; this check would overwrite it" >&2
        exit 3
    fi
    mkdir -p "$(dirname "$SLURM_CONF_FILE")"
    cat > "$SLURM_CONF_FILE" << TEXT
$MARK
ClusterName=repro
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmctldPort=16817
SlurmUser=root
AuthInfo=socket=$CLUSTER/munge/socket
StateSaveLocation=$CLUSTER/state
SlurmctldPidFile=$CLUSTER/slurmctld.pid
SlurmctldLogFile=$CLUSTER/slurmctld.log
SlurmdPidFile=$CLUSTER/%n.pid
SlurmdLogFile=$CLUSTER/%n.log
SlurmdSpoolDir=$CLUSTER/%n
# no control groups: in a container they cannot be made
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
SlurmdTimeout=10
ReturnToService=2
MinJobAge=3600
MpiDefault=none
SchedulerParameters=sched_min_interval=50000,batch_sched_delay=0
NodeName=n1 NodeHostname=localhost NodeAddr=127.0.0.1 Port=16818 CPUs=1 RealMemory=64000
NodeName=n2 NodeHostname=localhost NodeAddr=127.0.0.1 Port=16819 CPUs=1 RealMemory=64000
PartitionName=main Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
TEXT
}

nodes_idle() {
    [[ $(sinfo --noheader --Node --states=idle --format=%N | sort -u | wc -l) == 2 ]]
}

start_cluster() {
    CLUSTER=$1
    install_slurm
    mkdir -p "$CLUSTER"/{state,n1,n2,munge}
    write_configuration
    dd if=/dev/urandom of="$CLUSTER/munge/key" bs=1024 count=1 status=none
    chmod 711 "$CLUSTER" "$CLUSTER/munge"
    chmod 400 "$CLUSTER/munge/key"
    chown -R munge: "$CLUSTER/munge"
    runuser -u munge -- munged --foreground --force --key-file="$CLUSTER/munge/key" --socket="$CLUSTER/munge/socket" \
        --pid-file="$CLUSTER/munge/pid" --log-file="$CLUSTER/munge/log" --seed-file="$CLUSTER/munge/seed" \
        > "$CLUSTER/munged.out" 2>&1 &
    CLUSTER_PIDS+=($!)
    wait_until 20 "munged answers" munge --no-input --socket="$CLUSTER/munge/socket"
    slurmctld -D > "$CLUSTER/slurmctld.out" 2>&1 &
    CLUSTER_PIDS+=($!)
    for node in n1 n2; do start_node $node; done
    wait_until 60 "both nodes are idle" nodes_idle
}

start_node() {
    slurmd -D -N "$1" > "$CLUSTER/$1.out" 2>&1 &
    CLUSTER_PIDS+=($!)
}

# descendants PID...: these processes and all that they started, found by parent: steps leave the process group.
descendants() {
    local pid
    for pid in "$@"; do
        echo "$pid"
        # shellcheck disable=SC2046 # one word a process
        descendants $(pgrep --parent "$pid" || true)
    done
}

kill_node() {
    local daemon step
    daemon=$(cat "$CLUSTER/$1.pid" 2> /dev/null || true)
    # a step's manager (slurmstepd) is no child of slurmd, but keeps its node's log open
    step=$(pgrep --full "^slurmstepd: \[" | while read -r pid; do
        if find "/proc/$pid/fd" -lname "$CLUSTER/$1.log" 2> /dev/null | grep -q .; then echo "$pid"; fi
    done) || true # there is none
    # shellcheck disable=SC2046,SC2086 # one word a process
    kill -KILL $(descendants $daemon $step) 2> /dev/null || true
}

stop_cluster() {
    local pid node
    scancel --user=root 2> /dev/null || true
    for node in n1 n2; do kill_node $node; done
    for pid in "${CLUSTER_PIDS[@]}"; do kill "$pid" 2> /dev/null || true; done
    wait "${CLUSTER_PIDS[@]}" 2> /dev/null || true
    if grep -qsF "$MARK" "$SLURM_CONF_FILE"; then rm -f "$SLURM_CONF_FILE"; fi
}
