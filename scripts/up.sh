# shellcheck shell=bash
# ./dev up, down and token.

READY=$RUN/ready.json
PID_FILE=$RUN/stratusd.pid
LOG=$RUN/log/stratusd.log
START_SECONDS_MAX=60

running() { [ -f "$PID_FILE" ] && kill -0 "$(cat "$PID_FILE")" 2>/dev/null; }

# The address that a running program bound, by its name in the ready file.
bound() { jq -r --arg name "$1" '.[$name] // empty' "$READY"; }

# Says which port is taken before anything is started, because a program's own message comes too late and too deep.
check_port() {
  local name=$1 address=$2 port holder
  case $address in unix:* | *:0) return ;; esac
  port=${address##*:}
  if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
    holder=$(ss -Hltnp "sport = :$port" 2>/dev/null | grep -oE 'users:\(\("[^"]+",pid=[0-9]+' | head -n 1 |
      sed -E 's/users:\(\("([^"]+)",pid=([0-9]+)/ by \1, process \2/')
    die "port $port (for the $name) is in use${holder}: stop that program, or choose another port with ./dev up --$name-listen=127.0.0.1:PORT" \
      "(--listen=... for the gateway)."
  fi
}

dev_up() {
  local detach=no listen=127.0.0.1:8080 weather=127.0.0.1:50051 provisioning=127.0.0.1:50052
  local sandbox=127.0.0.1:8090 admin=127.0.0.1:9090 data=$RUN/data argument
  for argument in "$@"; do
    case $argument in
      --detach) detach=yes ;;
      --listen=* | --gateway-listen=*) listen=${argument#*=} ;;
      --weather-listen=*) weather=${argument#*=} ;;
      --provisioning-listen=*) provisioning=${argument#*=} ;;
      --data-dir=*) data=${argument#*=} ;;
      --sandbox-listen=*) sandbox=${argument#*=} ;;
      --admin-listen=*) admin=${argument#*=} ;;
      *) die "up: unknown option '$argument' (./dev help)" ;;
    esac
  done
  if running; then die "the platform is running already (process $(cat "$PID_FILE")): ./dev down stops it"; fi
  check_port gateway "$listen"
  check_port weather "$weather"
  check_port provisioning "$provisioning"
  check_port sandbox "$sandbox"
  check_port admin "$admin"
  mkdir -p "$RUN/log"
  rm -f "$READY"
  say "starting stratusd (log: .run/log/stratusd.log)"
  # A session of its own: Ctrl-C reaches this script, which then stops it in order.
  setsid "$ROOT/build/bin/stratusd" --profile=development --listen="$listen" --weather-listen="$weather" \
    --provisioning-listen="$provisioning" --data-dir="$data" --modules="$ROOT/services/provisioning/modules" \
    --sandbox-listen="$sandbox" --admin-listen="$admin" --descriptors="$ROOT/build/share/stratus.pb" \
    --docs-dir="$DEPS/swagger-ui" --ready-file="$READY" --drain-delay-seconds=0 >"$LOG" 2>&1 </dev/null &
  echo $! >"$PID_FILE"
  wait_until_ready
  print_calls
  if [ "$detach" = yes ]; then
    say "running in the background; ./dev down stops it"
    return
  fi
  trap 'dev_down; exit 0' INT TERM
  say "Ctrl-C stops everything"
  wait "$(cat "$PID_FILE")" || true
  tail -n 5 "$LOG" >&2
  die "stratusd has ended by itself: see .run/log/stratusd.log"
}

wait_until_ready() {
  local deadline=$((SECONDS + START_SECONDS_MAX))
  until [ -s "$READY" ]; do
    if ! running; then
      tail -n 15 "$LOG" >&2
      rm -f "$PID_FILE"
      die "stratusd did not start: the last lines of its log are above"
    fi
    [ $SECONDS -lt $deadline ] || die "stratusd is not ready after ${START_SECONDS_MAX} s: see .run/log/stratusd.log"
    sleep 0.1
  done
}

dev_down() {
  running || { rm -f "$PID_FILE"; say "nothing is running"; return 0; }
  local pid deadline=$((SECONDS + 30))
  pid=$(cat "$PID_FILE")
  say "stopping stratusd (process $pid)"
  kill -TERM "$pid"
  while kill -0 "$pid" 2>/dev/null; do
    if [ $SECONDS -ge $deadline ]; then
      say "it has not drained within 30 s: killing it"
      kill -KILL "$pid"
      break
    fi
    sleep 0.1
  done
  rm -f "$PID_FILE" "$READY"
}

