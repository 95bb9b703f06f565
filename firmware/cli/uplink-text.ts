import type { Status } from '../webui/api/status-schema.ts';

type Uplink = NonNullable<Status['network']['interfaces'][number]['uplink']>;

/** An uplink among several, and the modem behind it, in a few words; nothing of one that is alone and has none. */
export function uplinkText({ works, score, place, modem, delegated }: Uplink, uplinks: number): string {
  const among = uplinks < 2 ? [] : [works ? `uplink ${place} of ${uplinks}` : `fails (score ${score})`];
  const prefix = delegated === undefined ? [] : [`was delegated ${delegated}`];
  return [...among, ...(modem === null ? [] : [modemText(modem)]), ...prefix].join(', ');
}

function modemText({
  device,
  connected,
  operator,
  registration,
  signalDbm,
  problem,
}: NonNullable<Uplink['modem']>) {
  if (device === 'absent') return 'no modem there';
  const facts = [
    connected ? 'modem connected' : 'modem not connected',
    ...(operator === null ? [] : [operator]),
    ...(registration === 'roaming' ? ['roaming'] : []),
    ...(signalDbm === null ? [] : [`${signalDbm} dBm`]),
  ];
  return problem === null ? facts.join(', ') : `${facts.join(', ')}: ${problem}`;
}
