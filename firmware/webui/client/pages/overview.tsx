import { Answer } from '../parts/answer.tsx';
import { Notice } from '../parts/notice.tsx';
import { Page } from '../parts/page.tsx';
import { Link } from '../router.tsx';
import { summarise } from '../summary.ts';
import { texts } from '../texts.ts';
import { useBox } from '../use-box.ts';
import { Denied } from './overview/denied.tsx';
import { Troubles } from './overview/troubles.tsx';
import { TrustInShort } from './overview/trust-in-short.tsx';
import { TunnelsInShort } from './overview/tunnels-in-short.tsx';
import { UplinksInShort } from './overview/uplinks-in-short.tsx';

/** Is it well? The answer first, then what it is made of, and nothing else. */
export function Overview() {
  const { status, live } = useBox();
  const { mark, sentence, advice } = summarise(status);
  return (
    <Page name="overview" headingUnseen>
      <Answer mark={mark} sentence={live ? sentence : texts.summary.lastKnown(sentence)} advice={advice} />
      {!status.claimed && (
        <Notice mark="attention" word={texts.setup.invite}>
          <p>{texts.setup.inviteAdvice}</p>
          <p>
            <Link to="/setup" class="button main">
              {texts.setup.begin}
            </Link>
          </p>
        </Notice>
      )}
      <Troubles said={sentence} />
      <UplinksInShort />
      <TunnelsInShort />
      <TrustInShort />
      <Denied />
    </Page>
  );
}
