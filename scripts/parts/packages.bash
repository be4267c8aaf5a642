# PostgreSQL and RabbitMQ from Debian's packages, with data of their own in `dir`: sourced by scripts/servers.
#
# What the packages would run by themselves is left alone: nothing of theirs is started, and nothing of theirs is used but programs.
# shellcheck shell=bash disable=SC2154 # the script that sources it sets dir

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# Neither server runs as root: root gives its rights away to the package's user.
as_user() { # user, command...
  local user=$1
  shift
  if [ "$(id -u)" = 0 ]; then
    setpriv --reuid "$user" --regid "$(id -g "$user")" --init-groups "$@"
  else
    "$@"
  fi
}

find_postgres() { # program
  local found
  found=$(command -v "$1") && [ "$1" = psql ] && echo "$found" && return
  # Debian keeps the server's programs of each version apart; the newest one is taken.
  found=$(find /usr/lib/postgresql -path "*/bin/$1" 2>/dev/null | sort -V | tail -n 1)
  [ -n "$found" ] && echo "$found"
}

rabbitmq_bin=/usr/lib/rabbitmq/bin

is_installed() {
  case $1 in
    postgres) find_postgres initdb >/dev/null ;;
    rabbitmq) [ -x $rabbitmq_bin/rabbitmq-server ] ;;
  esac
}

install_packages() { # server...
  local package packages=() server
  for server in "$@"; do
    is_installed "$server" || packages+=("$server")
  done
  [ "${#packages[@]}" != 0 ] || return 0
  packages=("${packages[@]/#postgres/postgresql}")
  packages=("${packages[@]/#rabbitmq/rabbitmq-server}")
  command -v apt-get >/dev/null ||
    fail "no $* here, no docker engine, no apt-get: start them yourself and name them by $(variable_of postgres) and $(variable_of rabbitmq)"
  say "installing ${packages[*]}"
  # The packages would start services of their own; ours are apart from those.
  local policy=/usr/sbin/policy-rc.d is_policy_ours=
  if [ ! -e $policy ]; then
    is_policy_ours=yes
    printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
    as_root chmod 755 $policy
  fi
  local result=0
  { as_root apt-get update -qq &&
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}"; } \
    >"$dir/install.log" 2>&1 || result=$?
  [ -z "$is_policy_ours" ] || as_root rm -f $policy
  if command -v systemctl >/dev/null; then
    for package in "${packages[@]}"; do
      as_root systemctl disable "$package" >/dev/null 2>&1 || say "$package may start by itself after a reboot"
    done
  fi
  [ "$result" = 0 ] || {
    tail -n 20 "$dir/install.log" >&2
    fail "the packages cannot be installed"
  }
}

own_dir() { # user, directory
  mkdir -p "$2"
  [ "$(id -u)" != 0 ] || chown "$1:" "$2"
  chmod 700 "$2"
}

as_postgres() { as_user postgres env HOME="$dir/postgres" LANG=C.UTF-8 "$@"; }

make_cluster() {
  local data=$dir/postgres/data
  [ ! -f "$dir/postgres/made" ] || return 0
  rm -rf "$data"
  say "making a PostgreSQL cluster in $data"
  as_postgres "$(find_postgres initdb)" -D "$data" -U postgres --auth=trust \
    --encoding=UTF8 --locale=C.UTF-8 >"$dir/postgres/initdb.log" 2>&1 || {
    tail -n 20 "$dir/postgres/initdb.log" >&2
    fail "initdb does not work"
  }
  echo 'host all all 127.0.0.1/32 scram-sha-256' >"$data/pg_hba.conf"
  # Durable as in production, small for a machine that is shared; reached by TCP only.
  cat >>"$data/postgresql.conf" <<'EOF'
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 300
shared_buffers = 64MB
max_wal_size = 512MB
fsync = on
synchronous_commit = on
timezone = 'UTC'
log_timezone = 'UTC'
EOF
  # Without a socket and without a password for its superuser nobody else gets in: the role is made before the server runs.
  printf '%s\n' "CREATE ROLE seungin LOGIN CREATEDB PASSWORD 'seungin'" "CREATE DATABASE seungin OWNER seungin" |
    as_postgres "$(find_postgres postgres)" --single -D "$data" postgres >>"$dir/postgres/initdb.log" 2>&1
  touch "$dir/postgres/made"
}

