import { expect, test } from 'vitest';
import { limits } from '../../firmware/boot/limits.ts';
import { type LearningPorts, PolicyLearning } from '../../firmware/boot/policy-learning.ts';
import { defaultPolicy } from '../../firmware/store/policy-schema.ts';
import { StoreError } from '../../firmware/store/store-error.ts';
import { aFlow } from '../flows/flow.fixture.ts';
import { openTestConfiguration } from '../webui/test-configuration.ts';

const flow = aFlow({ from: '192.0.2.1', to: '192.0.2.2' });
const query = { from: 'undecided', exact: 'false' } as const;

function learning(more: Partial<LearningPorts>): PolicyLearning {
  return new PolicyLearning({
    query: async () => ({ ok: true, value: { flows: [], before: null } }),
    policy: () => ({ policy: defaultPolicy, own: {}, peers: [] }),
    configuration: openTestConfiguration().configuration,
    rules: () => [],
    now: () => 7_200_000,
    ...more,
  });
}

/** As many flows as are asked for, of so many in all. */
const endless = (total: number): LearningPorts['query'] => {
  let left = total;
  return async (_, { limit }) => {
    const count = Math.min(limit, left);
    left -= count;
    return {
      ok: true,
      value: { flows: Array.from({ length: count }, () => flow), before: left === 0 ? null : left },
    };
  };
};

test('reads as many flows as limits say, and says when there are more', async () => {
  const exactly = await learning({ query: endless(limits.learnFlows) }).propose(query);
  expect(exactly).toMatchObject({ ok: true, value: { flows: limits.learnFlows, complete: true } });
  const more = await learning({ query: endless(limits.learnFlows + 1) }).propose(query);
  expect(more).toMatchObject({ ok: true, value: { flows: limits.learnFlows, complete: false } });
});

test('looks at the last hour unless told', async () => {
  expect(await learning({}).propose(query)).toMatchObject({ value: { since: 3_600_000, until: 7_200_000 } });
});

test('says why nothing can be proposed', async () => {
  expect(await learning({ policy: () => null }).propose(query)).toMatchObject({
    code: 'settings-not-applied',
  });
  const error = new StoreError('UNAVAILABLE', 'the disk is gone');
  expect(await learning({ query: async () => ({ ok: false, error }) }).propose(query)).toMatchObject({
    code: 'settings-not-kept',
    detail: expect.stringContaining('the disk is gone'),
  });
});
