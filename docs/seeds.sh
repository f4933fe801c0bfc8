#!/bin/sh
# Runs an experiment with several seeds and prints a row for each, as in docs/results.md:
#   docs/seeds.sh tms_5-2 0 1 2 3 4
set -eu
export LC_ALL=C
root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
[ $# -ge 2 ] || { echo "usage: docs/seeds.sh EXPERIMENT SEED..." >&2; exit 2; }
experiment=$1
shift
out=runs/seeds/$experiment-$(date +%Y%m%d-%H%M%S)
echo "The runs stay in $out." >&2

number() { # key
    sed -n "s/^ *\"$1\": \([^,]*\),*$/\1/p" "$summary" | head -n 1
}

echo "| seed | MMCS | ML2R | own column each | significant | alive | unmasked | stochastic | adversarial | total loss | ms per step | seconds |"
echo "|---|---|---|---|---|---|---|---|---|---|---|---|"
for seed in "$@"; do
    "$root/spd" run "$experiment" --seed "$seed" --quiet --out "$out/$seed" >/dev/null || { echo "| $seed | failed |"; continue; }
    summary=$out/$seed/summary.json
    significant=$(sed -n '/"significant_subcomponents"/,/}/s/^ *"[^"]*": \([0-9]*\),*$/\1/p' "$summary" | paste -sd / -)
    alive=$(sed -n 's/^ *"alive": \([0-9]*\).*$/\1/p' "$summary" | paste -sd / -)
    one=$(number one_to_one)
    printf '| %s | %.5f | %.4f | %s | %s | %s | %.1e | %.1e | %.1e | %.5f | %.2f | %.0f |\n' \
        "$seed" "$(number mmcs)" "$(number ml2r)" "$([ "$one" = true ] && echo yes || echo no)" "$significant" "$alive" \
        "$(number unmasked_mse)" "$(number stochastic_mse)" "$(number adversarial_mse)" "$(number total)" "$(number median)" "$(number wall_seconds)"
done
