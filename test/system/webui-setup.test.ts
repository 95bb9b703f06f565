import type { Browser, Page } from 'playwright-core';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Status } from '../../firmware/webui/api/status-schema.ts';
import { pageFiles } from '../../image-builder/webui-client.ts';
import { type OpenedPage, openPage, sharedBrowser, signIn } from '../webui/browser.ts';
import { eventually } from '../webui/eventually.ts';
import { keepScreens } from '../webui/screens.ts';
import { emptyStatus, normalStatus } from '../webui/status-fixtures.ts';
import { startTestBox, type TestBox, type TestBoxOptions } from '../webui/test-box.ts';
import { openTestConfiguration, type TestConfiguration } from '../webui/test-configuration.ts';

/** Passwords are slow by design, and a machine at work is slower. */
const slow = { timeout: 30_000 };
let browser: Browser;
let box: TestBox;
let settings: TestConfiguration;
let opened: OpenedPage | null = null;
let reading: ReturnType<typeof normalStatus>;

beforeAll(async () => {
  browser = await sharedBrowser();
});
beforeEach(() => {
  settings = openTestConfiguration();
  const normal = normalStatus(Date.now());
  reading = { ...normal, tunnels: [], network: { ...normal.network, interfaces: unplugged(normal) } };
});
afterEach(async () => {
  await opened?.page.context().close();
  opened = null;
  await box.close();
});

type Interface = Status['network']['interfaces'][number];

/** The box as it comes out of its parcel: no cable in the port to the internet. */
function unplugged({ network }: ReturnType<typeof normalStatus>): Interface[] {
  return network.interfaces.map((each) =>
    each.name === 'port1' ? { ...each, link: 'down', addresses: [], speed: null, uplink: null } : each,
  );
}

/** The settings' own part of what the box tells: roles of ports, peers, what is on trial. */
function readStatus(): ReturnType<typeof normalStatus> {
  const view = settings.configuration.read();
  if (!view.ok) throw new Error(view.detail);
  const { network, overlay } = settings.applied.at(-1) ?? {};
  const [tunnel] = normalStatus(Date.now()).tunnels;
  if (tunnel === undefined) throw new Error('a tunnel');
  return {
    ...reading,
    trial: settings.configuration.trial(),
    tunnels: (overlay?.peers ?? []).map(({ name }) => ({ ...tunnel, peer: name })),
    network: {
      ...reading.network,
      interfaces: reading.network.interfaces.map((each) => {
        const port = network?.ports[each.name];
        return { ...each, role: typeof port === 'string' ? port : each.role };
      }),
    },
  };
}

async function open(where = '/', options: Partial<TestBoxOptions> = {}): Promise<Page> {
  box = await startTestBox({ page: pageFiles, readStatus, settings, ...options });
  opened = await openPage(browser, box.url + where);
  return opened.page;
}

const heading = (page: Page, name: string) => page.getByRole('heading', { level: 1, name }).waitFor();

const claimCode = (page: Page) => page.getByRole('textbox', { name: 'Claim code' });

/** Goes on with the Tab key until what has this name has the focus; fails where no key leads there. */
async function tabTo(page: Page, role: 'button' | 'textbox' | 'radio', name: string | RegExp): Promise<void> {
  const wanted = page.getByRole(role, { name });
  await wanted.first().waitFor();
  for (let presses = 0; presses < 30; presses++) {
    await page.keyboard.press('Tab');
    const there = await wanted.evaluateAll((all) => all.some((each) => each === document.activeElement));
    if (there) return;
  }
  throw new Error(`The Tab key does not lead to ${String(name)}.`);
}

async function press(page: Page, name: string | RegExp): Promise<void> {
  await tabTo(page, 'button', name);
  await page.keyboard.press('Enter');
}

const keep = async (page: Page) => {
  await press(page, 'Try it');
  await press(page, /^Keep$/);
  await page.getByText(/Revision \d is kept/).waitFor();
};

