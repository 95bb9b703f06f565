import type { StatusUpdate } from '../../api/status-schema.ts';
import { ClaimForm } from '../claim-form.tsx';
import { formatDuration } from '../format.ts';
import { Mark } from '../icons.tsx';
import { Fact, Facts, Hit, State, What } from '../parts.tsx';
import { summarise } from '../summary.ts';
import { texts } from '../texts.ts';

interface OverviewProps {
  status: StatusUpdate;
  /** By the box's clock, so that it goes on between two answers. */
  uptimeSeconds: number;
  /** Not how the box is but how it was. */
  lastKnown: boolean;
  onClaimed: (pageCloses: boolean) => void;
}

/** The answer first: one sentence, what to do if it is not well, then the four facts that people ask for. */
export function Overview({ status, uptimeSeconds, lastKnown, onClaimed }: OverviewProps) {
  const { mark, sentence, advice } = summarise(status);
  const { identity, platform, image, warnings } = status;
  // The first warning may be the sentence already.
  const listed = warnings.filter(({ message }) => message !== sentence);
  return (
    <section id="overview" aria-labelledby="overview-title">
      <h2 id="overview-title" class="only-read">
        {texts.sections.overview}
      </h2>
      <div class="answer" role="status">
        <p class={`sentence state-${mark}`}>
          <Mark name={mark} />
          <span>{lastKnown ? texts.summary.lastKnown(sentence) : sentence}</span>
        </p>
        {advice !== null && <p class="advice">{advice}</p>}
      </div>
      {listed.length > 0 && (
        <ul class="warnings" aria-label={texts.warnings}>
          {listed.map(({ code, message, advice: todo }) => (
            <li key={code}>
              <State mark="attention" word={message} />
              <p>
                {todo} <code class="quiet">{code}</code>
              </p>
            </li>
          ))}
        </ul>
      )}
      {!status.claimed && <ClaimForm closes={pageWouldClose(status)} onClaimed={onClaimed} />}
      <Facts>
        <Fact name={texts.facts.identity}>
          {identity.hit !== null && <Hit hit={identity.hit} label={`${texts.copy} HIT`} />}
          <KeyStorage identity={identity} />
          <What term={texts.identity.hitTerm} meaning={texts.identity.hitMeaning} />
        </Fact>
        <Fact name={texts.facts.platform}>
          <span>{platformName(platform)}</span>
          <span class="quiet">{texts.platform.decidedBy(platform.decidedBy)}</span>
        </Fact>
        <Fact name={texts.facts.image}>
          <span>{image.version}</span>
          <span class="quiet">
            {image.rootHash === null ? texts.system.noRootHash : `${image.rootHash.slice(0, 16)}…`}
          </span>
        </Fact>
        <Fact name={texts.facts.uptime}>
          <span class="figure">{formatDuration(uptimeSeconds)}</span>
        </Fact>
      </Facts>
    </section>
  );
}

/** Where the private key lives, said plainly. */
export function KeyStorage({ identity }: { identity: StatusUpdate['identity'] }) {
  switch (identity.keyStorage) {
    case 'software':
      return <State mark="attention" word={texts.identity.software} />;
    case 'tpm':
      return <State mark="up" word={texts.identity.tpm} />;
    case 'none':
      return identity.problem === null ? (
        <State mark="off" word={texts.identity.none} />
      ) : (
        <State mark="down" word={texts.identity.unusable} />
      );
  }
}

function platformName({ vendor, product, platform }: StatusUpdate['platform']): string {
  const made = [vendor, product].filter((part) => part !== null && part !== '');
  return made.length > 0 ? `${platform} · ${made.join(' ')}` : platform;
}

function pageWouldClose({ network }: StatusUpdate): boolean {
  return !network.interfaces.some(
    ({ role, addresses }) => (role === 'lan' || role === 'management') && addresses.length > 0,
  );
}
