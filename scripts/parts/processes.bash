# Processes that scripts start and stop: sourced, not run.
#
# A process is known by a file with its id, by its program and by the directory that it runs in, because ids are used again. A
# script that uses this sets `script`, its name for messages.
# shellcheck shell=bash

start_seconds_max=60
stop_seconds_max=30
ports_tried_max=100

say() { printf '%s: %s\n' "${script:?}" "$*" >&2; }

fail() {
  say "$*"
  exit 1
}

listens() { # host, port
  # shellcheck disable=SC2016 # the inner shell expands them
  timeout 3 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$1" "$2" 2>/dev/null
}

port_is_taken() { listens 127.0.0.1 "$1"; }

free_port() { # first port to try
  local port=$1
  while port_is_taken "$port"; do
    port=$((port + 1))
    [ "$port" -lt $(($1 + ports_tried_max)) ] || fail "no free port from $1 to $port"
  done
  echo "$port"
}

# Starts a program that goes on by itself, also when the terminal sends an interrupt. What it says is added to a log.
launch() { # as whom, pid file, directory to run in, log, command...
  local as=$1 pid_file=$2 log=$4
  rm -f "$pid_file"
  (
    cd "$3" || exit
    shift 4
    # Locks (descriptor 9) are not the program's.
    # shellcheck disable=SC2016 # the inner shell is the one that becomes the program
    "$as" setsid --fork sh -c 'echo $$ >"$0" && exec "$@"' "$pid_file" "$@" </dev/null >>"$log" 2>&1 9>&-
  )
}

keep_last_log() { [ ! -f "$1" ] || mv -f "$1" "$1.old"; }

# Whether the process in a file is the one that we started: the program and the directory that it runs in have to fit, because
# numbers of processes are used again. Linux knows the first 15 bytes of a program's name.
is_running() { # pid file, program, directory
  local pid
  pid=$(cat "$1" 2>/dev/null) && [ -n "$pid" ] &&
    [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "${2:0:15}" ] && [ "$(readlink "/proc/$pid/cwd")" = "$3" ]
}

send_signal() { # pid file, program, directory, signal
  ! is_running "$1" "$2" "$3" || kill "-$4" "$(cat "$1")"
}

# Waits until such a process has ended, and ends it by force when that takes too long.
await_end() { # pid file, program, directory
  local pid deadline=$((SECONDS + stop_seconds_max))
  while is_running "$1" "$2" "$3"; do
    if [ "$SECONDS" -ge "$deadline" ]; then
      pid=$(cat "$1")
      say "$2 ($pid) does not end within ${stop_seconds_max} s and is killed"
      kill -KILL "$pid" || true
    fi
    sleep 0.1
  done
}

# A killed process is gone a moment before the last of its threads, and its port with that.
await_free_port() { # port
  local deadline=$((SECONDS + stop_seconds_max))
  while port_is_taken "$1"; do
    [ "$SECONDS" -lt "$deadline" ] || fail "port $1 is still taken after ${stop_seconds_max} s"
    sleep 0.1
  done
}

end_process() { # pid file, program, directory, signal
  send_signal "$@"
  await_end "$1" "$2" "$3"
}

wait_until() { # what, pid file, log, test...
  local what=$1 pid_file=$2 log=$3 deadline=$((SECONDS + start_seconds_max)) why=''
  shift 3
  until "$@"; do
    if [ "$SECONDS" -ge "$deadline" ]; then
      why="does not answer within ${start_seconds_max} s"
    elif [ -s "$pid_file" ] && ! readlink "/proc/$(cat "$pid_file")/cwd" >/dev/null; then
      why="ended at once"
    fi
    if [ -n "$why" ]; then
      tail -n 30 "$log" >&2 || true
      fail "$what $why; its log is $log"
    fi
    sleep 0.1
  done
}
