import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';
import { addOnFiles, firmwareVersion, writeBundle } from './bundle.ts';
import { bootPackages, labPackages, rootPackages, toolPackages } from './contents.ts';
import { extractPackages, type FetchedPackage, fetchPackages, readLock, suite, writeLock } from './debian.ts';
import { type EspContent, writeDisk, writeEsp } from './disk.ts';
import { initrdScript, writeInitrd } from './initrd.ts';
import { ModuleTree } from './kernel-modules.ts';
import { billOfMaterials, type ReleaseManifest } from './manifest.ts';
import { machineMirror } from './mirror.ts';
import { buildRoot, cacheRoot, projectRoot } from './places.ts';
import { PrivateApt } from './private-apt.ts';
import type { Progress } from './progress.ts';
import { describeRelease, writeManifest } from './release.ts';
import { type ReleaseKey, readReleaseKey } from './release-key.ts';
import { layOutRoot, nodeFlags, osRelease, writeSquashfs } from './root.ts';
import { enrolmentFiles, readSecureBootIdentity, signImage } from './secure-boot.ts';
import { fileSha256, hashOf, stage, treeHash } from './stage.ts';
import { Tools } from './tools.ts';
import { kernelArguments, unifiedKernelImage } from './uki.ts';
import { appendVerity, type VerityRoot, verityArguments } from './verity.ts';

export const architectures = ['x86-64'] as const;
export type Architecture = (typeof architectures)[number];

/** Every time stamp in the image: no build's clock gets into it. */
export const sourceDateEpoch = 1_767_225_600;

/** Tries that the boot loader gives a new image before it falls back (systemd-boot's boot counting). */
const bootTries = 3;

export type BuildOptions = {
  readonly arch: Architecture;
  readonly progress: Progress;
  /** The folder that gets the image; `build/image/<arch>` unless given. */
  readonly out?: string;
  readonly mirror?: string | undefined;
  readonly locked?: boolean;
  /** Also make the download. It takes minutes, and guests boot the raw image. */
  readonly compress?: boolean;
  /** PEM file with the release's private key (RSA-2048); the published development key unless given. */
  readonly releaseKey?: string | undefined;
  /** PEM files with key and certificate by which loader and UKI are signed for UEFI Secure Boot; unsigned unless given. */
  readonly secureBoot?: { readonly key: string; readonly certificate: string } | undefined;
};

export type BuiltImage = {
  readonly version: string;
  /** The raw disk image. Never written to: guests use an overlay. */
  readonly imagePath: string;
  /** Null unless `compress` was asked for. */
  readonly compressedPath: string | null;
  readonly manifestPath: string;
  readonly manifest: ReleaseManifest;
  readonly sha256: string;
  readonly rootHash: string;
  readonly kernelPath: string;
  readonly initrdPath: string;
  /** systemd's EFI stub and loader, for further images from the same parts. */
  readonly stubPath: string;
  readonly loaderPath: string;
  readonly commandLine: string;
  readonly kernelRelease: string;
  readonly releaseKey: ReleaseKey;
  /** The unpacked packages and kernel, for test guests made from the same parts. */
  readonly packagesFolder: string;
  readonly kernelFolder: string;
  readonly tools: Tools;
};

export const lockPath = join(projectRoot, 'image-builder/inputs.lock.json');

/** The hash of source files of this folder: a changed builder builds again what it makes. */
const sources = (...names: string[]) =>
  hashOf(...names.map((name) => readFileSync(join(import.meta.dirname, name))));

const packagesHash = (packages: readonly FetchedPackage[]) =>
  hashOf(...packages.map(({ name, sha256 }) => `${name} ${sha256}`));

async function unpack(key: string, packages: readonly FetchedPackage[], progress: Progress): Promise<string> {
  const inputs = packagesHash(packages);
  const folder = join(cacheRoot, 'unpacked', `${key}-${inputs.slice(0, 16)}`);
  return stage(folder, inputs, progress, `Unpacking ${packages.length} packages (${key})`, (path) =>
    extractPackages(packages, path),
  );
}

async function fetchInputs({
  progress,
  mirror,
  locked = false,
}: Pick<BuildOptions, 'progress' | 'mirror' | 'locked'>) {
  const oldLock = readLock(lockPath);
  const { packages, lock } = await fetchPackages({
    architecture: 'amd64',
    requests: { boot: bootPackages, root: rootPackages, tools: toolPackages, lab: labPackages },
    lock: oldLock,
    locked,
    progress,
    cache: cacheRoot,
    openSource: () => new PrivateApt(cacheRoot, 'amd64', mirror ?? machineMirror()),
  });
  if (lock !== oldLock) writeLock(lockPath, lock);
  const { boot = [], root = [], tools: toolSet = [], lab = [] } = packages;
  const tools = new Tools(await unpack('tools', toolSet, progress));
  return { boot, root, lab, tools, toolsHash: packagesHash(toolSet), lock };
}

