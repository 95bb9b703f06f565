import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { toHex } from '../../firmware/bytes/bytes.ts';
import { hip, hipHelp } from '../../firmware/cli/hip.ts';
import { frameRaw, frameUdp } from '../../firmware/hip/framing.ts';
import { encodePacket } from '../../firmware/hip/packet.ts';
import { addresses, inEthernet, inIp, inUdp, pcap, pcapng } from '../capture/capture-file.ts';
import { runHere } from './run-here.ts';

const main = fileURLToPath(new URL('../../firmware/main.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'hithe-cli-'));
const running: ChildProcess[] = [];
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
});
afterAll(() => rmSync(folder, { recursive: true }));

const run = (...args: readonly string[]) => runHere(hip, args);

const i1 = encodePacket({
  ...{ packet: 'I1', controls: 0, sender: new Uint8Array(16), receiver: new Uint8Array(16) },
  parameters: [{ name: 'DH_GROUP_LIST', groups: [7, 8, 9] }],
});
const raw = frameRaw(i1, ...addresses(4));
const file = (name: string, octets: Uint8Array | string) => {
  writeFileSync(join(folder, name), octets);
  return join(folder, name);
};

describe('hithe hip decode', () => {
  const one = { ok: true, packet: 'I1', framing: 'raw', checksum: { verdict: 'good' } };

  test.each([
    ['an IP datagram', inIp(4, 139, raw)],
    ['hexadecimal text', `${toHex(inIp(4, 139, raw)).replaceAll(/(.{32})/g, '$1\n')}\n`],
  ])('one packet: %s', async (name, content) => {
    const { status, stdout } = await run('decode', file(`${name}.bin`, content), '--json');
    expect([status, JSON.parse(stdout)]).toEqual([0, expect.objectContaining({ ok: true })]);
    expect(JSON.parse(stdout)).toMatchObject(one);
  });

  test('a capture: numbers, times, verdicts, errors, and what there was', async () => {
    const broken = raw.slice();
    broken[3] = 0x11;
    const frames = [
      inEthernet(inIp(4, 139, raw), [0x8100]),
      inEthernet(inIp(4, 17, inUdp(frameUdp(i1)))),
      inEthernet(inIp(4, 17, inUdp(new Uint8Array(60).fill(7)))),
      inEthernet(inIp(4, 6, new Uint8Array(20))),
      inEthernet(inIp(4, 139, broken)),
      inEthernet(inIp(4, 139, raw.slice(0, 16), { flagsAndOffset: 0x2000 })),
      inEthernet(inIp(4, 139, raw)).slice(0, 20),
    ];
    for (const make of [pcap, pcapng]) {
      const { status, stdout } = await run('decode', file('capture', make(frames)), '--json');
      const { packets, counts, error } = JSON.parse(stdout);
      expect([status, error]).toEqual([0, undefined]);
      expect(counts).toEqual({
        ...{ frames: 7, hip: 3, notDecoded: 1, esp: 1, keepalives: 0, fragments: 1, damaged: 1, others: 1 },
      });
      expect(packets).toMatchObject([
        { number: 1, kind: 'hip', ok: true, time: '2023-11-14T22:13:20.123456Z', packet: 'I1' },
        { number: 2, framing: 'udp', sourcePort: 10500, checksum: { verdict: 'zero-as-over-udp' } },
        { number: 3, kind: 'esp', spi: '0x07070707', sequence: 0x07070707 },
        { number: 5, ok: false, checksum: { verdict: 'bad' }, error: { path: 'HIP.Version', offset: 3 } },
        { number: 6, kind: 'fragment' },
        { number: 7, kind: 'damaged', error: { path: 'IPv4.Fragment Offset' } },
      ]);
    }
    const text = await run('decode', file('capture', pcap(frames)));
    expect(text.stdout).toContain(
      '7 frames: 3 HIP (1 not decoded), 1 ESP, 0 keepalives, 1 fragments, 1 damaged, 1 others',
    );
  }, 60_000);

  test('a capture that ends in the middle is read so far', async () => {
    const whole = pcap([inIp(4, 139, raw), inIp(4, 139, raw)], { linkType: 101 });
    const { status, stdout } = await run('decode', file('cut', whole.slice(0, -1)), '--json');
    const { packets, error } = JSON.parse(stdout);
    expect([status, packets.length, error.path]).toEqual([1, 1, 'pcap.packet 2']);
  });

  test.each([
    [['decode'], 2, 'takes one file'],
    [['decode', 'a', 'b'], 2, 'takes one file'],
    [['decode', '--color', 'a'], 2, "Unknown option '--color'"],
    [['decode', '--port', '0', 'a'], 2, '--port takes 1 to 65535'],
    [['decode', join(folder, 'nothing')], 1, 'is neither a file nor hexadecimal'],
    [['decode', folder], 1, 'EISDIR'],
    [['probe'], 2, 'takes one hip://host:port/HIT'],
    [['probe', 'hip://gw/2001:db8::1'], 2, 'is not a HIT'],
    [['probe', '--count', '0', 'hip://gw/2001:22::1'], 2, '--count takes 1 to 1000'],
    [['respond', 'x'], 2, 'takes options alone'],
    [['respond', '--peer', '::1'], 2, '--peer takes a HIT'],
    [['respond', '--port', '65536'], 2, '--port takes 0 to 65535'],
    [['respond', '--identity', folder], 1, 'EISDIR'],
    [['respond', '--port', '0', '--key-log', '/nonexistent/keys'], 1, 'ENOENT'],
    [['resolve'], 2, 'hip takes: decode, probe, respond'],
    [[], 2, 'hip takes: decode, probe, respond'],
  ])('hip %j ends with %i: %s', async (args, status, message) => {
    const ended = await run(...args);
    expect([ended.status, ended.stderr]).toEqual([status, expect.stringContaining(message)]);
  });

  test('--help says of one verb what it takes, or of all', async () => {
    for (const verb of ['decode', 'probe', 'respond'])
      expect(await hipHelp([verb, '--help'])).toMatch(new RegExp(`^Usage: hithe hip ${verb} `));
    expect((await hipHelp(['--help'])).match(/^Usage: /gm)?.length).toBe(3);
  });

  test('as a program, with a reader that stops reading', async () => {
    const many = file('many', pcap(new Array<Uint8Array>(5000).fill(inIp(4, 139, raw)), { linkType: 101 }));
    const child = spawn('/bin/sh', [
      '-c',
      `"${process.execPath}" "${main}" hip decode "${many}" | head -n 1`,
    ]);
    const [text, [status]] = await Promise.all([child.stdout.toArray(), once(child, 'exit')]);
    expect([status, text.join('')]).toEqual([0, expect.stringMatching(/^#1 {2}2023-/)]);
  });
});

describe('hithe hip probe and respond', () => {
  async function respond(...args: readonly string[]) {
    const child = spawn(process.execPath, [main, 'hip', 'respond', '--port', '0', '--json', ...args]);
    running.push(child);
    const lines = createInterface(child.stdout);
    const events: Record<string, unknown>[] = [];
    lines.on('line', (line) => events.push(JSON.parse(line)));
    await once(lines, 'line');
    return { child, events, port: events[0]?.['port'], hit: events[0]?.['hit'] };
  }

  test('a script can use what the responder says; it is told when it is stopped', async () => {
    const identity = join(folder, 'identity.pem');
    const { child, events, port, hit } = await respond('--identity', identity);
    expect(statSync(identity).mode & 0o777).toBe(0o600);
    const uri = `hip://127.0.0.1:${port}/${hit}`;
    expect(events[0]).toMatchObject({ event: 'listening', uris: expect.arrayContaining([uri]) });
    const keyLog = join(folder, 'esp_sa');
    const probed = await run('probe', uri, '--json', '--count', '2', '--key-log', keyLog);
    const result = JSON.parse(probed.stdout);
    expect([probed.status, result.reached, result.probes.length]).toEqual([0, 2, 2]);
    expect(statSync(keyLog).mode & 0o777).toBe(0o600);
    expect(readFileSync(keyLog, 'utf8').match(/^"IPv4",/gm)?.length).toBe(4);
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    expect(events.at(-1)).toMatchObject({ event: 'stopped' });
    // The same file is the same host.
    const again = await respond('--identity', identity);
    expect(again.hit).toBe(hit);
  }, 60_000);

  test('--once ends with the first association; nobody is left to answer', async () => {
    const { child, port, hit } = await respond('--once');
    const ended = once(child, 'exit');
    const uri = `hip://127.0.0.1:${port}/${hit}`;
    expect((await run('probe', uri)).stdout).toMatch(/^reached in /m);
    expect(await ended).toEqual([0, null]);
    const nobody = await run('probe', uri, '--timeout', '1', '--json');
    const { probes, reached } = JSON.parse(nobody.stdout);
    expect([nobody.status, reached, probes[0].reached]).toEqual([1, 0, false]);
    expect(probes[0].steps.map(({ step }: { step: string }) => step)).toContain('I1 sent');
  }, 60_000);
});
