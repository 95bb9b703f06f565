import { defineConfig } from 'vitest/config';

const namespaceTests = 'test/**/*.namespace.test.ts';

/**
 * unit: rooms by themselves, within the 60 s of `npm run check`.
 * simulation: whole overlays on a seeded virtual network.
 * system: the image booted in QEMU, and what needs the kernel's network namespaces; one file at a time on two cores.
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
          name: 'system',
          include: ['test/system/**/*.test.ts', namespaceTests],
          testTimeout: 300_000,
          hookTimeout: 900_000,
          fileParallelism: false,
          // After the others: guests under emulation want both cores.
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
