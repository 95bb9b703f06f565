import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { limits } from '../../../firmware/netd/limits.ts';
import {
  finalResult,
  LineReader,
  readActive,
  readAddress,
  readOperator,
  readRegistration,
  readSignal,
  readSim,
} from '../../../firmware/netd/modem/at-answers.ts';

describe('lines', () => {
  test('are put together however the octets come', () => {
    const text = '\r\n+CSQ: 17,99\r\n\r\nOK\r\n';
    const cuts = fc.array(fc.nat(text.length), { maxLength: 8 }).map((at) => at.sort((a, b) => a - b));
    fc.assert(
      fc.property(cuts, (at) => {
        const reader = new LineReader();
        const parts = [0, ...at].map((from, index) => text.slice(from, at[index] ?? text.length));
        expect(parts.flatMap((part) => reader.take(part))).toEqual(['+CSQ: 17,99', 'OK']);
      }),
    );
  });

  test('that are too long are dropped whole, and what follows is read', () => {
    const reader = new LineReader();
    const longest = 'x'.repeat(limits.modemLine);
    expect(reader.take(`${longest}\r\n`)).toEqual([longest]);
    for (const part of ['y', longest, longest, 'z\r\nO', 'K\r\n'])
      expect(reader.take(part)).toEqual(part === 'K\r\n' ? ['OK'] : []);
  });
});

describe('3GPP TS 27.007', () => {
  test.each([
    ['OK', 'ok'],
    ['ERROR', 'refused'],
    ['NO CARRIER', 'refused'],
    ['+CME ERROR: 10', 'refused'],
    ['+CMS ERROR: 500', 'refused'],
    ['+CPIN: READY', null],
    ['OKAY', null],
  ])('§ 9.2: %s ends a command: %s', (line, result) => expect(finalResult(line)).toBe(result));

  test.each([
    ['+CPIN: READY', 'ready'],
    ['+CPIN: SIM PIN', 'pin'],
    ['+CPIN: SIM PUK', 'puk'],
    ['+CPIN: PH-NET PIN', 'other'],
    ['+CRING: X', null],
  ])('§ 8.3: %s', (line, state) => expect(readSim([line])).toBe(state));

  test.each([
    ['+CEREG: 0,1', 'home'],
    ['+CEREG: 2,5,"1A2B","01A2B3C4",7', 'roaming'],
    ['+CGREG: 0,3', 'denied'],
    ['+CEREG: 0,9', 'unknown'],
    ['+CEREG: 0', null],
    ['+CEREG: 0,x', null],
  ])('§ 10.1.22: %s', (line, state) => expect(readRegistration([line])).toBe(state));

  test('§ 8.5: the signal in dBm, or not known', () => {
    expect([0, 20, 31, 32, 99].map((rssi) => readSignal([`+CSQ: ${rssi},99`]))).toEqual([
      ...[-113, -73, -51],
      ...[null, null],
    ]);
  });

  test('§ 7.3: an operator’s name is shown to people, without what they cannot read', () => {
    expect(readOperator(['+COPS: 0,0,"Télé (Zürich)",7'])).toBe('Télé (Zürich)');
    expect(readOperator(['+COPS: 0,0,"<b>\u001b[2J",7'])).toBe('b2J');
    expect(readOperator([`+COPS: 0,0,"${'x'.repeat(99)}",7`])).toHaveLength(limits.modemOperator);
    expect(readOperator(['+COPS: 0'])).toBe(null);
  });

  test('§ 10.1.10: whether the context is active, among others', () => {
    expect(readActive(['+CGACT: 1,0', '+CGACT: 2,1'], 1)).toBe(false);
    expect(readActive(['+CGACT: 2,0', '+CGACT: 1,1'], 1)).toBe(true);
  });

  test('§ 10.1.23: address, mask, gateway and name servers', () => {
    const answer = (local: string, gateway: string, ...servers: string[]) =>
      readAddress([
        `+CGCONTRDP: 1,5,"internet","${local}","${gateway}",${servers.map((one) => `"${one}"`).join(',')}`,
      ]);
    expect(answer('10.64.1.2.255.255.255.252', '10.64.1.1', '9.9.9.9', '149.112.112.112')).toEqual({
      address: '10.64.1.2/30',
      routes: [{ destination: 'default', gateway: '10.64.1.1' }],
      dns: ['9.9.9.9', '149.112.112.112'],
      mtu: null,
    });
    expect(answer('10.64.1.2', '')).toEqual({
      address: '10.64.1.2/32',
      routes: [{ destination: 'default', gateway: null }],
      dns: [],
      mtu: null,
    });
    for (const local of ['', '10.64.1', '10.64.1.2.255.0.255.0', '127.0.0.1', '10.64.1.2.0.0.0.0', '::1'])
      expect(answer(local, '10.64.1.1')).toBe(null);
  });

  test('whatever a modem says is a value or none', () => {
    const line = fc.oneof(
      fc.string(),
      fc
        .constantFrom('CPIN', 'CEREG', 'CSQ', 'COPS', 'CGACT', 'CGCONTRDP')
        .chain((name) =>
          fc
            .array(fc.oneof(fc.string(), fc.nat().map(String)), { maxLength: 40 })
            .map((values) => `+${name}: ${values.join(',')}`),
        ),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 4 }), (lines) => {
        readSim(lines);
        readRegistration(lines);
        readActive(lines, 1);
        expect(readOperator(lines)?.length ?? 0).toBeLessThanOrEqual(limits.modemOperator);
        const signal = readSignal(lines);
        if (signal !== null) expect(signal >= -113 && signal <= -51).toBe(true);
        const lease = readAddress(lines);
        if (lease !== null) expect(lease.address).toMatch(/^\d+\.\d+\.\d+\.\d+\/\d+$/);
      }),
    );
  });
});
