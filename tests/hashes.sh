#!/bin/sh
# SHA-256 of model.safetensors after a number of steps of every shipped experiment, to tell whether a change keeps the bits:
#   tests/hashes.sh [STEPS] [EXPERIMENT…]
# Trained targets come from the usual cache. MNIST is left out where its files are not there.
set -u
root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
steps=${1:-200}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- tms_5-2 tms_40-10 tms_5-2-id tms_40-10-id resid_mlp1 resid_mlp2 resid_mlp3 apd_tms_5-2 apd_tms_40-10 mnist_mlp
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
for name; do
    if "$root/spd" run "$name" --steps "$steps" -q --out "$out/$name" --set n_eval_steps=1 >"$out/$name.log" 2>&1; then
        printf '%s  %s, %s steps\n' "$(sha256sum "$(find "$out/$name" -name model.safetensors | head -n 1)" | cut -d ' ' -f 1)" "$name" "$steps"
    else
        printf '%-64s  %s: %s\n' "-" "$name" "$(tail -n 1 "$out/$name.log")"
    fi
done
