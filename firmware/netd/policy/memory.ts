import type { RuleNumbers } from '../../policy/rule-numbers.ts';

/** What must outlive the runtime while the kernel runs, since the kernel's marks and counters speak of it. */
export type KernelMemory = { readonly generation: number; readonly numbers: RuleNumbers };

export function formatMemory({ generation, numbers }: KernelMemory): string {
  return `${JSON.stringify({ generation, numbers: Object.fromEntries(numbers) })}\n`;
}

/** What the file says; where it is missing or not understood, nothing is known. */
export function parseMemory(text: string | null): KernelMemory {
  const nothing: KernelMemory = { generation: 0, numbers: new Map() };
  if (text === null) return nothing;
  try {
    const { generation, numbers } = JSON.parse(text) as { generation: unknown; numbers: unknown };
    if (typeof generation !== 'number' || typeof numbers !== 'object' || numbers === null) return nothing;
    const entries = Object.entries(numbers).filter(
      (entry): entry is [string, number] => Number.isInteger(entry[1]) && Number(entry[1]) > 0,
    );
    return { generation, numbers: new Map(entries) };
  } catch {
    return nothing;
  }
}
