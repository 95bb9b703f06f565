import { useMemo, useState } from 'preact/hooks';
import type { SettingsApplied } from '../../api/config-route.ts';
import type { Devices as Listed } from '../../api/policy-route.ts';
import { addressWith } from '../address-with.ts';
import { Ago } from '../parts/ago.tsx';
import { Answer } from '../parts/answer.tsx';
import { Chips } from '../parts/chips.tsx';
import { Empty } from '../parts/empty.tsx';
import { ProblemNotice } from '../parts/notice.tsx';
import { Page } from '../parts/page.tsx';
import { State } from '../parts/state.tsx';
import { Cell } from '../parts/table.tsx';
import { VirtualTable } from '../parts/virtual-list.tsx';
import { Link, navigate, useQueryParameter, useRoute } from '../router.tsx';
import type { ReadSettings } from '../settings/change-flow.ts';
import { texts } from '../texts.ts';
import { useQuery } from '../use-query.ts';
import { DevicePanel } from './devices/device-panel.tsx';
import {
  type DeviceRow,
  type DeviceState,
  deviceAnswer,
  deviceMatches,
  deviceRows,
  titleOf,
} from './devices/device-rows.ts';
import { ChangedNotice, type Done } from './policy/changed-notice.tsx';
import { type PolicyDocument, useTrialEnds } from './policy/use-policy.ts';

const text = texts.devices;
const height = { row: 64, card: 132 };
/** Hosts come and go; a list that is looked at need not be newer. */
const everyMs = 10_000;

const marks = {
  quarantine: 'attention',
  permitted: 'degraded',
  accepted: 'up',
  'not seen': 'off',
} as const satisfies Record<DeviceState, string>;

export function Devices() {
  const found = useQuery<Listed>('/api/v1/devices', { every: everyMs });
  const settings = useQuery<ReadSettings>('/api/v1/config');
  const refresh = () => {
    found.refresh();
    settings.refresh();
  };
  useTrialEnds(refresh);
  const document = settings.value?.inForce;
  const rows = useMemo(
    () =>
      found.value === null || document === undefined
        ? null
        : deviceRows(found.value.devices, document.policy.devices),
    [found.value, document],
  );
  const problem = found.problem ?? settings.problem;
  return (
    <Page name="devices" what={text.what}>
      {problem !== null && <ProblemNotice problem={problem} onRetry={refresh} />}
      {rows !== null && document !== undefined ? (
        <DevicesPage rows={rows} document={document} refresh={refresh} />
      ) : (
        problem === null && <div class="answer" aria-busy="true" />
      )}
    </Page>
  );
}

interface DevicesPageProps {
  rows: readonly DeviceRow[];
  document: PolicyDocument;
  refresh: () => void;
}

function DevicesPage({ rows, document, refresh }: DevicesPageProps) {
  const { query } = useRoute();
  const search = query.get('q') ?? '';
  const [wanted, setWanted] = useQueryParameter('state');
  const [done, setDone] = useState<Done | null>(null);
  const states = useMemo(() => [...new Set(rows.map(({ state }) => state))], [rows]);
  const shown = useMemo(
    () => rows.filter((row) => (wanted === '' || row.state === wanted) && deviceMatches(row, search)),
    [rows, wanted, search],
  );
  const opened = query.get('device');
  const device = rows.find(({ key }) => key === opened);
  const close = () => navigate(addressWith({ device: null }));
  const changed = (words: string, applied: SettingsApplied) => {
    setDone({ words, applied });
    refresh();
    close();
  };
  return (
    <>
      <Answer {...deviceAnswer(rows, document.policy.unknownDevices)} />
      {done !== null && (
        <ChangedNotice
          key={done.applied.revision.id}
          done={done}
          onUndone={() => {
            setDone(null);
            refresh();
          }}
        />
      )}
      {rows.length === 0 ? (
        <Empty title={text.none} advice={text.noneAdvice} />
      ) : (
        <>
          <div class="tools">
            <input
              type="search"
              aria-label={text.search}
              placeholder={text.search}
              value={search}
              onInput={({ currentTarget }) =>
                navigate(addressWith({ q: currentTarget.value }), { replace: true })
              }
            />
            <Chips
              legend={text.filter}
              name="device-state"
              choices={[
                { value: '', label: text.all(rows.length) },
                ...states.map((state) => ({
                  value: state,
                  label: text.counted(text.state[state], rows.filter((row) => row.state === state).length),
                })),
              ]}
              value={wanted}
              onChoose={setWanted}
            />
          </div>
          {shown.length === 0 ? (
            <Empty title={text.noneFound} />
          ) : (
            <VirtualTable
              label={text.list}
              kind="hosts"
              columns={Object.values(text.columns)}
              items={shown}
              keyOf={({ key }) => key}
              rowHeight={height}
              render={(row) => <DeviceCells row={row} />}
            />
          )}
        </>
      )}
      {opened !== null && opened !== '' && (
        <DevicePanel
          key={opened}
          title={opened}
          row={device ?? null}
          document={document}
          onClose={close}
          onChanged={changed}
        />
      )}
    </>
  );
}

function DeviceCells({ row }: { row: DeviceRow }) {
  const { columns } = text;
  const { key, name, hostName, addresses, mac, state, labels, lastSeen } = row;
  const title = titleOf(row);
  return (
    <>
      <Cell name={columns.device} line="wide">
        <Link class="row-link" to={addressWith({ device: key })}>
          <bdi>{title}</bdi>
        </Link>
        <span class="quiet">
          {name !== null && hostName !== null && hostName !== name ? text.callsItself(hostName) : (mac ?? '')}
        </span>
      </Cell>
      <Cell name={columns.state}>
        <State mark={marks[state]} word={text.state[state]} />
      </Cell>
      <Cell name={columns.addresses} line="wide">
        <code>{addresses[0] ?? ''}</code>
        {addresses.length > 1 && <span class="quiet">{texts.andMore(addresses.length - 1)}</span>}
      </Cell>
      <Cell name={columns.labels} line="wide">
        <span class="labels">
          {labels.map((label) => (
            <span key={label} class="label">
              {label}
            </span>
          ))}
        </span>
      </Cell>
      <Cell name={columns.lastSeen}>
        {lastSeen === null ? <span class="quiet">{text.never}</span> : <Ago iso={lastSeen} />}
      </Cell>
    </>
  );
}
