import { closeSync, cpSync, openSync, readFileSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { BuiltImage } from '../../image-builder/build.ts';
import { appendSections, readSections } from '../../image-builder/pe.ts';
import { appendVerity, verityArguments } from '../../image-builder/verity.ts';
import { runBound } from '../../qemu/bound-process.ts';
import { tpmStateName } from '../../qemu/tpm-emulator.ts';
import { partition } from './partitions.ts';

const slot = 'EFI/Linux';

/** Sections of the unified kernel image in the order in which the builder appends them. */
const sections = ['.osrel', '.cmdline', '.uname', '.pcrpkey', '.initrd', '.linux', '.pcrsig'];

/** What was on a machine that has ended, kept for others: its disk, and the state of its TPM. */
export class KeptMachine {
  readonly #folder: string;
  readonly #image: BuiltImage;

  private constructor(folder: string, image: BuiltImage) {
    this.#folder = folder;
    this.#image = image;
  }

  static async of(scratchPath: string, folder: string, image: BuiltImage): Promise<KeptMachine> {
    const [overlay, disk] = [join(scratchPath, 'disk.qcow2'), join(folder, 'kept.img')];
    await runBound('qemu-img', 'qemu-utils', ['convert', '-O', 'raw', overlay, disk]);
    cpSync(join(scratchPath, tpmStateName), join(folder, tpmStateName), { recursive: true });
    return new KeptMachine(folder, image);
  }

  /** Puts the TPM's state into the folder of another machine. */
  readonly restoreTpm = async (scratchPath: string): Promise<void> => {
    cpSync(join(this.#folder, tpmStateName), join(scratchPath, tpmStateName), { recursive: true });
  };

  /** The disk as it is. */
  get disk(): string {
    return join(this.#folder, 'kept.img');
  }

  /** A copy of the disk, without the blocks that hold zeros. */
  async copy(name: string): Promise<AlteredDisk> {
    const path = join(this.#folder, `${name}.img`);
    await runBound('cp', 'coreutils', ['--sparse=always', this.disk, path]);
    return new AlteredDisk(path, this.#image);
  }
}

/** A box's disk in the hands of somebody who has everything but the release key. */
export class AlteredDisk {
  readonly path: string;
  readonly #image: BuiltImage;

  constructor(path: string, image: BuiltImage) {
    this.path = path;
    this.#image = image;
  }

  get #esp(): string {
    return `${this.path}@@${partition(this.path, 'esp').offset}`;
  }

  /** The kernel image as it is called now: the loader counts its tries in the name. */
  get kernelImageName(): string {
    const listing = this.#image.tools.run('mdir', ['-b', '-i', this.#esp, `::${slot}`]);
    const [name] = listing.split('\n').filter(Boolean);
    if (name === undefined) throw new Error(`${this.path} has no kernel image`);
    return name.replace(`::/${slot}/`, '');
  }

  writeFile(name: string, content: string | Uint8Array): void {
    const path = `${this.path}.file`;
    writeFileSync(path, content);
    this.#image.tools.run('mcopy', ['-o', '-i', this.#esp, path, `::${name}`]);
  }

  /** Lays the release's manifest where the box looks for what to compare itself with. */
  async layManifest(): Promise<void> {
    const { offset } = partition(this.path, 'state');
    for (const [file, name] of [
      [this.#image.manifestPath, 'release-manifest.json'],
      [`${this.#image.manifestPath}.sig`, 'release-manifest.json.sig'],
    ])
      await runBound('debugfs', 'e2fsprogs', [
        '-w',
        '-R',
        `write ${file} ${name}`,
        `${this.path}?offset=${offset}`,
      ]);
  }

  makeFolder(name: string): void {
    this.#image.tools.run('mmd', ['-i', this.#esp, `::${name}`]);
  }

  /** Puts the kernel image together anew with other sections; policy, signature and key stay those of the release. */
  alterKernelImage(
    change: (content: ReadonlyMap<string, Uint8Array>) => Readonly<Record<string, Uint8Array>>,
  ): void {
    const [name, copy] = [`${slot}/${this.kernelImageName}`, `${this.path}.uki`];
    this.#image.tools.run('mcopy', ['-o', '-i', this.#esp, `::${name}`, copy]);
    const content = readSections(readFileSync(copy));
    const changed = change(content);
    const parts = sections.map((section) => ({
      name: section,
      data: changed[section] ?? content.get(section) ?? new Uint8Array(),
    }));
    this.writeFile(name, appendSections(readFileSync(this.#image.stubPath), parts));
  }

  /**
   * Changes one octet of the root file system and gives it a hash tree of its own.
   *
   * @returns what the command line has to say for that
   */
  alterRoot(): string {
    const { offset } = partition(this.path, 'root-a');
    const root = Buffer.alloc(this.#image.manifest.root.dataBlocks * 4096);
    const disk = openSync(this.path, 'r+');
    try {
      readSync(disk, root, 0, root.length, offset);
      // squashfs keeps the time it was made there and never looks at it.
      root.writeUInt8(root.readUInt8(8) ^ 1, 8);
      const path = `${this.path}.root`;
      writeFileSync(path, root);
      const verity = appendVerity(path, this.#image.tools);
      const whole = readFileSync(path);
      writeSync(disk, whole, 0, whole.length, offset);
      return verityArguments(verity);
    } finally {
      closeSync(disk);
    }
  }
}
