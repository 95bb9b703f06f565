import { useState } from 'preact/hooks';
import { call } from '../../api.ts';
import { Confirm } from '../../parts/confirm.tsx';
import { Section } from '../../parts/page.tsx';
import { State } from '../../parts/state.tsx';
import { texts } from '../../texts.ts';
import { useAction } from '../../use-action.ts';
import { useMay } from '../../use-may.ts';
import { FactoryReset } from './factory-reset.tsx';

const text = texts.upkeep;

/** What is done to the box as a whole. */
export function Upkeep() {
  const mayChange = useMay('change');
  const isOwner = useMay('own');
  return (
    <>
      <Section id="support" title={text.support}>
        <p class="prose">{text.supportMeaning}</p>
        {isOwner ? (
          <p class="actions">
            <a class="button" href="/api/v1/support">
              {text.supportDownload}
            </a>
          </p>
        ) : (
          <p class="prose quiet">{text.ownersOnly}</p>
        )}
      </Section>
      <Section id="restart" title={text.restart}>
        <p class="prose">{text.restartMeaning}</p>
        {mayChange ? <Restart /> : <p class="prose quiet">{text.operatorsOnly}</p>}
      </Section>
      <Section id="factory-reset" title={text.reset}>
        <p class="prose">{text.resetMeaning}</p>
        {isOwner ? <FactoryReset /> : <p class="prose quiet">{text.ownersOnly}</p>}
      </Section>
    </>
  );
}

function Restart() {
  const [asking, setAsking] = useState(false);
  const [restarting, setRestarting] = useState(false);
  const action = useAction();
  const restart = async () => {
    const answer = await action.run(() => call<{ restarting: true }>('POST', '/api/v1/restart', {}));
    if (answer === undefined) return;
    setRestarting(true);
    setAsking(false);
  };
  return (
    <>
      <p class="actions">
        <button type="button" class="plain" onClick={() => setAsking(true)}>
          {text.restartAsk}
        </button>
      </p>
      <p role="status">{restarting && <State mark="attention" word={text.restarting} />}</p>
      {asking && (
        <Confirm
          title={text.restartTitle}
          act={text.restartNow}
          action={action}
          onAct={() => void restart()}
          onClose={() => setAsking(false)}
        >
          <p>{text.restartLoses}</p>
        </Confirm>
      )}
    </>
  );
}
