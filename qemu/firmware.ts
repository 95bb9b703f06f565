import { copyFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { runBound } from './bound-process.ts';
import { HarnessError } from './harness-error.ts';

/** Where distributions put the 4 MiB build of OVMF: code, and the blank variables that belong to it. */
const builds = [
  {
    code: '/usr/share/OVMF/OVMF_CODE_4M.fd',
    guardedCode: '/usr/share/OVMF/OVMF_CODE_4M.secboot.fd',
    variables: '/usr/share/OVMF/OVMF_VARS_4M.fd',
  },
  {
    code: '/usr/share/edk2/x64/OVMF_CODE.4m.fd',
    guardedCode: '/usr/share/edk2/x64/OVMF_CODE.secboot.4m.fd',
    variables: '/usr/share/edk2/x64/OVMF_VARS.4m.fd',
  },
];

export type FirmwareOptions = {
  /** The build that keeps Secure Boot's variables from the operating system, by system management mode. */
  readonly secureBoot?: boolean;
  /** Variables of a machine that ran before, a qcow2 file; blank ones, which is set-up mode, without it. */
  readonly variables?: string;
};

/** Where a machine's UEFI variables lie in its folder. */
export const firmwareVariables = (folder: string): string => join(folder, 'firmware-variables.qcow2');

/**
 * UEFI for one machine. The variables are a fresh copy: OVMF drops into its shell when they remember another machine's
 * devices. qcow2, since only that can be part of a snapshot.
 */
export async function prepareFirmware(
  folder: string,
  { secureBoot = false, variables: earlier }: FirmwareOptions = {},
): Promise<{ code: string; variables: string }> {
  const build = builds.find(({ code, variables }) => existsSync(code) && existsSync(variables));
  if (!build)
    throw new HarnessError(
      'missing',
      'UEFI firmware for QEMU was not found. Install the Debian package ovmf.',
    );
  const variables = firmwareVariables(folder);
  const code = secureBoot ? build.guardedCode : build.code;
  if (earlier !== undefined) {
    copyFileSync(earlier, variables);
    return { code, variables };
  }
  await runBound('qemu-img', 'qemu-utils', [
    'convert',
    '-f',
    'raw',
    '-O',
    'qcow2',
    build.variables,
    variables,
  ]);
  return { code, variables };
}
