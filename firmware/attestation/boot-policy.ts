import { toHex } from '../bytes/bytes.ts';
import { eventDetail } from './event-detail.ts';
import type { BootEvent } from './event-log.ts';
import { eventText } from './event-text.ts';
import { eventType, eventTypeName } from './event-types.ts';
import { attestedBank } from './measured-pcrs.ts';
import type { ReferenceValues } from './reference-values.ts';
import type { Digest } from './replay.ts';
import { type Finding, finding, type NamedEvent } from './verdict.ts';

/** An event of a PCR that a policy is for: its digest is what counts, the rest is for people. */
type Measured = { readonly digest: string; readonly event: BootEvent };

/** What a policy expects at one place of a PCR: a digest with the words for it. */
type Step = { readonly what: string; readonly digest: string };

/** PCRs into which nothing is measured on a released boot: other loaders, what comes from outside the kernel image, shim. */
const emptyPcrs: ReadonlyMap<number, string> = new Map([
  [8, 'no other loader runs'],
  [12, 'neither a command line nor credentials nor add-ons come from outside the kernel image'],
  [13, 'no system extensions are loaded'],
  [14, 'shim does not run'],
]);

/** Where firmware says that it hands over (PC Client Platform Firmware Profile §3.3.2.2 and Table 14). */
const separators = [Uint8Array.of(0, 0, 0, 0), Uint8Array.of(0xff, 0xff, 0xff, 0xff)];

const actions = [
  'Calling EFI Application from Boot Option',
  'Returning from EFI Application from Boot Option',
];

/**
 * Holds a boot log against a release: in the PCRs that depend on the release alone, what was measured has to be exactly
 * what the manifest says, by digests; types and data of events are the words of whoever wrote the log. Where as many events
 * as expected were measured into a PCR, each that diverges is a finding; else the first is the only one.
 */
export function bootFindings(
  events: readonly BootEvent[],
  reference: ReferenceValues,
  digest: Digest,
): Finding[] {
  const policy = new BootPolicy(events, digest);
  return [
    ...[0, 1, 2, 3, 5, 6, 7].flatMap((pcr) => policy.separated(pcr)),
    ...policy.started(reference),
    ...policy.sequence(9, policy.kernelSteps(reference)),
    ...policy.sequence(11, policy.sectionSteps(reference)),
    ...[...emptyPcrs].flatMap(([pcr, why]) => policy.sequence(pcr, [], `${why} on a released boot`)),
  ];
}

class BootPolicy {
  readonly #events: readonly BootEvent[];
  readonly #digest: Digest;
  readonly #separators: readonly string[];
  readonly #actions: readonly string[];

  constructor(events: readonly BootEvent[], digest: Digest) {
    this.#events = events;
    this.#digest = digest;
    this.#separators = separators.map((value) => toHex(digest(attestedBank, value)));
    this.#actions = actions.map((text) => this.#ascii(text));
  }

  /** Without one, firmware never ended its part, and whatever ran afterwards could pass for firmware. */
  separated(pcr: number): Finding[] {
    const found = this.#measured(pcr).filter(({ digest }) => this.#separators.includes(digest));
    if (found.length === 1) return [];
    const problem =
      found.length === 0
        ? 'firmware never ended its measurements with a separator'
        : 'has more than one separator';
    const second = found[1];
    const event = second === undefined ? null : nameEvent(second.event);
    return [finding('boot', problem, { pcr, event, expected: 'one separator', actual: `${found.length}` })];
  }

  /** PCR 4: what firmware started. Before the separator it only says that it is about to. */
  started({ loader, kernelImage, kernel }: ReferenceValues): Finding[] {
    const pcr = 4;
    const events = this.#measured(pcr);
    const end = events.findIndex(({ digest }) => this.#separators.includes(digest));
    if (end < 0)
      return [
        finding('boot', 'firmware never ended its measurements with a separator', {
          pcr,
          expected: 'one separator',
          actual: 'none',
        }),
      ];
    const early = events.slice(0, end).find(({ digest }) => !this.#actions.includes(digest));
    if (early !== undefined)
      return [
        finding('boot', 'something was started before the boot loader', {
          pcr,
          event: nameEvent(early.event),
          expected: 'the separator',
          actual: early.digest,
        }),
      ];
    const programs = events.slice(end + 1).filter(({ digest }) => !this.#actions.includes(digest));
    const steps = [
      { what: 'the released boot loader', digest: loader },
      { what: 'the released kernel image', digest: kernelImage },
    ];
    const withKernel = [...steps, { what: 'the kernel of the released kernel image', digest: kernel }];
    return this.#compare(pcr, programs, programs.length === steps.length ? steps : withKernel, null);
  }

  /** PCR 9, by the kernel itself: its command line, then its initial RAM disk as the stub put it together. */
  kernelSteps({ commandLine, initrd }: ReferenceValues): Step[] {
    const wide = new Uint8Array((commandLine.length + 1) * 2);
    for (let index = 0; index < commandLine.length; index++) {
      wide[index * 2] = commandLine.charCodeAt(index) & 0xff;
      wide[index * 2 + 1] = commandLine.charCodeAt(index) >>> 8;
    }
    return [
      { what: 'the released command line', digest: toHex(this.#digest(attestedBank, wide)) },
      { what: 'the released initial RAM disk', digest: initrd },
    ];
  }

  /** PCR 11, by the stub: of each section its name with a NUL, then its content. */
  sectionSteps({ sections }: ReferenceValues): Step[] {
    return sections.flatMap(({ name, sha256 }) => [
      { what: `the name of section ${name}`, digest: this.#ascii(`${name}\0`) },
      { what: `the released content of section ${name}`, digest: sha256 },
    ]);
  }

  /** Exactly these steps make the PCR, and nothing else. */
  sequence(pcr: number, steps: readonly Step[], nothing: string | null = null): Finding[] {
    return this.#compare(pcr, this.#measured(pcr), steps, nothing);
  }

  #compare(
    pcr: number,
    events: readonly Measured[],
    steps: readonly Step[],
    nothing: string | null,
  ): Finding[] {
    const diverging = events.flatMap(({ digest, event }, index) => {
      const step = steps[index];
      if (step?.digest === digest) return [];
      const problem =
        step === undefined ? (nothing ?? 'something more was measured') : `this is not ${step.what}`;
      const expected = step?.digest ?? 'nothing more';
      return [finding('boot', problem, { pcr, event: nameEvent(event), expected, actual: digest })];
    });
    // Something that is left out or put in moves all that follows.
    if (diverging.length > 0) return events.length === steps.length ? diverging : diverging.slice(0, 1);
    const missing = steps[events.length];
    if (missing === undefined) return [];
    const problem = `the log ends before ${missing.what}`;
    const last = events.at(-1);
    const event = last === undefined ? null : nameEvent(last.event);
    return [finding('boot', problem, { pcr, event, expected: missing.digest, actual: 'nothing' })];
  }

  #measured(pcr: number): Measured[] {
    return this.#events
      .filter((event) => event.pcr === pcr && event.type !== eventType.noAction)
      .map((event) => ({
        digest: toHex(event.digests.get(attestedBank) ?? new Uint8Array()),
        event,
      }));
  }

  #ascii(text: string): string {
    return toHex(
      this.#digest(
        attestedBank,
        Uint8Array.from(text, (character) => character.charCodeAt(0)),
      ),
    );
  }
}

function nameEvent(event: BootEvent): NamedEvent {
  return { index: event.index, type: eventTypeName(event.type), text: eventText(eventDetail(event)) };
}
