#!/usr/bin/env bash
# What people met when they used the program and other tools of its kind, and what is to be seen instead: each case runs the program on the files in files/.
# usage: tests/cases/run.sh [--list] [CASE…]     SPD=path/to/spd, or to spd.dll, for another program than this checkout's
set -u
cases=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
: "${SPD:=$cases/../../spd}"
case $SPD in *.dll) spd=(dotnet "$SPD") ;; *) spd=("$SPD") ;; esac
[ -n "${SPD_CACHE:-}" ] || { SPD_CACHE=$(mktemp -d); export SPD_CACHE; }

# --- what a case says of the program; each failure is a line, and the case goes on ---------------------------------------------------------------

wrong() { echo "    $current: $*"; failures=$((failures + 1)); }

# Runs the program; the exit code is kept in $code, what it said (both streams) in the file said.
run() {
    asked="spd $*"
    asked=${asked:0:150}
    "${spd[@]}" "$@" >out 2>err </dev/null
    code=$?
    cat out err >said
}

# The same where it could wait, or work, without end: many times as long as it takes on a busy machine.
run_within_limits() {
    local spd=(timeout -k 1 30 "${spd[@]}")
    DOTNET_GCHeapHardLimit=0x20000000 run "$@" 2>/dev/null
}

# The exit code is one of these.
ends() {
    for wanted in "$@"; do [ "$code" = "$wanted" ] && return; done
    wrong "$asked: ended with $code, not $*: $(tail -n 2 said | cut -c1-300)"
}

# Something like these extended regular expressions was said, in letters of any case.
says() {
    for pattern in "$@"; do grep -qiE -- "$pattern" said || wrong "$asked: did not say '$pattern': $(tail -n 2 said | cut -c1-300)"; done
}

never_says() {
    for pattern in "$@"; do ! grep -qiE -- "$pattern" said || wrong "$asked: said '$pattern': $(grep -iE -- "$pattern" said | head -n 1 | cut -c1-300)"; done
}

# A mistake in what was given: one sentence on standard error, exit code 2, nothing of the program's insides.
refuses() {
    ends 2
    one_sentence
}

one_sentence() {
    [ "$(wc -l <err)" = 1 ] && grep -q '^spd: ' err || wrong "$asked: not one sentence: $(head -n 3 err | cut -c1-300)"
    never_says 'something went wrong' 'Unhandled exception' '\(Parameter ' '^ +at ' 'System\.'
}

# A sentence about content is not one about reading.
not_of_reading() { never_says 'a file could not be (written or read|read or written)'; }

remember() { (find "$@" -type f ! -name '.lock' ! -name '.pid' -exec sha256sum {} + | sort) >remembered; }

untouched() {
    (find "$@" -type f ! -name '.lock' ! -name '.pid' -exec sha256sum {} + | sort) | cmp -s - remembered || wrong "$asked: changed what it should leave alone in $*"
}

same() { cmp -s "$1" "$2" || wrong "$asked: $1 is not $2"; }

there() { for path in "$@"; do [ -e "$path" ] || wrong "$asked: left no $path"; done; }

# Changes a byte of a file.
damage() { printf 'XYZ' | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null; }

# A run as one that was killed behind a checkpoint leaves it: it has neither its last checkpoint nor what is written at the end.
killed() { rm -f "$1/summary.json" "$1/report.html" "$1/model.safetensors"; rm -f "$1/checkpoints/step-$(printf '%08d' "$2").safetensors"; }

tms() { # folder, steps, more
    folder=$1 steps=$2
    shift 2
    run run tms_5-2 --steps "$steps" --set save_freq=20 --set batch_size=512 --set print_freq=10 --set n_eval_steps=2 --set target.train.steps=1000 -q --out "$folder" "$@"
}

# --- files as people have them -----------------------------------------------------------------------------------------------------------------

