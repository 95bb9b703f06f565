import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/longest-first.ts';

const namespaceTests = 'test/**/*.namespace.test.ts';
const programTests = 'test/**/*.program.test.ts';

/** They hold what they see to time limits, or send as much as a core can, so that they want both cores. */
const aloneTests = ['test/system/{harness,tunnel,overlay-hostile}.test.ts'];

const pageTests = 'test/system/webui-*.test.ts';

const overlayTests = ['test/system/{overlay-{flows,journeys,lan,uplinks},policy,network-vlan}.test.ts'];

/**
 * unit: rooms by themselves, within the 60 s of `npm run check`.
 * simulation: whole overlays on a seeded virtual network.
 * programs: rooms together with other programs: TPM emulators, tshark, openssl, shells, processes that are killed.
 * namespaces: networks in network namespaces of this host. These two wait more than they work: four files at a time.
 * pages: the page in Chromium, two files at a time.
 * system: the image built, and booted in QEMU, two files at a time.
 * overlays: many gateways in one guest, two files at a time: three keep their own time limits waiting.
 * alone: what needs the machine for itself, one file at a time.
 */
export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts', 'test/**/*.test.tsx'],
          exclude: ['test/simulation/**', 'test/system/**', namespaceTests, programTests],
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
          name: 'programs',
          include: [programTests],
          testTimeout: 30_000,
          hookTimeout: 60_000,
          maxWorkers: 4,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'namespaces',
          include: [namespaceTests],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          maxWorkers: 4,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'pages',
          include: [pageTests],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          maxWorkers: 2,
          // Files share a worker's browser and its build of the page.
          isolate: false,
          // As long as Playwright's own waits: a machine at work is slow.
          expect: { poll: { timeout: 30_000 } },
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: {
          name: 'system',
          include: ['test/system/**/*.test.ts'],
          exclude: [...aloneTests, ...overlayTests, pageTests],
          globalSetup: 'test/system/build-image.ts',
          testTimeout: 300_000,
          hookTimeout: 900_000,
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: {
          name: 'overlays',
          include: overlayTests,
          testTimeout: 300_000,
          hookTimeout: 900_000,
          maxWorkers: 2,
          sequence: { groupOrder: 3 },
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
          sequence: { groupOrder: 4 },
        },
      },
    ],
  },
});
