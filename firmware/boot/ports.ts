import type { OpenNameSocket } from '../netd/names/host-names.ts';
import type { PolicyPorts } from '../netd/policy/enforcement.ts';
import type { NetworkSystem } from '../netd/system-port.ts';
import type { Settings } from '../store/settings-schema.ts';
import type { SettingsStore } from '../store/settings-store.ts';
import type { Attestation } from '../webui/api/attestation-route.ts';
import type { Configuration as ConfigurationApi } from '../webui/api/config-route.ts';
import type { MetricsView } from '../webui/api/metrics-route.ts';
import type { Status } from '../webui/api/status-schema.ts';
import type { PageInterface } from '../webui/page-addresses.ts';
import type { AuditLog, ReplaceIdentity, ShownPresence } from '../webui/ports.ts';
import type { AlarmKeeper } from './alarm-keeper.ts';
import type { BoardProfile } from './board-profile-schema.ts';
import type { TerminalSystem } from './console-keeper.ts';
import type { DeviceSettings } from './device-settings.ts';
import type { DriverSystem } from './drivers.ts';
import type { FactoryReset, ResetFiles } from './factory-reset.ts';
import type { FlowKeeper, FlowKeeperPorts } from './flow-keeper.ts';
import type { PanelSystem } from './front-panel-keeper.ts';
import type { IdentityKeeper, IdentityKeeperPorts } from './identity/keeper.ts';
import type { LogTransport } from './log-transport.ts';
import type { PlatformDetection } from './platform/detect.ts';
import type { MetadataHttp } from './platform/metadata-http.ts';
import type { PolicyKeeper } from './policy-keeper.ts';
import type { PolicyLearning } from './policy-learning.ts';
import type { DiscSystem } from './settings-disc.ts';
import type { SlotSystem } from './slots.ts';
import type { StatusFacts } from './status-board.ts';
import type { TpmStatus } from './tpm-status.ts';

type LogLevel = 'debug' | 'info' | 'warning' | 'error';
type Warning = StatusFacts['warnings'][number];

/** The page as the sequence sees it. */
export interface Page {
  readonly fingerprint: string;
  addresses(): readonly string[];
  claimCode(): string | null;
  claimed(): boolean;
  /**
   * A code for somebody who stands at a claimed box and has no password: typed on the page in place of the claim code, it
   * sets an owner's password. Good once and for 15 minutes; a new one replaces it. Null while the box is unclaimed.
   */
  offerRecovery(): string | null;
  setInterfaces(interfaces: Status['network']['interfaces']): Promise<void>;
  close(): Promise<void>;
}

/** What the sequence needs of the operating system and of the rooms that are wired to it. */
export type BootPorts = {
  readonly log: (level: LogLevel, source: string, message: string) => void;
  readonly detectPlatform: () => PlatformDetection;
  readonly image: () => Promise<Omit<Status['image'], 'rootHash' | 'slot'>>;
  readonly slots: SlotSystem;
  readonly drivers: DriverSystem;
  readonly discs: DiscSystem;
  readonly network: NetworkSystem;
  readonly openStore: () => Promise<{ readonly store: SettingsStore; readonly warnings: readonly Warning[] }>;
  /** Asks the metadata service that a cloud has beside the box. */
  readonly metadata: MetadataHttp;
  /** Resolves when init has opened the state partition, or loaded the network cards' drivers. */
  readonly ready: (what: 'state' | 'drivers') => Promise<void>;
  /** The size of what keeps state. */
  readonly stateMebibytes: () => number;
  /** Overhears multicast DNS on a link. */
  readonly listenForNames: NonNullable<PolicyPorts['listenForNames']>;
  /** Multicast DNS on a link that the box answers for its names on. */
  readonly openNameSocket: OpenNameSocket;
  /** 0 up to 1; nothing secret depends on it. */
  readonly chance: () => number;
  /** The claims of a token that one of these keys (PEM) signed, or null. */
  readonly readToken: (token: string, keys: readonly string[]) => unknown;
  /** Where it is kept who was seen on the hosts' networks. */
  readonly seenDevicesFile: string;
  /** What went wrong with the state partition before the runtime started, or null. */
  readonly stateProblem: () => string | null;
  readonly openPage: (options: {
    readonly hostname: () => string;
    readonly readStatus: () => StatusFacts;
    readonly interfaces: readonly PageInterface[];
    readonly onClaimed: () => void;
    readonly replaceIdentity: ReplaceIdentity;
    readonly factoryReset: FactoryReset;
    readonly presence: ShownPresence;
    readonly policy: PolicyKeeper;
    readonly flows: FlowKeeper;
    readonly associations: Pick<IdentityKeeper, 'renew'>;
    readonly learning: PolicyLearning;
    readonly devices: DeviceSettings;
    readonly alarms: AlarmKeeper;
    readonly metrics: MetricsView;
    readonly configuration: ConfigurationApi;
  }) => Promise<Page>;
  /** How records of flows leave the box. */
  readonly logTransport: LogTransport;
  /** Milliseconds since 1970 as `2026-06-01T12:00:00.000Z`. */
  readonly timestamp: (milliseconds: number) => string;
  /** What the kernel tells of flows, and where their records are. */
  readonly flows: Pick<FlowKeeperPorts, 'openKernel' | 'openStore'>;
  readonly identity: Pick<IdentityKeeperPorts, 'open' | 'replace' | 'startOverlay'>;
  /** Whether the peer with this HIT answers an echo through its tunnel. */
  readonly echo: (hit: string) => Promise<boolean>;
  /** True where the kernel shows a TPM already; some wait for a driver. */
  readonly tpmVisible: () => boolean;
  readonly readTpm: () => Promise<TpmStatus>;
  /** Measures what the runtime works by into the TPM; resolves with why it could not, or null. */
  readonly measureRuntime: (what: {
    readonly boardProfile: BoardProfile;
    readonly settings: Settings;
  }) => Promise<string | null>;
  readonly collectInventory: () => Promise<{
    readonly inventory: NonNullable<Status['inventory']>;
    readonly notes: readonly string[];
  }>;
  /** Milliseconds since 1970. */
  readonly wallClock: () => number;
  readonly memory: () => Status['memory'];
  readonly uptimeSeconds: () => number;
  readonly setHostname: (name: string) => Promise<void>;
  readonly terminals: TerminalSystem;
  readonly panels: PanelSystem;
  readonly audit: Pick<AuditLog, 'add'>;
  /** What the box says of its own measured boot. */
  readonly measuredBoot: Attestation['measuredBoot'];
  readonly resetFiles: ResetFiles;
  /** Both resolve with why the machine does not, or null: then it ends within seconds. */
  readonly machine: {
    readonly restart: () => Promise<string | null>;
    readonly powerOff: () => Promise<string | null>;
  };
  /** True where the box answers a request from itself: the health that a slot is marked good by. */
  readonly answersItself: () => Promise<boolean>;
  readonly watchdog: {
    readonly open: () => Promise<string>;
    readonly feed: () => void;
    readonly disarm: () => Promise<void>;
  };
  readonly wait: (milliseconds: number, signal: AbortSignal) => Promise<void>;
};
