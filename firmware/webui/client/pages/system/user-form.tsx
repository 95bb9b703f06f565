import { useState } from 'preact/hooks';
import type { UserView } from '../../../api/user-route.ts';
import { call } from '../../api.ts';
import { Dialog } from '../../parts/dialog.tsx';
import { Form, SelectField, TextField } from '../../parts/form.tsx';
import { PasswordField } from '../../parts/password-field.tsx';
import { texts } from '../../texts.ts';
import { useAction } from '../../use-action.ts';

const text = texts.users;
const roles = ['viewer', 'operator', 'owner'] as const;

interface UserFormProps {
  /** Null for one that is added. */
  user: UserView | null;
  onEnd: () => void;
  onDone: () => void;
}

export function UserForm({ user, onEnd, onDone }: UserFormProps) {
  const [name, setName] = useState(user?.name ?? '');
  const [role, setRole] = useState<UserView['role']>(user?.role ?? 'operator');
  const [password, setPassword] = useState('');
  const { busy, problem, run } = useAction();
  const send = async () => {
    const saved = await run(() =>
      user === null
        ? call<UserView>('POST', '/api/v1/users', { name: name.trim(), role, password })
        : call<UserView>('PATCH', `/api/v1/users/${encodeURIComponent(user.name)}`, {
            ...(role !== user.role && { role }),
            ...(password !== '' && { password }),
          }),
    );
    if (saved !== undefined) onDone();
  };
  return (
    <Dialog title={user === null ? text.add : text.changeTitle(user.name)} onClose={onEnd}>
      <Form
        label={text.title}
        problem={problem}
        busy={busy}
        ids="user"
        submit={user === null ? text.add : text.save}
        onSubmit={() => void send()}
        actions={
          <button type="button" class="plain" onClick={onEnd}>
            {texts.change.cancel}
          </button>
        }
      >
        {user === null && (
          <TextField path="name" label={text.columns.name} value={name} onValue={setName} maxLength={63} />
        )}
        <SelectField
          path="role"
          label={text.columns.role}
          value={role}
          choices={roles.map((each) => ({
            value: each,
            label: `${text.roles[each]}: ${text.meanings[each]}`,
          }))}
          onValue={setRole}
        />
        <PasswordField
          path="password"
          label={text.password}
          hint={user === null ? text.passwordHint : text.newPasswordHint}
          value={password}
          onValue={setPassword}
          isNew
        />
      </Form>
    </Dialog>
  );
}
