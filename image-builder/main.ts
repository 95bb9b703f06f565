import { architectures, buildImage } from './build.ts';
import { BuildError } from './build-error.ts';
import { stderrProgress } from './progress.ts';
import { readOptions } from './read-options.ts';

const help = `Usage: npm run image [-- OPTIONS]

Builds the disk image: the same bytes for a physical box, a cloud and QEMU.

  --arch ARCH    x86-64 (the only one so far)
  --out DIR      where to put it (build/image/ARCH)
  --mirror URL   the Debian mirror (the one this machine's apt uses)
  --no-compress  only the raw image: the download takes minutes to compress
  --locked       refuse where the mirror no longer has what image-builder/inputs.lock.json names
  --release-key FILE
                 sign the release with this RSA-2048 key (PEM); without it the key that stands in the sources signs,
                 and the image says that it is a development build
  --secure-boot-key FILE, --secure-boot-certificate FILE
                 sign loader and kernel image for UEFI Secure Boot (RSA, PEM); a machine in set-up mode takes the
                 certificate as its only key, so that whatever else is on it no longer starts
  --json         print the release manifest on standard output
  --help         this text

Beside the image lie manifest.json (sizes, hashes, what a box will measure) with its signature manifest.json.sig and
release-key.pem, bom.cdx.json (CycloneDX) and hithe.js.map.
Write it to a disk or stick with:  zstd -dc IMAGE.img.zst | dd of=/dev/DISK bs=4M conv=fsync
`;

async function main(): Promise<number> {
  const { values } = readOptions(help, {
    options: {
      arch: { type: 'string', default: 'x86-64' },
      out: { type: 'string' },
      mirror: { type: 'string' },
      locked: { type: 'boolean', default: false },
      'release-key': { type: 'string' },
      'secure-boot-key': { type: 'string' },
      'secure-boot-certificate': { type: 'string' },
      'no-compress': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  const arch = architectures.find((known) => known === values.arch);
  if (!arch) throw new BuildError('usage', `--arch takes ${architectures.join(' or ')}, not ${values.arch}.`);
  const { 'secure-boot-key': key, 'secure-boot-certificate': certificate } = values;
  if ((key === undefined) !== (certificate === undefined))
    throw new BuildError('usage', '--secure-boot-key and --secure-boot-certificate belong together.');
  const image = await buildImage({
    arch,
    progress: stderrProgress('image'),
    mirror: values.mirror,
    locked: values.locked,
    compress: !values['no-compress'],
    releaseKey: values['release-key'],
    secureBoot: key === undefined || certificate === undefined ? undefined : { key, certificate },
    ...(values.out === undefined ? {} : { out: values.out }),
  });
  if (values.json) {
    process.stdout.write(`${JSON.stringify(image.manifest, null, 2)}\n`);
  } else {
    const { manifest, imagePath, sha256, rootHash } = image;
    const lines = [imagePath, `  sha256     ${sha256}`, `  root hash  ${rootHash}`];
    if (manifest.release.development)
      lines.push('  a development build: signed with the key that everybody has');
    if (manifest.compressed)
      lines.push(`  compressed ${(manifest.compressed.size / 1024 / 1024).toFixed(1)} MiB`);
    process.stdout.write(`${lines.join('\n')}\n`);
  }
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  // What the operating system refuses, a folder that is not to be written to say, has a code as well.
  if (!(error instanceof Error && 'code' in error)) throw error;
  process.stderr.write(`image: ${error.message}\n`);
  process.exitCode = error instanceof BuildError && error.code !== 'usage' ? 1 : 2;
}
