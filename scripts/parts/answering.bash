# Whether PostgreSQL and RabbitMQ answer at an address: sourced by scripts/servers.
# shellcheck shell=bash

# A login that may create databases, as the tests do.
postgres_answers() { # url
  local client form='^postgres(ql)?://([^@/]*@)?([^:/]+)(:([0-9]+))?/'
  if ! client=$(find_postgres psql); then
    # Whoever names a server knows its password; the standard port could be anybody's.
    [ "$1" = "${SEUNGIN_TEST_DATABASE_URL:-}" ] && [[ $1 =~ $form ]] &&
      listens "${BASH_REMATCH[3]}" "${BASH_REMATCH[5]:-5432}"
    return
  fi
  [ "$(PGCONNECT_TIMEOUT=3 "$client" "$1" -XAtqc \
    'select rolcreatedb or rolsuper from pg_roles where rolname = current_user' 2>/dev/null)" = t ]
}

# A login by hand, up to the opened virtual host: no client is needed, and it takes milliseconds where rabbitmqctl takes seconds.
rabbitmq_answers() { # url
  local form='^(amqps?)://(([^:@/]*):([^@/]*)@)?([^:/]+)(:([0-9]+))?(/([^?]*))?'
  [[ $1 =~ $form ]] || fail "this is not an AMQP address: $1"
  local scheme=${BASH_REMATCH[1]} user=${BASH_REMATCH[3]:-guest} password=${BASH_REMATCH[4]:-guest}
  local host=${BASH_REMATCH[5]} port=${BASH_REMATCH[7]:-5672} vhost=${BASH_REMATCH[9]:-%2f}
  if [ "$scheme" = amqps ]; then
    # What is behind TLS is for the client to judge.
    listens "$host" "${BASH_REMATCH[7]:-5671}"
    return
  fi
  timeout 5 bash -c "$(declare -f frame field expect_method open_amqp); open_amqp \"\$@\"" - \
    "$host" "$port" "${user//%/\\x}" "${password//%/\\x}" "${vhost//%/\\x}" 2>/dev/null
}

open_amqp() { # host, port, user, password, vhost (the last three with \xHH)
  exec 3<>"/dev/tcp/$1/$2"
  printf 'AMQP\x00\x00\x09\x01' >&3
  expect_method '000a000a' || return 1 # start
  # start-ok: no properties, PLAIN, the login, a locale
  frame '\x00\x0a\x00\x0b\x00\x00\x00\x00\x05PLAIN' "$(field 4 "\\x00$3\\x00$4")" '\x05en_US'
  expect_method '000a001e' || return 1 # tune
  # tune-ok for one channel, and open with the virtual host
  frame '\x00\x0a\x00\x1f\x00\x01\x00\x02\x00\x00\x00\x00'
  frame '\x00\x0a\x00\x28' "$(field 1 "$5")" '\x00\x00'
  expect_method '000a0029' || return 1 # open-ok
  # close, politely: code 200, no text, no cause
  frame '\x00\x0a\x00\x32\x00\xc8\x00\x00\x00\x00\x00'
  expect_method '000a0033' # close-ok
}

# Text with its length in front of it, still escaped.
field() { # bytes of the length, text
  printf "%0$(($1 * 2))x" "$(printf '%b' "$2" | wc -c)" | sed 's/../\\x&/g'
  printf '%s' "$2"
}

# One method frame on channel 0.
frame() { # escaped parts...
  local IFS=
  local payload="$*"
  printf '%b' "\\x01\\x00\\x00$(field 4 "$payload")\\xce" >&3
}

expect_method() { # class and method in hexadecimal digits
  local head size body
  head=$(head -c 7 <&3 | od -An -v -tx1 | tr -d ' \n')
  [ "${#head}" = 14 ] || return 1
  size=$((16#${head:6:8}))
  body=$(head -c $((size + 1)) <&3 | od -An -v -tx1 | tr -d ' \n')
  [ "${head:0:2}" = 01 ] && [ "${body:0:8}" = "$1" ]
}

answers() { # server, url
  "$1_answers" "$2"
}
