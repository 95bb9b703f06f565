import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { runBound } from './bound-process.ts';
import { HarnessError } from './harness-error.ts';

/** Where distributions put the 4 MiB build of OVMF: code, and the blank variables that belong to it. */
const builds = [
  { code: '/usr/share/OVMF/OVMF_CODE_4M.fd', variables: '/usr/share/OVMF/OVMF_VARS_4M.fd' },
  { code: '/usr/share/edk2/x64/OVMF_CODE.4m.fd', variables: '/usr/share/edk2/x64/OVMF_VARS.4m.fd' },
];

/**
 * UEFI for one machine. The variables are a fresh copy: OVMF drops into its shell when they remember another machine's
 * devices. qcow2, since only that can be part of a snapshot.
 */
export async function prepareFirmware(folder: string): Promise<{ code: string; variables: string }> {
  const build = builds.find(({ code, variables }) => existsSync(code) && existsSync(variables));
  if (!build)
    throw new HarnessError(
      'missing',
      'UEFI firmware for QEMU was not found. Install the Debian package ovmf.',
    );
  const variables = join(folder, 'firmware-variables.qcow2');
  await runBound('qemu-img', 'qemu-utils', [
    'convert',
    '-f',
    'raw',
    '-O',
    'qcow2',
    build.variables,
    variables,
  ]);
  return { code: build.code, variables };
}
