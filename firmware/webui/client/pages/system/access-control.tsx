import { Section } from '../../parts/page.tsx';
import { texts } from '../../texts.ts';
import { useMay } from '../../use-may.ts';
import { Audit } from './audit.tsx';
import { OwnSession } from './own-session.tsx';
import { SecurityKeys } from './security-keys.tsx';
import { Sessions } from './sessions.tsx';
import { Tokens } from './tokens.tsx';
import { Users } from './users.tsx';

/** Who may use the box, and who did what. */
export function AccessControl() {
  const isOwner = useMay('own');
  return (
    <>
      <OwnSession />
      <SecurityKeys />
      <Sessions />
      {isOwner ? (
        <>
          <Users />
          <Tokens />
          <Audit />
        </>
      ) : (
        <Section id="users" title={texts.users.title}>
          <p class="prose quiet">{texts.users.ownersOnly}</p>
        </Section>
      )}
    </>
  );
}
