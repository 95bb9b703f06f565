import type { SimPinFile } from '../netd/modem/sim-pins.ts';
import type { SecretFiles } from '../webui/ports.ts';

const name = 'sim-pins';

/** @param stateProblem why nothing outlives a restart now; a wrong PIN would be forgotten, and tried again after each */
export function simPinFile(secrets: SecretFiles, stateProblem: () => string | null): SimPinFile {
  return {
    read: () => secrets.read(name),
    async write(text) {
      const problem = stateProblem();
      if (problem !== null) throw new Error(`nothing outlives a restart now: ${problem}`);
      await secrets.write(name, text);
    },
  };
}
