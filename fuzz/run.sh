#!/bin/bash
# Builds every fuzz target with a stable compiler and runs each for so many seconds: fuzz/run.sh [SECONDS]
# Corpora and what fails stay in fuzz/corpus and fuzz/artifacts.
set -euo pipefail
cd "$(dirname "$0")"

seconds=${1:-60}
target=$(rustc -vV | sed -n 's/^host: //p')
# What cargo-fuzz passes, but for the sanitizer, which needs a nightly compiler. --target keeps it from
# build scripts and macros.
export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1"
cargo build --target "$target"

for source in fuzz_targets/*.rs; do
    name=$(basename "$source" .rs)
    seeds=()
    [ ! -d "seeds/$name" ] || seeds=("seeds/$name")
    mkdir -p "corpus/$name" "artifacts/$name"
    echo "fuzz/run.sh: $name for $seconds s"
    "target/$target/debug/$name" -max_total_time="$seconds" -timeout=30 -rss_limit_mb=2048 \
        -max_len=8192 -print_final_stats=1 -artifact_prefix="artifacts/$name/" \
        "corpus/$name" "${seeds[@]}"
done
