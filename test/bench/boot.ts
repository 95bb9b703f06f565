import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type BuiltImage, buildFloorImage, buildImage } from '../../image-builder/build.ts';
import type { Progress } from '../../image-builder/progress.ts';
import { Gateway } from '../../qemu/gateway.ts';
import { HarnessError } from '../../qemu/harness-error.ts';
import { ScratchFolder } from '../../qemu/scratch.ts';
import { smallestThatWorks } from './bisect.ts';
import { type Figure, median } from './figures.ts';
import type { Bench } from './main.ts';

const mebibyte = 1024 * 1024;

/** Tries of each kind, in turns, so that whatever else the machine does falls on both alike. */
const bootTries = 3;
const bootMemoryMiB = 512;

/** Memory is tried in steps of this size, between what surely fails and what surely serves. */
const memory = { stepMiB: 16, failsMiB: 64, servesMiB: 512 } as const;

/** A guest that is short of memory does not fail, it gets slow: so much longer than a boot with plenty counts as failed. */
const slownessAllowed = 3;

/** After its start the runtime still lists hardware and quotes; then it is idle. */
const settleMs = 30_000;

/** Power on until the shell of the floor image runs: same firmware, devices, loader, stub, kernel, initial RAM disk. */
async function secondsToShell(image: BuiltImage, floorPath: string): Promise<number> {
  await using gateway = await Gateway.start({
    name: 'bench-floor',
    image: { ...image, imagePath: floorPath },
    memoryMiB: bootMemoryMiB,
  });
  await gateway.machine.console.expect(/floor: shell\n/, 180_000);
  return (performance.now() - gateway.machine.poweredOnAt) / 1000;
}

async function secondsToPage(image: BuiltImage, memoryMiB: number, timeoutMs?: number): Promise<number> {
  await using gateway = await Gateway.start({ name: 'bench-page', image, memoryMiB });
  return (await gateway.waitForPage(timeoutMs)).seconds;
}

async function serves(image: BuiltImage, memoryMiB: number, timeoutMs: number): Promise<boolean> {
  try {
    await secondsToPage(image, memoryMiB, timeoutMs);
    return true;
  } catch (error) {
    if (error instanceof HarnessError && (error.code === 'timeout' || error.code === 'ended')) return false;
    throw error;
  }
}

async function idleMemory(image: BuiltImage): Promise<{ idleMiB: number; accelerator: string }> {
  await using gateway = await Gateway.start({ name: 'bench-idle', image, memoryMiB: bootMemoryMiB });
  await gateway.waitForPage();
  await delay(settleMs);
  const { memory: used } = await gateway.page.status();
  return { idleMiB: used.usedBytes / mebibyte, accelerator: gateway.machine.accelerator };
}

async function bootRatio(
  image: BuiltImage,
  progress: Progress,
): Promise<{ figure: Figure; pageSeconds: number }> {
  using scratch = new ScratchFolder();
  const floorPath = await buildFloorImage(image, join(scratch.path, 'floor.img'));
  const pages: number[] = [];
  const shells: number[] = [];
  for (let attempt = 1; attempt <= bootTries; attempt++) {
    progress(`Boot ${attempt} of ${bootTries}: to the floor's shell, then to the page`);
    shells.push(await secondsToShell(image, floorPath));
    pages.push(await secondsToPage(image, bootMemoryMiB));
  }
  const pageSeconds = median(pages);
  // Each boot against the one beside it in time, so that other work on the machine weighs on both.
  const ratios = pages.map((page, index) => page / (shells[index] ?? Number.NaN));
  const figure: Figure = {
    ...{
      name: 'power-on-to-page-ratio',
      value: median(ratios),
      unit: 'ratio',
      better: 'lower',
      target: 1.4,
    },
    against: `the same firmware, loader and kernel to a busybox shell: ${median(shells).toFixed(1)} s (page ${pageSeconds.toFixed(1)} s)`,
    samples: ratios,
  };
  return { figure, pageSeconds };
}

export const measureBoot: Bench = async (progress) => {
  const image = await buildImage({ arch: 'x86-64', progress, compress: true });
  const { figure: ratio, pageSeconds } = await bootRatio(image, progress);
  progress('Memory used when idle');
  const { idleMiB, accelerator } = await idleMemory(image);
  const limitMs = pageSeconds * slownessAllowed * 1000;
  const smallestMiB = await smallestThatWorks(
    memory.failsMiB,
    memory.servesMiB,
    memory.stepMiB,
    (memoryMiB) => {
      progress(`Does it serve with ${memoryMiB} MiB?`);
      return serves(image, memoryMiB, limitMs);
    },
  );
  const compressedMiB = (image.manifest.compressed?.size ?? Number.NaN) / mebibyte;
  const lower = { unit: 'MiB', better: 'lower', against: null } as const;
  const figures: Figure[] = [
    ratio,
    { ...lower, name: 'image-compressed-mib', value: compressedMiB, target: 64, samples: [compressedMiB] },
    { ...lower, name: 'smallest-memory-mib', value: smallestMiB, target: 256, samples: [smallestMiB] },
    { ...lower, name: 'idle-memory-mib', value: idleMiB, target: null, samples: [idleMiB] },
  ];
  return { accelerator, figures };
};