describe('first use', () => {
  test('from the code to the last page, by keys alone', async () => {
    const page = await open();
    await heading(page, 'What is the claim code?');
    expect(new URL(page.url()).pathname).toBe('/setup');
    await keepScreens(page, 'setup-code');
    await press(page, 'Next');
    await expect.poll(() => claimCode(page).getAttribute('aria-invalid'), slow).toBe('true');
    await tabTo(page, 'textbox', 'Claim code');
    await page.keyboard.type((box.ui.claim.code() ?? '').toLowerCase());
    await page.keyboard.press('Enter');

    await heading(page, 'Which password should the owner have?');
    await tabTo(page, 'textbox', 'Password');
    await page.keyboard.type('short');
    await page.keyboard.press('Enter');
    await page.getByText('This is too short').waitFor();
    await keepScreens(page, 'setup-password');
    await page.keyboard.press('End');
    await page.keyboard.type(' is not what this is');
    await page.keyboard.press('Enter');

    await heading(page, 'Which port leads to the internet?');
    expect(box.ui.claim.claimed()).toBe(true);
    await keepScreens(page, 'setup-ports');
    // A cable is plugged in: the page follows.
    await page.locator('.port.link-down', { hasText: 'port3' }).waitFor();
    reading = {
      ...reading,
      network: {
        ...reading.network,
        interfaces: reading.network.interfaces.map((each) =>
          each.name === 'port3' ? { ...each, link: 'up', addresses: ['198.51.100.7/24'] } : each,
        ),
      },
    };
    await page.locator('.port.link-up', { hasText: 'port3' }).waitFor();
    await tabTo(page, 'radio', /port1/);
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await press(page, 'Use this port');
    await page.getByRole('dialog').waitFor();
    await keepScreens(page, 'setup-ports-change');
    await keep(page);
    expect(settings.applied.at(-1)?.network.ports).toEqual({ port1: 'lan', port3: 'underlay' });

    await heading(page, 'Does the box reach the internet?');
    const looking = (gateway: boolean, answered: number): Interface['uplink'] => ({
      ...{ works: gateway && answered > 0, score: 90, place: 1, modem: null, secondsToChange: null },
      look: {
        ...{ gateway, names: answered > 0 },
        ...{ destinations: { asked: 2, answered }, peers: { asked: 0, answered: 0 } },
      },
    });
    const look = (uplink: Interface['uplink']) => {
      const interfaces = reading.network.interfaces.map((each) =>
        each.name === 'port3' ? { ...each, uplink } : each,
      );
      reading = { ...reading, network: { ...reading.network, interfaces } };
    };
    look(looking(false, 0));
    await page.getByText('The gateway does not answer.').waitFor();
    await keepScreens(page, 'setup-internet-silent');
    look(looking(true, 2));
    await page.getByText('2 of 2 answer').waitFor();
    await keepScreens(page, 'setup-internet');
    await press(page, 'Next');

    await heading(page, 'Which gateway should it meet first?');
    await page.getByText('hip://198.51.100.7:10500/2001:22:9a1c:44d0:7be:91f3:20c7:5e1d').waitFor();
    await tabTo(page, 'textbox', 'Name');
    await page.keyboard.type('plant');
    await tabTo(page, 'textbox', 'Its URI');
    await page.keyboard.type('plant.example');
    await tabTo(page, 'textbox', 'Networks behind it');
    await page.keyboard.type('192.168.20.0/24 10.1.0.0/16');
    await page.keyboard.press('Enter');
    const uri = page.getByRole('textbox', { name: 'Its URI' });
    await expect.poll(() => uri.getAttribute('aria-invalid'), slow).toBe('true');
    await eventually(() => page.getByRole('textbox', { name: 'Name', exact: true }).inputValue()).toBe(
      'plant',
    );
    await keepScreens(page, 'setup-peers-error');
    await uri.focus();
    await page.keyboard.press('ControlOrMeta+A');
    await page.keyboard.type('hip://plant.example:10500/2001:22:51d:8ac2:b1f0:33e9:7c04:aa10');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await keep(page);
    expect(settings.applied.at(-1)?.overlay.peers).toEqual([
      {
        name: 'plant',
        uri: 'hip://plant.example:10500/2001:22:51d:8ac2:b1f0:33e9:7c04:aa10',
        protectedPrefixes: ['192.168.20.0/24', '10.1.0.0/16'],
      },
    ]);
    await page.locator('.checks', { hasText: 'plant' }).waitFor();
    await keepScreens(page, 'setup-peers');
    await press(page, 'Next');

    await heading(page, 'This box is set up.');
    for (const fact of ['https://192.168.1.1', 'admin', 'port3', 'plant', box.ui.fingerprint])
      await expect.poll(() => page.textContent('#setup'), slow).toContain(fact);
    await keepScreens(page, 'setup-done');
    await page.getByRole('link', { name: 'To the overview' }).press('Enter');
    await page.waitForSelector('#overview');
    expect(opened?.complaints).toEqual([]);
  });

  test('what is wrong with a new peer stands at its field also while the status tells of fewer peers', async () => {
    const uri = 'hip://known.example:10500/2001:22:51d:8ac2:b1f0:33e9:7c04:aa11';
    const known = { name: 'known', uri, protectedPrefixes: [] };
    const { configuration } = settings;
    await configuration.apply(
      { version: 1, overlay: { peers: [known] } },
      { author: 'test', seconds: 60, automatic: false },
    );
    expect((await configuration.confirm(true)).ok).toBe(true);
    const page = await open('/setup', { readStatus: () => reading });
    await signIn(page, await box.claim());
    await page.goto(`${box.url}/setup?step=peers`);
    await page.getByRole('textbox', { name: 'Name', exact: true }).fill('plant');
    await page.getByRole('textbox', { name: 'Its URI' }).fill('plant.example');
    await page.keyboard.press('Enter');
    const refused = page.getByRole('textbox', { name: 'Its URI', description: /hip:\/\/host/ });
    await expect.poll(() => refused.getAttribute('aria-invalid'), slow).toBe('true');
    await eventually(() => page.textContent('.field .error')).toContain('hip://host:port/HIT');
  });

  test('a code in the fragment is typed already, and taken out of the address', async () => {
    const page = await open('/#code=4KQ7-9XZM');
    await heading(page, 'What is the claim code?');
    await eventually(() => claimCode(page).inputValue()).toBe('4KQ7-9XZM');
    await expect.poll(() => page.url(), slow).toBe(`${box.url}/setup`);
  });

  test('a wrong code comes back to its question, with the reason at its field', async () => {
    const page = await open('/setup#code=0000-0000');
    await heading(page, 'What is the claim code?');
    await page.keyboard.press('Tab');
    await press(page, 'Next');
    await page.getByLabel('Password', { exact: true }).fill('a good long password');
    await page.keyboard.press('Enter');
    await heading(page, 'What is the claim code?');
    await eventually(() => page.textContent('.error')).toContain('not the code');
    await eventually(() => claimCode(page).inputValue()).toBe('0000-0000');
    expect(box.ui.claim.claimed()).toBe(false);
  });

  test('it is gone on with where the box is, on another device', async () => {
    const page = await open('/setup');
    await heading(page, 'What is the claim code?');
    await signIn(page, await box.claim());
    await heading(page, 'Which port leads to the internet?');
    await page.goto(`${box.url}/setup?step=peers`);
    await heading(page, 'Which gateway should it meet first?');
    await page.goBack();
    await heading(page, 'Which port leads to the internet?');
    await page.getByRole('link', { name: 'Leave, and go on later' }).click();
    await page.waitForSelector('#overview');
    await page.getByRole('link', { name: 'Go on setting up' }).click();
    await heading(page, 'Which port leads to the internet?');
  });

  test('works without internet, and on a box without TPM and identity', async () => {
    reading = emptyStatus(Date.now());
    const page = await open('/setup');
    await signIn(page, await box.claim());
    await page.goto(`${box.url}/setup?step=internet`);
    await page.getByRole('button', { name: 'Go on without' }).click();
    await page.getByRole('button', { name: 'Allow a key in a file' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Try it' }).click();
    await page.getByRole('button', { name: 'Keep', exact: true }).click();
    await expect.poll(() => settings.applied.at(-1)?.identity.software, slow).toBe('allowed');
    await keepScreens(page, 'setup-peers-empty');
    await page.getByRole('button', { name: 'Skip for now' }).click();
    await heading(page, 'This box is yours.');
    await keepScreens(page, 'setup-done-empty');
  });

  test('a box with one port says that claiming closes its page, and that it did', async () => {
    const interfaces = reading.network.interfaces
      .slice(0, 1)
      .map((each) => ({ ...each, link: 'up' as const, addresses: ['127.0.0.1/8'] }));
    reading = { ...reading, network: { ...reading.network, interfaces } };
    const page = await open('/', {
      interfaces: [{ role: 'underlay', kernelName: 'lo', addresses: ['127.0.0.1/8'] }],
    });
    await page.getByText('This box has one port.').waitFor();
    await claimCode(page).fill(box.ui.claim.code() ?? '');
    await page.keyboard.press('Enter');
    await page.getByLabel('Password', { exact: true }).fill('a good long password');
    await page.keyboard.press('Enter');
    await page.getByText('no longer served on this port').waitFor();
  });
});
