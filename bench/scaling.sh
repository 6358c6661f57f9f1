#!/bin/bash
# bench/scaling.ts with 2, 4 and 8 ranks (or those given), each in a network namespace of its own, joined by a
# bridge: Open MPI over TCP. Needs root, ip and Open MPI. RATE=1gbit limits each rank's link (tc); FILE=path keeps
# the messages' sizes, which take minutes to find on a software adapter.
set -eu
cd "$(dirname "$0")/.."
RANKS=${*:-2 4 8}
MOST=$(printf '%s\n' $RANKS | sort -n | tail -1)
FOLDER=$(mktemp -d)
FILE=${FILE:-$FOLDER/messages}

finish() {
  for ((i = 1; i <= MOST; i++)); do ip netns del "nce$i" 2> /dev/null || true; done
  ip link del nce-bridge 2> /dev/null || true
  rm -r "$FOLDER"
}
trap finish EXIT

ip link add nce-bridge type bridge
ip addr add 10.9.8.254/24 dev nce-bridge
ip link set nce-bridge up
for ((i = 1; i <= MOST; i++)); do
  ip netns add "nce$i"
  ip link add "nce-out$i" type veth peer name eth0 netns "nce$i"
  ip link set "nce-out$i" master nce-bridge up
  ip -n "nce$i" addr add "10.9.8.$i/24" dev eth0
  ip -n "nce$i" link set eth0 up
  ip -n "nce$i" link set lo up
  [ -z "${RATE:-}" ] || tc -n "nce$i" qdisc add dev eth0 root tbf rate "$RATE" burst 1mb latency 50ms
done
# mpirun starts a daemon on each host by this: ssh's place is taken by the namespace of the host's number.
cat > "$FOLDER/agent" << 'AGENT'
#!/bin/bash
host=$1
shift
exec ip netns exec "nce${host##*.}" bash -c "$*"
AGENT
chmod +x "$FOLDER/agent"

start() { # task
  mpirun.openmpi --allow-run-as-root --bind-to none -n "$ranks" \
    -H "$(seq -s, -f "10.9.8.%.0f" 1 "$ranks")" \
    --mca plm_rsh_agent "$FOLDER/agent" --mca btl self,tcp \
    --mca btl_tcp_if_include 10.9.8.0/24 --mca oob_tcp_if_include 10.9.8.0/24 \
    -x PATH -x HOME "$(command -v deno)" run --no-prompt --allow-all bench/scaling.ts "$1" "$FILE"
}

echo "| ranks | --sync-every | ms a step | MB a step | ms lost each time, median | efficiency | fastest tenth | efficiency |"
echo "| --: | --: | --: | --: | --: | --: | --: | --: |"
for ranks in $RANKS; do
  [ -e "$FILE.$ranks.0.json" ] || start record
  start replay
done
