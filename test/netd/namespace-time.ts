// Runs in a network namespace: serves the machine's time as a provider does, or asks a server for it.
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
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

/** Asks all DHCPv6 servers of the link for the options (RFC 8415 § 18.2.6), and says each that is answered, in hexadecimal. */
async function askByDhcpv6(link: string, options: readonly number[]): Promise<Record<number, string>> {
  const socket = createSocket('udp6');
  socket.bind(546);
  await once(socket, 'listening');
  socket.setMulticastInterface(`::%${link}`);
  const wanted = Buffer.alloc(options.length * 2);
  for (const [place, option] of options.entries()) wanted.writeUInt16BE(option, place * 2);
  const question = Buffer.concat([
    Buffer.from('0b010203', 'hex'),
    Buffer.from('0001000a00030001020000000005', 'hex'),
    Buffer.from([0, 6, 0, wanted.length]),
    wanted,
  ]);
  const ask = () => socket.send(question, 547, `ff02::1:2%${link}`);
  const again = setInterval(ask, 500);
  ask();
  const [answer] = (await once(socket, 'message', { signal: AbortSignal.timeout(20_000) })) as [Buffer];
  clearInterval(again);
  socket.close();
  const told: Record<number, string> = {};
  for (let at = 4; at < answer.length; at += 4 + answer.readUInt16BE(at + 2))
    told[answer.readUInt16BE(at)] = answer.toString('hex', at + 4, at + 4 + answer.readUInt16BE(at + 2));
  return told;
}

if (process.argv[2] === 'serve') await runTimeServer([]);
else if (process.argv[2] === 'dhcpv6')
  process.stdout.write(JSON.stringify(await askByDhcpv6('eth0', [31, 56])));
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
