import { Socket } from '../../icons.tsx';
import { isGlobal } from '../../is-global.ts';
import { Empty } from '../../parts/empty.tsx';
import { Section } from '../../parts/page.tsx';
import { State } from '../../parts/state.tsx';
import { Link } from '../../router.tsx';
import { texts } from '../../texts.ts';
import { useBox } from '../../use-box.ts';
import { type Interface, portsOnFace, speedWords } from '../network/network-facts.ts';

const text = texts.overview.uplinks;

/** The ports that lead out, as they look on the box. */
export function UplinksInShort() {
  const { network } = useBox().status;
  const uplinks = portsOnFace(network.interfaces).filter(({ role }) => role === 'underlay');
  return (
    <Section id="uplinks" title={text.title}>
      {uplinks.length === 0 ? (
        <Empty title={texts.setup.internet.none}>
          <Link to="/network">{texts.pages.network}</Link>
        </Empty>
      ) : (
        <ul class="face">
          {uplinks.map((port) => (
            <Uplink key={port.name} port={port} />
          ))}
        </ul>
      )}
    </Section>
  );
}

function Uplink({ port }: { port: Interface }) {
  const { name, label, link, speed, addresses, uplink } = port;
  const down = link === 'down';
  const works = !down && uplink?.works !== false;
  const words = down ? texts.network.link.down : (speedWords(speed) ?? texts.network.link[link]);
  return (
    <li class={`port role-underlay link-${link}`}>
      <Socket />
      <span>
        <Link to={`/network?edit=${encodeURIComponent(`port:${name}`)}`}>{name}</Link>
        {label !== null && <span class="quiet"> {label}</span>}
      </span>
      <State mark={works ? 'up' : 'down'} word={words} />
      <span class="quiet figure">
        {uplink === null || down
          ? (addresses.find(isGlobal) ?? texts.network.noAddress)
          : text.score(uplink.score)}
      </span>
    </li>
  );
}
