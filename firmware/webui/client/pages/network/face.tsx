import { useId } from 'preact/hooks';
import { addressWith } from '../../address-with.ts';
import { Socket } from '../../icons.tsx';
import { State } from '../../parts/state.tsx';
import { Link } from '../../router.tsx';
import type { MarkName } from '../../summary.ts';
import { texts } from '../../texts.ts';
import { type Group, groupOfPort, type Interface, portsOnFace, speedWords } from './network-facts.ts';

const text = texts.network;
/** Told apart from whatever else is dragged over the page. */
const draggedPort = 'application/x-hithe-port';

export type Move = (port: string, to: Group) => void;

/** No link is trouble on an uplink alone; tunnels and bridges often have none to tell of. */
export function linkMark({ link, role }: Interface): MarkName {
  if (link === 'up') return 'up';
  return link === 'down' && role === 'underlay' ? 'down' : 'off';
}

interface FaceProps {
  interfaces: readonly Interface[];
  groups: readonly Group[];
  /** Null where nobody who may is signed in. */
  onMove: Move | null;
}

/** The box's ports in their order on its face, each in its group's colour, with what moves it to another. */
export function Face({ interfaces, groups, onMove }: FaceProps) {
  return (
    <ul class="face" aria-label={text.face}>
      {portsOnFace(interfaces).map((port) => (
        <Port
          key={port.name}
          port={port}
          group={groupOfPort(groups, port.name)}
          groups={groups}
          onMove={onMove}
        />
      ))}
    </ul>
  );
}

interface PortProps {
  port: Interface;
  group: Group | undefined;
  groups: readonly Group[];
  onMove: Move | null;
}

function Port({ port, group, groups, onMove }: PortProps) {
  const speed = speedWords(port.speed);
  const drag = (event: DragEvent) => {
    event.dataTransfer?.setData(draggedPort, port.name);
    if (event.dataTransfer !== null) event.dataTransfer.effectAllowed = 'move';
  };
  return (
    <li class={`port role-${port.role} link-${port.link}`} draggable={onMove !== null} onDragStart={drag}>
      <Socket />
      <Link to={addressWith({ edit: `port:${port.name}` })}>
        {port.name}
        {port.label !== null && <span class="quiet"> {port.label}</span>}
      </Link>
      <State
        mark={linkMark(port)}
        word={port.link === 'up' && speed !== null ? speed : text.link[port.link]}
      />
      {onMove === null ? (
        <span class="port-group">{group?.title ?? text.role[port.role]}</span>
      ) : (
        <MoveMenu port={port} group={group} groups={groups} onMove={onMove} />
      )}
    </li>
  );
}

function MoveMenu({ port, group, groups, onMove }: PortProps & { onMove: Move }) {
  const id = useId();
  const title = group?.title ?? text.role[port.role];
  const close = () => document.getElementById(id)?.hidePopover();
  const arrows = (event: KeyboardEvent) => {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step === 0 || !(event.currentTarget instanceof HTMLElement)) return;
    event.preventDefault();
    const buttons = [...event.currentTarget.querySelectorAll('button')];
    const at = buttons.findIndex((button) => button.matches(':focus'));
    buttons.at((at + step) % buttons.length)?.focus();
  };
  return (
    <>
      <button
        type="button"
        class="port-group"
        popovertarget={id}
        aria-label={`${text.menu(port.name)}: ${title}`}
      >
        <bdi>{title}</bdi>
      </button>
      <ul id={id} popover="auto" class="menu" aria-label={text.menu(port.name)} onKeyDown={arrows}>
        {groups
          .filter(({ vlan }) => vlan === null)
          .map((target) => (
            <li key={target.name}>
              {target.name === group?.name ? (
                <span class="quiet">
                  <bdi>{target.title}</bdi> {text.here}
                </span>
              ) : (
                <button
                  type="button"
                  onClick={() => {
                    close();
                    onMove(port.name, target);
                  }}
                >
                  <bdi>{text.moveTo(target.title)}</bdi>
                </button>
              )}
            </li>
          ))}
      </ul>
    </>
  );
}

/** What makes an element take ports that are dropped on it. */
export function takesPorts(group: Group, onMove: Move | null) {
  if (onMove === null || group.vlan !== null) return {};
  const over = (event: DragEvent) => {
    if (event.dataTransfer?.types.includes(draggedPort) !== true) return;
    event.preventDefault();
    mark(event, true);
  };
  const mark = ({ currentTarget }: DragEvent, on: boolean) => {
    if (currentTarget instanceof HTMLElement) currentTarget.classList.toggle('takes', on);
  };
  return {
    onDragOver: over,
    onDragLeave: (event: DragEvent) => mark(event, false),
    onDrop: (event: DragEvent) => {
      event.preventDefault();
      mark(event, false);
      const port = event.dataTransfer?.getData(draggedPort) ?? '';
      if (port !== '' && !group.ports.some(({ name }) => name === port)) onMove(port, group);
    },
  };
}
