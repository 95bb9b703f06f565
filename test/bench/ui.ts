import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import type { Status } from '../../firmware/webui/api/status-schema.ts';
import { type BuiltImage, buildImage } from '../../image-builder/build.ts';
import { buildClient, packClient } from '../../image-builder/client.ts';
import type { Progress } from '../../image-builder/progress.ts';
import { Gateway } from '../../qemu/gateway.ts';
import { launchBrowser, openPage, signIn } from '../webui/browser.ts';
import { type Figure, median } from './figures.ts';
import type { Bench } from './main.ts';
import type { UiServerAnswer, UiServerQuestion } from './ui-server.fixture.ts';

const mebibyte = 1024 * 1024;
const openings = 5;
/** Until an emulated box has started, and until it has served a page beside whatever else its host does. */
const patienceMs = 600_000;
const openPages = 50;
/** One device may hold so many connections alone (limits.connectionsPerAddress), so the pages come from several. */
const pagesPerAddress = 10;
/** Enough statuses for every queue and buffer to have been filled. */
const streamingMs = 20_000;
const askingMs = 5000;
const askingTries = 3;
const askingConnections = 8;

/** A phone of some years ago over a bad link, as the page has to serve it. */
const slow = { processorTimes: 6, latencyMs: 150, peers: 1000 } as const;

/** The page's server in a process of its own, so that its memory is its own. */
class UiServer implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly port: number;
  readonly claimCode: string;

  private constructor(child: ChildProcess, { port, claimCode }: Extract<UiServerAnswer, { kind: 'ready' }>) {
    this.#process = child;
    this.port = port;
    this.claimCode = claimCode;
  }

  static async start(peers: number): Promise<UiServer> {
    const child = fork(join(import.meta.dirname, 'ui-server.fixture.ts'), [String(peers)], {
      execArgv: ['--expose-gc'],
    });
    const [answer]: UiServerAnswer[] = await once(child, 'message');
    if (answer?.kind !== 'ready') throw new Error('The page’s server did not start.');
    return new UiServer(child, answer);
  }

  get url(): string {
    return `https://127.0.0.1:${this.port}`;
  }

  async memoryMiB(): Promise<number> {
    const question: UiServerQuestion = 'memory';
    this.#process.send(question);
    const [answer]: UiServerAnswer[] = await once(this.#process, 'message');
    if (answer?.kind !== 'memory') throw new Error('The page’s server did not answer.');
    return answer.residentBytes / mebibyte;
  }

  /** As a person would: with the code, from the browser. */
  async signIn(page: Page): Promise<void> {
    const owner = { name: 'admin', password: 'correct horse battery' };
    await page.evaluate(
      async (body) => {
        const headers = { 'content-type': 'application/json' };
        await fetch('/api/v1/claim', { method: 'POST', headers, body });
      },
      JSON.stringify({ ...owner, code: this.claimCode }),
    );
    await signIn(page, owner);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#process, 'exit');
    this.#process.disconnect();
    await ended;
  }
}

function pageSize(files: ReturnType<typeof packClient>): number {
  return files.reduce((sum, { gzipBase64 }) => sum + Buffer.from(gzipBase64, 'base64').length, 0) / 1000;
}

/** Milliseconds from the address to the first paint, and until the box's own facts stand there and can be acted on. */
async function opening(browser: Browser, url: string): Promise<{ paint: number; interactive: number }> {
  const { page } = await openPage(browser, 'about:blank');
  page.setDefaultTimeout(patienceMs);
  await page.goto(url, { waitUntil: 'commit', timeout: patienceMs });
  await page.waitForSelector('#setup input, .sentence');
  const times = await page.evaluate(() => ({
    paint: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Number.NaN,
    interactive: performance.now(),
  }));
  await page.context().close();
  return times;
}

const hasStarted = ({ network, tpm, identity, inventory }: Status) =>
  network.state === 'applied' && tpm.state === 'present' && identity.hit !== null && inventory !== null;

async function openingsOnGuest(image: BuiltImage, browser: Browser, progress: Progress) {
  await using gateway = await Gateway.start({ name: 'bench-ui', image });
  await gateway.waitForPage(patienceMs);
  // What a box does after its start would be measured with the page.
  await gateway.page.waitForStatus('the start is over', hasStarted, patienceMs);
  const measured: { paint: number; interactive: number }[] = [];
  for (let attempt = 1; attempt <= openings; attempt++) {
    progress(`The page of the booted guest, ${attempt} of ${openings}`);
    measured.push(await opening(browser, gateway.page.url));
  }
  return { measured, accelerator: gateway.machine.accelerator };
}

/** What 50 pages that are kept up to date cost the server, in MiB. */
async function memoryOfPages(progress: Progress): Promise<number> {
  await using server = await UiServer.start(100);
  const before = await server.memoryMiB();
  progress(`${openPages} pages are kept up to date`);
  const streams = await Promise.all(
    Array.from({ length: openPages }, (_, index) => openStream(server.port, index)),
  );
  await delay(streamingMs);
  const after = await server.memoryMiB();
  for (const stream of streams) stream.destroy();
  return after - before;
}

