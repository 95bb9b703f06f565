import { useEffect, useLayoutEffect, useState } from 'preact/hooks';
import { Mark } from '../icons.tsx';
import { Link, navigate, useQueryParameter } from '../router.tsx';
import { texts } from '../texts.ts';
import { useBox } from '../use-box.ts';
import { ClaimCode, NewPassword } from './setup/setup-claim.tsx';
import { Done } from './setup/setup-done.tsx';
import { Internet } from './setup/setup-internet.tsx';
import { Peers } from './setup/setup-peers.tsx';
import { Ports } from './setup/setup-ports.tsx';
import {
  codeFromFragment,
  nextStep,
  type StepName,
  type StepOrDone,
  stepFor,
  stepNames,
  stepsDone,
} from './setup/setup-steps.ts';

const text = texts.setup;

/** A code that came with the address, taken out of it at once: neither history nor a shared link should keep it. */
function useCode(): [string, (code: string) => void] {
  const [code, setCode] = useState(() => codeFromFragment(location.hash));
  useEffect(() => {
    if (code !== '') navigate(location.pathname + location.search, { replace: true });
  }, []);
  return [code, setCode];
}

/** First use: one question at a time. What is done is told by the box, so it can be left and gone on with anywhere. */
export function Setup({ onClaimed }: { onClaimed: (pageCloses: boolean) => void }) {
  const { status } = useBox();
  const [code, setCode] = useCode();
  const [asked, go] = useQueryParameter('step');
  /** Why the box refused the code, which it tells only together with the password. */
  const [refusal, setRefusal] = useState<string | null>(null);
  const step = stepFor(asked, status, code !== '');
  const done = stepsDone(status);

  // With the question itself: any later, it would take the focus from whoever has begun to answer.
  useLayoutEffect(() => {
    // Where the box refused what was given before, at the field that says so.
    const refused = document.querySelector<HTMLElement>('#setup [aria-invalid=true]');
    (refused ?? document.querySelector<HTMLElement>('#setup h1'))?.focus();
  }, [step]);

  return (
    <section id="setup" class="page alone" aria-labelledby="setup-title">
      <Progress step={step} done={done} />
      <h1 id="setup-title" tabIndex={-1}>
        {step === 'done' && !Object.values(done).every(Boolean)
          ? text.done.questionOpen
          : text[step].question}
      </h1>
      <p>{text[step].why}</p>
      <Question
        {...{ step, code, setCode, refusal, setRefusal, go, onClaimed }}
        onNext={() => step !== 'done' && go(nextStep(step))}
      />
      {step !== 'done' && (
        <p class="quiet">
          {text[step].undo} {status.claimed && text.later}
        </p>
      )}
      {status.claimed && step !== 'done' && <Link to="/">{text.leave}</Link>}
    </section>
  );
}

interface QuestionProps {
  step: StepOrDone;
  code: string;
  setCode: (code: string) => void;
  refusal: string | null;
  setRefusal: (refusal: string | null) => void;
  go: (step: string) => void;
  onNext: () => void;
  onClaimed: (pageCloses: boolean) => void;
}

function Question({ step, code, setCode, refusal, setRefusal, go, onNext, onClaimed }: QuestionProps) {
  switch (step) {
    case 'code':
      return (
        <ClaimCode
          code={code}
          refusal={refusal}
          onCode={(typed) => {
            setCode(typed);
            setRefusal(null);
            go('password');
          }}
        />
      );
    case 'password':
      return (
        <NewPassword
          code={code}
          onWrongCode={(reason) => {
            setRefusal(reason);
            go('code');
          }}
          onBack={() => go('code')}
          onClaimed={onClaimed}
        />
      );
    case 'ports':
      return <Ports onNext={onNext} />;
    case 'internet':
      return <Internet onNext={onNext} />;
    case 'peers':
      return <Peers onNext={onNext} />;
    case 'done':
      return <Done />;
  }
}

function Progress({ step, done }: { step: StepOrDone; done: Readonly<Record<StepName, boolean>> }) {
  const place = step === 'done' ? stepNames.length : stepNames.indexOf(step);
  return (
    <>
      <ol class="steps" aria-label={text.progress}>
        {stepNames.map((name) => (
          <li key={name} aria-current={name === step ? 'step' : undefined}>
            <span class={done[name] ? 'state-up' : 'state-off'}>
              <Mark name={done[name] ? 'up' : 'off'} />
            </span>
            {done.code && name !== 'code' && name !== 'password' ? (
              <Link to={`/setup?step=${name}`}>{text[name].name}</Link>
            ) : (
              text[name].name
            )}
            <span class="only-read">{done[name] ? text.isDone : text.isOpen}</span>
          </li>
        ))}
      </ol>
      {step !== 'done' && <p class="quiet">{text.step(place + 1, stepNames.length)}</p>}
    </>
  );
}