start_postgres_by_packages() { # url
  local home=$dir/postgres
  record postgres packages "$1"
  own_dir postgres "$home"
  make_cluster
  keep_last_log "$home/log"
  launch as_postgres "$home/pid" "$home/data" "$home/log" \
    "$(find_postgres postgres)" -D "$home/data" -p "$(port_of postgres)"
  wait_until PostgreSQL "$home/pid" "$home/log" postgres_answers "$1"
}

# SIGINT is PostgreSQL's fast shutdown: sessions are cut, data is written.
stop_postgres_by_packages() { end_process "$dir/postgres/pid" postgres "$dir/postgres/data" INT; }

# SIGQUIT ends all of its processes where they are; the next start recovers from the log. A killed head would leave the others behind.
crash_postgres_by_packages() { end_process "$dir/postgres/pid" postgres "$dir/postgres/data" QUIT; }

# Everything of the broker is below one directory and on loopback. A long node name with an address in it needs no name service.
# "Allow input" lets the script become the broker instead of waiting for it; the argument takes the input away again.
as_rabbitmq() { # command...
  local home=$dir/rabbitmq epmd_port dist_port interface='-kernel inet_dist_use_interface {127,0,0,1}'
  read -r epmd_port dist_port <"$home/ports"
  as_user rabbitmq env HOME="$home" LANG=C.UTF-8 \
    ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT="$epmd_port" \
    RABBITMQ_USE_LONGNAME=true RABBITMQ_NODENAME="seungin@127.0.0.1" \
    RABBITMQ_DIST_PORT="$dist_port" \
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="$interface" RABBITMQ_CTL_ERL_ARGS="$interface" \
    RABBITMQ_CONF_ENV_FILE="$home/none" RABBITMQ_ADVANCED_CONFIG_FILE="$home/none" \
    RABBITMQ_CONFIG_FILE="$home/rabbitmq.conf" RABBITMQ_ENABLED_PLUGINS_FILE="$home/enabled_plugins" \
    RABBITMQ_MNESIA_BASE="$home/mnesia" RABBITMQ_LOG_BASE="$home/logs" RABBITMQ_LOGS=- \
    RABBITMQ_ALLOW_INPUT=1 RABBITMQ_SERVER_START_ARGS=-noinput "$@"
}

configure_rabbitmq() { # port
  # Plugins would cost seconds at each start.
  echo '[].' >"$dir/rabbitmq/enabled_plugins"
  cat >"$dir/rabbitmq/rabbitmq.conf" <<EOF
listeners.tcp.1 = 127.0.0.1:$1
default_user = seungin
default_pass = seungin
default_user_tags.administrator = true
default_permissions.configure = .*
default_permissions.read = .*
default_permissions.write = .*
# The user may come from loopback only, as everybody.
loopback_users.seungin = true
# Small files start quickly.
raft.wal_max_size_bytes = 67108864
EOF
}

start_rabbitmq_by_packages() { # url
  local home=$dir/rabbitmq
  record rabbitmq packages "$1"
  own_dir rabbitmq "$home"
  configure_rabbitmq "$(port_of rabbitmq)"
  is_running "$home/epmd.pid" epmd "$home" || start_epmd
  keep_last_log "$home/log"
  launch as_rabbitmq "$home/pid" "$home" "$home/log" "$rabbitmq_bin/rabbitmq-server"
  wait_until RabbitMQ "$home/pid" "$home/log" rabbitmq_answers "$1"
}

# Erlang's name server would otherwise be started by the broker, stay for ever, and be everybody's.
start_epmd() {
  local home=$dir/rabbitmq port
  port=$(free_port 4369)
  echo "$port $(free_port 25672)" >"$home/ports"
  launch as_rabbitmq "$home/epmd.pid" "$home" "$home/epmd.log" epmd -address 127.0.0.1 -port "$port"
  wait_until epmd "$home/epmd.pid" "$home/epmd.log" port_is_taken "$port"
}

crash_rabbitmq_by_packages() { end_process "$dir/rabbitmq/pid" beam.smp "$dir/rabbitmq" KILL; }

stop_rabbitmq_by_packages() {
  end_process "$dir/rabbitmq/pid" beam.smp "$dir/rabbitmq" TERM
  end_process "$dir/rabbitmq/epmd.pid" epmd "$dir/rabbitmq" TERM
}
