import { useState } from 'preact/hooks';
import type { SettingsApplied } from '../../../api/config-route.ts';
import { call } from '../../api.ts';
import { Ago } from '../../parts/ago.tsx';
import { CopyButton } from '../../parts/copy-button.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { Fact, Facts } from '../../parts/facts.tsx';
import { Form, TextField } from '../../parts/form.tsx';
import { Notice, ProblemNotice } from '../../parts/notice.tsx';
import { SidePanel } from '../../parts/side-panel.tsx';
import { Link } from '../../router.tsx';
import { texts } from '../../texts.ts';
import { useAction } from '../../use-action.ts';
import { useMay } from '../../use-may.ts';
import { sentenceText } from '../policy/sentence.ts';
import type { PolicyDocument } from '../policy/use-policy.ts';
import { type DeviceRow, labelsOf, nameFor, rulesAbout, titleOf } from './device-rows.ts';

const text = texts.devices;

interface DevicePanelProps {
  title: string;
  /** Null where the address names a device that is not there. */
  row: DeviceRow | null;
  document: PolicyDocument;
  onClose: () => void;
  onChanged: (words: string, applied: SettingsApplied) => void;
}

export function DevicePanel({ title, row, document, onClose, onChanged }: DevicePanelProps) {
  const mayChange = useMay('change');
  if (row === null)
    return (
      <SidePanel title={title} onClose={onClose}>
        <Notice mark="off" word={text.gone}>
          <p>{text.goneAdvice}</p>
        </Notice>
      </SidePanel>
    );
  return (
    <SidePanel title={titleOf(row)} onClose={onClose}>
      <p class="panel-sentence">{text.stateMeaning[row.state]}</p>
      {mayChange && row.name === null && <Accept row={row} document={document} onChanged={onChanged} />}
      {mayChange && row.name !== null && <Labels row={row} name={row.name} onChanged={onChanged} />}
      <About row={row} />
      {row.name !== null && <Rules row={row} name={row.name} document={document} />}
      {mayChange && row.name !== null && <Forget name={row.name} document={document} onChanged={onChanged} />}
    </SidePanel>
  );
}

type Change = Pick<DevicePanelProps, 'document' | 'onChanged'>;

/** Gives a device that was seen a name in the settings, by which rules know it. */
function Accept({ row, document, onChanged }: Change & { row: DeviceRow }) {
  const taken = document.policy.devices.map(({ name }) => name);
  const [name, setName] = useState(() => nameFor(row, taken));
  const [labels, setLabels] = useState('');
  const [missing, setMissing] = useState(false);
  const { busy, problem, run } = useAction();
  const accept = async () => {
    const wanted = name.trim();
    setMissing(wanted === '');
    if (wanted === '') return globalThis.document.getElementById('field-devices[0].name')?.focus();
    const device = {
      name: wanted,
      // Its MAC knows it wherever its address changes to; what has none is known by its addresses.
      ...(row.mac === null ? { addresses: row.addresses } : { mac: row.mac }),
      labels: labelsOf(labels),
    };
    const body = { devices: [device] };
    const applied = await run(() => call<SettingsApplied>('POST', '/api/v1/devices/accept', body));
    if (applied !== undefined) onChanged(text.accepted(wanted), applied);
  };
  return (
    <Form
      label={text.accept}
      problem={problem}
      busy={busy}
      submit={text.accept}
      onSubmit={() => void accept()}
    >
      <TextField
        path="devices[0].name"
        label={text.name}
        hint={text.nameHint}
        value={name}
        maxLength={63}
        error={missing ? text.nameMissing : taken.includes(name.trim()) ? text.nameTaken : undefined}
        onValue={setName}
      />
      <TextField
        path="devices[0].labels"
        label={text.labels}
        hint={text.labelsHint}
        value={labels}
        onValue={setLabels}
      />
    </Form>
  );
}

