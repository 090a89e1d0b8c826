# shellcheck shell=bash source=/dev/null
# What slurm_train.sh and slurm_test.sh share: where the processes meet, and `run`.

# mmengine would ask scontrol in each task, and containers have none
: "${MASTER_ADDR:=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)}"
# jobs may share a node; below the ports that systems hand out (32768 and up)
: "${MASTER_PORT:=$((20000 + SLURM_JOB_ID % 10000))}"
export MASTER_ADDR MASTER_PORT PYTHONUNBUFFERED=1
ulimit -n "$(ulimit -Hn)" # workers share images through files

# One task for each GPU; when one fails, the others do not wait for it.
run() {
    local inside=()
    if [[ -n ${CONTAINER:-} ]]; then
        inside=(apptainer exec --nv "$CONTAINER")
    elif [[ -f ${VENV:=.venv}/bin/activate ]]; then
        source "$VENV/bin/activate"
    fi
    srun --kill-on-bad-exit=1 --cpus-per-task="${SLURM_CPUS_PER_TASK:-1}" \
        "${inside[@]}" "$@"
}
