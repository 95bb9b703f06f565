import { isGlobal } from '../../is-global.ts';
import { Empty } from '../../parts/empty.tsx';
import { State } from '../../parts/state.tsx';
import { Link } from '../../router.tsx';
import type { MarkName } from '../../summary.ts';
import { texts } from '../../texts.ts';
import { useBox } from '../../use-box.ts';
import type { Interface } from '../network/network-facts.ts';
import { uplinksOf } from './setup-steps.ts';

const text = texts.setup;
const words = text.internet;

type Check = {
  readonly name: string;
  readonly mark: MarkName;
  readonly word: string;
  readonly advice: string | null;
};

/** What the box finds out by itself, as it finds it out: cable, address, gateway, names, destinations. */
export function Internet({ onNext }: { onNext: () => void }) {
  const uplinks = uplinksOf(useBox().status);
  const works = uplinks.some(({ uplink }) => uplink?.works === true);
  return (
    <>
      {uplinks.length === 0 && <Empty title={words.none} advice={words.noneAdvice} />}
      {uplinks.map((uplink) => (
        <Checks key={uplink.kernelName} uplink={uplink} />
      ))}
      <p>
        <Link to="/network">{words.fixed}</Link>
      </p>
      <div class="actions">
        <button type="button" class="main" onClick={onNext}>
          {works ? text.next : words.without}
        </button>
      </div>
    </>
  );
}

function Checks({ uplink }: { uplink: Interface }) {
  const checks = checksOf(uplink);
  const first = checks.find(({ mark }) => mark === 'down');
  return (
    <div class="checks">
      <h2>
        <bdi>{uplink.label ?? uplink.name}</bdi>
      </h2>
      <ul>
        {checks.map(({ name, mark, word }) => (
          <li key={name}>
            <span>{name}</span>
            <State mark={mark} word={word} />
          </li>
        ))}
      </ul>
      <p class="advice" role="status">
        {first?.advice ?? ''}
      </p>
    </div>
  );
}

/** In the order of causes: what fails first is what has to be looked at. */
function checksOf(uplink: Interface): Check[] {
  const { link, uplink: state } = uplink;
  const address = uplink.addresses.find(isGlobal);
  const look = state?.look ?? null;
  const asked = (name: string, answer: boolean | null, advice: string): Check => ({
    name,
    advice,
    mark: answer === null ? 'off' : answer ? 'up' : 'down',
    word: answer === null ? words.notAsked : answer ? words.answers : words.silent,
  });
  const destinations = look === null || look.destinations.asked === 0 ? null : look.destinations;
  return [
    {
      name: words.cable,
      mark: link === 'down' ? 'down' : 'up',
      word: texts.network.link[link],
      advice: texts.summary.noLinkAdvice,
    },
    {
      name: words.address,
      mark: address === undefined ? 'down' : 'up',
      word: address ?? texts.network.noAddress,
      advice: texts.summary.noAddressAdvice([uplink.label ?? uplink.name]),
    },
    asked(words.gateway, look?.gateway ?? null, words.gatewayAdvice),
    asked(words.names, look?.names ?? null, words.namesAdvice),
    {
      name: words.destinations,
      mark: destinations === null ? 'off' : destinations.answered > 0 ? 'up' : 'down',
      word: destinations === null ? words.notAsked : words.of(destinations.answered, destinations.asked),
      advice: words.destinationsAdvice,
    },
  ];
}
