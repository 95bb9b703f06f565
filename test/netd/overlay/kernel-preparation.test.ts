import { expect, test } from 'vitest';
import { prepareKernel } from '../../../firmware/netd/overlay/kernel-preparation.ts';
import { renderBasePolicies } from '../../../firmware/netd/overlay/xfrm.ts';

/** A kernel that refuses the inputs that hold `refused`, and keeps all. */
function kernel(refused?: string) {
  const inputs: string[] = [];
  const run = async (_: string, __: readonly string[], options: { input?: string } = {}) => {
    const input = options.input ?? '';
    inputs.push(input);
    const status = refused !== undefined && input.includes(refused) ? 1 : 0;
    return { status, stdout: '', stderr: status === 0 ? '' : 'RTNETLINK answers: Operation not supported' };
  };
  return { inputs, run };
}

/** The number of the program's run that brought a line. */
const at = (inputs: readonly string[], line: string) => {
  const found = inputs.findIndex((input) => input.includes(line));
  expect(found).toBeGreaterThanOrEqual(0);
  return found;
};

test('what an earlier run left goes before anything comes, its keys first and its policies last', async () => {
  const { inputs, run } = kernel();
  await prepareKernel(run);
  const [first = ''] = inputs;
  expect(first.indexOf('xfrm state flush')).toBe(0);
  expect(first.indexOf('xfrm policy flush')).toBeGreaterThan(first.indexOf('link delete hip0'));
});

test('policies that keep HITs off the wire are there before the overlay has a device', async () => {
  const { inputs, run } = kernel();
  await prepareKernel(run);
  const policies = at(inputs, renderBasePolicies());
  const input = inputs[policies] ?? '';
  expect(input.indexOf('link add hip0')).toBeGreaterThan(input.indexOf(renderBasePolicies()));
});

test('the loopback link is up before routes lead there', async () => {
  const { inputs, run } = kernel();
  await prepareKernel(run);
  const input = inputs[at(inputs, 'link set lo up')] ?? '';
  expect(input.indexOf('dev lo')).toBeGreaterThan(input.indexOf('link set lo up'));
  expect(inputs.join('').indexOf('route replace')).toBeGreaterThan(inputs.join('').indexOf('link set lo up'));
});

test('nothing names an identity', async () => {
  const { inputs, run } = kernel();
  await prepareKernel(run);
  expect(inputs.join('')).not.toMatch(/2001:2[0-9a-f]:(?!:)|address (add|replace)|route .* dev hip0/);
});

test.each([['policy update'], ['link add hip0'], ['table inet']])(
  'a kernel that refuses %s is told',
  async (line) => {
    await expect(prepareKernel(kernel(line).run)).rejects.toMatchObject({ code: 'command-failed' });
  },
);
