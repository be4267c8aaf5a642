# The product's processes as in production, from one binary on PostgreSQL and RabbitMQ: sourced by scripts that try them.
#
# The script sets `topology` (a directory of its own), `database`, `api_ports` (a list) and `simulator_port`. Each process has a log
# and a file with its id in the directory: api-1.log, api-1.pid, worker-1.pid, … A demo's stores and staff are the data.
# shellcheck shell=bash disable=SC2154 # the script that sources it sets them

# A stop waits for calls to Toss that are under way, for up to 65 seconds.
# shellcheck disable=SC2034 # for waiting
stop_seconds_max=75

# The release binary, built when it is missing or older than the source; or the one that SEUNGIN_BINARY names.
find_binary() {
  binary=${SEUNGIN_BINARY:-}
  if [ -z "$binary" ]; then
    cargo build --quiet --release --locked --package app || fail "the binary cannot be built"
    binary=$(cargo metadata --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/release/seungin
  fi
  binary=$(realpath "$binary")
}

# The servers by `scripts/servers`: whichever answer, or, where SEUNGIN_SERVERS_DIR names a directory, ones of its own.
provide_servers() {
  local addresses
  scripts/servers start >&2
  addresses=$(scripts/servers env)
  eval "$addresses"
}

# With none of the user's environment: what is tried is the same everywhere.
as_seungin() { # command...
  env -i PATH="$PATH" HOME="$topology" RUST_BACKTRACE=1 \
    DATABASE_URL="${SEUNGIN_TEST_DATABASE_URL%/*}/$database" AMQP_URL="$SEUNGIN_TEST_AMQP_URL" \
    SEUNGIN__QUEUE__PREFIX="$database" SEUNGIN__DATA_DIR="$topology/data" \
    SEUNGIN__SECURITY__TOKEN_KEY_FILE="$topology/token.key" \
    SEUNGIN__SIMULATOR__URL="http://127.0.0.1:$simulator_port" "$@"
}

seungin() { (cd "$topology" && as_seungin "$binary" "$@"); }

# The database with its schema, and something to sell.
prepare_data() {
  local exists
  exists=$(scripts/servers psql postgres -Atc "select 1 from pg_database where datname = '$database'")
  [ -n "$exists" ] || scripts/servers psql postgres -qc "create database \"$database\""
  [ -s "$topology/token.key" ] || (umask 077 && head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >"$topology/token.key")
  seungin migrate >/dev/null
  seungin seed >"$topology/staff.txt"
}

forget_data() {
  scripts/servers psql postgres -qc "drop database if exists \"$database\" with (force)"
  rm -rf "$topology/data" "$topology"/simulator.json*
}

start_process() { # name, arguments...
  local name=$1
  shift
  basename "$binary" >"$topology/program"
  launch as_seungin "$topology/$name.pid" "$topology" "$topology/$name.log" "$binary" "$@"
}

# What else the simulator is told.
simulator_arguments=()
start_simulator() {
  start_process simulator simulator --listen "127.0.0.1:$simulator_port" --state-file "$topology/simulator.json" \
    "${simulator_arguments[@]}"
}

start_api() { # number from 1
  start_process "api-$1" api --listen "127.0.0.1:${api_ports[$1 - 1]}"
}

# Each worker's health has a port of its own, which stays the same when it is started again.
worker_ports=()
start_worker() { # number from 1, in this order, arguments...
  local number=$1 next=9464
  shift
  if [ "${#worker_ports[@]}" -lt "$number" ]; then
    [ "$number" = 1 ] || next=$((worker_ports[-1] + 1))
    worker_ports+=("$(free_port "$next")")
  fi
  start_process "worker-$number" worker --health-listen "127.0.0.1:${worker_ports[number - 1]}" "$@"
}

is_healthy() { as_seungin "$binary" healthcheck --url "$1" >/dev/null 2>&1; }

wait_for() { # name, url
  wait_until "$1" "$topology/$1.pid" "$topology/$1.log" is_healthy "$2"
}

wait_for_simulator() { wait_for simulator "http://127.0.0.1:$simulator_port"; }
wait_for_api() { wait_for "api-$1" "http://127.0.0.1:${api_ports[$1 - 1]}"; }
wait_for_worker() { wait_for "worker-$1" "http://127.0.0.1:${worker_ports[$1 - 1]}"; }

# What the processes of the topology are called, also those of a script that was killed.
program() { cat "$topology/program" 2>/dev/null || echo seungin; }

is_process_running() { is_running "$topology/$1.pid" "$(program)" "$topology"; } # name

process_names() {
  local file
  for file in "$topology"/*.pid; do
    [ ! -e "$file" ] || basename "$file" .pid
  done
}

signal_processes() { # signal, name...
  local signal=$1 name
  shift
  for name in "$@"; do
    send_signal "$topology/$name.pid" "$(program)" "$topology" "$signal"
  done
}

# All at once, but the simulator last: whoever stops finishes the calls that are under way.
stop_topology() {
  local name names
  mapfile -t names < <(process_names | grep -v '^simulator$')
  # Whoever asks again does not want to wait: a second signal ends the product at once.
  trap 'signal_processes TERM "${names[@]}"' INT TERM
  signal_processes TERM "${names[@]}"
  for name in "${names[@]}"; do
    await_end "$topology/$name.pid" "$(program)" "$topology"
  done
  trap - INT TERM
  end_process "$topology/simulator.pid" "$(program)" "$topology" TERM
  rm -f "$topology"/*.pid
}

# One topology per directory. One whose script was killed is stopped first.
take_topology() {
  local name
  mkdir -p "$topology"
  topology=$(cd "$topology" && pwd -P)
  exec 9>>"$topology/lock"
  flock -n 9 || fail "it runs already in $topology"
  for name in $(process_names); do
    ! is_process_running "$name" || say "$name was left behind and is stopped"
  done
  stop_topology
  rm -f "$topology"/*.log
}

http_get() { # port, path
  exec 4<>"/dev/tcp/127.0.0.1/$1"
  printf 'GET %s HTTP/1.0\r\nHost: 127.0.0.1:%s\r\n\r\n' "$2" "$1" >&4
  sed '1,/^\r$/d' <&4
  exec 4>&-
}

# Both sides' books, payment by payment. Prints what is in them; fails where they differ or where somebody paid twice.
compare_ledgers() {
  local found
  found=$(http_get "$simulator_port" /_sim/ledger | scripts/servers psql "$database" -q -A -t -v ON_ERROR_STOP=1 \
    -c 'create temporary table ledger (document text)' \
    -c "\\copy ledger from pstdin with (format csv, quote e'\\x01', delimiter e'\\x02')" \
    -c "
      with theirs as (
        select entry->>'orderId' as order_id, (entry->>'charges')::int as charges,
               (entry->>'charged')::bigint as charged, (entry->>'cancelled')::bigint as cancelled
        from ledger, json_array_elements(document::json->'payments') as entry
        where (entry->>'charges')::int > 0
      ), ours as (
        select order_id, amount as charged, balance,
               (select coalesce(sum(amount), 0) from cancellations
                where cancellations.order_id = payments.order_id and state = 'done') as cancelled
        from payments where approved_at is not null
      )
      select format('payments %s, taken %s, given back %s; differing %s, charged twice %s, with an unfinished job %s',
        count(*), coalesce(sum(theirs.charged), 0), coalesce(sum(theirs.cancelled), 0),
        count(*) filter (where ours.charged is distinct from theirs.charged
          or ours.cancelled is distinct from theirs.cancelled
          or ours.balance is distinct from theirs.charged - theirs.cancelled),
        count(*) filter (where charges > 1),
        (select count(distinct order_id) from jobs where ended_at is null))
      from ours full join theirs using (order_id)")
  echo "$found"
  [[ $found == *'differing 0, charged twice 0, with an unfinished job 0' ]]
}
