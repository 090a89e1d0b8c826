#!/usr/bin/env bash
# Train on the GPUs of this machine, or of several:
#
#   tools/dist_train.sh CONFIG GPUS [ARGUMENTS of the training script]
#   NNODES=2 NODE_RANK=0 MASTER_ADDR=node1 tools/dist_train.sh CONFIG 8     # on node1
#   NNODES=2 NODE_RANK=1 MASTER_ADDR=node1 tools/dist_train.sh CONFIG 8     # on node2
#
# Without GPUs that many processes compute on CPUs. MASTER_PORT: 29500 if not set.
set -euo pipefail
(($# >= 2)) || { sed -n '2,8p' "$0"; exit 2; }
config=$1 gpus=$2
shift 2
ulimit -n "$(ulimit -Hn)" # workers share images through files

if [[ ${NNODES:-1} == 1 ]]; then
    rendezvous=(--standalone)
else
    rendezvous=(
        --nnodes "$NNODES" --node-rank "$NODE_RANK"
        --master-addr "$MASTER_ADDR" --master-port "${MASTER_PORT:-29500}"
    )
fi
exec torchrun "${rendezvous[@]}" --nproc-per-node "$gpus" \
    "$(dirname "$0")/train.py" "$config" --launcher pytorch "$@"
