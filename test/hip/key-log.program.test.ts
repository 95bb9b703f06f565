import { execFileSync } from 'node:child_process';
import { createCipheriv, createHmac, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { concatBytes, toHex } from '../../firmware/bytes/bytes.ts';
import { Writer } from '../../firmware/bytes/writer.ts';
import type { AssociationEffect } from '../../firmware/hip/association.ts';
import { formatHit } from '../../firmware/hip/host-identity-tag.ts';
import { keyLogComment, keyLogRow } from '../../firmware/hip/key-log.ts';
import type { EspKeys } from '../../firmware/hip/key-material.ts';
import { type EspSuiteName, makeOffers } from '../../firmware/hip/suites.ts';
import { inIp, inUdp, pcap } from '../capture/capture-file.ts';
import { exchange, Host, newSigner } from './two-hosts.ts';

const missing = existsSync('/usr/bin/tshark') ? null : 'not installed: tshark';

type Installed = Extract<AssociationEffect, { type: 'install-inbound' | 'install-outbound' }>;

/** ESP with a UDP datagram in it, as RFC 4303 has it, without 64-bit sequence numbers. */
function espPacket(
  { spi, suite, keys }: Installed['association'],
  sequence: number,
  text: string,
): Uint8Array {
  const inner = inUdp(new TextEncoder().encode(text), 40_001, 40_002);
  const block = suite.name.includes('cbc') ? 16 : 4;
  const padding = (block - ((inner.length + 2) % block)) % block;
  const trailer = Uint8Array.from([...Array.from({ length: padding }, (_, index) => index + 1), padding, 17]);
  const header = new Writer().u32(spi).u32(sequence).finish();
  return concatBytes(header, sealed(suite.name, keys, header, concatBytes(inner, trailer)));
}

function sealed(name: EspSuiteName, keys: EspKeys, header: Uint8Array, plain: Uint8Array): Uint8Array {
  const key = keys.encryption.reveal();
  const authenticated = (octets: Uint8Array) => {
    const hmac = createHmac('sha256', keys.authentication.reveal()).update(header).update(octets);
    return concatBytes(octets, hmac.digest().subarray(0, 16));
  };
  if (name === 'null-hmac-sha-256') return authenticated(plain);
  if (name === 'aes-gcm-16') {
    const iv = randomBytes(8);
    const cipher = createCipheriv('aes-128-gcm', key.subarray(0, 16), Buffer.concat([key.subarray(16), iv]));
    const text = Buffer.concat([cipher.setAAD(header).update(plain), cipher.final()]);
    return concatBytes(iv, text, cipher.getAuthTag());
  }
  const iv = randomBytes(16);
  const cipher = createCipheriv(key.length === 32 ? 'aes-256-cbc' : 'aes-128-cbc', key, iv).setAutoPadding(
    false,
  );
  return authenticated(concatBytes(iv, cipher.update(plain), cipher.final()));
}

/** What tshark says of ESP with a key log: the UDP payload within, and whether the ICV was good. */
function readEsp(packets: readonly Uint8Array[], keyLog: string): string[][] {
  const folder = mkdtempSync(join(tmpdir(), 'hithe-key-log-'));
  try {
    mkdirSync(join(folder, 'wireshark'));
    writeFileSync(join(folder, 'wireshark', 'esp_sa'), keyLog);
    writeFileSync(join(folder, 'esp.pcap'), pcap(packets, { linkType: 101 }));
    const output = execFileSync(
      'tshark',
      [
        ...['-n', '-r', join(folder, 'esp.pcap'), '-d', 'udp.port==10500,udpencap', '-T', 'fields'],
        ...['-o', 'esp.enable_encryption_decode:TRUE', '-o', 'esp.enable_authentication_check:TRUE'],
        ...['-e', 'esp.sequence', '-e', 'esp.icv_good', '-e', 'udp.dstport', '-e', 'data.data'],
      ],
      { env: { ...process.env, XDG_CONFIG_HOME: folder }, stdio: ['ignore', 'pipe', 'ignore'] },
    );
    return output
      .toString()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split('\t'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A base exchange's four installations with the key log of the initiator. */
async function logged(suite: EspSuiteName) {
  const offers = makeOffers(
    suite === 'null-hmac-sha-256' ? { suites: [], allowNullEncryption: true } : { suites: [suite] },
  );
  const initiator = new Host(newSigner(), '192.0.2.1', { offers });
  const responder = new Host(newSigner(), '192.0.2.2', { offers, firstSpi: 0x2000 });
  initiator.meet(responder);
  responder.meet(initiator);
  await responder.prepareR1s();
  let log = '';
  const installed: Installed[] = [];
  const ends = { local: formatHit(initiator.own.hit), peer: formatHit(responder.own.hit) };
  watch(initiator, (effect) => {
    log += keyLogComment(initiator.state, ends) + keyLogRow(effect.association);
  });
  watch(responder, (effect) => installed.push(effect));
  await exchange(initiator, responder);
  return { log, installed, initiator };
}

/** Tells of what a host installs; the host's state is the one after it. */
function watch(host: Host, onInstall: (effect: Installed) => void): void {
  const step = host.step.bind(host);
  host.step = (input, now) => {
    const effects = step(input, now);
    for (const effect of effects)
      if (effect.type === 'install-inbound' || effect.type === 'install-outbound') onInstall(effect);
    return effects;
  };
}

describe.skipIf(missing !== null)(`the key log${missing ? ` (skipped: ${missing})` : ''}`, () => {
  test.each([
    'aes-gcm-16',
    'aes-128-cbc-hmac-sha-256',
    'aes-256-cbc-hmac-sha-256',
    'null-hmac-sha-256',
  ] as const)('%s: tshark decrypts and authenticates both directions, raw and over UDP', async (suite) => {
    const { log, installed } = await logged(suite);
    const [one, other] = installed;
    if (one === undefined || other === undefined) throw new Error('nothing was installed');
    const texts = ['to the responder', 'to the initiator'];
    const packets = [one, other].flatMap(({ association }, index) => {
      const packet = (sequence: number) => espPacket(association, sequence, texts[index] ?? '');
      return [inIp(4, 50, packet(1)), inIp(4, 17, inUdp(packet(2)))];
    });
    const forged = packets.map((packet) => {
      const copy = packet.slice();
      copy.set([(copy.at(-1) ?? 0) ^ 1], copy.length - 1);
      return copy;
    });
    const shown = (text: string | undefined) => toHex(new TextEncoder().encode(text));
    const payloads = texts.flatMap((text) => [
      ['1', '40002', shown(text)],
      ['2', '10500,40002', shown(text)],
    ]);
    const found = readEsp([...packets, ...forged], log);
    expect(found.map(([sequence, , ...payload]) => [sequence, ...payload])).toEqual([
      ...payloads,
      ...payloads,
    ]);
    expect(found.map(([, good]) => good)).toEqual([...packets.map(() => '1'), ...forged.map(() => '0')]);
  });

  test('comments say where the keys came from: the secret and KEYMAT that the rows’ keys are cut from', async () => {
    const { log, installed } = await logged('aes-256-cbc-hmac-sha-256');
    const keymat = /# KEYMAT 0x([0-9a-f]+)/.exec(log)?.[1] ?? '';
    const drawn = installed.flatMap(({ association: { keys } }) => [keys.encryption, keys.authentication]);
    for (const secret of drawn) expect(keymat.slice(2 * 2 * (32 + 48))).toContain(toHex(secret.reveal()));
    // RFC 7401 §6.5, RFC 7402 §7: two HIP keys and an ESP pair each way, and nothing beyond.
    expect(keymat.length).toBe(2 * 2 * (32 + 48 + 32 + 32));
    expect(log).toMatch(/^# 2001:2[0-9a-f:]+ with 2001:2[0-9a-f:]+\n# DH secret 0x[0-9a-f]{64}\n# KEYMAT /);
  });
});
