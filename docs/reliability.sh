#!/usr/bin/env bash
# Kills runs at random moments and compares what they come to with a run that never stopped: docs/reliability.md. Takes a few minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
export SPD_KILL_ROUNDS="${1:-20}"
dotnet build tests/Spd.Cli.Tests -c Release --nologo -v quiet
dotnet build tests/Spd.Runs.Tests -c Release --nologo -v quiet
dotnet tests/Spd.Cli.Tests/bin/Release/net10.0/Spd.Cli.Tests.dll -noColor -noLogo -showLiveOutput -class "*ResumeTests"
dotnet tests/Spd.Runs.Tests/bin/Release/net10.0/Spd.Runs.Tests.dll -noColor -noLogo -class "*CheckpointTests"
