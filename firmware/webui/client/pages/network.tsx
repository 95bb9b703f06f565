import { useEffect } from 'preact/hooks';
import { addressWith } from '../address-with.ts';
import { formatBytes } from '../format.ts';
import type { Rates } from '../live.ts';
import { Answer } from '../parts/answer.tsx';
import { ProblemNotice } from '../parts/notice.tsx';
import { Page, Section } from '../parts/page.tsx';
import { Sparkline } from '../parts/sparkline.tsx';
import { State } from '../parts/state.tsx';
import { Cell, Row, Table } from '../parts/table.tsx';
import { navigate, useQueryParameter } from '../router.tsx';
import { useSession } from '../session-state.ts';
import type { ReadSettings } from '../settings/change-flow.ts';
import { changeSettings } from '../settings/settings-change.tsx';
import { followTrial } from '../settings/trial-watch.ts';
import { texts } from '../texts.ts';
import { useBox } from '../use-box.ts';
import { useQuery } from '../use-query.ts';
import { Face, linkMark } from './network/face.tsx';
import { Groups, Services } from './network/groups.tsx';
import { movePort } from './network/network-edit.ts';
import { type Group, groupsOf, type Interface, networkAnswer, portsOnFace } from './network/network-facts.ts';
import { NetworkPanel } from './network/network-panel.tsx';
import { Uplinks } from './network/uplinks.tsx';

const text = texts.network;
const noRates: Rates = { received: [], sent: [] };

export function Network() {
  const { status, rates } = useBox();
  const { interfaces } = status.network;
  const { state } = useSession();
  const access = state.kind === 'user' ? state.session.access : [];
  const held = useQuery<ReadSettings>(access.includes('read') ? '/api/v1/config' : null);
  const [edit] = useQueryParameter('edit');
  // What is in force changes when a trial begins, and when it ends, whoever began it.
  const trial = status.trial?.revision ?? null;
  useEffect(held.refresh, [trial, held.refresh]);
  // One that ends before the box tells of it again is seen here alone.
  useEffect(() => followTrial(held.refresh), [held.refresh]);
  const settings = held.value?.inForce ?? null;
  const groups = groupsOf(interfaces, settings?.network ?? null);
  const mayChange = access.includes('change') && settings !== null;
  const move = (port: string, to: Group) =>
    void changeSettings({
      title: text.titles.move(port, to.title),
      edit: (current) => movePort(current, port, to.name),
    });
  const onMove = mayChange ? move : null;
  const ports = portsOnFace(interfaces);
  return (
    <Page name="network" what={{ term: text.rolesTerm, meaning: text.rolesMeaning }}>
      <Answer {...networkAnswer(status)} />
      {held.problem !== null && <ProblemNotice problem={held.problem} onRetry={held.refresh} />}
      {ports.length > 0 && <Face interfaces={interfaces} groups={groups} onMove={onMove} />}
      {!mayChange && held.problem === null && state.kind !== 'asking' && !held.loading && (
        <p class="quiet">{state.kind === 'user' ? text.readOnly : text.signIn}</p>
      )}
      <Groups groups={groups} settings={settings?.network ?? null} onMove={onMove} />
      <Uplinks interfaces={interfaces} />
      {settings !== null && <Services settings={settings.network} mayChange={mayChange} />}
      {interfaces.length > 0 && (
        <Section id="interfaces" title={text.interfaces}>
          <Table label={text.interfaces} kind="interfaces" columns={Object.values(text.columns)}>
            {interfaces.map((each) => (
              <InterfaceRow key={each.kernelName} each={each} rates={rates.get(each.kernelName) ?? noRates} />
            ))}
          </Table>
        </Section>
      )}
      {edit !== '' && (
        <NetworkPanel
          key={edit}
          edit={edit}
          interfaces={interfaces}
          groups={groups}
          settings={settings}
          onMove={onMove}
          onClose={() => navigate(addressWith({ edit: null }))}
        />
      )}
    </Page>
  );
}

function InterfaceRow({ each, rates }: { each: Interface; rates: Rates }) {
  const { columns } = text;
  const kernel = each.kernelName === each.name ? [] : [each.kernelName];
  return (
    <Row>
      <Cell name={columns.name} line="lead">
        <strong>{each.name}</strong>
        <span class="quiet">
          {[...kernel, ...(each.driver === null ? [] : [each.driver]), text.mtu(each.mtu)].join(' · ')}
        </span>
        {each.mac !== null && <code class="quiet">{each.mac}</code>}
      </Cell>
      <Cell name={columns.role}>{text.role[each.role]}</Cell>
      <Cell name={columns.link}>
        <State mark={linkMark(each)} word={text.link[each.link]} />
      </Cell>
      <Cell name={columns.addresses} line="wide">
        {each.addresses.length === 0 && <span class="quiet">{text.noAddress}</span>}
        {each.addresses.map((address) => (
          <code key={address}>{address}</code>
        ))}
      </Cell>
      <Cell name={columns.received} number named>
        <Counter bytes={each.receivedBytes} packets={each.receivedPackets} rates={rates.received} />
      </Cell>
      <Cell name={columns.sent} number named>
        <Counter bytes={each.sentBytes} packets={each.sentPackets} rates={rates.sent} />
      </Cell>
    </Row>
  );
}

function Counter({ bytes, packets, rates }: { bytes: number; packets: number; rates: readonly number[] }) {
  return (
    <>
      <span class="figure" title={text.packets(packets)}>
        {formatBytes(bytes)}
      </span>
      <span class="rate quiet">
        <Sparkline values={rates} />
        <span class="figure">{text.perSecond(formatBytes(rates.at(-1) ?? 0))}</span>
      </span>
    </>
  );
}
