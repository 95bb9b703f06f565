import { Diagnosis } from '../../firmware/diagnosis/diagnosis.ts';
import type { DiagnosisPorts, EchoResult, Hop } from '../../firmware/diagnosis/ports.ts';
import { normalStatus } from './status-fixtures.ts';
import { testPolicy } from './test-policy.ts';

/** What the operating system says, and what it was asked. */
export type TestSystem = {
  echo: EchoResult;
  trace: Awaited<ReturnType<DiagnosisPorts['trace']>>;
  readonly asked: object[];
  /** Hands a frame to whoever listens on the link. */
  frame: (octets: Uint8Array) => void;
  /** The capture's file, null where there is none. */
  file: Uint8Array | null;
  /** Of links that are listened on. */
  listening: number;
};

const hop: Hop = { hop: 1, address: '10.1.2.3', ms: 1, note: null };

/** Looking into things with everything real but the operating system. */
export function openTestDiagnosis(ports: Partial<DiagnosisPorts> = {}): {
  readonly diagnosis: Diagnosis;
  readonly system: TestSystem;
} {
  const system: TestSystem = {
    echo: { ok: true, value: { sent: 3, received: 3, rttMs: { min: 1, average: 2, max: 3 } } },
    trace: { ok: true, value: [hop] },
    ...{ asked: [], frame: () => {}, file: null, listening: 0 },
  };
  const diagnosis = new Diagnosis({
    explain: testPolicy.explain,
    status: () => normalStatus(0),
    async echo(to, { count, source }) {
      system.asked.push({ to, count, source });
      return system.echo;
    },
    async trace(to, { hops, source, onHops }) {
      system.asked.push({ to, hops, source });
      onHops([]);
      return system.trace;
    },
    hasLink: (link) => link === 'br-lan',
    async openLink(link, snapLength, onFrame) {
      if (link === 'hip0') throw new Error('hip0: no such device');
      system.listening += 1;
      system.frame = (octets) => onFrame(octets.subarray(0, snapLength), octets.length);
      return {
        isEthernet: true,
        dropped: () => 0,
        close: () => {
          system.listening -= 1;
        },
      };
    },
    captureFile: {
      create() {
        system.file = new Uint8Array();
        return {
          write(octets) {
            system.file = new Uint8Array([...(system.file ?? []), ...octets]);
          },
          close: () => {},
        };
      },
      read(onEnd) {
        const octets = system.file ?? new Uint8Array();
        return new ReadableStream({
          pull(controller) {
            controller.enqueue(octets);
            controller.close();
            onEnd();
          },
        });
      },
      async remove() {
        system.file = null;
      },
    },
    now: () => Date.now(),
    ...ports,
  });
  return { diagnosis, system };
}
