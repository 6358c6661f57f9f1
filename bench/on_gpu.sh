#!/usr/bin/env bash
# Everything to run on a machine with a GPU, most important first, since it may be available for minutes only.
#
#   bench/on_gpu.sh [part...]     parts: adapter suite steps peer penn profile tuning bench opengl quality original;
#                                 all but the last two unless given
#
# Each part has a time limit and a log in dist/gpu/, which has its figures so far even if the part is cut off. Its
# result is shown when it ends, so that nothing is lost if the machine disappears. All parts end within TOTAL
# seconds (600), the last ones cut short if need be; `original` takes some 700 on an H200 (TOTAL=900). PENN names
# the folder of the Penn Treebank (data/penn), PYTHON an interpreter with PyTorch (python3), JOBS the number of test
# files that run in parallel (half of the cores).
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
TOTAL=${TOTAL:-600}
export NO_COLOR=1 PENN=${PENN:-data/penn} JOBS=${JOBS:-$((($(nproc) + 1) / 2))}
LOGS=dist/gpu
mkdir -p "$LOGS"

# part NAME SECONDS COMMAND...: runs it and shows the end of what it printed
part() {
  local name=$1 limit=$2 start=$SECONDS left=$((TOTAL - SECONDS)) code
  shift 2
  if ((left <= 0)); then
    echo "== $name: left out, as $TOTAL s are over"
    return
  fi
  if ((left < limit)); then limit=$left; fi
  timeout --kill-after=5 "$limit" "$@" > "$LOGS/$name.log" 2>&1 < /dev/null
  code=$?
  echo "== $name: exit code $code, $((SECONDS - start)) s"
  tail -n 40 "$LOGS/$name.log"
}

train() { deno run --no-check -A main.ts --train --data "$PENN" "$@"; }

run() {
  case $1 in
    adapter) part adapter 20 deno run -A tools/adapter.ts ;;
    suite) part suite 200 deno run -A tools/run_tests.ts --no-check "--processes=$JOBS" ;;
    steps) part steps 60 deno run --no-check -A bench/bench.ts steps matmul samplers ;;
    peer) part peer 200 deno run --no-check -A bench/peer.ts 3 5 ;;
    penn) for loss in nce full; do part "penn_$loss" 60 bash -c 'train "$@"' train --loss $loss --epochs 1 --save "gpu_$loss"; done ;;
    profile) for loss in nce full; do part "profile_$loss" 30 bash -c 'train "$@"' train --loss $loss --prof; done ;;
    tuning) # what the kernels' variants cost, and what the program makes of it
      part tuning 45 deno run --no-check -A bench/bench.ts tuning
      part tuned 20 bash -c 'train "$@"' train --loss nce --prof --verbose
      ;;
    opengl) part opengl 20 env DENO_WEBGPU_BACKEND=gl deno run --no-check -A main.ts --debug --train --nce --emsize 4 --nhid 4 --nlayers 1 --noise-ratio 5 --epochs 1 --data synthetic:words=1000,vocab=100 --save gpu_opengl ;;
    bench) part bench 120 deno run --no-check -A bench/bench.ts pair scaling memory ;;
    quality) part quality 300 bash -c 'deno run --no-check -A bench/quality.ts --json > dist/gpu/quality.jsonl' ;;
    original) # the runs whose logs the original published: test perplexity 97.12, 113.14, 105.22, 101.51
      part original_full 1800 bash -c 'train "$@"' train --loss full --save gpu_original_full
      for k in 10 100 500; do
        part "original_nce_$k" 1800 bash -c 'train "$@"' train --loss nce --noise-ratio $k --save "gpu_original_nce_$k"
      done
      ;;
    *) echo "unknown part $1" >&2; exit 2 ;;
  esac
}

export -f train
if [ $# = 0 ]; then set -- adapter suite steps peer penn profile tuning bench opengl; fi
for name in "$@"; do run "$name"; done
