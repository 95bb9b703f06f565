// Runs in a network namespace: serves the machine's time as a provider does, or asks a server for it.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readTimeAnswer, timeQuestion } from '../../firmware/netd/clock/sntp-packet.ts';
import { askByUdp } from '../../firmware/system/clock.ts';
import { runTimeServer } from '../../qemu/guest/time-server.ts';

export type TimeTold = {
  /** The first octet and the stratum; null where nobody answered. */
  readonly said: readonly number[] | null;
  /** Milliseconds between what was told and the clock here; null where that was no time. */
  readonly off: number | null;
};

if (process.argv[2] === 'serve') await runTimeServer([]);
else {
  const server = JSON.parse(readFileSync(0, 'utf8')) as string;
  const nonce = new Uint8Array(randomBytes(8));
  const exchange = await askByUdp(server, 123, timeQuestion(nonce), 700);
  const answer = exchange === null ? null : readTimeAnswer(exchange.octets, nonce, Date.now());
  const told: TimeTold = {
    said: exchange === null ? null : [...exchange.octets.subarray(0, 2)],
    off: answer === null ? null : Math.abs(Date.now() - answer.sentAt),
  };
  process.stdout.write(JSON.stringify(told));
}
