#!/bin/bash
# Sourced by test/run.sh:
#   campaign [--part NAME] [--again]  the fault campaign in full. A part that has passed is not run again, unless told so
#   matrix                            contract, harness and the campaign's short form on every supported server

parts="contention kills pauses partitions cuts disk_full following flood cancel self_test fuzz"
versions="2.10.27 2.11.17 2.12.15 2.14.9 2.15.2"

own_and_newer_servers() { # VERSION…
  local version
  servers=()
  ! command -v nats-server >/dev/null || servers+=("$(command -v nats-server)")
  for version in "$@"; do find_server "$version"; done
}

# Three servers are what partitions need; connections, disks and ends of calls are the same with one.
has_part() { # PART REPLICAS
  case $1 in
  cuts | disk_full | flood | cancel | self_test) [ "$2" -eq 1 ] ;;
  partitions) [ "$2" -eq 3 ] ;;
  *) true ;;
  esac
}

# run_part PART REPLICAS: on the server that AETHER_NATS_SERVER names. What it says is kept in build/campaign/.
run_part() {
  local name record bad=$failed program=aether_campaign_tests suites=$1
  name=$1_$(version_of "$AETHER_NATS_SERVER")_$2
  record=build/campaign/$name
  if [ -z "$again" ] && [ -s "$record" ]; then
    say "$name: has passed before"
    sed 's/^/   /' "$record"
    passed=$((passed + 1))
    return
  fi
  mkdir -p build/campaign
  printf '%s, commit %s\n' "$(date -u +%F)" "$(git describe --always --dirty 2>/dev/null || echo unknown)" >"$record.running"
  case $1 in
  self_test) program=aether_fault_unit_tests ;;
  cancel) suites=cancel_matrices,cancel_threads ;;
  esac
  AETHER_CAMPAIGN=1 AETHER_REPLICAS=$2 AETHER_CAMPAIGN_RECORD=$root/$record.running run_program "$name" $program 5400 "$suites"
  [ "$failed" -gt "$bad" ] || mv "$record.running" "$record"
}

run_fuzz_part() {
  local record=build/campaign/fuzz
  if [ -z "$again" ] && [ -s "$record" ]; then
    say "fuzz: has passed before"
    passed=$((passed + 1))
  elif mkdir -p build/campaign && test/run.sh fuzz 60; then
    date -u +%F >"$record"
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    failures+=("fuzz")
  fi
}

run_campaign() {
  local again="" only="" part replicas
  while [ $# -gt 0 ]; do
    case $1 in
    --part) only=${2:?--part needs a name: $parts} && shift ;;
    --again) again=yes ;;
    *) echo "campaign [--part NAME] [--again]; parts: $parts" >&2 && exit 2 ;;
    esac
    shift
  done
  [ -z "$only" ] || [[ " $parts " == *" $only "* ]] || { echo "parts: $parts" >&2 && exit 2; }
  own_and_newer_servers 2.15.2
  for part in ${only:-$parts}; do
    [ "$part" != fuzz ] || { run_fuzz_part && continue; }
    for AETHER_NATS_SERVER in "${servers[@]}"; do
      export AETHER_NATS_SERVER
      for replicas in 1 3; do
        # Servers before 2.10.20 let several writers win with replicas: the library refuses them.
        [ "$replicas" -eq 1 ] || [[ $(version_of "$AETHER_NATS_SERVER") != 2.9.* ]] || continue
        ! has_part "$part" "$replicas" || run_part "$part" "$replicas"
      done
    done
  done
  close_with campaign
}

run_matrix() {
  local version
  # shellcheck disable=SC2086 # the versions are words
  own_and_newer_servers $versions
  for AETHER_NATS_SERVER in "${servers[@]}"; do
    export AETHER_NATS_SERVER
    version=$(version_of "$AETHER_NATS_SERVER")
    run_program "contract_$version" aether_contract_tests 600
    run_program "integration_$version" aether_integration_tests 900
    run_server_faults "$version"
    [[ $version == 2.9.* ]] && continue
    AETHER_REPLICAS=3 run_program "contract_${version}_cluster" aether_contract_tests 900
    run_cluster_faults "$version"
  done
  close_with matrix
}
