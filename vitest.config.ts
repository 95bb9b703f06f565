import { defineConfig } from 'vitest/config';

const namespaceTests = 'test/**/*.namespace.test.ts';

/** They hold what they see to time limits, or share one guest among many gateways, so that they want both cores. */
const aloneTests = ['test/system/{harness,tunnel}.test.ts', 'test/system/overlay-*.test.ts'];

/**
 * unit: rooms by themselves, within the 60 s of `npm run check`.
 * simulation: whole overlays on a seeded virtual network.
 * namespaces: networks in network namespaces of this host, two files at a time.
 * system: the image built, and booted in QEMU, two files at a time.
 * alone: tunnels in guests, one file at a time.
 */
export default defineConfig({
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts', 'test/**/*.test.tsx'],
          exclude: ['test/simulation/**', 'test/system/**', namespaceTests],
          testTimeout: 30_000,
          hookTimeout: 60_000,
          maxWorkers: 2,
          // Files share a worker's modules: half the time. None of them changes what a module holds.
          isolate: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'simulation',
          include: ['test/simulation/**/*.test.ts'],
          testTimeout: 300_000,
          maxWorkers: 2,
        },
      },
      {
        extends: true,
        test: {
          name: 'namespaces',
          include: [namespaceTests],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'system',
          include: ['test/system/**/*.test.ts'],
          exclude: aloneTests,
          globalSetup: 'test/system/build-image.ts',
          testTimeout: 300_000,
          hookTimeout: 900_000,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'alone',
          include: aloneTests,
          testTimeout: 300_000,
          hookTimeout: 900_000,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
