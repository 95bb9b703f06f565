import { statSync } from 'node:fs';
import { join } from 'node:path';
import { writeBundle } from './bundle.ts';
import { buildRoot } from './places.ts';
import { readOptions } from './read-options.ts';

const help = `Usage: npm run build [-- OPTIONS]

Bundles the firmware into one file with its native add-ons beside it.

  --out DIR   where to put it (build/bundle)
  --help      this text
`;

const { values } = readOptions(help, { options: { out: { type: 'string' } } });
const folder = values.out ?? join(buildRoot, 'bundle');
await writeBundle(folder, process.arch === 'arm64' ? 'arm64' : 'x64');
const size = (statSync(join(folder, 'hithe.js')).size / 1024).toFixed(0);
process.stdout.write(`${join(folder, 'hithe.js')} (${size} KiB)\n`);
