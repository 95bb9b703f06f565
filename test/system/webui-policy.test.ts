import type { Browser, Page } from 'playwright-core';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Rule } from '../../firmware/policy/policy.ts';
import { pageFiles } from '../../image-builder/webui-client.ts';
import { aFlow } from '../flows/flow.fixture.ts';
import { type OpenedPage, openPage, sharedBrowser } from '../webui/browser.ts';
import { eventually } from '../webui/eventually.ts';
import { type KeptPolicy, openKeptPolicy } from '../webui/kept-policy.ts';
import { keepScreens } from '../webui/screens.ts';
import { normalStatus } from '../webui/status-fixtures.ts';
import { startTestBox, type TestBox, type TestBoxOptions } from '../webui/test-box.ts';

/** The page of the policy against the real site, settings, policy and learning; pictures lie in build/screenshots. */
let browser: Browser;
let box: TestBox | null = null;
let opened: OpenedPage | null = null;

beforeAll(async () => {
  browser = await sharedBrowser();
});
afterEach(async () => {
  await opened?.page.context().close();
  opened = null;
  await box?.close();
  box = null;
});

const devices = [
  { name: 'hmi', mac: '02:00:00:00:00:10', addresses: ['192.168.1.10'], labels: ['role=hmi'] },
  { name: 'press', mac: '02:00:00:00:00:20', addresses: ['192.168.1.20'], labels: ['role=plc', 'cell=4'] },
  { name: 'recorder', mac: '02:00:00:00:00:30', addresses: ['192.168.1.30'] },
];
const rules: readonly Rule[] = [
  {
    ...{ id: 'modbus', subject: { device: 'hmi' }, verb: 'allow', object: { labels: ['role=plc'] } },
    services: [{ protocol: 'tcp', ports: [502] }],
  },
  {
    ...{ id: 'no-web', subject: 'any', verb: 'deny', object: { device: 'press' } },
    services: [{ protocol: 'tcp', ports: [80, 443] }],
  },
  {
    ...{ id: 'video', subject: { labels: ['camera'] }, verb: 'allow', object: { device: 'recorder' } },
    ...{ services: [{ protocol: 'tcp', ports: [554] }], mode: 'staged' },
  },
  {
    ...{ id: 'updates', subject: { device: 'press' }, verb: 'allow', object: 'any' },
    schedule: { days: ['sat', 'sun'], from: '22:00', to: '06:00' },
  },
];
const ports = { network: { lan: { segmentation: 'ports' } } };

async function open(kept: KeptPolicy, where: string, options: TestBoxOptions = {}): Promise<Page> {
  const { settings, policy } = kept;
  box = await startTestBox({
    page: pageFiles,
    settings,
    policy,
    readStatus: () => {
      const view = settings.configuration.read();
      return { ...normalStatus(Date.now()), trial: view.ok ? view.value.trial : null };
    },
    ...options,
  });
  opened = await openPage(browser, `${box.url}${where}`, {
    owner: await box.claim(),
    viewport: { width: 1440, height: 900 },
  });
  return opened.page;
}