dev_token() {
  local client=dev scope="" ttl=3600 argument issuer reply
  for argument in "$@"; do
    case $argument in
      --client=*) client=${argument#*=} ;;
      --scope=*) scope=${argument#*=} ;;
      --ttl=*) ttl=${argument#*=} ;;
      *) die "token: unknown option '$argument' (./dev help)" ;;
    esac
  done
  [ -s "$READY" ] || die "the platform is not running: start it with ./dev up"
  issuer=$(bound issuer)
  [ -n "$issuer" ] || die "the running platform uses a real Cognito pool, not the sandbox: claim a token from that pool"
  reply=$(jq -cn --arg client "$client" --arg scope "$scope" --arg ttl "$ttl" \
    '{client_id: $client, ttl_seconds: ($ttl | tonumber)} + (if $scope == "" then {} else {scope: $scope} end)' |
    curl -sS --max-time 10 -H 'content-type: application/json' --data-binary @- "http://$issuer/admin/token") ||
    die "the sandbox issuer at $issuer does not answer: see .run/log/stratusd.log"
  jq -er .access_token <<<"$reply" 2>/dev/null || die "the sandbox issuer refused: $reply"
}

# What a module's code can reach, from where it runs.
print_isolation() {
  local tier
  tier=$(curl -sS --max-time 10 "http://$(bound admin)/metrics" |
    sed -nE 's/^stratus_provisioning_isolation_tier\{.*tier="([a-z]+)".*\} 1$/\1/p') || tier=""
  if [ "$tier" = strict ]; then
    echo "Runs are isolated (strict): they reach the sandbox and the clouds whose credential is set; docs/how-to/egress.md opens more."
  else
    echo "Runs are on this machine's network (isolation: ${tier:-unknown}); docs/how-to/security-of-runs.md says what strict needs."
  fi
  echo
}

print_calls() {
  local gateway weather provisioning token grpcurl=grpcurl
  gateway=$(bound gateway)
  weather=$(bound weather)
  provisioning=$(bound provisioning)
  command -v grpcurl >/dev/null 2>&1 || grpcurl=.deps/bin/grpcurl
  cat <<TEXT

Stratus is up:  http://$gateway      docs: http://$gateway/docs

TEXT
  print_isolation
  if [ -z "$(bound issuer)" ]; then
    echo "Tokens come from your Cognito pool (COGNITO_USER_POOL_ID or COGNITO_ISSUER is set)."
    return
  fi
  token=$(dev_token --client=dev)
  cat <<TEXT
A token for client dev, one hour, every scope:

$token

Calls to paste:

  curl -H "Authorization: Bearer \$(./dev token)" 'http://$gateway/v1/weather:today'
  curl -H "Authorization: Bearer \$(./dev token)" 'http://$gateway/v1/weather:today?q=Kolkata&units=imperial'
  $grpcurl -plaintext -H "authorization: Bearer \$(./dev token)" $gateway stratus.weather.v1.WeatherService/GetTodayWeather
  $grpcurl -plaintext $weather list

  curl -H "Authorization: Bearer \$(./dev token)" -H 'Content-Type: application/json' http://$gateway/droplet -d '{"image":"ubuntu-24-04-x64","name":"test","region":"lon1","size":"s-1vcpu-1gb","monitoring":true,"ipv6":true}'
  curl -H "Authorization: Bearer \$(./dev token)" -H 'Content-Type: application/json' http://$gateway/note -d '{"title":"hello"}'
  curl -H "Authorization: Bearer \$(./dev token)" http://$gateway/v1/stacks
  curl -H "Authorization: Bearer \$(./dev token)" -X DELETE http://$gateway/droplet
  $grpcurl -plaintext -H "authorization: Bearer \$(./dev token)" -d '{"module":"note","variables":{"title":"hello"}}' $provisioning stratus.provisioning.v1.ModuleService/ApplyModule

In a browser: http://$gateway/docs, Authorize with the token above, Try it out. What became of each call: http://$(bound sandbox)/traces

TEXT
}
