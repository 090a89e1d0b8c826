#!/usr/bin/env bash
# Test a checkpoint on a Slurm cluster; environment as for slurm_train.sh:
#
#   sbatch -p PARTITION -A ACCOUNT tools/slurm_test.sh CONFIG CHECKPOINT [ARGUMENTS of the test script]
#SBATCH --job-name=hrnet-test
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=8
#SBATCH --gres=gpu:8
#SBATCH --cpus-per-task=6
#SBATCH --time=02:00:00
#SBATCH --output=%x-%j.log
set -euo pipefail
(($# >= 2)) || { sed -n '2,4p' "$0"; exit 2; }
source tools/slurm_environment.sh

run python tools/test.py "$@" --launcher slurm