/** What test guests are made of: the image's kernel and packages, without the firmware. */
export type GuestParts = Pick<
  BuiltImage,
  'kernelPath' | 'kernelRelease' | 'packagesFolder' | 'kernelFolder' | 'tools'
> & {
  /** Unpacked packages of the lab alone. */
  readonly labFolder: string;
};

/** Fetches and unpacks what {@link buildImage} would, and builds nothing. @throws BuildError */
export async function unpackGuestParts(progress: Progress): Promise<GuestParts> {
  const { boot, root, lab, tools } = await fetchInputs({ progress, mirror: undefined });
  const kernelFolder = await unpack('kernel', boot, progress);
  const packagesFolder = await unpack('root', root, progress);
  const labFolder = await unpack('lab', lab, progress);
  const kernelRelease = new ModuleTree(kernelFolder, tools).release;
  const kernelPath = join(kernelFolder, 'boot', `vmlinuz-${kernelRelease}`);
  return { kernelPath, kernelRelease, packagesFolder, labFolder, kernelFolder, tools };
}

/**
 * Builds the disk image of one architecture, as much of it as has changed since the last time.
 *
 * @throws BuildError with what to do about it
 */
export async function buildImage({
  arch,
  progress,
  out = join(buildRoot, 'image', arch),
  mirror,
  locked,
  compress = false,
  releaseKey: releaseKeyPath,
  secureBoot: secureBootPaths,
}: BuildOptions): Promise<BuiltImage> {
  const version = firmwareVersion();
  const releaseKey = readReleaseKey(releaseKeyPath);
  const { development } = releaseKey;
  const secureBoot = secureBootPaths
    ? readSecureBootIdentity(secureBootPaths.key, secureBootPaths.certificate)
    : null;
  mkdirSync(out, { recursive: true });
  const { boot, root, tools, toolsHash, lock } = await fetchInputs({
    progress,
    mirror,
    locked: locked ?? false,
  });
  const kernelFolder = await unpack('kernel', boot, progress);
  const packagesFolder = await unpack('root', root, progress);
  const modules = new ModuleTree(kernelFolder, tools);
  const contents = hashOf(
    packagesHash(boot),
    packagesHash(root),
    toolsHash,
    sources('contents.ts', 'module-selection.ts', 'kernel-modules.ts', 'libraries.ts'),
  );

  const nodeHash = await fileSha256(process.execPath);
  const node = await stage(
    join(out, 'parts/node'),
    hashOf(nodeHash, toolsHash),
    progress,
    'Stripping Node',
    (path) => {
      tools.run('x86_64-linux-gnu-strip', ['--strip-all', '-o', path, process.execPath]);
    },
  );

  const bundle = join(out, 'parts/bundle');
  progress('Bundling the firmware');
  await writeBundle(bundle, 'x64');
  const bundleSha256 = await fileSha256(join(bundle, 'hithe.js'));
  const bundleHash = hashOf(
    bundleSha256,
    ...(await Promise.all(addOnFiles.map((name) => fileSha256(join(bundle, name))))),
  );

  const rootInputs = hashOf(
    contents,
    nodeHash,
    bundleHash,
    osRelease(version, development),
    treeHash(join(projectRoot, 'image-builder/root')),
    sources('root.ts', 'uniform-tree.ts', 'verity.ts'),
    nodeFlags.join(' '),
  );
  const rootImage = await stage(
    join(out, 'parts/root.img'),
    rootInputs,
    progress,
    'Packing the root file system (squashfs)',
    (path) => {
      const tree = `${path}.tree`;
      layOutRoot(tree, {
        packages: packagesFolder,
        modules,
        bundle,
        node,
        version,
        development,
        epoch: sourceDateEpoch,
        tools,
      });
      writeSquashfs(path, tree, sourceDateEpoch, tools);
      progress('Hashing the root file system (dm-verity)');
      writeFileSync(join(out, 'parts/verity.json'), JSON.stringify(appendVerity(path, tools)));
    },
  );
  const verity = JSON.parse(readFileSync(join(out, 'parts/verity.json'), 'utf8')) as VerityRoot;

  const initrdInputs = hashOf(contents, initrdScript(), sources('initrd.ts', 'uniform-tree.ts'));
  const initrd = await stage(
    join(out, 'initrd.zst'),
    initrdInputs,
    progress,
    'Packing the initial RAM disk',
    (path) => {
      writeInitrd(path, { packages: packagesFolder, modules, epoch: sourceDateEpoch, tools });
    },
  );

  const kernel = join(out, 'vmlinuz');
  copyFileSync(join(kernelFolder, 'boot', `vmlinuz-${modules.release}`), kernel);
  const efi = join(kernelFolder, 'usr/lib/systemd/boot/efi');
  const stub = join(efi, 'linuxx64.efi.stub');
  // Without keys of one's own the image is not signed: a signature that no firmware knows would only be in the way.
  const signed = (program: Uint8Array) => (secureBoot === null ? program : signImage(program, secureBoot));
  const loader = join(out, 'parts/systemd-boot.efi');
  writeFileSync(loader, signed(readFileSync(join(efi, 'systemd-bootx64.efi'))));
  const commandLine = `${verityArguments(verity)} ${kernelArguments}`;
  const uki = join(out, 'parts/hithe.efi');
  const unsigned = unifiedKernelImage({
    stub,
    kernel,
    initrd,
    commandLine,
    osRelease: osRelease(version, development),
    kernelRelease: modules.release,
    releaseKey,
  });
  writeFileSync(uki, signed(unsigned));

  const ukiName = `hithe_${version}+${bootTries}.efi`;
  const keys = secureBoot === null ? null : enrolmentFiles(secureBoot, sourceDateEpoch);
  const esp: EspContent = { loader, loaderName: 'BOOTX64.EFI', uki, ukiName, keys };
  const imagePath = join(out, `hithe-${version}-${arch}.img`);
  const diskInputs = hashOf(
    await fileSha256(uki),
    rootInputs,
    await fileSha256(loader),
    ukiName,
    ...(keys === null ? [] : [...keys.values()].map((content) => hashOf(Buffer.from(content)))),
    sources('disk.ts'),
    toolsHash,
  );
  await stage(imagePath, diskInputs, progress, 'Writing the disk image', (path) =>
    assembleDisk(path, esp, rootImage, tools),
  );
  const compressedPath = compress ? await compressImage(imagePath, diskInputs, progress, tools) : null;

  const manifest = await describeRelease({
    version,
    architecture: arch,
    image: imagePath,
    compressed: compressedPath,
    root: rootImage,
    verity,
    uki,
    ukiName,
    loader,
    initrd,
    kernel,
    kernelRelease: modules.release,
    commandLine,
    bundle: join(bundle, 'hithe.js'),
    node,
    releaseKey,
    secureBoot,
  });
  const manifestPath = writeManifest(out, manifest, releaseKey);
  const metafile = JSON.parse(readFileSync(join(bundle, 'metafile.json'), 'utf8')) as Metafile;
  const bill = billOfMaterials(
    version,
    lock,
    suite,
    metafile,
    { version: manifest.node.version, sha256: nodeHash },
    sourceDateEpoch,
  );
  writeFileSync(join(out, 'bom.cdx.json'), `${JSON.stringify(bill, null, 2)}\n`);
  copyFileSync(join(bundle, 'hithe.js.map'), join(out, 'hithe.js.map'));
  return {
    version,
    imagePath,
    compressedPath,
    manifestPath,
    manifest,
    sha256: manifest.image.sha256,
    rootHash: verity.rootHash,
    kernelPath: kernel,
    initrdPath: initrd,
    stubPath: stub,
    loaderPath: loader,
    commandLine,
    kernelRelease: modules.release,
    releaseKey,
    packagesFolder,
    kernelFolder,
    tools,
  };
}