async function openStream(port: number, index: number) {
  const asked = request({
    ...{ host: '127.0.0.1', port, path: '/api/v1/events', rejectUnauthorized: false, agent: false },
    localAddress: `127.0.0.${2 + Math.floor(index / pagesPerAddress)}`,
    headers: { accept: 'text/event-stream' },
  });
  asked.end();
  const [answer] = await once(asked, 'response');
  if (answer.statusCode !== 200) throw new Error(`Stream ${index + 1} answers ${answer.statusCode}.`);
  answer.on('error', () => {});
  answer.resume();
  return answer;
}

async function statusRequests(progress: Progress): Promise<number[]> {
  await using server = await UiServer.start(100);
  const agent = new Agent({ keepAlive: true, maxSockets: askingConnections, rejectUnauthorized: false });
  const samples: number[] = [];
  for (let attempt = 1; attempt <= askingTries; attempt++) {
    progress(`The status over and over, ${attempt} of ${askingTries}`);
    const until = performance.now() + askingMs;
    const ask = async () => {
      let answered = 0;
      while (performance.now() < until) {
        await readStatus(server.port, agent);
        answered++;
      }
      return answered;
    };
    const counts = await Promise.all(Array.from({ length: askingConnections }, ask));
    samples.push(counts.reduce((sum, count) => sum + count, 0) / (askingMs / 1000));
  }
  agent.destroy();
  return samples;
}

async function readStatus(port: number, agent: Agent): Promise<void> {
  const asked = request({ host: '127.0.0.1', port, path: '/api/v1/status', agent });
  asked.end();
  const [answer] = await once(asked, 'response');
  answer.resume();
  await once(answer, 'end');
}

/** Milliseconds from a key or click to the paint that answers it, with 1,000 peers, on a slow device and link. */
async function inputAnswers(browser: Browser, progress: Progress): Promise<number[]> {
  await using server = await UiServer.start(slow.peers);
  const { page } = await openPage(browser, server.url);
  await server.signIn(page);
  await page.goto(server.url);
  await page.waitForSelector('#overview');
  progress(`Input with a processor ${slow.processorTimes} times slower and ${slow.latencyMs} ms to the box`);
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Emulation.setCPUThrottlingRate', { rate: slow.processorTimes });
  await devtools.send('Network.emulateNetworkConditions', {
    ...{ offline: false, latency: slow.latencyMs, downloadThroughput: -1, uploadThroughput: -1 },
  });
  await page.evaluate(watchInput);
  for (const path of ['/overlay', '/network', '/flows', '/policy', '/trust', '/system', '/devices', '/']) {
    await page.locator(`nav a[href="${path}"]:visible`).click();
    await delay(700);
  }
  await page.locator('nav a[href="/overlay"]:visible').click();
  await page.getByRole('searchbox').pressSequentially('site-77', { delay: 300 });
  await delay(1000);
  const durations: number[] = await page.evaluate('window.inputDurations');
  await page.context().close();
  return durations;
}

/** Durations of the Event Timing specification: from the input to the next paint, in steps of 8 ms. */
function watchInput(): void {
  const durations: number[] = [];
  Object.assign(window, { inputDurations: durations });
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries())
      if ('interactionId' in entry && entry.interactionId !== 0) durations.push(entry.duration);
  });
  const options: PerformanceObserverInit & { durationThreshold: number } = {
    ...{ type: 'event', buffered: false, durationThreshold: 16 },
  };
  observer.observe(options);
}

export const measureUi: Bench = async (progress) => {
  const size = pageSize(packClient(await buildClient()));
  const requests = await statusRequests(progress);
  const memory = await memoryOfPages(progress);
  const browser = await launchBrowser();
  try {
    const inputs = await inputAnswers(browser, progress);
    const image = await buildImage({ arch: 'x86-64', progress });
    const { measured, accelerator } = await openingsOnGuest(image, browser, progress);
    const paints = measured.map(({ paint }) => paint);
    const interactives = measured.map(({ interactive }) => interactive);
    const slowest = [...inputs].sort((left, right) => left - right);
    const lower = { better: 'lower', against: null } as const;
    const figures: Figure[] = [
      { ...lower, name: 'ui-gzip-kb', value: size, unit: 'kB', target: 60, samples: [size] },
      {
        ...{ ...lower, name: 'first-paint-ms', value: median(paints), unit: 'ms', target: 1000 },
        samples: paints,
      },
      {
        ...{
          ...lower,
          name: 'time-to-interactive-ms',
          value: median(interactives),
          unit: 'ms',
          target: null,
        },
        samples: interactives,
      },
      {
        ...{ ...lower, name: 'input-answer-p95-ms', unit: 'ms', target: 100 },
        value: slowest[Math.floor(slowest.length * 0.95)] ?? Number.NaN,
        against: `processor ${slow.processorTimes} times slower, ${slow.latencyMs} ms to the box, ${slow.peers} peers`,
        samples: inputs,
      },
      {
        ...{ ...lower, name: 'memory-50-pages-mib', value: memory, unit: 'MiB', target: null },
        samples: [memory],
      },
      {
        ...{ name: 'status-requests-per-second', value: median(requests), unit: '1/s', better: 'higher' },
        ...{ target: null, against: `${askingConnections} connections, 100 peers`, samples: requests },
      },
    ];
    return { accelerator, figures };
  } finally {
    await browser.close();
  }
};
