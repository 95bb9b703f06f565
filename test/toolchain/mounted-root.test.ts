import { expect, test } from 'vitest';
import { rootIsMounted } from '../../toolchain/mounted-root.ts';

test('a root directory that is a mount point is told from that of a chroot', () => {
  const proc = '37 36 0:33 / /proc rw,relatime - proc proc rw';
  expect(rootIsMounted(`36 35 98:0 /subtree / rw,noatime master:1 - ext4 /dev/root rw\n${proc}\n`)).toBe(
    true,
  );
  expect(rootIsMounted(`${proc}\n`)).toBe(false);
});