const kept = (more: object = {}) => openKeptPolicy({ policy: { devices, rules, ...more }, more: ports });
describe('rules', () => {
  test('stand as sentences by what they are about, with how often they decided', async () => {
    const policy = await kept();
    policy.hits.set('modbus', 1204);
    policy.hits.set('video', 40);
    const page = await open(policy, '/policy');
    await page.waitForSelector('.rules');
    await eventually(() => page.textContent('.answer')).toContain('3 rules decide; 1 more is staged.');
    await eventually(() => page.textContent('.answer')).toContain('would have decided 40 connections');
    const rows = await page.locator('.rules tbody tr:not(.space)').allInnerTexts();
    expect(rows.map((row) => row.replace(/\s+/g, ' '))).toMatchObject([
      expect.stringContaining('press anyone must not reach press on tcp 80, 443'),
      expect.stringContaining('recorder camera may reach recorder on tcp 554'),
      expect.stringContaining('role=plc hmi may reach role=plc on tcp 502'),
      expect.stringContaining('anything press may reach anything'),
    ]);
    expect(rows[1]).toContain('staged: only counted');
    expect(rows[1]).toContain('would allow 40');
    expect(rows[2]).toContain('1,204 allowed');
    expect(rows[3]).toContain('Sat, Sun 22:00–06:00 (next day) UTC');
    await keepScreens(page, 'policy-rules', { whole: false });
    expect(opened?.complaints).toEqual([]);
  });

  test('a thousand of them are a list of the rows in view', async () => {
    const many = Array.from(
      { length: 1000 },
      (_, index): Rule => ({
        ...{ id: `rule-${index}`, subject: { device: 'hmi' }, verb: 'allow' },
        object: { addresses: [`10.${index >> 8}.${index & 255}.1`] },
      }),
    );
    const page = await open(await kept({ rules: many }), '/policy');
    await page.waitForSelector('.rules');
    const rows = page.locator('.rules tbody tr:not(.space)');
    await eventually(() => rows.count()).toBeLessThan(60);
    await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
    await page.getByText('10.3.231.1').first().waitFor();
    await eventually(() => rows.count()).toBeLessThan(60);
    await page.getByLabel('Search rules').fill('10.2.7.1');
    await expect.poll(() => rows.count()).toBe(1);
    expect(page.url()).toContain('q=10.2.7.1');
    await page.getByLabel('Search rules').fill('nothing of the kind');
    await page.getByText('No rule has these words.').waitFor();
  });

  test('none of them is an invitation', async () => {
    const page = await open(await kept({ rules: [] }), '/policy');
    await page.getByText('No rule allows anything yet.').waitFor();
    await keepScreens(page, 'policy-empty', { whole: false });
    await page.getByRole('link', { name: 'Learn from traffic' }).click();
    await page.getByText('Rules from what was seen').waitFor();
  });

  test('what the kernel does not take is told at the top', async () => {
    const policy = await kept();
    policy.refusal = 'Error: syntax error';
    const [inForce] = policy.settings.applied;
    if (inForce === undefined) throw new Error('settings');
    await policy.policy.apply({ ...inForce, policy: { ...inForce.policy, rules: [] } });
    const page = await open(policy, '/policy');
    await page.getByText('The newest policy is not in force.').waitFor();
    await eventually(() => page.textContent('.answer')).toContain('nft refused it');
  });

  test('long names, of any script, break no line', async () => {
    const long = `Prüfstand-${'ä'.repeat(53)}`;
    const arabic = 'مضخة التبريد الرئيسية';
    const named = [
      { name: long, addresses: ['192.168.1.40'] },
      { name: arabic, addresses: ['192.168.1.41'] },
    ];
    const odd: Rule[] = [
      { id: 'x'.repeat(63), subject: { device: long }, verb: 'allow', object: { device: arabic } },
      {
        ...{ id: 'many', verb: 'deny', object: { device: long } },
        subject: [
          { device: arabic },
          { labels: ['a'.repeat(63), 'b'.repeat(63)] },
          { device: long },
          { gateway: 'this' },
        ],
      },
    ];
    const page = await open(await kept({ devices: named, rules: odd }), '/policy?rule=many');
    await page.getByRole('dialog').waitFor();
    await keepScreens(page, 'policy-long-panel', { whole: false });
    await page.keyboard.press('Escape');
    await keepScreens(page, 'policy-long', { whole: false });
  });
});

