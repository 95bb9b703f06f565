import type { MeasuredBoot } from '../../api/attestation-route.ts';
import type { StatusUpdate } from '../../api/status-schema.ts';
import type { Problem } from '../api.ts';
import { Answer } from '../parts/answer.tsx';
import { Digest } from '../parts/digest.tsx';
import { Empty } from '../parts/empty.tsx';
import { Fact, Facts } from '../parts/facts.tsx';
import { WholeHit } from '../parts/hit.tsx';
import { KeyStorage } from '../parts/key-storage.tsx';
import { Notice, ProblemNotice } from '../parts/notice.tsx';
import { Page, Section } from '../parts/page.tsx';
import { State } from '../parts/state.tsx';
import { useRoute } from '../router.tsx';
import type { Summary } from '../summary.ts';
import { texts } from '../texts.ts';
import { useBox } from '../use-box.ts';
import { useMay } from '../use-may.ts';
import { useQuery } from '../use-query.ts';
import { Chain } from './trust/chain.tsx';
import { LinkPanel, Problems } from './trust/link-panel.tsx';
import { Registers } from './trust/registers.tsx';
import { ReplaceIdentity } from './trust/replace-identity.tsx';

const text = texts.trust;
type Tpm = StatusUpdate['tpm'];

export function Trust() {
  const { tpm, identity } = useBox().status;
  const { query } = useRoute();
  const mayOwn = useMay('own');
  const {
    value: boot,
    problem,
    refresh,
  } = useQuery<MeasuredBoot>(tpm.state === 'present' ? '/api/v1/attestation' : null);
  const opened = boot?.chain.find(({ name }) => name === query.get('link'));
  const differing = boot?.chain.filter(({ comparison }) => comparison === 'different') ?? [];
  return (
    <Page name="trust" what={{ term: text.term, meaning: text.meaning }}>
      <div class={differing.length > 0 ? 'alarmed' : undefined}>
        <Answer {...summaryOf(tpm, boot, problem)} />
        {differing.length > 0 && (
          <Problems problems={differing.flatMap(({ problems }) => problems.slice(0, 2))} />
        )}
      </div>
      <Chain boot={boot} isAsked={problem === null} />
      {boot !== null && <p class="quiet honest">{text.self}</p>}
      {problem !== null && <ProblemNotice problem={problem} onRetry={refresh} />}
      {tpm.state === 'absent' && <Empty title={`${text.absent} ${tpm.reason}`} advice={text.absentAdvice} />}
      {tpm.state === 'failed' && (
        <Notice mark="attention" word={text.failed}>
          <p>{tpm.reason}</p>
          <p>{tpm.advice}</p>
        </Notice>
      )}
      <Section id="identity" title={text.links.identity}>
        <Facts>
          <Fact name={text.key}>
            <KeyStorage identity={identity} />
            {identity.keyStorage === 'software' && <span>{texts.identity.softwareMeaning}</span>}
            {identity.keyStorage === 'tpm' && <span class="quiet">{text.tpmMeaning}</span>}
          </Fact>
          {identity.hit !== null && (
            <Fact name="HIT">
              <WholeHit hit={identity.hit} label={`${texts.copy} HIT`} />
            </Fact>
          )}
          {identity.hit === null && identity.formerHit !== null && (
            <Fact name={text.formerHit}>
              <WholeHit hit={identity.formerHit} label={`${texts.copy} HIT`} />
            </Fact>
          )}
          {identity.signing !== null && (
            <Fact name={text.facts.signing}>
              {text.milliseconds(identity.signing.p50Milliseconds)}
              <span class="quiet">{text.signatures(identity.signing.count)}</span>
            </Fact>
          )}
        </Facts>
        {mayOwn && <ReplaceIdentity identity={identity} />}
      </Section>
      {tpm.state === 'present' && <Quote tpm={tpm} />}
      {boot !== null && <Registers boot={boot} />}
      {opened !== undefined && <LinkPanel key={opened.name} link={opened} release={boot?.release ?? null} />}
    </Page>
  );
}

/** The first of these that is true is said: what is wrong before what is missing. */
function summaryOf(tpm: Tpm, boot: MeasuredBoot | null, problem: Problem | null): Summary {
  const { answer } = text;
  if (tpm.state === 'absent') return { mark: 'off', sentence: answer.absent, advice: text.absentAdvice };
  if (tpm.state === 'failed') return { mark: 'attention', sentence: answer.failed, advice: tpm.advice };
  if (tpm.state === 'present' && !tpm.quote.verified)
    return { mark: 'down', sentence: texts.summary.quoteNotVerified, advice: answer.differsAdvice };
  if (boot === null && problem !== null) return { mark: 'degraded', sentence: answer.notTold, advice: null };
  if (tpm.state === 'pending' || boot === null)
    return { mark: 'degraded', sentence: answer.reading, advice: null };
  const differing = boot.chain.filter(({ comparison }) => comparison === 'different');
  if (differing.length > 0)
    return {
      mark: 'down',
      sentence: answer.differs(differing.map(({ name }) => text.links[name])),
      advice: answer.differsAdvice,
    };
  if (boot.release === null) return { mark: 'off', sentence: answer.noRelease, advice: text.noRelease };
  const { version, development } = boot.release;
  return {
    mark: development ? 'degraded' : 'up',
    sentence: answer.same(version),
    advice: development ? answer.development : null,
  };
}

function Quote({ tpm }: { tpm: Extract<Tpm, { state: 'present' }> }) {
  const { facts } = text;
  const { verified, signatureAlgorithm, pcrDigest, milliseconds, clock, resetCount } = tpm.quote;
  return (
    <Section id="quote" title={text.quote} what={{ term: text.quoteTerm, meaning: text.quoteMeaning }}>
      <Facts>
        <Fact name={facts.signature}>
          <State mark={verified ? 'up' : 'down'} word={verified ? text.verified : text.notVerified} />
          <span class="quiet">{signatureAlgorithm}</span>
        </Fact>
        <Fact name={facts.tpm}>
          {tpm.manufacturer} {tpm.firmwareVersion}
        </Fact>
        <Fact name={facts.pcrDigest}>
          <Digest hex={pcrDigest} label={`${texts.copy} ${facts.pcrDigest}`} />
        </Fact>
        <Fact name={facts.took}>{text.milliseconds(milliseconds)}</Fact>
        <Fact name={facts.clock}>{clock}</Fact>
        <Fact name={facts.resets}>{resetCount}</Fact>
      </Facts>
    </Section>
  );
}
