import { parseArgs } from 'node:util';
import { architectures, buildImage } from './build.ts';
import { BuildError } from './build-error.ts';
import { stderrProgress } from './progress.ts';

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
  --json         print the release manifest on standard output
  --help         this text

Beside the image lie manifest.json (sizes and hashes), bom.cdx.json (CycloneDX) and hithe.js.map.
Write it to a disk or stick with:  zstd -dc IMAGE.img.zst | dd of=/dev/DISK bs=4M conv=fsync
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      arch: { type: 'string', default: 'x86-64' },
      out: { type: 'string' },
      mirror: { type: 'string' },
      locked: { type: 'boolean', default: false },
      'release-key': { type: 'string' },
      'no-compress': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const arch = architectures.find((known) => known === values.arch);
  if (!arch) throw new BuildError('usage', `--arch takes ${architectures.join(' or ')}, not ${values.arch}.`);
  const image = await buildImage({
    arch,
    progress: stderrProgress('image'),
    mirror: values.mirror,
    locked: values.locked,
    compress: !values['no-compress'],
    releaseKey: values['release-key'],
    ...(values.out === undefined ? {} : { out: values.out }),
  });
  if (values.json) {
    process.stdout.write(`${JSON.stringify(image.manifest, null, 2)}\n`);
  } else {
    const { manifest, imagePath, sha256, rootHash } = image;
    const lines = [imagePath, `  sha256     ${sha256}`, `  root hash  ${rootHash}`];
    if (manifest.compressed)
      lines.push(`  compressed ${(manifest.compressed.size / 1024 / 1024).toFixed(1)} MiB`);
    process.stdout.write(`${lines.join('\n')}\n`);
  }
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof BuildError) && !(error instanceof TypeError && 'code' in error)) throw error;
  process.stderr.write(`image: ${error.message}\n`);
  process.exitCode = error instanceof BuildError && error.code !== 'usage' ? 1 : 2;
}