/** The download: the whole image compressed once, as far as zstd goes in reasonable time. */
function compressImage(imagePath: string, inputs: string, progress: Progress, tools: Tools): Promise<string> {
  return stage(`${imagePath}.zst`, inputs, progress, 'Compressing the disk image (minutes)', (path) => {
    tools.run('zstd', ['--quiet', '-19', '--long=27', '-T2', '--force', imagePath, '-o', path]);
  });
}

function assembleDisk(path: string, esp: EspContent, rootImage: string, tools: Tools): void {
  const espPath = `${path}.esp`;
  writeEsp(espPath, esp, sourceDateEpoch, tools);
  writeDisk(path, espPath, rootImage, tools);
  rmSync(espPath);
}

/**
 * The floor that boot times are measured against: the same disk layout, loader, stub, kernel and initial RAM disk,
 * but the kernel's first program is busybox's shell, which says so and waits.
 *
 * @returns the path of a raw disk image whose console prints `floor: shell` once the shell runs
 */
export async function buildFloorImage(image: BuiltImage, path: string): Promise<string> {
  const uki = `${path}.efi`;
  const { stubPath: stub, kernelPath: kernel, initrdPath: initrd, kernelRelease, releaseKey, tools } = image;
  const commandLine = `${kernelArguments} rdinit=/bin/sh -- -c "echo floor: shell; exec sh"`;
  writeFileSync(
    uki,
    unifiedKernelImage({
      stub,
      kernel,
      initrd,
      commandLine,
      osRelease: osRelease(image.version, releaseKey.development),
      kernelRelease,
      releaseKey,
    }),
  );
  const empty = `${path}.root`;
  writeFileSync(empty, new Uint8Array(4096));
  assembleDisk(
    path,
    { loader: image.loaderPath, loaderName: 'BOOTX64.EFI', uki, ukiName: 'floor.efi', keys: null },
    empty,
    tools,
  );
  rmSync(uki);
  rmSync(empty);
  return path;
}
