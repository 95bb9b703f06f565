import { describe, expect, test } from 'vitest';
import { type Conditions, type SimulatedHost, World } from './world.ts';

const seeds = Array.from({ length: 120 }, (_, index) => index + 1);
const calm: Omit<Conditions, 'seed'> = { loss: 0, duplication: 0, longestDelay: 20, longestSignature: 2 };
const rough: Omit<Conditions, 'seed'> = {
  loss: 0.25,
  duplication: 0.25,
  longestDelay: 1_500,
  longestSignature: 700,
};
const minutes = 60_000;

/** Keeps asking for an association, as a gateway does. */
function keepWanting(world: World, host: SimulatedHost): void {
  if (host.state.name === 'UNASSOCIATED' || host.state.name === 'CLOSED') world.connect(host);
  world.at(1_000, () => keepWanting(world, host));
}

/** Runs until both ends carry, and reports everything that must not have happened. */
function settles(world: World, limit: number): string {
  world.run(world.now + limit, () => world.isUp);
  // What was under way when the tunnel came up must not take it down for good.
  world.run(world.now + 5_000);
  world.run(world.now + limit, () => world.isUp);
  const states = world.hosts.map(({ state }) => state.name).join('/');
  return [...new Set(world.faults), ...(world.isUp ? [] : [`not up but ${states}`])].join('; ') || 'up';
}

describe('base exchange on a bad network, from seeds', () => {
  test('one end starts on a good network: four packets, keys agree', () => {
    for (const seed of seeds) {
      const world = new World({ ...calm, seed });
      world.connect(world.hosts[seed % 2 === 0 ? 0 : 1]);
      expect(settles(world, 2_000), `seed ${seed}`).toBe('up');
    }
  });

  test('both ends start at once', () => {
    for (const seed of seeds) {
      const world = new World({ ...calm, seed });
      for (const host of world.hosts) keepWanting(world, host);
      expect(settles(world, 4_000), `seed ${seed}`).toBe('up');
    }
  });

  test('a quarter is lost, a quarter comes twice, packets overtake, signatures are slow', () => {
    for (const seed of seeds) {
      const world = new World({ ...rough, seed });
      for (const host of world.hosts) keepWanting(world, host);
      expect(settles(world, 20 * minutes), `seed ${seed}`).toBe('up');
    }
  });

  test('an end loses its state at any moment, again and again, and they find each other', () => {
    for (const seed of seeds) {
      const world = new World({ ...rough, seed, loss: 0.1 });
      for (const host of world.hosts) keepWanting(world, host);
      for (let crash = 0; crash < 3; crash++) {
        world.run(world.now + 500 + ((seed * 7919 + crash * 104_729) % 40_000));
        const host = world.hosts[(seed + crash) % 2 === 0 ? 0 : 1];
        host.reboot();
        host.renewR1s(world.now);
      }
      expect(settles(world, 20 * minutes), `seed ${seed}`).toBe('up');
    }
  });

  test('nothing gets through for ten minutes, then it does', () => {
    for (const seed of seeds.slice(0, 30)) {
      const world = new World({ ...calm, seed, loss: 1 });
      for (const host of world.hosts) keepWanting(world, host);
      world.run(10 * minutes);
      expect(world.isUp).toBe(false);
      world.conditions = { ...calm, seed };
      // E-FAILED waits a minute at most.
      expect(settles(world, 2 * minutes), `seed ${seed}`).toBe('up');
    }
  });

  test('CLOSE on a bad network leaves nothing behind', () => {
    for (const seed of seeds) {
      const world = new World({ ...rough, seed });
      world.connect(world.hosts[0]);
      world.run(20 * minutes, () => world.isUp);
      for (const host of world.hosts)
        if (seed % 3 === 0 || host === world.hosts[1]) world.input(host, { type: 'close' });
      world.run(world.now + 2 * minutes);
      expect(world.faults, `seed ${seed}`).toEqual([]);
      expect(world.hosts[1].state.name, `seed ${seed}`).toBe('UNASSOCIATED');
    }
  });
});
