/** One verb of the command line. `run` prints and returns the exit status: 0 well, 1 not, 2 wrong use. */
export type Command = {
  readonly usage: string;
  readonly tells: string;
  readonly run: (args: readonly string[]) => Promise<number>;
  /** What `--help` prints where usage and `tells` do not say enough. */
  readonly help?: (args: readonly string[]) => Promise<string>;
};

/** Verbs by name; each loads what it needs when it is called, since starting is most of what a short command costs. */
export const commands: Readonly<Record<string, Command>> = {
  status: {
    usage: 'status [--json]',
    tells: 'how the box is: platform, image, identity, network, tunnels',
    run: async (args) => (await import('./box.ts')).status(args),
  },
  log: {
    usage: 'log [--lines N] [--follow] [--json]',
    tells: 'the newest lines of the log, and with --follow those that come',
    run: async (args) => (await import('./box.ts')).log(args),
  },
  tunnel: {
    usage: 'tunnel list [--json] | tunnel renew PEER [--json]',
    tells: 'the peers and how their tunnels are; closes an association for a new one',
    run: async (args) => (await import('./tunnel.ts')).tunnel(args),
    help: async () => (await import('./tunnel.ts')).tunnelHelp,
  },
  identity: {
    usage: 'identity [show] [--json] | identity re-enrol --replaces HIT|none [--json]',
    tells: 'the host identity and where its key lives; gives it up for a new one',
    run: async (args) => (await import('./identity.ts')).identity(args),
  },
  platform: {
    usage: 'platform detect [--root DIR] [--json]',
    tells: 'where this runs, and which fact decided it',
    run: async (args) => (await import('./platform.ts')).platform(args),
  },
  hip: {
    usage: 'hip decode … | hip probe … | hip respond …',
    tells:
      'what HIP packets and captures say; a base exchange as initiator, or as responder, without a tunnel',
    run: async (args) => (await import('./hip.ts')).hip(args),
    help: async (args) => (await import('./hip.ts')).hipHelp(args),
  },
  eventlog: {
    usage: 'eventlog [FILE] [--json]',
    tells: 'what firmware and loader measured, and the PCRs that follow; of this box without a file',
    run: async (args) => (await import('./eventlog.ts')).eventlog(args),
  },
  attest: {
    usage: 'attest nonce | attest collect … | attest appraise … | attest challenge … | attest activate …',
    tells: 'evidence of what this box booted; whether evidence is that of a released boot (attest --help)',
    run: async (args) => (await import('./attest.ts')).attest(args),
    help: async () => (await import('./attest.ts')).attestHelp,
  },
  policy: {
    usage:
      'policy list | policy explain … | policy learn [--since 1h] | policy learn accept ID… | policy stage|enforce RULE…',
    tells:
      'the rules in force and what they decided; why a connection is allowed; rules learned from flows (policy --help)',
    run: async (args) => (await import('./policy.ts')).policy(args),
    help: async () => (await import('./policy.ts')).policyHelp,
  },
  devices: {
    usage: 'devices list | devices accept NAME --mac MAC | devices label NAME LABEL… | devices forget NAME',
    tells:
      'who was seen on the LAN, and whether it is in quarantine; devices that rules know (devices --help)',
    run: async (args) => (await import('./devices.ts')).devices(args),
    help: async () => (await import('./devices.ts')).devicesHelp,
  },
  ping: {
    usage: 'ping [FROM] TO [--count N] [--json]',
    tells: 'denied by a rule, tunnel down, no answer, or answered: what becomes of echoes (ping --help)',
    run: async (args) => (await import('./ping.ts')).ping(args),
    help: async () => (await import('./ping.ts')).pingHelp,
  },
  traceroute: {
    usage: 'traceroute TO [--underlay] [--hops N] [--json]',
    tells: 'the routers on the way to an address, or to where a peer is (traceroute --help)',
    run: async (args) => (await import('./traceroute.ts')).traceroute(args),
    help: async () => (await import('./traceroute.ts')).tracerouteHelp,
  },
  capture: {
    usage: 'capture LINK --out FILE [--filter TEXT] …',
    tells: 'what passes a port or the tunnels, into a capture file, within bounds (capture --help)',
    run: async (args) => (await import('./capture.ts')).capture(args),
    help: async () => (await import('./capture.ts')).captureHelp,
  },
  alarms: {
    usage: 'alarms [--all] [--json]',
    tells: 'what is wrong by the thresholds of the settings, and what to do; --all: what was, too',
    run: async (args) => (await import('./alarms.ts')).alarms(args),
  },
  flows: {
    usage: 'flows [FILTER…] [--live | --follow | --status] [--json]',
    tells: 'who spoke with whom, how much, by which rule, and who was denied (flows --help)',
    run: async (args) => (await import('./flows.ts')).flows(args),
    help: async () => (await import('./flows.ts')).flowsHelp,
  },
  settings: {
    usage: 'settings schema | settings check FILE [--json]',
    tells: 'the JSON Schema of the settings, or what is wrong with a settings file',
    run: async (args) => (await import('./settings.ts')).settings(args),
  },
  config: {
    usage:
      'config get … | config set … | config diff | config apply | config confirm | config revert | config export | …',
    tells: 'the settings: shown, changed on trial, confirmed, taken back (config --help)',
    run: async (args) => (await import('./config.ts')).config(args),
    help: async () => (await import('./config.ts')).configHelp,
  },
  backup: {
    usage: 'backup FILE [--password-file FILE] [--json]',
    tells: 'the saved settings as a file, with secrets only under a password (backup --help)',
    run: async (args) => (await import('./backup.ts')).backup(args),
    help: async () => (await import('./backup.ts')).backupHelp,
  },
  restore: {
    usage: 'restore FILE [--password-file FILE] [--plan] [--seconds N] [--automatic] [--json]',
    tells: 'the settings of a backup: what they change, then on trial (restore --help)',
    run: async (args) => (await import('./backup.ts')).restore(args),
    help: async () => (await import('./backup.ts')).restoreHelp,
  },
  restart: {
    usage: 'restart [--json]',
    tells: 'restarts the box in order: peers are told, what is kept is closed',
    run: async (args) => (await import('./restart.ts')).restart(args),
  },
  'factory-reset': {
    usage: 'factory-reset --yes HOSTNAME [--new-identity] [--json]',
    tells: 'forgets all that the box was told and restarts it as new; the image stays (factory-reset --help)',
    run: async (args) => (await import('./factory-reset.ts')).factoryReset(args),
    help: async () => (await import('./factory-reset.ts')).factoryResetHelp,
  },
  users: {
    usage: 'users list | users add NAME … | users set NAME … | users remove NAME',
    tells: 'who may sign in on the page, and as what (users --help)',
    run: async (args) => (await import('./users.ts')).users(args),
    help: async () => (await import('./users.ts')).usersHelp,
  },
  'security-keys': {
    usage: 'security-keys list USER | security-keys add USER NAME | security-keys remove USER ID',
    tells: 'the keys in the box’s USB ports that users touch to sign in (security-keys --help)',
    run: async (args) => (await import('./security-keys.ts')).securityKeys(args),
    help: async () => (await import('./security-keys.ts')).securityKeysHelp,
  },
  sessions: {
    usage: 'sessions list | sessions end ID',
    tells: 'who is signed in on the page, and from where (sessions --help)',
    run: async (args) => (await import('./sessions.ts')).sessions(args),
    help: async () => (await import('./sessions.ts')).sessionsHelp,
  },
  tokens: {
    usage: 'tokens list | tokens make NAME --access … | tokens revoke ID',
    tells: 'what programs use the API with, and for what (tokens --help)',
    run: async (args) => (await import('./tokens.ts')).tokens(args),
    help: async () => (await import('./tokens.ts')).tokensHelp,
  },
  audit: {
    usage: 'audit [--limit N] [--before ID] [--json]',
    tells: 'who changed what, and who was refused (audit --help)',
    run: async (args) => (await import('./audit.ts')).audit(args),
    help: async () => (await import('./audit.ts')).auditHelp,
  },
  support: {
    usage: 'support [--out FILE] [--json]',
    tells: 'one file for who helps from afar, without secrets (support --help)',
    run: async (args) => (await import('./support.ts')).support(args),
    help: async () => (await import('./support.ts')).supportHelp,
  },
  completion: {
    usage: 'completion bash|zsh',
    tells: 'a script for the shell, by which it completes what is typed: source <(hithe completion bash)',
    run: async (args) => (await import('./completion.ts')).completion(args),
  },
  version: {
    usage: 'version [--json]',
    tells: 'the version of the image',
    run: async (args) => (await import('./box.ts')).version(args),
  },
  'warm-up': {
    usage: 'warm-up',
    tells: 'runs what a start runs, so that Node can cache the compiled code; the image builder calls it',
    run: async () => (await import('./warm-up.ts')).warmUp(),
  },
  daemon: {
    usage: 'daemon',
    tells: 'the runtime itself; init starts it',
    run: async () => {
      await (await import('../daemon.ts')).runDaemon();
      return 0;
    },
  },
};

export function help(): string {
  const rows = Object.values(commands).map(({ usage, tells }) => `  ${usage.padEnd(46)} ${tells}`);
  return `Usage: hithe COMMAND\n\n${rows.join('\n')}\n\nWith --json a command prints one JSON document; log and flows print one a line. hithe help COMMAND tells more.\n`;
}
