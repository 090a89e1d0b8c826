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
# Slurm signals this script alone (B:); TERM is what scancel and preemption send.
leaving=0
trap 'leaving=1; scancel --signal=USR1 "$SLURM_JOB_ID.0" || true' USR1 TERM
code=0
wait "$step" || code=$?
while kill -0 "$step" 2>/dev/null; do # a signal ends `wait`, not the job step
    code=0
    wait "$step" || code=$?
done
# 75: it saved and left (hrnet_mm.cluster.PREEMPTED)
if ((code == 75)) || ((leaving && code != 0)); then
    scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
