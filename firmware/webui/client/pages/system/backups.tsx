import { useState } from 'preact/hooks';
import type { Backup } from '../../../api/backup-route.ts';
import { call } from '../../api.ts';
import { Form } from '../../parts/form.tsx';
import { ProblemNotice } from '../../parts/notice.tsx';
import { Section } from '../../parts/page.tsx';
import { PasswordField } from '../../parts/password-field.tsx';
import { saveFile } from '../../save-file.ts';
import { texts } from '../../texts.ts';
import { useAction } from '../../use-action.ts';
import { useMay } from '../../use-may.ts';
import { Restore } from './restore.tsx';

const text = texts.backup;

/** The saved settings as a file: without secrets for whoever may read, with all of them under a password. */
export function Backups() {
  const isOwner = useMay('own');
  return (
    <>
      <Section id="backup" title={text.title}>
        <p class="prose">{text.meaning}</p>
        <Plain />
        {isOwner && <Sealed />}
      </Section>
      <Section id="restore" title={text.restore}>
        {isOwner ? <Restore /> : <p class="prose quiet">{text.ownersOnly}</p>}
      </Section>
    </>
  );
}

function keep(backup: Backup): void {
  const { hostname, time } = backup.made;
  const day = time.slice(0, 10);
  saveFile(`${hostname}-${day}.hithe.json`, 'application/json', `${JSON.stringify(backup, null, 2)}\n`);
}

function Plain() {
  const { busy, problem, run } = useAction();
  const make = async () => {
    const backup = await run(() => call<Backup>('GET', '/api/v1/backup'));
    if (backup !== undefined) keep(backup);
  };
  return (
    <>
      {problem !== null && <ProblemNotice problem={problem} />}
      <p class="actions">
        <button type="button" class="plain" aria-disabled={busy} onClick={() => void make()}>
          {text.plain}
        </button>
        <span class="quiet">{text.plainMeaning}</span>
      </p>
    </>
  );
}

function Sealed() {
  const [password, setPassword] = useState('');
  const { busy, problem, run } = useAction();
  const [saved, setSaved] = useState(false);
  const make = async () => {
    setSaved(false);
    const backup = await run(() => call<Backup>('POST', '/api/v1/backup', { password }));
    if (backup === undefined) return;
    keep(backup);
    setPassword('');
    setSaved(true);
  };
  return (
    <details class="disclosure sealed">
      <summary>{text.sealed}</summary>
      <div class="disclosed">
        <Form
          label={text.sealed}
          problem={problem}
          busy={busy}
          submit={text.sealedSubmit}
          ids="seal"
          onSubmit={() => void make()}
        >
          <PasswordField
            path="password"
            label={text.password}
            hint={text.passwordHint}
            value={password}
            onValue={setPassword}
            isNew
          />
        </Form>
        <p role="status">{saved ? text.saved : ''}</p>
      </div>
    </details>
  );
}
