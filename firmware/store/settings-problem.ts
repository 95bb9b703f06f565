import type { z } from 'zod';
import { limits } from './limits.ts';
import { formatSettingsPath } from './settings-path.ts';

/** What is wrong with a settings document, where: `{ path: 'overlay.peers[3].uri', problem: 'must read hip://…' }`. */
export type SettingsProblem = { readonly path: string; readonly problem: string };

export type Parsed<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly problems: readonly SettingsProblem[] };

/** A problem of the document as a whole has an empty path. */
export function problemOfWhole(problem: string): Parsed<never> {
  return { ok: false, problems: [{ path: '', problem: shorten(problem) }] };
}

/** Names the fields that zod found wrong, at most `limits.problems` of them. */
export function problemsOf(error: z.ZodError): SettingsProblem[] {
  return problemsOfIssues(error.issues, []).slice(0, limits.problems);
}

/** One line for a log or the command line. */
export function describeSettingsProblem({ path, problem }: SettingsProblem): string {
  return path === '' ? problem : `${path}: ${problem}`;
}

type Issue = z.core.$ZodIssue;

function problemsOfIssues(issues: readonly Issue[], prefix: readonly PropertyKey[]): SettingsProblem[] {
  const problems: SettingsProblem[] = [];
  for (const issue of issues) {
    problems.push(...problemsOfIssue(issue, [...prefix, ...issue.path]));
    if (problems.length >= limits.problems) break;
  }
  return problems;
}

function problemsOfIssue(issue: Issue, path: readonly PropertyKey[]): SettingsProblem[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys
      .slice(0, limits.problems)
      .map((key) => ({ path: writePath([...path, key]), problem: 'is no such setting' }));
  }
  // Of a choice that fits nowhere, the form that was followed furthest is the one that was meant.
  if (issue.code === 'invalid_union') {
    const followed = issue.errors.toSorted((left, right) => depth(right) - depth(left))[0];
    if (followed !== undefined && depth(followed) > 0) return problemsOfIssues(followed, path);
    const forms = issue.errors.flat().map(({ message }) => readable(message));
    const problem = forms.length === 0 ? readable(issue.message) : [...new Set(forms)].join(', or ');
    return [{ path: writePath(path), problem: shorten(problem) }];
  }
  if (issue.code === 'invalid_key') {
    const reasons = issue.issues.map(({ message }) => readable(message)).join('; ');
    return [{ path: writePath(path), problem: shorten(`is no such name: ${reasons}`) }];
  }
  return [{ path: writePath(path), problem: shorten(readable(issue.message)) }];
}

function depth(issues: readonly Issue[]): number {
  // Not as arguments of one call, of which there may be too many.
  return issues.reduce(
    (deepest, { path, code }) => Math.max(deepest, path.length + (code === 'unrecognized_keys' ? 1 : 0)),
    0,
  );
}

function writePath(path: readonly PropertyKey[]): string {
  return shorten(formatSettingsPath(path));
}

function readable(message: string): string {
  return message.replace(/^Invalid input: /, '').replace('received undefined', 'but it is missing');
}

function shorten(text: string): string {
  return text.length <= limits.problemLength ? text : `${text.slice(0, limits.problemLength - 1)}…`;
}
