import { programs, type SupervisedProgram } from './system-port.ts';

/** Where the event script leaves what the client on this link last heard. `folder`: of all leases. */
export function leaseFile(folder: string, link: string): string {
  return `${folder}/${link}.lease`;
}

/**
 * busybox's udhcpc on one link. It asks for what lease.ts reads and nothing else, and sends neither a host name nor a
 * vendor class: the underlay learns an address, not what the box is.
 */
export function dhcpClientProgram(link: string, script: string, folder: string): SupervisedProgram {
  const wanted = ['subnet', 'router', 'dns', 'mtu', 'staticroutes'].flatMap((option) => ['-O', option]);
  return {
    command: programs.busybox,
    // Four quick questions, then a pause of 8 s: a server that comes up late is found soon.
    args: [
      'udhcpc',
      '-f',
      '-i',
      link,
      '-s',
      script,
      '-t',
      '4',
      '-T',
      '2',
      '-A',
      '8',
      '-V',
      '',
      '-o',
      ...wanted,
    ],
    environment: { HITHE_DHCP_FOLDER: folder },
  };
}
