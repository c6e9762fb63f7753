#!/bin/busybox sh
# First process of the guest: loads the virtio drivers, mounts the root disk, hands over to the guest's init.
b=/bin/busybox

fail() {
  echo "podflare-initrd: $1" >/dev/console
  $b reboot -f
}

$b mount -t proc proc /proc
$b mount -t devtmpfs dev /dev
for module in @MODULES@; do
  $b insmod "/m/$module.ko" || fail "cannot load module $module"
done
tries=0
until [ -b /dev/vda ]; do
  tries=$((tries + 1))
  [ "$tries" -lt 200 ] || fail "no root disk /dev/vda after 10 s"
  $b usleep 50000
done
$b mount -t ext4 -o rw,noatime /dev/vda /new || fail "cannot mount the root disk"
$b mount --move /dev /new/dev || fail "cannot move /dev"
$b umount /proc
exec $b switch_root /new /sbin/podflare-init
fail "cannot start /sbin/podflare-init"