# Optimizer state, a loss, BatchNorm's counters, an unused head, the state of a random generator beside the weights.
case_checkpoint_with_more() {
    for file in adam loss batchnorm aux rng; do
        run run mine.yaml --out "$file" --set target.load="$file.pt"
        ends 0
        [ "$(grep -ciE 'ignored|not used' said)" = 1 ] || wrong "$asked: not one note of what was not used"
    done
    grep -qE '[0-9]' <(grep -iE 'ignored|not used' said) || wrong "the note does not say how many"
}

# A NumPy number, a Namespace, a Path, a defaultdict, a date, an array beside the weights.
case_object_beside_weights() {
    for file in numpy namespace path defaultdict date array; do
        run run mine.yaml -q --out "$file" --set target.load="$file.pt"
        ends 0
        never_says 'run code' 'runs code'
    done
}

# Types that are not computed with, in tensors that nobody asks for.
case_type_of_an_unused_tensor() {
    for file in c64.safetensors f4.safetensors e8m0.safetensors complex.pt sparse.pt uint16.pt; do
        run run mine.yaml -q --out "$file.run" --set target.load="$file"
        ends 0
        never_says 'run code' 'runs code'
    done
}

case_lfs_pointer() {
    for file in lfs.safetensors model.safetensors.index.json; do
        run run mine.yaml -q --out r --set target.load="$file"
        one_sentence
        not_of_reading
        says 'git lfs pull'
    done
    for key in inputs labels; do
        run run mine.yaml -q --out r --set target.data.$key=lfs.npy
        one_sentence
        not_of_reading
        says 'git lfs pull'
    done
    run run mine.yaml -q --out r --set target.load=page.safetensors
    one_sentence
    not_of_reading
    says 'web page|HTML'
    [ ! -e r ] || wrong "a folder r was left behind"
}

case_pytorch_index() {
    run run mine.yaml -q --out r
    if [ "$code" != 0 ]; then one_sentence; not_of_reading; says 'index' 'PyTorch'; fi
    never_says 'header claims'
}

# PyTorch before 1.6 in two protocols of pickle, a plain pickle, the tar of PyTorch 0.1, a .pt that was gzipped.
case_old_pytorch() {
    for file in legacy2.pt legacy4.pt; do
        run run mine.yaml -q --out "$file.run" --set target.load=$file
        ends 0
    done
    for pair in pickle.pkl:pickle tar.pt:tar w.pt.gz:gzip; do
        file=${pair%%:*}
        run run mine.yaml -q --out "$file.run" --set target.load="$file"
        if [ "$code" != 0 ]; then one_sentence; not_of_reading; says "${pair##*:}"; fi
        never_says "neither PyTorch's"
    done
}

case_nan_in_weights() {
    for file in weight inf bias; do
        run run mine.yaml -q --out r --set target.load=$file.pt
        ends 1 2
        one_sentence
        says 'layers\.[01]\.(weight|bias)'
        never_says 'smaller lr' 'loss .* became'
        [ ! -e r ] || wrong "a folder r was left behind"
    done
}

case_wrong_kind_of_path() {
    run run mine.yaml -q --out model.run --set target.load=model
    if [ "$code" != 0 ]; then refuses; says 'folder' 'model\.safetensors'; fi
    never_says 'no such file'
    run run mine.yaml -q --out r --set target.data.inputs=x.pt
    one_sentence
    says 'PyTorch' 'npy|numpy\.save|np\.save'
    run run mine.yaml -q --out x.run --set target.data.inputs=x.safetensors:x
    if [ "$code" != 0 ]; then one_sentence; says 'safetensors' 'npy|numpy\.save|np\.save'; fi
    never_says 'no such file'
}

# A pipe, a device, a folder where a file is meant: none of them is waited for.
case_special_files() {
    mkfifo pipe
    for key in target.load target.data.inputs target.data.labels; do
        run_within_limits run mine.yaml -q --out r --set $key=pipe
        one_sentence
        ends 1 2
    done
    for path in /dev/zero pipe .; do
        run_within_limits run $path -q --out r
        refuses
    done
}

