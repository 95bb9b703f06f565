import type { PackageRequest } from './debian.ts';

/** The kernel and the boot loader: taken alone, since their dependencies serve an installed Debian. */
export const bootPackages: PackageRequest = {
  packages: ['linux-image-amd64', 'systemd-boot-efi'],
  closure: false,
};

/** Where the image's programs and libraries come from. Only what `programs` names, and what that needs, is shipped. */
export const rootPackages: PackageRequest = {
  packages: [
    'busybox-static',
    'conntrack',
    'dhcpcd-base',
    'dmsetup',
    'dnsmasq-base',
    'e2fsprogs',
    'fdisk',
    'iproute2',
    'kmod',
    'libstdc++6',
    'libudev1',
    'libusb-1.0-0',
    'nftables',
    'util-linux',
  ],
  closure: true,
};

/** The build's own tools. sbverify and systemd-measure check what it makes: the tests ask them for a second opinion. */
export const toolPackages: PackageRequest = {
  packages: [
    'binutils',
    'cpio',
    'cryptsetup-bin',
    'dosfstools',
    'fdisk',
    'kmod',
    'mtools',
    'sbsigntool',
    'squashfs-tools',
    'systemd',
    'xz-utils',
    'zstd',
  ],
  closure: true,
};

/** What test guests bring beside the image's programs: traffic, and the peer that the tunnel is measured against. */
export const labPackages: PackageRequest = {
  packages: ['iperf3', 'wide-dhcpv6-server', 'wireguard-tools'],
  closure: true,
};

/** Programs of the image, by their path in it; the libraries they link come along. */
export const programs = [
  '/usr/bin/busybox',
  '/usr/bin/ip',
  '/usr/bin/kmod',
  '/usr/bin/partx',
  '/usr/sbin/bridge',
  '/usr/sbin/conntrack',
  '/usr/sbin/dhcpcd',
  '/usr/sbin/dnsmasq',
  '/usr/sbin/e2fsck',
  '/usr/sbin/mke2fs',
  '/usr/sbin/nft',
  '/usr/sbin/resize2fs',
  '/usr/sbin/sfdisk',
] as const;

/** Libraries that are opened by name while running: node-hid's. */
export const openedLibraries = ['libudev.so.1'] as const;

/** kmod is one program with several names. */
export const kmodNames = [
  '/usr/sbin/modprobe',
  '/usr/sbin/insmod',
  '/usr/sbin/rmmod',
  '/usr/sbin/depmod',
  '/usr/bin/lsmod',
] as const;

/**
 * What busybox is called in the image. Nobody logs in and nothing but the runtime serves the network, so the applets
 * for that (getty, login, telnetd, httpd, ftpd …) have no name here.
 */
export const busyboxApplets = [
  ...[
    '[',
    'acpid',
    'arping',
    'ash',
    'awk',
    'basename',
    'cat',
    'chmod',
    'chown',
    'clear',
    'cmp',
    'cp',
    'cut',
    'date',
    'dd',
    'df',
    'dirname',
    'dmesg',
  ],
  ...[
    'du',
    'echo',
    'env',
    'expr',
    'false',
    'find',
    'findfs',
    'free',
    'grep',
    'halt',
    'head',
    'hexdump',
    'hostname',
    'init',
    'kill',
  ],
  ...[
    'ln',
    'logger',
    'ls',
    'md5sum',
    'mkdir',
    'mkfifo',
    'mknod',
    'mktemp',
    'mount',
    'mountpoint',
    'mv',
    'nc',
    'nproc',
    'nslookup',
  ],
  ...[
    'od',
    'pgrep',
    'pidof',
    'ping',
    'ping6',
    'poweroff',
    'printf',
    'ps',
    'pwd',
    'readlink',
    'reboot',
    'rm',
    'rmdir',
    'sed',
    'seq',
  ],
  ...[
    'setsid',
    'sh',
    'sha256sum',
    'sleep',
    'sort',
    'stat',
    'stty',
    'switch_root',
    'sync',
    'sysctl',
    'tail',
    'tee',
    'test',
    'timeout',
  ],
  ...[
    'top',
    'touch',
    'tr',
    'traceroute',
    'true',
    'tty',
    'udhcpc',
    'umount',
    'uname',
    'uniq',
    'uptime',
    'usleep',
    'vi',
    'wc',
    'which',
    'xargs',
  ],
] as const;
