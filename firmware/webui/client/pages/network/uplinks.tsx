import { addressWith } from '../../address-with.ts';
import { formatDuration } from '../../format.ts';
import { isGlobal } from '../../is-global.ts';
import { Section } from '../../parts/page.tsx';
import { State } from '../../parts/state.tsx';
import { Cell, Row, Table } from '../../parts/table.tsx';
import { Link } from '../../router.tsx';
import type { MarkName } from '../../summary.ts';
import { texts } from '../../texts.ts';
import { type Interface, portsOnFace, type Uplink, uplinkReasons } from './network-facts.ts';

const text = texts.network.uplink;
const { modem: modemText } = texts.network;

/** The uplinks as the box prefers them, how each does, and what that is judged by. */
export function Uplinks({ interfaces }: { interfaces: readonly Interface[] }) {
  const uplinks = portsOnFace(interfaces)
    .flatMap((port) => (port.uplink === null ? [] : [{ port, uplink: port.uplink }]))
    .sort((a, b) => a.uplink.place - b.uplink.place);
  if (uplinks.length === 0) return null;
  const { columns } = text;
  const what = { term: texts.network.uplinksTerm, meaning: texts.network.uplinksMeaning };
  return (
    <Section id="uplinks" title={texts.network.uplinks} what={what}>
      <Table label={texts.network.uplinks} kind="uplinks" columns={Object.values(columns)}>
        {uplinks.map(({ port, uplink }) => (
          <Row key={port.name}>
            <Cell name={columns.port} line="lead">
              <Link to={addressWith({ edit: `port:${port.name}` })}>
                <strong>{port.name}</strong>
              </Link>
              {port.addresses.filter(isGlobal).map((address) => (
                <code key={address}>{address}</code>
              ))}
            </Cell>
            <Cell name={columns.score} named>
              <Score value={port.link === 'down' ? 0 : uplink.score} />
            </Cell>
            <Cell name={columns.why} line="wide">
              <ul class="reasons">
                {[...uplinkReasons(port), ...modemReasons(uplink.modem)].map(({ mark, words }) => (
                  <li key={words}>
                    <State mark={mark} word={words} />
                  </li>
                ))}
              </ul>
            </Cell>
            <Cell name={columns.next} line="wide">
              <Place port={port} uplink={uplink} />
            </Cell>
          </Row>
        ))}
      </Table>
    </Section>
  );
}

function Place({ port, uplink }: { port: Interface; uplink: Uplink }) {
  const { works, place, secondsToChange } = uplink;
  const usable = works && port.link !== 'down';
  const mark: MarkName = usable ? (place === 1 ? 'up' : 'off') : 'down';
  const word = usable ? (place === 1 ? text.used : text.standsBy(place)) : text.fails;
  const next = works ? text.willFail : text.willReturn;
  return (
    <>
      <State mark={mark} word={word} />
      {secondsToChange !== null && <span class="quiet">{next(formatDuration(secondsToChange))}</span>}
    </>
  );
}

function Score({ value }: { value: number }) {
  return (
    <span class="score">
      <span class="figure">{text.score(value)}</span>
      <svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
        <rect class="track" width="100" height="6" />
        <rect class="fill" width={value} height="6" />
      </svg>
    </span>
  );
}

/** How the modem behind an uplink does, as far as it says. */
function modemReasons(
  modem: Uplink['modem'],
): readonly { readonly mark: MarkName; readonly words: string }[] {
  if (modem === null) return [];
  const { device, sim, registration, operator, signalDbm, connected, problem } = modem;
  if (device !== 'answers') return [{ mark: 'down', words: `${modemText.title}: ${modemText[device]}` }];
  const facts = [
    connected ? modemText.connected : modemText.notConnected,
    operator,
    modemText.sim[sim],
    modemText.registration[registration],
    signalDbm === null ? null : modemText.signal(signalDbm),
    problem,
  ];
  const words = facts.filter((fact) => fact !== null && fact !== '').join(', ');
  return [{ mark: connected ? 'up' : 'down', words: `${modemText.title}: ${words}` }];
}
