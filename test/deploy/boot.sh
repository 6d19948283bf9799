#!/bin/sh
# A Debian of its own, from the folder LOWER, which it leaves as it is: boot.sh LOWER SHARED CGROUP
# Its own mounts, processes, names and network (loopback alone); what it writes is memory's and goes with it; its systemd is process 1.
# SHARED is its /media. Needs root.
set -e
[ "$4" = inside ] || {
  mkdir "$3"
  echo $$ > "$3/cgroup.procs"
  exec unshare --mount --net --pid --ipc --uts --cgroup --fork --kill-child sh "$0" "$1" "$2" "$3" inside
}
mount --make-rprivate /
mount -t tmpfs -o mode=755 enaga-test /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay overlay -o "lowerdir=$1,upperdir=/mnt/upper,workdir=/mnt/work" /mnt/root
cd /mnt/root
mount --bind "$2" media
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs tmpfs run
mount -t tmpfs -o mode=755 tmpfs dev
mkdir dev/shm dev/pts
minor() { mknod -m 666 "dev/$1" c "$2" "$3"; }
minor null 1 3
minor zero 1 5
minor full 1 7
minor random 1 8
minor urandom 1 9
minor tty 5 0
ln -s pts/ptmx dev/ptmx
touch etc/machine-id
ip link set lo up
# Not chroot: within one, the kernel makes no user namespaces, which units ask for.
pivot_root . .
umount -l .
exec env -i container=lxc PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --log-target=null --show-status=no
