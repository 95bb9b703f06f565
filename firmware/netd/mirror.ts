import type { NetworkSettings } from '../store/network-schema.ts';
import { quoted, renderChain, setOf } from './firewall.ts';
import type { Port } from './ports.ts';
import { segmentsOf } from './segments.ts';

/** Copies of what passes some ports, for an analyser at another one. */
export type Mirror = {
  /** The analyser's port, and those copied from, by the kernel's names. */
  readonly link: string;
  readonly links: readonly string[];
  /** Input of nft: a table of its own, whose place the base ruleset has cleared. */
  readonly ruleset: string;
};

/** The same for people: by the ports' names, and what of the setting leads nowhere. */
export type MirrorStatus = { to: string; from: string[]; problem: string | null };

/** A NIC, and which of its frames are meant: those of a VLAN, those without one, or all. */
type Source = { readonly port: string; readonly link: string; readonly frames: number | 'untagged' | 'all' };

function sourcesOf(settings: NetworkSettings, ports: readonly Port[], name: string): readonly Source[] {
  const nameOf = (link: string) => ports.find(({ nic }) => nic.kernelName === link)?.name ?? link;
  if (name === 'lan' || Object.hasOwn(settings.networks ?? {}, name)) {
    const segment = segmentsOf(settings, ports).find((each) => each.name === name);
    return (segment?.members ?? []).map(({ link, parent }) => {
      const nic = parent ?? link;
      return { port: nameOf(nic), link: nic, frames: segment?.vlan ?? 'untagged' };
    });
  }
  const isGroup = name === 'underlay' || name === 'management';
  return ports
    .filter((port) => (isGroup ? port.role === name : port.name === name))
    .map(({ name: port, nic, carriedBy }) => ({ port, link: carriedBy ?? nic.kernelName, frames: 'all' }));
}

type Resolved = { readonly target: Port | undefined; readonly sources: readonly Source[] };

/** What is meant, of the ports that are there; what two names of the setting have in common is meant once. */
function resolve(settings: NetworkSettings, ports: readonly Port[]): Resolved {
  const { from = [], to } = settings.mirror ?? {};
  const all = from.flatMap((name) => sourcesOf(settings, ports, name));
  const whole = new Set(all.flatMap(({ link, frames }) => (frames === 'all' ? [link] : [])));
  const wanted = all.filter(({ link, frames }) => frames === 'all' || !whole.has(link));
  const sources = new Map(wanted.map((source) => [`${source.link} ${source.frames}`, source]));
  return {
    target: ports.find(({ name, role }) => name === to && role === 'unused'),
    sources: [...sources.values()],
  };
}

function copies(side: 'iifname' | 'oifname', sources: readonly Source[], to: string): string[] {
  const kinds = Map.groupBy(sources, ({ frames }) => frames);
  return [...kinds].map(([frames, of]) => {
    const tag = frames === 'all' ? '' : frames === 'untagged' ? 'ether type != 8021q ' : `vlan id ${frames} `;
    return `${side} ${setOf(of.map(({ link }) => link))} ${tag}dup to ${quoted(to)}`;
  });
}

/** null where nothing is to be mirrored, or a port for it is not there. */
export function mirrorOf(settings: NetworkSettings, ports: readonly Port[]): Mirror | null {
  const { target, sources } = resolve(settings, ports);
  if (target === undefined || sources.length === 0) return null;
  const link = target.nic.kernelName;
  const links = [...new Set(sources.map((source) => source.link))];
  const hook = (name: 'ingress' | 'egress', on: readonly string[], policy: 'accept' | 'drop') =>
    `type filter hook ${name} devices = ${setOf(on)} priority 0; policy ${policy};`;
  const chains = [
    { name: 'received', lines: [hook('ingress', links, 'accept'), ...copies('iifname', sources, link)] },
    { name: 'sent', lines: [hook('egress', links, 'accept'), ...copies('oifname', sources, link)] },
    // An analyser listens: what it says reaches neither the box nor anybody behind it.
    { name: 'analyser', lines: [hook('ingress', [link], 'drop'), 'counter comment "from the analyser"'] },
  ];
  return { link, links, ruleset: `table netdev hithe {\n${chains.map(renderChain).join('\n\n')}\n}\n` };
}

/** null where the settings want none. */
export function mirrorStatus(settings: NetworkSettings, ports: readonly Port[]): MirrorStatus | null {
  const { mirror } = settings;
  if (mirror === undefined) return null;
  const { target, sources } = resolve(settings, ports);
  const lost = mirror.from.filter((name) => sourcesOf(settings, ports, name).length === 0);
  const problems = [
    ...(target === undefined ? [`${mirror.to} is not there`] : []),
    ...lost.map((name) => `${name} has no port`),
  ];
  return {
    to: mirror.to,
    from: [...new Set(sources.map(({ port }) => port))],
    problem: problems.length === 0 ? null : problems.join(', '),
  };
}
