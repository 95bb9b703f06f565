import type { StatusUpdate } from '../../../api/status-schema.ts';
import { Fact, Facts } from '../../parts/facts.tsx';
import { Hit } from '../../parts/hit.tsx';
import { KeyStorage } from '../../parts/key-storage.tsx';
import { Section } from '../../parts/page.tsx';
import { State } from '../../parts/state.tsx';
import { Link } from '../../router.tsx';
import { texts } from '../../texts.ts';
import { useBox } from '../../use-box.ts';

const text = texts.overview.trust;

/** What the box booted, who says so, and where its identity lives. */
export function TrustInShort() {
  const { tpm, image, identity } = useBox().status;
  return (
    <Section id="trust-in-short" title={texts.pages.trust}>
      <Facts>
        <Fact name={text.boot}>
          <Boot tpm={tpm} />
          <Link to="/trust">{text.more}</Link>
        </Fact>
        <Fact name={texts.facts.image}>
          {image.version}
          {image.development && <State mark="attention" word={text.development} />}
        </Fact>
        <Fact name={texts.facts.identity}>
          <KeyStorage identity={identity} />
          {identity.hit !== null && <Hit hit={identity.hit} label={`${texts.copy} HIT`} />}
        </Fact>
      </Facts>
    </Section>
  );
}

function Boot({ tpm }: { tpm: StatusUpdate['tpm'] }) {
  switch (tpm.state) {
    case 'present':
      return tpm.quote.verified ? (
        <State mark="up" word={text.quoted} />
      ) : (
        <State mark="attention" word={texts.summary.quoteNotVerified} />
      );
    case 'pending':
      return <State mark="degraded" word={texts.trust.reading} />;
    case 'absent':
      return <State mark="off" word={texts.trust.absent} />;
    case 'failed':
      return <State mark="down" word={texts.trust.failed} />;
  }
}
