import { openLogRing } from '../../firmware/system/log-ring.ts';

/** Logs without end and tells the number of each entry once it is logged, until it is killed. */
const ring = openLogRing(process.argv[2] ?? '');
for (let count = 1; ; count++) {
  ring.log('info', 'fixture', `entry ${count}`);
  process.stdout.write(`${count}\n`);
  await new Promise((resolve) => setImmediate(resolve));
}
