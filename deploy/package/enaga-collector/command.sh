#!/bin/sh
# enaga. What it writes as root its service could not read: so for root, commands on /var/lib/enaga run as the service's user.
# With --data or ENAGA_DATA of another it is a directory of your own, and runs as you; so do the commands that need none, or only read it and
# write elsewhere.
set -e
umask 077
program='/usr/lib/enaga-collector/node /usr/lib/enaga-collector/enaga.mjs'
own=''
[ "${ENAGA_DATA:-/var/lib/enaga}" = /var/lib/enaga ] || own=yes
case " $* " in
  *' --data /var/lib/enaga '* | *' --data=/var/lib/enaga '*) own='' ;;
  *' --data'*) own=yes ;;
esac
if [ "$(id -u)" = 0 ] && [ -z "$own" ]; then
  case " $* " in
    '  ' | ' -'* | ' replay '* | ' batch '* | ' pull '* | ' export '*) ;;
    ' restore '*) # makes the directory anew beside itself, which its user may not
      $program "$@"
      [ ! -d /var/lib/enaga ] || chown -R enaga:enaga /var/lib/enaga
      exit
      ;;
    *)
      export HOME=/var/lib/enaga XDG_CACHE_HOME=/var/cache
      exec setpriv --reuid=enaga --regid=enaga --init-groups -- $program "$@"
      ;;
  esac
fi
exec $program "$@"
