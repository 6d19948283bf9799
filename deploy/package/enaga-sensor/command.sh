#!/bin/sh
# enaga-sensor. What it writes as root its service could not read: so for root these commands run as the service's user.
# With --state it is a sensor of your own, and runs as you.
set -e
umask 077
export MALLOC_MMAP_THRESHOLD_=65536 # as in enaga-sensor.service
program='/usr/lib/enaga-sensor/node --max-semi-space-size=1 /usr/lib/enaga-sensor/enaga-sensor.mjs'
if [ "$(id -u)" = 0 ]; then
  case " $* " in
    *' --state'*) ;;
    ' enrol '*) exec setpriv --reuid=enaga-sensor --regid=enaga-sensor --init-groups -- $program "$@" ;;
    ' run '*)
      exec setpriv --reuid=enaga-sensor --regid=enaga-sensor --init-groups \
        --inh-caps=-all,+net_raw --ambient-caps=-all,+net_raw --bounding-set=-all,+net_raw -- $program "$@"
      ;;
  esac
fi
exec $program "$@"
