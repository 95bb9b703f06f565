/** Whether an address says something: every link has one of its own scope. */
export function isGlobal(address: string): boolean {
  return !/^(fe[89ab][0-9a-f]:|169\.254\.)/i.test(address);
}
