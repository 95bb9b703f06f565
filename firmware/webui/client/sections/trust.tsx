import type { StatusUpdate } from '../../api/status-schema.ts';
import { Digest, Empty, Fact, Facts, Section, State, WholeHit } from '../parts.tsx';
import type { MarkName } from '../summary.ts';
import { Cell, Row, Table } from '../table.tsx';
import { texts } from '../texts.ts';
import { MeasuredBootEvents } from './measured-boot.tsx';
import { KeyStorage } from './overview.tsx';

type Tpm = StatusUpdate['tpm'];

const text = texts.trust;

export function Trust({ status }: { status: StatusUpdate }) {
  const { tpm, identity } = status;
  return (
    <Section id="trust" what={{ term: text.term, meaning: text.meaning }}>
      <ol class="chain" aria-label={text.chain}>
        <Measured name={text.firmware} pcr={0} tpm={tpm} />
        <Measured name={text.loader} pcr={4} tpm={tpm} />
        <Measured name={text.image} pcr={11} tpm={tpm} />
        <QuoteLink tpm={tpm} />
        <li>
          <strong>{text.identity}</strong>
          <KeyStorage identity={identity} />
          <span class="quiet">{identity.detail}</span>
        </li>
      </ol>
      {tpm.state === 'present' && <p class="quiet">{text.notCompared}</p>}
      {tpm.state === 'absent' && <Empty title={`${text.absent} ${tpm.reason}`} advice={text.absentAdvice} />}
      {tpm.state === 'failed' && (
        <div class="notice">
          <State mark="attention" word={text.failed} />
          <p>{tpm.reason}</p>
          <p>{tpm.advice}</p>
        </div>
      )}
      {(identity.hit !== null || tpm.state === 'present') && (
        <Facts>
          {identity.hit !== null && (
            <Fact name="HIT">
              <WholeHit hit={identity.hit} label={`${texts.copy} HIT`} />
              {identity.keyStorage === 'software' && <span>{texts.identity.softwareMeaning}</span>}
            </Fact>
          )}
          {identity.signing !== null && (
            <Fact name={text.facts.signing}>{text.milliseconds(identity.signing.p50Milliseconds)}</Fact>
          )}
          {tpm.state === 'present' && <TpmFacts tpm={tpm} />}
        </Facts>
      )}
      {tpm.state === 'present' && (
        <details class="disclosure">
          <summary>{text.allPcrs(tpm.pcrBank, tpm.pcrs.length)}</summary>
          <Table
            label={text.allPcrs(tpm.pcrBank, tpm.pcrs.length)}
            kind="pcrs"
            columns={[text.register, text.digest]}
          >
            {tpm.pcrs.map(({ index, digest }) => (
              <Row key={index}>
                <Cell name={text.register}>{text.pcr(index)}</Cell>
                <Cell name={text.digest}>
                  <Digest hex={digest} label={`${texts.copy} ${text.pcr(index)}`} />
                </Cell>
              </Row>
            ))}
          </Table>
        </details>
      )}
      {tpm.state === 'present' && <MeasuredBootEvents />}
    </Section>
  );
}

/** What a link of the chain shows that the TPM has not spoken for. */
const unmeasured: Record<Exclude<Tpm['state'], 'present'>, { mark: MarkName; word: string }> = {
  pending: { mark: 'degraded', word: text.reading },
  absent: { mark: 'off', word: text.notMeasured },
  failed: { mark: 'down', word: text.notMeasured },
};

function Measured({ name, pcr, tpm }: { name: string; pcr: number; tpm: Tpm }) {
  const digest = tpm.state === 'present' ? tpm.pcrs.find(({ index }) => index === pcr)?.digest : undefined;
  const state = tpm.state === 'present' ? unmeasured.failed : unmeasured[tpm.state];
  return (
    <li>
      <strong>{name}</strong>
      {digest === undefined ? <State {...state} /> : <State mark="up" word={text.measured} />}
      <span class="quiet">
        {text.pcr(pcr)} {digest !== undefined && <code title={digest}>{digest.slice(0, 8)}…</code>}
      </span>
    </li>
  );
}

function QuoteLink({ tpm }: { tpm: Tpm }) {
  if (tpm.state !== 'present') {
    return (
      <li>
        <strong>{text.quote}</strong>
        <State {...unmeasured[tpm.state]} word={tpm.state === 'pending' ? text.reading : text.noQuote} />
      </li>
    );
  }
  const { verified, signatureAlgorithm } = tpm.quote;
  return (
    <li>
      <strong>{text.quote}</strong>
      <State mark={verified ? 'up' : 'attention'} word={verified ? text.verified : text.notVerified} />
      <span class="quiet">{signatureAlgorithm}</span>
    </li>
  );
}

function TpmFacts({ tpm }: { tpm: Extract<Tpm, { state: 'present' }> }) {
  const { facts } = text;
  const { quote } = tpm;
  return (
    <>
      <Fact name={facts.tpm}>
        {tpm.manufacturer} {tpm.firmwareVersion}
      </Fact>
      <Fact name={facts.pcrDigest}>
        <Digest hex={quote.pcrDigest} label={`${texts.copy} ${facts.pcrDigest}`} />
      </Fact>
      <Fact name={facts.took}>{text.milliseconds(quote.milliseconds)}</Fact>
      <Fact name={facts.clock}>{quote.clock}</Fact>
      <Fact name={facts.resets}>{quote.resetCount}</Fact>
    </>
  );
}