case_it_holds() {
    run run mine.yaml -q --out r --set target.load=first.pt
    ends 1 2
    one_sentence
    says 'holds.*layers\.0\.weight'
    never_says 'it holds *:'
    run run mine.yaml -q --out r --set 'target.mlp.weights=[layers.0.weight, layers.0.weight]'
    ends 1 2
    one_sentence
    says 'layers\.0\.weight' 'twice|two layers|more than once|both'
    never_says 'holds no layers\.0\.weight'
}

# --- configurations as people write them -------------------------------------------------------------------------------------------------------

case_yaml_unclosed() {
    for file in list map; do
        run run $file.yaml -q --out r
        refuses
        says "$file\.yaml" 'line'
    done
    run run mine.yaml -q --out runs/a
    ends 0
    cp -r runs/a runs/b
    sed -i 's/layer_sizes: .*/layer_sizes: [4, 3, 2/' runs/b/config.yaml
    grep -q 'layer_sizes: \[4, 3, 2$' runs/b/config.yaml || wrong "b was not damaged"
    rm runs/b/summary.json
    run runs runs
    ends 0
    says '^ *a ' '^ *b '
}

case_empty_path() {
    for key in target.load target.data.inputs target.data.labels; do
        run run mine.yaml -q --out r --set "$key=\"\""
        refuses
        says "${key##*.}"
        run run mine.yaml -q --out r --set "$key=\"a\\0b\""
        refuses
        says "${key##*.}"
    done
    sed 's/load: .*/load: ""/' mine.yaml >empty.yaml
    run run empty.yaml -q --out r
    refuses
    says 'empty\.yaml' 'line' 'load'
    [ ! -e r ] || wrong "a folder r was left behind"
}

case_empty_list() {
    run run mine.yaml -q --out r --set 'target_module_patterns=[]'
    refuses
    says 'target_module_patterns' 'empty|at least one'
    never_says 'is a list, but a list'
}

# Nesting, aliases of aliases, bytes that are no text: refused in a moment, by every command that reads a configuration.
case_broken_yaml() {
    { printf 'C: '; head -c 100000 /dev/zero | tr '\0' '['; } >deep-flow.yaml
    { printf 'C: '; head -c 100000 /dev/zero | tr '\0' '{'; } >deep-map.yaml
    { yes -- '- ' | head -n 50000 | tr -d '\n'; echo x; } >deep-block.yaml
    for file in deep-flow deep-map deep-block laughs yaml-argument; do
        [ -e $file.yaml ] || cp broken/$file.yaml .
        run_within_limits run $file.yaml -q --out r
        refuses
        says "$file\.yaml"
        mkdir -p runs/$file
        cp $file.yaml runs/$file/config.yaml
        run_within_limits resume runs/$file
        refuses
    done
    run_within_limits run mine.yaml -q --out r --set "C=$(head -c 60000 /dev/zero | tr '\0' '[')"
    refuses
    run run mine.yaml -q --out r --set 'C="\U99999999"'
    refuses
    run run mine.yaml -q --out runs/good
    ends 0
    run_within_limits runs runs
    ends 0
    says 'good' 'deep-flow' 'laughs'
}

# --- nothing is lost -----------------------------------------------------------------------------------------------------------------------------

case_resume_after_edit() {
    run run mine.yaml -q --out whole --steps 200 --set save_freq=50 --set print_freq=50
    ends 0
    cp -r whole killed
    killed killed 200
    for edit in 'lr 0.003 0.01' 'C 4 5' 'seed 0 7' 'batch_size 8 16' 'faithfulness_coeff 100 3'; do
        # shellcheck disable=SC2086 # Its words.
        set -- $edit
        rm -rf r
        cp -r killed r
        sed -i "s/^$1: .*/$1: $3/" r/config.yaml
        cmp -s r/config.yaml killed/config.yaml && wrong "$edit changes nothing"
        remember r
        for more in "" "-q" "--steps 300"; do
            # shellcheck disable=SC2086
            run resume r $more
            refuses
            says "$1" "$2" "$3"
            untouched r
        done
    done
    # The way out keeps what was there, beside.
    run resume r -q --from-start
    ends 0
    there r/summary.json r/model.safetensors
    [ "$(find r -name 'step-00000150.safetensors*' | wc -l)" -ge 2 ] || wrong "$asked: the old checkpoints are not kept"
}