function Labels({ row, name, onChanged }: Pick<Change, 'onChanged'> & { row: DeviceRow; name: string }) {
  const [labels, setLabels] = useState(() => row.labels.join(' '));
  const { busy, problem, run } = useAction();
  const save = async () => {
    const body = { name, labels: labelsOf(labels) };
    const applied = await run(() => call<SettingsApplied>('POST', '/api/v1/devices/label', body));
    if (applied !== undefined) onChanged(text.labelled(name), applied);
  };
  return (
    <Form
      label={text.saveLabels}
      problem={problem}
      busy={busy}
      submit={text.saveLabels}
      onSubmit={() => void save()}
    >
      <TextField
        path="labels"
        label={text.labels}
        hint={text.labelsHint}
        value={labels}
        onValue={setLabels}
      />
    </Form>
  );
}

function About({ row }: { row: DeviceRow }) {
  const { addresses, mac, links, hostName, firstSeen, lastSeen } = row;
  const [address] = addresses;
  return (
    <>
      <Facts>
        <Fact name={text.columns.addresses}>
          <ul>
            {addresses.map((each) => (
              <li key={each} class="hit">
                <code>{each}</code>
                <CopyButton text={each} label={`${texts.copy} ${each}`} />
              </li>
            ))}
          </ul>
          {addresses.length === 0 && texts.unknown}
        </Fact>
        <Fact name={text.mac}>{mac === null ? texts.unknown : <code>{mac}</code>}</Fact>
        <Fact name={text.hostName}>{hostName === null ? text.noHostName : <bdi>{hostName}</bdi>}</Fact>
        <Fact name={text.link}>{links.length === 0 ? text.notThere : links.join(', ')}</Fact>
        <Fact name={text.firstSeen}>{firstSeen === null ? texts.unknown : <Ago iso={firstSeen} />}</Fact>
        <Fact name={text.columns.lastSeen}>{lastSeen === null ? texts.unknown : <Ago iso={lastSeen} />}</Fact>
      </Facts>
      {address !== undefined && (
        <p class="actions">
          <Link class="button" to={`/flows?${new URLSearchParams({ address })}`}>
            {text.flows}
          </Link>
          <Link class="button" to={`/policy?${new URLSearchParams({ from: row.name ?? address })}`}>
            {text.explain}
          </Link>
        </p>
      )}
    </>
  );
}

function Rules({ row, name, document }: Pick<Change, 'document'> & { row: DeviceRow; name: string }) {
  const rules = rulesAbout(document.policy.rules, name, row.labels);
  return (
    <>
      <h3>{text.rules}</h3>
      {rules.length === 0 ? (
        <p class="quiet">{text.noRules}</p>
      ) : (
        <ul class="device-rules">
          {rules.map((rule) => (
            <li key={rule.id}>
              <Link to={`/policy?${new URLSearchParams({ rule: rule.id })}`}>{sentenceText(rule)}</Link>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

function Forget({ name, document, onChanged }: Change & { name: string }) {
  const [asking, setAsking] = useState(false);
  const { busy, problem, run } = useAction();
  const forget = async () => {
    const body = { names: [name] };
    const applied = await run(() => call<SettingsApplied>('POST', '/api/v1/devices/forget', body));
    setAsking(false);
    if (applied !== undefined) onChanged(text.forgotten(name), applied);
  };
  return (
    <div class="forget">
      {problem !== null && <ProblemNotice problem={problem} />}
      <button type="button" class="plain" onClick={() => setAsking(true)}>
        {text.forget}
      </button>
      {asking && (
        <Dialog title={text.forgetTitle(name)} onClose={() => setAsking(false)}>
          <p>{text.forgetMeaning[document.policy.unknownDevices]}</p>
          <div class="actions">
            <button type="button" class="main" aria-disabled={busy} onClick={() => void forget()}>
              {busy ? texts.oneMoment : text.forget}
            </button>
            <button type="button" class="plain" onClick={() => setAsking(false)}>
              {texts.close}
            </button>
          </div>
        </Dialog>
      )}
    </div>
  );
}
