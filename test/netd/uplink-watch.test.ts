import { expect, test } from 'vitest';
import { UplinkWatch, type WatchedUplink } from '../../firmware/netd/uplink-watch.ts';

/** A watch in the hands of the test: the timer's work is done when it is told, and echoes answer when they are let. */
function watchOver(uplinks: () => readonly WatchedUplink[]) {
  let tick: () => void = () => {};
  const answer: (() => void)[] = [];
  let changes = 0;
  const watch = new UplinkWatch(
    {
      run: () => new Promise((resolve) => answer.push(() => resolve({ status: 0, stdout: '', stderr: '' }))),
      nameServerAnswers: async () => true,
      setTimer: (_, work) => {
        tick = work;
        return { close: () => {} };
      },
      log: () => {},
    },
    { uplinks, probes: () => [], onChange: () => changes++ },
  );
  watch.linksSeen();
  watch.start();
  return {
    watch,
    changes: () => changes,
    begin: () => tick(),
    /** Lets all that was asked answer, and tells how much that was. */
    async end() {
      const asked = answer.splice(0);
      for (const each of asked) each();
      await new Promise((resolve) => setImmediate(resolve));
      return asked.length;
    },
  };
}

const uplink = (link: string, carrier: boolean): WatchedUplink => ({
  ...{ name: link, link, carrier, gateway: '192.0.2.1', nameServers: [], versions: [4] },
  peers: { asked: 0, answered: 0 },
});

test('a cable that is put in during a look is not taken for none by what that look began with', async () => {
  let uplinks = [uplink('eth0', true), uplink('wwan0', false)];
  const { watch, begin, end } = watchOver(() => uplinks);
  begin();
  uplinks = [uplink('eth0', true), uplink('wwan0', true)];
  watch.linksSeen();
  await end();
  expect(watch.health.get('wwan0')).toMatchObject({ works: true, score: 100 });
});

test('what begins to answer again is told of before it counts as working', async () => {
  let uplinks = [uplink('eth0', true), uplink('wwan0', true)];
  const { watch, changes, begin, end } = watchOver(() => uplinks);
  uplinks = [uplink('eth0', true), uplink('wwan0', false)];
  watch.linksSeen();
  uplinks = [uplink('eth0', true), uplink('wwan0', true)];
  watch.linksSeen();
  begin();
  await end();
  expect(watch.health.get('wwan0')).toMatchObject({ works: false, score: 100 });
  expect(changes()).toBe(1);
});

test('one alone is looked at less often, and works again as soon as it answers', async () => {
  const { watch, begin, end } = watchOver(() => [uplink('eth0', true)]);
  const looked: boolean[] = [];
  for (let tick = 0; tick < 6; tick++) {
    begin();
    looked.push((await end()) > 0);
  }
  expect(looked).toEqual([true, false, false, false, false, true]);
  expect(watch.health.get('eth0')).toMatchObject({ works: true, score: 100 });
});
