import type { Attestation } from '../webui/api/attestation-route.ts';

/** What the box finds when it looks at its own boot, in a line. It proves nothing: a verifier elsewhere does. */
export function measuredBootLine(answer: Awaited<ReturnType<Attestation['measuredBoot']>>): string {
  if (!answer.ok) return answer.reason;
  const { release, chain } = answer.boot;
  const different = chain.filter(({ comparison }) => comparison === 'different').map(({ name }) => name);
  if (different.length > 0) return `DIFFERS in ${different.join(', ')}: see the page under Trust`;
  if (release === null) return 'measured; no release is there to compare it with';
  return `as release ${release.version} says (seen by the box itself)`;
}
