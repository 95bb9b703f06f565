import { openSettingsStore } from '../../firmware/store/open-store.ts';
import { storeFiles } from '../../firmware/system/store-files.ts';

/** Saves revisions for ever and writes each one's number to standard output once the store has confirmed it. */
const directory = process.argv[2] ?? '';
const { store } = await openSettingsStore(directory, {
  files: storeFiles,
  now: () => new Date().toISOString(),
});
for (let count = 1; ; count++) {
  const saved = store.save({ version: 1, hostname: `host-${count}` }, 'writer');
  if (!saved.ok) throw saved.error;
  process.stdout.write(`${saved.value.id} host-${count}\n`);
  // Standard output is a pipe and written asynchronously: the next save waits until this line has left.
  await new Promise((resolve) => setImmediate(resolve));
}
