import type { BoardProfile } from '../board-profile.ts';
import { matchesFacts } from '../board-profile.ts';
import { alibaba } from './alibaba/parse.ts';
import { aws } from './aws/parse.ts';
import { azure } from './azure/parse.ts';
import { boardPlatform, findBoard } from './board/parse.ts';
import type { FactFiles, PlatformFacts } from './facts.ts';
import { gatherFacts } from './facts.ts';
import { gcp } from './gcp/parse.ts';
import { generic } from './generic/parse.ts';
import { hyperV } from './hyper-v/parse.ts';
import { nutanix } from './nutanix/parse.ts';
import { openstack } from './openstack/parse.ts';
import { oracle } from './oracle/parse.ts';
import type { DataSource, Platform, PlatformKind, PlatformMatch, PlatformName } from './platform.ts';
import { qemu } from './qemu/parse.ts';
import { virtualbox } from './virtualbox/parse.ts';
import { vmware } from './vmware/parse.ts';
import { xen } from './xen/parse.ts';

/** What `hithe platform detect --json` prints and the status shows under `platform`. */
export type PlatformDetection = {
  platform: PlatformName;
  kind: PlatformKind;
  vendor: string | null;
  product: string | null;
  serial: string | null;
  boardProfile: string;
  dataSource: DataSource | null;
  decidedBy: string;
};

/** Clouds before the hypervisors that they run on: Azure before Hyper-V, EC2 before Xen, OpenStack before QEMU. */
const clouds: readonly Platform[] = [aws, azure, gcp, alibaba, oracle, openstack];
const hypervisors: readonly Platform[] = [nutanix, vmware, virtualbox, hyperV, xen, qemu];

function decide(
  facts: PlatformFacts,
  profiles: readonly BoardProfile[],
): { platform: Platform; match: PlatformMatch } {
  const find = (platforms: readonly Platform[], strength: PlatformMatch['strength']) => {
    for (const platform of platforms) {
      const match = platform.parse(facts);
      if (match?.strength === strength) return { platform, match };
    }
    return null;
  };
  const found =
    find([...clouds, ...hypervisors, boardPlatform(profiles)], 'stated') ??
    find([...clouds, ...hypervisors], 'hinted') ??
    find([generic], 'stated');
  return found ?? { platform: generic, match: { strength: 'stated', decidedBy: 'nothing known matched' } };
}

function chooseProfile(
  platform: PlatformName,
  facts: PlatformFacts,
  profiles: readonly BoardProfile[],
): string {
  if (platform === 'board') {
    const board = findBoard(profiles, facts);
    if (board) return board.profile.name;
  }
  const { architecture } = facts.cpu;
  const ofPlatform = profiles.find(
    (profile) =>
      (profile.architecture === architecture || profile.architecture === 'any') &&
      profile.match.some((rule) => rule.platform === platform && matchesFacts(rule, facts) !== null),
  );
  return ofPlatform?.name ?? `generic-${architecture}`;
}

/** The disc that a person made goes before what the platform offers: whoever attached it wanted that. */
function chooseDataSource(platform: Platform, facts: PlatformFacts): DataSource {
  const labels = facts.volumeLabels.map((label) => label.toLowerCase());
  // `ds=nocloud` may be followed by a transport (`-net`) and by parameters after a semicolon.
  const named = [...(facts.dmi.product_serial ?? '').split(' '), ...facts.kernelArguments].some((word) =>
    /^ds=nocloud(?:-net)?(?:;|$)/i.test(word),
  );
  if (named || labels.includes('cidata')) return 'nocloud';
  if (labels.includes('config-2')) return 'configdrive';
  return platform.dataSource;
}

/** What board makers leave in SMBIOS when they fill nothing in; no serial number, and nobody's name. */
const placeholder =
  /^(?:to be filled by o\.?e\.?m\.?|default string|not (?:specified|applicable|available|settable)|none|n\/a|unknown|invalid|system (?:manufacturer|product name|serial number|version)|chassis serial number|0+|0?123456789|[x.\- ]+)$/i;

function told(...values: readonly (string | null | undefined)[]): string | null {
  return values.find((value) => typeof value === 'string' && !placeholder.test(value)) ?? null;
}

/** Says where the facts were collected. Pure; any facts give an answer. */
function detectFromFacts(facts: PlatformFacts, profiles: readonly BoardProfile[]): PlatformDetection {
  const { platform, match } = decide(facts, profiles);
  const { dmi, deviceTree } = facts;
  const unnamedHypervisor = platform.name === 'generic' && facts.cpu.hypervisorFlag;
  return {
    platform: platform.name,
    kind: unnamedHypervisor ? 'hypervisor' : platform.kind,
    vendor: told(dmi.sys_vendor, dmi.board_vendor, deviceTree.compatible[0]?.split(',')[0]),
    product: told(dmi.product_name, dmi.board_name, deviceTree.model),
    serial: told(dmi.product_serial, dmi.board_serial, deviceTree.serial),
    boardProfile: chooseProfile(platform.name, facts, profiles),
    dataSource: chooseDataSource(platform, facts),
    decidedBy: match.decidedBy,
  };
}

/** Collects the facts of a tree and decides: the work of `hithe platform detect`. Never throws. */
export function detectPlatform(
  files: FactFiles,
  profiles: readonly BoardProfile[],
  volumeLabels: readonly string[] = [],
): PlatformDetection {
  return detectFromFacts(gatherFacts(files, volumeLabels), profiles);
}

/** The answer for people: one line a fact. */
export function describePlatform(detection: PlatformDetection): string {
  const rows: [string, string | null][] = [
    ['Platform', `${detection.platform} (${detection.kind})`],
    ['Vendor', detection.vendor],
    ['Product', detection.product],
    ['Serial', detection.serial],
    ['Board profile', detection.boardProfile],
    ['Data source', detection.dataSource],
    ['Decided by', detection.decidedBy],
  ];
  return rows.map(([name, value]) => `${`${name}:`.padEnd(16)}${value ?? '–'}\n`).join('');
}
