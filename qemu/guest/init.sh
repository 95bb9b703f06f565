#!/bin/busybox sh
# Two lives: in the initial RAM disk it finds the root file system on the only disk and hands over; there it prepares
# what the image's own init prepares, and becomes the agent.
if [ "$1" != inside ]; then
  /bin/busybox --install -s /bin
  export PATH=/bin
  mount -t devtmpfs dev /dev
  mount -t proc proc /proc
  mount -t sysfs sys /sys
  modprobe -a virtio_pci virtio_blk squashfs
  mount -t squashfs -o ro /dev/vda /root
  mount -t tmpfs -o mode=0755 run /root/run
  cp -a /lab /init /root/run/
  for folder in dev proc sys; do mount --move /$folder /root/$folder; done
  exec switch_root /root /run/init inside
fi
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t tmpfs tmp /tmp
mount -t tmpfs state /state
mkdir /run/hithe
ln -s /usr/lib/hithe/*.node /run/lab/
modprobe virtio_net
# What the image's init loads before the runtime, and what the overlay would otherwise wait for at its first packet:
# ciphers test themselves, while the agent is loaded.
modprobe -a bridge veth nf_tables nft_ct nft_reject_inet nft_fib_inet nft_dup_netdev nft_masq nft_chain_nat xfrm_user \
  ip6_tunnel esp4 esp6 aesni-intel ghash-clmulni-intel sha256-ssse3 gcm seqiv drbg jitterentropy_rng sch_netem &
ip link set lo up
# Programs that count what is lost ask for more room than the kernel gives by itself; the firmware asks for none.
echo 4194304 > /proc/sys/net/core/rmem_max
# The kernel numbers cards in the order of their slots; the first leads to the machine that runs the tests.
ip address add 10.97.0.2/24 dev eth0
ip link set eth0 up
export UV_THREADPOOL_SIZE=4 MALLOC_ARENA_MAX=1 HOME=/tmp NODE_COMPILE_CACHE=/tmp/compile-cache
/usr/bin/node --v8-pool-size=1 /run/lab/programs.js agent
poweroff -f