case_resume_after_an_edit_that_means_the_same() {
    run run mine.yaml -q --out whole --steps 200 --set save_freq=50 --set print_freq=50
    cp -r whole killed
    killed killed 200
    for edit in 's/^lr: .*/lr: 3e-3/' 's/^lr: .*/lr: 0.00300/' 's/^C: 4/C:    4   # as before/' '/: null$/d' 's/^steps: 200/steps: 2e2/'; do
        rm -rf r
        cp -r killed r
        sed -i "$edit" r/config.yaml
        cmp -s r/config.yaml killed/config.yaml && wrong "$edit changes nothing"
        run resume r -q
        ends 0
        same r/model.safetensors whole/model.safetensors
    done
}

# All checkpoints damaged: neither thrown away nor in the way of new ones.
case_damaged_checkpoints() {
    tms whole 100
    ends 0
    cp -r whole r
    rm r/summary.json
    for file in r/checkpoints/*; do damage "$file" 5000; done
    remember r
    for more in "" "-q" "--steps 200"; do
        # shellcheck disable=SC2086
        run resume r $more
        refuses
        says 'step-00000100'
        untouched r
    done
    run resume r -q --from-start
    ends 0
    same r/model.safetensors whole/model.safetensors
    there r/checkpoints/step-00000080.safetensors r/checkpoints/step-00000100.safetensors
    killed r 100
    run resume r
    ends 0
    says 'from step 80'
    same r/model.safetensors whole/model.safetensors
}

# One that is damaged costs the steps behind the one before it, and no new one is removed for it.
case_a_damaged_checkpoint_beside_a_good_one() {
    tms whole 100
    cp -r whole r
    killed r 100
    cp whole/checkpoints/step-00000100.safetensors r/checkpoints/step-00000999.safetensors
    damage r/checkpoints/step-00000999.safetensors 5000
    run resume r
    ends 0
    says 'step-00000999' 'from step 80'
    same r/model.safetensors whole/model.safetensors
    there r/checkpoints/step-00000100.safetensors
}

case_lost_log() {
    tms whole 100
    for loss in 'rm r/metrics.jsonl' ': >r/metrics.jsonl' 'head -c 100 whole/metrics.jsonl >r/metrics.jsonl' 'echo junk >r/metrics.jsonl' \
        'sed -i "3s/.*/{\"step\":1,\"losses\":null}/" r/metrics.jsonl' 'sed -i "s/linear1/linear9/; s/\"total\"/\"sum\"/" r/metrics.jsonl' \
        'sed -i "s/\"l0\":{[^}]*}/\"l0\":{}/" r/metrics.jsonl'; do
        rm -rf r
        cp -r whole r
        killed r 100
        eval "$loss"
        run resume r -q
        ends 0
        same r/model.safetensors whole/model.safetensors
        run report r
        ends 0
    done
}

case_a_lost_model_of_a_finished_run() {
    tms whole 100
    cp -r whole r
    rm r/model.safetensors
    run resume r -q
    ends 0
    same r/model.safetensors whole/model.safetensors
}

# What a run rests on is known by its content.
case_silent_damage() {
    tms whole 100
    cp -r whole r
    killed r 100
    damage r/target/weights.safetensors 190
    remember r
    run resume r -q
    ends 1 2
    one_sentence
    says 'target'
    untouched r
    rm -rf r
    cp -r whole r
    damage r/model.safetensors "$(($(wc -c <r/model.safetensors) - 40))"
    for command in eval report; do
        run $command r
        ends 1 2
        one_sentence
        says 'model'
    done
    run run mine.yaml -q --out own --steps 200 --set save_freq=50
    killed own 200
    damage x.npy 300
    run resume own -q
    ends 1 2
    one_sentence
    says 'x\.npy|inputs'
}

# The same data in another place go on; every command that reads a run can be told where.
case_moved_data() {
    run run mine.yaml -q --out whole --steps 200 --set save_freq=50
    ends 0
    cp -r whole killed
    killed killed 200
    mkdir elsewhere
    mv x.npy y.npy elsewhere
    run eval whole
    refuses
    says '--set target\.data\.inputs='
    for command in eval report; do
        run $command whole --set target.data.inputs=elsewhere/x.npy --set target.data.labels=elsewhere/y.npy
        ends 0
    done
    run resume killed -q --set target.data.inputs=elsewhere/x.npy --set target.data.labels=elsewhere/y.npy
    ends 0
    same killed/model.safetensors whole/model.safetensors
}

# What only watches: a file where the figures, or the event files, are to be.
case_monitoring_never_ends_a_run() {
    options="-q --steps 200 --set image_freq=50 --set save_freq=50 --set print_freq=50 --set tensorboard=true"
    # shellcheck disable=SC2086
    run run mine.yaml --out whole $options
    ends 0
    for folder in figures tensorboard; do
        rm -rf r
        cp -r whole r
        killed r 200
        rm -rf "r/${folder:?}"
        echo x >r/$folder
        run resume r
        ends 0
        same r/model.safetensors whole/model.safetensors
        there r/summary.json r/checkpoints/step-00000200.safetensors
        [ "$(grep -ciE "$folder" <(grep -iE 'could not|cannot' said))" = 1 ] || wrong "$asked: $folder is not told once: $(tail -n 3 said | cut -c1-300)"
    done
}

case_report_and_eval_of_a_run_in_progress() {
    "${spd[@]}" run tms_5-2 --steps 100000000 --set target.train.steps=1000 --set print_freq=10 -q --out busy >/dev/null 2>&1 &
    process=$!
    while [ ! -s busy/metrics.jsonl ] && kill -0 $process 2>/dev/null; do sleep 0.05; done
    run report busy
    ends 1 2
    says 'being computed'
    [ ! -e busy/summary.json ] || wrong "report wrote a summary beside a run in progress"
    run runs .
    ends 0
    says 'running'
    kill -KILL $process
    wait $process 2>/dev/null
    run runs .
    ends 0
    never_says 'running'
}

case_eval_gives_the_numbers_of_the_summary() {
    tms whole 100
    run eval whole --json
    ends 0
    for part in losses metrics; do
        numbers() { tr -d ' \n' <"$1" | grep -oE "\"$part\":\{[^}]*\}"; }
        [ -n "$(numbers out)" ] && [ "$(numbers out)" = "$(numbers whole/summary.json)" ] || wrong "$asked: other $part than summary.json"
    done
    remember whole/summary.json
    cp whole/summary.json before.json
    run report whole
    numbers() { tr -d ' \n' <"$1" | grep -oE '"losses":\{[^}]*\}'; }
    [ "$(numbers before.json)" = "$(numbers whole/summary.json)" ] || wrong "$asked: changed the losses of summary.json"
}

case_signals() {
    for signal in TERM HUP; do
        # What is started below nohup ignores that it is hung up, and so does all that it starts.
        [ -z "$(bash -c "kill -$signal \$\$; echo ignored")" ] || continue
        "${spd[@]}" run tms_5-2 --steps 100000000 --set target.train.steps=1000 --set n_eval_steps=1 --set print_freq=10 -q --out $signal >/dev/null 2>&1 &
        process=$!
        while [ ! -s $signal/metrics.jsonl ] && kill -0 $process 2>/dev/null; do sleep 0.05; done
        kill -$signal $process
        wait $process
        code=$?
        asked="SIG$signal"
        : >said
        if [ $signal = TERM ]; then ends 143; else ends 129 143; fi
        grep -q '"status": "interrupted"' $signal/summary.json || wrong "SIG$signal: no summary of an interrupted run"
        ls $signal/checkpoints/step-* >/dev/null 2>&1 || wrong "SIG$signal: no checkpoint"
    done
}

case_read_only_folder() {
    # The owner of all files may write to them anyhow.
    [ "$(id -u)" != 0 ] || return
    tms r 100
    killed r 100
    chmod -R a-w r
    run resume r
    one_sentence
    never_says 'another program'
    chmod -R u+w r
}

case_paper_in_the_folder_of_a_run() {
    tms r 20
    remember r
    run_within_limits paper --out r --quick --only tms --seeds 1
    refuses
    untouched r
}

# --- what is shown -------------------------------------------------------------------------------------------------------------------------------

case_evidence_says_what_it_cannot_mean() {
    run run mine.yaml -q --out a
    ends 0
    says 'labels.*(sorted|classes)|classes.*held.out'
    run run mine.yaml -q --out b --set C=2
    ends 0
    says 'C.*rank|rank.*C'
    run run mine.yaml -q --out c --steps 3000 --set importance_minimality_coeff=3
    ends 0
    says 'nothing is in use|no subcomponent is in use|none .*in use'
    grep -qiE 'rank' b/report.html || wrong "the page of b does not say that C is below the rank"
}

case_in_use_carries_its_threshold() {
    run run mine.yaml -q --out r
    ends 0
    grep -E '^ *L0' said | grep -qE '0\.01|above 0' || wrong "the row of L0 does not say above which importance"
    grep -E 'alive' said | grep -q '0\.1' || wrong "the row of alive does not say above which importance"
}

case_one_bad_folder_is_one_line() {
    tms runs/good 20
    mkdir -p runs/dangling runs/pipe runs/odd runs/large
    ln -s nowhere runs/dangling/config.yaml
    mkfifo runs/pipe/config.yaml
    ln -s .. runs/good/parent
    cp -r runs/good/*.* runs/odd
    sed -i 's/"seed": [0-9]*/"seed": "one"/' runs/odd/summary.json
    cp -r runs/good/*.* runs/large
    sed -i 's/"total": [-0-9.eE]*/"total": 1e400/; s/"wall_seconds": [-0-9.eE]*/"wall_seconds": 1e400/' runs/large/summary.json
    run_within_limits runs runs
    ends 0
    [ "$(grep -c '^ *good' said)" = 1 ] || wrong "$asked: good is listed $(grep -c '^ *good' said) times"
    says 'odd' 'large'
    never_says '0{30}'
    run_within_limits runs runs --json
    ends 0
    says '"good"'
}

case_names_are_text() {
    tms 'a[red]b' 20
    cp -r 'a[red]b' 'a['
    run compare 'a[red]b' 'a['
    ends 0
    says 'a\[red\]b'
    run eval @a
    refuses
    says '@a'
    run run broken/esc-key.yaml -q --out r
    refuses
    run run mine.yaml -q --out r --set target.load=broken/esc-name.safetensors
    ends 1 2
    one_sentence
    grep -q "$(printf '\033')" said && wrong "$asked: an escape character reached the terminal"
}

# A file of 4 KB that claims 2 GB is compared with what the network takes before it is read.
case_claimed_sizes() {
    { printf '\223NUMPY\001\000\166\000'; printf '%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': (536870912, 1), }"; } >huge.npy
    truncate -s $((128 + 4 * 536870912)) huge.npy
    run_within_limits run mine.yaml -q --out r --set target.data.inputs=huge.npy
    one_sentence
    never_says 'memory'
    rm -f huge.npy
}

# --- the machinery --------------------------------------------------------------------------------------------------------------------------------

all=$(declare -F | sed -n 's/^declare -f case_//p')
[ "${1:-}" != --list ] || { echo "$all"; exit 0; }
[ $# -gt 0 ] || set -- $all
failed=0
for current in "$@"; do
    declare -F "case_$current" >/dev/null || { echo "there is no case '$current'; --list shows all" >&2; exit 2; }
    failures=0
    work=$(mktemp -d)
    cp -r "$cases"/files/. "$work"
    folder=$work/${current//_/-}
    [ ! -d "$folder" ] || cp -r "$folder"/. "$work"
    (cd "$work" && "case_$current"; exit $((failures > 100 ? 100 : failures)))
    failures=$?
    chmod -R u+w "$work"
    rm -rf "$work"
    if [ $failures = 0 ]; then echo "ok   $current"; else echo "FAIL $current ($failures)"; failed=$((failed + 1)); fi
done
[ $failed = 0 ] || { echo "$failed failed"; exit 1; }
