#!/usr/bin/env bash
# Train on a Slurm cluster; preempted, it is queued again and goes on with the next batch:
#
#   sbatch -p PARTITION -A ACCOUNT tools/slurm_train.sh CONFIG [ARGUMENTS of the training script]
#   sbatch -p PARTITION --nodes 4 --time 2-00 tools/slurm_train.sh CONFIG --auto-scale-lr
#
# What is set here, sbatch's command line overrides. Call it from the repository. The
# environment: VENV, a folder (.venv), or CONTAINER, an image of Apptainer.
#SBATCH --job-name=hrnet
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=8
#SBATCH --gres=gpu:8
#SBATCH --cpus-per-task=6
#SBATCH --time=24:00:00
#SBATCH --signal=B:USR1@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%j.log
set -euo pipefail
(($# >= 1)) || { sed -n '2,8p' "$0"; exit 2; }
source tools/slurm_environment.sh

run python tools/train.py "$@" --launcher slurm --resume &
step=$!
# USR1 comes to this script alone (--signal=B:), TERM to all tasks as well, which then save
# by themselves: from scancel, after which nothing may queue the job again, or from Slurm,
# which does so itself when it takes the nodes for another job.
asked=0 ended=0
trap 'asked=1; scancel --signal=USR1 "$SLURM_JOB_ID.0" || true' USR1
trap 'ended=1' TERM
while true; do
    code=0
    wait "$step" || code=$?
    kill -0 "$step" 2>/dev/null || break # a signal ends `wait`, not the job step
done
# 75: all saved and left (hrnet_mm.engine.PREEMPTED). In a validation rank 0 does, and the
# others are killed for it: 137.
if ((!ended && (code == 75 || (asked && code != 0)))); then
    scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
