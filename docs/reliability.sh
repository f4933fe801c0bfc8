#!/usr/bin/env bash
# Kills, stops, starves and damages runs and compares what they come to with a run that never stopped: docs/reliability.md.
# usage: docs/reliability.sh [ROUNDS], by default 20; some minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
export SPD_KILL_ROUNDS="${1:-20}"
for project in Spd.Cli.Tests Spd.Runs.Tests; do dotnet build "tests/$project" -c Release --nologo -v quiet >/dev/null; done

run() { # test project, names of test classes
    local options=() project=$1
    shift
    for name in "$@"; do options+=(-class "*.$name"); done
    dotnet "tests/$project/bin/Release/net10.0/$project.dll" -noColor -noLogo -showLiveOutput "${options[@]}" \
        | sed -E '/Discover|Starting|===/d; s/^ *Spd\.[A-Za-z.]*\.([A-Za-z]+Tests\.[A-Za-z]+) \[OUTPUT\]/\1:/'
}

run Spd.Cli.Tests ResumeTests PaperTests
run Spd.Runs.Tests CheckpointTests TargetCheckpointsTests RunFolderTests MetricLogTests
