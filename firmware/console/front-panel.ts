/** Where a panel's lights and its button are in its reports, one octet each after the report's number. */
export type PanelLayout = {
  readonly lights: {
    readonly report: number;
    readonly bits: Readonly<Record<Light, number>>;
  };
  readonly button: { readonly report: number; readonly bit: number };
};

/** `press` asks whoever stands at the box to press the button. */
export type Light = 'well' | 'attention' | 'tunnels' | 'press';

export type PanelFacts = {
  readonly networkWorks: boolean;
  /** Alarms and warnings. */
  readonly troubles: number;
  readonly tunnelsUp: number;
  readonly pressWanted: boolean;
};

/** Which lights are on. */
export function panelLights({
  networkWorks,
  troubles,
  tunnelsUp,
  pressWanted,
}: PanelFacts): readonly Light[] {
  const on: Readonly<Record<Light, boolean>> = {
    well: networkWorks && troubles === 0,
    attention: !networkWorks || troubles > 0,
    tunnels: tunnelsUp > 0,
    press: pressWanted,
  };
  return (['well', 'attention', 'tunnels', 'press'] as const).filter((light) => on[light]);
}

/** The output report that lights these and no others (USB HID 1.11, 5.6). */
export function lightsReport({ lights }: PanelLayout, on: readonly Light[]): Uint8Array {
  let octet = 0;
  for (const light of on) octet |= 1 << lights.bits[light];
  return Uint8Array.of(lights.report, octet);
}

/** Whether the button is down by an input report; null for a report that says nothing of it. */
export function buttonDown({ button }: PanelLayout, report: Uint8Array): boolean | null {
  const [number, octet] = report;
  if (number !== button.report || octet === undefined) return null;
  return ((octet >> button.bit) & 1) === 1;
}

/**
 * Whether somebody has shown that they stand at the box: nothing is `asked` of them, they were, or they have. Times are
 * seconds of a clock that never jumps.
 */
export type Presence = {
  readonly phase: 'quiet' | 'asked' | 'shown';
  readonly until: number;
  /** Whether the button is down as far as it has told. */
  readonly down: boolean;
};
export const firstPresence: Presence = { phase: 'quiet', until: 0, down: false };

export type PresenceInput =
  /** Something needs presence. */
  | { readonly kind: 'ask' }
  /** What was asked for is begun: the next one needs another press. */
  | { readonly kind: 'use' }
  | { readonly kind: 'button'; readonly down: boolean }
  | { readonly kind: 'time' };

/** Seconds to walk to the box, and from the box back to the page. */
export const presenceSeconds = 60;

/** A press counts only while it is asked for, and only as one: a button that is held down, or stuck, shows nothing. */
export function presence(state: Presence, input: PresenceInput, now: number): Presence {
  const { down } = state;
  const phase = now < state.until ? state.phase : 'quiet';
  const until = phase === 'quiet' ? 0 : state.until;
  switch (input.kind) {
    case 'time':
      return { phase, until, down };
    case 'use':
      return { phase: 'quiet', until: 0, down };
    case 'ask':
      return phase === 'shown'
        ? { phase, until, down }
        : { phase: 'asked', until: now + presenceSeconds, down };
    case 'button':
      if (phase === 'asked' && input.down && !down)
        return { phase: 'shown', until: now + presenceSeconds, down: true };
      return { phase, until, down: input.down };
  }
}
