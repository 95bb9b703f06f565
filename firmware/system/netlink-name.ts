/** Of linux/socket.h, the same on x86-64 and arm64. */
export const AF_NETLINK = 16;

/** struct sockaddr_nl of a socket that hears these multicast groups, a bit each; the port is the kernel's to choose. */
export function netlinkName(groups: number): Uint8Array {
  const name = new Uint8Array(12);
  const view = new DataView(name.buffer);
  view.setUint16(0, AF_NETLINK, true);
  view.setUint32(8, groups, true);
  return name;
}