describe('explain', () => {
  test('an address asks; the rule that decided is marked, and both ends speak', async () => {
    const page = await open(await kept(), '/policy?from=hmi&to=press&proto=tcp&port=502');
    const answer = page.locator('.explanation');
    await answer.waitFor();
    await eventually(() => answer.textContent()).toContain('Allowed by rule modbus.');
    await eventually(() => answer.textContent()).toContain('At this gatewayallows');
    await eventually(() => page.locator('.is-matched').textContent()).toContain('modbus');
    await page.getByText('What was looked up').click();
    await eventually(() => answer.textContent()).toContain('192.168.1.20');
    await keepScreens(page, 'policy-explain', { whole: false });
  });

  test('what is denied is allowed from there: the rule is made, shown, tried and kept', async () => {
    const policy = await kept();
    const page = await open(policy, '/policy');
    await page.getByLabel('From', { exact: true }).fill('hmi');
    await page.getByLabel('To', { exact: true }).fill('recorder');
    await page.getByRole('button', { name: 'Explain' }).click();
    const port = page.getByLabel('Port', { exact: true });
    await eventually(() => port.getAttribute('aria-invalid')).toBe('true');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('field-explain-port');
    await port.fill('554');
    await page.keyboard.press('Enter');
    await page.getByText('Denied: no rule allows it.').waitFor();
    expect(page.url()).toContain('from=hmi&to=recorder&proto=tcp&port=554');
    await page.getByRole('link', { name: 'Allow …' }).click();
    const panel = page.getByRole('dialog', { name: 'A new rule' });
    await eventually(() => panel.getByLabel('Name', { exact: true }).inputValue()).toBe(
      'allow-hmi-recorder-554',
    );
    await eventually(() => panel.getByLabel('Ports').inputValue()).toBe('554');
    await keepScreens(page, 'policy-allow', { whole: false });
    const change = page.getByRole('dialog', { name: 'Add a rule' });
    // The name that is made for it is of what it says in the end, not of what it said first.
    await panel.getByLabel('Ports').fill('555');
    await panel.getByRole('button', { name: 'See what changes' }).click();
    await change.waitFor();
    await page.keyboard.press('Escape');
    await change.waitFor({ state: 'detached' });
    await panel.getByLabel('Ports').fill('554');
    await panel.getByRole('button', { name: 'See what changes' }).click();
    await change.getByRole('button', { name: 'Try it' }).click();
    await panel.waitFor({ state: 'detached' });
    // An open panel does not lie over what keeps the change or takes it back.
    const keep = page.getByRole('button', { name: 'Keep', exact: true });
    await page.getByRole('link', { name: 'hmi may reach role=plc' }).click();
    await page.locator('.side-panel').waitFor();
    await page.setViewportSize({ width: 1280, height: 900 });
    await keep.click({ trial: true, timeout: 5_000 });
    await page.setViewportSize({ width: 360, height: 740 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
    await page.setViewportSize({ width: 1440, height: 900 });
    await page.keyboard.press('Escape');
    await keep.click();
    await expect
      .poll(() => policy.settings.configuration.read())
      .toMatchObject({ value: { trial: null, inForce: { policy: { rules: { length: 5 } } } } });
    await page.getByRole('button', { name: 'Explain' }).click();
    await page.getByText('Allowed by rule allow-hmi-recorder-554.').waitFor();
    expect(opened?.complaints).toEqual([]);
  });

  test('who is in quarantine leads to the devices, and who is nobody to an error', async () => {
    const page = await open(await kept(), '/policy?from=192.168.1.77&to=press&proto=icmp');
    await page.getByRole('link', { name: 'Accept the device …' }).waitFor();
    await page.goto(`${box?.url}/policy?from=nobody&to=press&proto=icmp`);
    await page.getByRole('alert').waitFor();
    await eventually(() => page.getByRole('alert').textContent()).toContain('nobody is no address');
    await eventually(() => page.getByLabel('From', { exact: true }).inputValue()).toBe('nobody');
  });
});

describe('a rule is changed', () => {
  test('with the keyboard alone; what is refused is told at its field and stays typed', async () => {
    const policy = await kept();
    const before = policy.settings.applied.length;
    const page = await open(policy, '/policy');
    await page.waitForSelector('.rules');
    const link = page.getByRole('link', { name: 'hmi may reach role=plc' });
    await link.focus();
    await page.keyboard.press('Enter');
    const panel = page.getByRole('dialog', { name: 'modbus' });
    await panel.waitFor();
    expect(page.url()).toContain('rule=modbus');
    const field = panel.getByLabel('Ports');
    await field.focus();
    await page.keyboard.press('Control+a');
    await page.keyboard.type('502, many');
    await page.keyboard.press('Enter');
    await panel.getByRole('alert').waitFor();
    await eventually(() => field.inputValue()).toBe('502, many');
    await eventually(() => field.getAttribute('aria-invalid')).toBe('true');
    expect(await page.evaluate(() => document.activeElement?.id)).toContain('services[0].ports');
    await eventually(() => panel.textContent()).toContain('must read 8000-8099');
    await keepScreens(page, 'policy-error', { whole: false });
    await field.focus();
    await page.keyboard.press('Control+a');
    await page.keyboard.type('502, 8000-8099');
    await page.keyboard.press('Enter');
    const change = page.getByRole('dialog', { name: 'Change rule modbus' });
    await change.waitFor();
    await eventually(() => change.textContent()).toContain('hmi may reach role=plc on tcp 502, 8000-8099');
    await keepScreens(page, 'policy-change', { whole: false });
    await page.keyboard.press('Escape');
    await change.waitFor({ state: 'detached' });
    await eventually(() => field.inputValue()).toBe('502, 8000-8099');
    expect(await page.evaluate(() => document.activeElement?.id)).toContain('services[0].ports');
    await page.keyboard.press('Escape');
    await panel.waitFor({ state: 'detached' });
    expect(page.url()).not.toContain('rule=');
    expect(policy.settings.applied).toHaveLength(before);
  });

  test('is removed, and back again once that is taken back', async () => {
    const policy = await kept();
    const page = await open(policy, '/policy?rule=no-web');
    await page.getByRole('button', { name: 'Remove …' }).click();
    await page.getByRole('button', { name: 'Try it' }).click();
    await expect.poll(() => page.getByText('must not reach').count()).toBe(0);
    await page.getByRole('button', { name: 'Take back now' }).click();
    await page.getByText('must not reach').first().waitFor();
    await page.goto(`${box?.url}/policy?rule=gone`);
    await page.getByText('There is no such rule.').waitFor();
  });

  test('what holds without a rule is changed the same way', async () => {
    const policy = await kept();
    const page = await open(policy, '/policy?view=ground');
    await page.getByText('They are in quarantine').waitFor();
    await keepScreens(page, 'policy-ground', { whole: false });
    await page.getByRole('button', { name: 'Make them a switch …' }).click();
    await page.getByRole('button', { name: 'Try it' }).click();
    await page.getByText('They are a switch').waitFor();
    expect(policy.settings.applied.at(-1)?.network.lan.segmentation).toBe('none');
  });
});

test('rules are learned from traffic: proposed, staged, counted, enforced, undone', async () => {
  const policy = await kept({ rules: [] });
  const now = Date.now();
  const recent = { start: now - 60_000, from: '192.168.1.10' };
  const flows = [
    aFlow({ ...recent, to: '192.168.2.1', port: 22, start: now - 3 * 3_600_000 }),
    ...['192.168.1.20', '192.168.1.30'].map((to) => aFlow({ ...recent, to, port: 502 })),
    aFlow({ ...recent, from: '192.168.1.99', to: '192.168.1.20', reason: 'quarantine' }),
  ];
  const page = await open(policy, '/policy?view=learn', { flows });
  await page.waitForSelector('.proposals');
  await eventually(() => page.textContent('#learn')).toContain(
    'Not learned from: 1 of devices in quarantine.',
  );
  await eventually(() => page.locator('.proposals tbody tr:not(.space)').count()).toBe(1);
  await keepScreens(page, 'policy-learn', { whole: false });
  await page.getByText('day', { exact: true }).click();
  await expect.poll(() => page.locator('.proposals tbody tr:not(.space)').count()).toBe(2);
  expect(page.url()).toContain('since=24h');
  await page.getByRole('button', { name: 'Choose all 2' }).click();
  await page.getByRole('button', { name: 'Accept 2 as staged' }).click();
  await page.getByText('2 rules are staged and counted from now on.').waitFor();
  const modes = () => {
    const view = policy.settings.configuration.read();
    const found = view.ok ? (view.value.inForce['policy'] as { rules: readonly Rule[] }).rules : [];
    return found.map(({ mode }) => mode);
  };
  expect(modes()).toEqual(['staged', 'staged']);
  // It confirms itself: everybody who could be reached still can.
  await policy.settings.pass(5);
  const [id = ''] = (await policy.policy.report()).rules.map((rule) => rule.id);
  policy.hits.set(id, 17);
  await page.getByText('would allow 17').waitFor();
  await keepScreens(page, 'policy-staged', { whole: false });
  await page.getByRole('button', { name: 'Enforce all 2' }).click();
  await page.getByText('2 rules decide from now on.').waitFor();
  expect(modes()).toEqual(['enforce', 'enforce']);
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect.poll(modes).toEqual(['staged', 'staged']);
  expect(opened?.complaints).toEqual([]);
});

test('the rules and an explanation', async () => {
  const policy = await kept();
  policy.hits.set('modbus', 1204);
  policy.hits.set('no-web', 312);
  policy.hits.set('video', 40);
  const page = await open(policy, '/policy?from=hmi&to=press&proto=tcp&port=502');
  await page.locator('.explanation').waitFor();
  await keepScreens(page, 'policy', { whole: false });
});
