import { readableText } from './readable-text.ts';
import type { Finding, Verdict } from './verdict.ts';

const headlines = {
  affirming: 'PASS: this box booted and runs the release, unchanged.',
  warning: 'PASS, with warnings: what was checked holds; read what was not.',
  contraindicated: 'FAIL: this box is not to be trusted.',
} as const;

/** A verdict for people. Nothing that the evidence says reaches a terminal as a control character. */
export function verdictText({ status, release, hit, checks, findings, warnings, notes }: Verdict): string {
  const lines = [
    headlines[status],
    '',
    `Release   ${release.version}${release.development ? ' (development)' : ''}`,
    `Identity  ${hit ?? 'none was shown'}`,
    '',
    ...checks.map(({ check, outcome }) => `  ${outcome.padEnd(8)}${check}`),
    ...findings.flatMap((finding) => ['', ...findingLines(finding)]),
    ...(warnings.length + notes.length === 0 ? [] : ['']),
    ...warnings.map((warning) => `Warning: ${warning}`),
    ...notes.map((note) => `Note: ${note}`),
  ];
  return `${lines.join('\n')}\n`;
}

function findingLines({ check, pcr, problem, event, expected, actual }: Finding): string[] {
  const place = pcr === null ? check : `${check}, PCR ${pcr}`;
  return [
    `${place}: ${readableText(problem)}`,
    ...(event === null
      ? []
      : [`  event     ${event.index} ${event.type}: ${readableText(event.text)} (so the log calls it)`]),
    ...(expected === null ? [] : [`  expected  ${readableText(expected)}`]),
    ...(actual === null ? [] : [`  actual    ${readableText(actual)}`]),
  ];
}
