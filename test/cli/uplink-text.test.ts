import { expect, test } from 'vitest';
import { uplinkText } from '../../firmware/cli/uplink-text.ts';

type Facts = Parameters<typeof uplinkText>[0];

const modem: NonNullable<Facts['modem']> = {
  ...{ device: 'answers', sim: 'ready', registration: 'roaming', operator: 'Testnet', signalDbm: -73 },
  ...{ connected: true, problem: null },
};
const uplink: Facts = {
  ...{ works: true, score: 100, place: 2, look: null, secondsToChange: null },
  modem: null,
};
const noSim: Partial<NonNullable<Facts['modem']>> = {
  ...{ sim: 'unknown', registration: 'unknown', operator: null, signalDbm: null, connected: false },
  problem: 'there is no SIM that can be used',
};

test.each<[string, Facts, number]>([
  ['', uplink, 1],
  ['uplink 2 of 3', uplink, 3],
  ['fails (score 22)', { ...uplink, works: false, score: 22 }, 3],
  ['modem connected, Testnet, roaming, -73 dBm', { ...uplink, modem }, 1],
  [
    'uplink 2 of 2, modem not connected: there is no SIM that can be used',
    { ...uplink, modem: { ...modem, ...noSim } },
    2,
  ],
  ['was delegated 2001:db8:ff00::/56', { ...uplink, delegated: '2001:db8:ff00::/56' }, 1],
  ['no modem there', { ...uplink, modem: { ...modem, device: 'absent' } }, 1],
])('%s', (text, facts, uplinks) => expect(uplinkText(facts, uplinks)).toBe(text));
