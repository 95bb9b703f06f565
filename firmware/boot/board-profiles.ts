import alibaba from '../../board-profiles/alibaba.json' with { type: 'json' };
import awsNitro from '../../board-profiles/aws-nitro.json' with { type: 'json' };
import azureGen2 from '../../board-profiles/azure-gen2.json' with { type: 'json' };
import gcp from '../../board-profiles/gcp.json' with { type: 'json' };
import genericAarch64 from '../../board-profiles/generic-aarch64.json' with { type: 'json' };
import genericX8664 from '../../board-profiles/generic-x86-64.json' with { type: 'json' };
import hyperV from '../../board-profiles/hyper-v.json' with { type: 'json' };
import nanopiR5s from '../../board-profiles/nanopi-r5s.json' with { type: 'json' };
import pcEnginesApu2 from '../../board-profiles/pc-engines-apu2.json' with { type: 'json' };
import protectliVp2420 from '../../board-profiles/protectli-vp2420.json' with { type: 'json' };
import qemuQ35 from '../../board-profiles/qemu-q35.json' with { type: 'json' };
import qemuVirtAarch64 from '../../board-profiles/qemu-virt-aarch64.json' with { type: 'json' };
import raspberryPi4 from '../../board-profiles/raspberry-pi-4.json' with { type: 'json' };
import virtualbox from '../../board-profiles/virtualbox.json' with { type: 'json' };
import vmware from '../../board-profiles/vmware.json' with { type: 'json' };
import { type BoardProfile, completeProfile } from './board-profile.ts';
import type { WrittenBoardProfile } from './board-profile-schema.ts';

/** Every profile is in the one bundle; the machine's is chosen by match when it starts. */
const written: readonly unknown[] = [
  alibaba,
  awsNitro,
  azureGen2,
  gcp,
  genericAarch64,
  genericX8664,
  hyperV,
  nanopiR5s,
  pcEnginesApu2,
  protectliVp2420,
  qemuQ35,
  qemuVirtAarch64,
  raspberryPi4,
  virtualbox,
  vmware,
];

let completed: readonly BoardProfile[] | undefined;

/** All board profiles. A test holds every file of board-profiles/ to the schema, and this list to the files. */
export function boardProfiles(): readonly BoardProfile[] {
  completed ??= written.map((one) => completeProfile(one as WrittenBoardProfile));
  return completed;
}

/** The profile that detection named. An unknown name gives the first fallback, so that the box boots. */
export function profileNamed(
  name: string,
  profiles: readonly BoardProfile[] = boardProfiles(),
): BoardProfile {
  const profile =
    profiles.find((one) => one.name === name) ??
    profiles.find((one) => one.name === 'generic-x86-64') ??
    profiles[0];
  if (!profile) throw new RangeError('There are no board profiles.');
  return profile;
}
