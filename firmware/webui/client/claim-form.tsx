import { useRef, useState } from 'preact/hooks';
import type { Problem } from '../api/problem.ts';
import { texts } from './texts.ts';

const text = texts.claim;

interface ClaimFormProps {
  closes: boolean;
  onClaimed: (pageCloses: boolean) => void;
}

export function ClaimForm({ closes, onClaimed }: ClaimFormProps) {
  const [error, setError] = useState<string | null>(null);
  const [sending, setSending] = useState(false);
  const field = useRef<HTMLInputElement>(null);

  const refuse = (reason: string) => {
    setError(reason);
    field.current?.focus();
  };
  const send = async (event: SubmitEvent) => {
    event.preventDefault();
    const code = field.current?.value.trim() ?? '';
    if (code === '') return refuse(text.empty);
    setSending(true);
    const outcome = await claim(code);
    setSending(false);
    if (outcome.claimed) onClaimed(outcome.pageCloses);
    else refuse(outcome.reason);
  };

  return (
    <form class="claim" aria-labelledby="claim-title" noValidate onSubmit={(event) => void send(event)}>
      <h3 id="claim-title">{text.title}</h3>
      <p>{text.why}</p>
      {closes && <p>{text.closes}</p>}
      <label for="claim-code">{text.label}</label>
      <p class="quiet" id="claim-hint">
        {text.hint}
      </p>
      {error !== null && (
        <p class="error" id="claim-error" role="alert">
          {error}
        </p>
      )}
      <div class="claim-row">
        <input
          ref={field}
          id="claim-code"
          name="code"
          type="text"
          autoComplete="off"
          autoCapitalize="characters"
          spellcheck={false}
          maxLength={32}
          aria-describedby={error === null ? 'claim-hint' : 'claim-hint claim-error'}
          aria-invalid={error !== null}
        />
        <button type="submit" class="main" disabled={sending}>
          {text.button}
        </button>
      </div>
      <p class="quiet">{text.honest}</p>
    </form>
  );
}

type Outcome = { claimed: true; pageCloses: boolean } | { claimed: false; reason: string };

async function claim(code: string): Promise<Outcome> {
  try {
    const response = await fetch('/api/v1/claim', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ code }),
      signal: AbortSignal.timeout(15_000),
    });
    if (response.ok) {
      const { pageCloses }: { pageCloses: boolean } = await response.json();
      return { claimed: true, pageCloses };
    }
    const { detail, code: problem }: Problem = await response.json();
    return { claimed: false, reason: `${detail} (${problem})` };
  } catch {
    return { claimed: false, reason: text.unreachable };
  }
}
