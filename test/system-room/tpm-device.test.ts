import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { TpmAccess } from '../../firmware/boot/tpm-status.ts';
import { openTpmSocket } from '../../firmware/system/tpm-device.ts';

const getRandom = new Uint8Array([0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x7b, 0, 2]);
const answer = new Uint8Array([0x80, 1, 0, 0, 0, 14, 0, 0, 0, 0, 0, 2, 0xbe, 0xef]);

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** Connects to an emulator on loopback that treats each command as `serve` does. */
async function connectTo(serve: (socket: Socket, command: Uint8Array) => void, timeoutMs = 5000) {
  const server = createServer((socket) =>
    socket.on('data', (command) => serve(socket, command)).on('error', () => {}),
  );
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const opened = await openTpmSocket({ host: '127.0.0.1', port }, timeoutMs);
  if (opened.state !== 'open') throw new Error(`not connected: ${opened.reason}`);
  return opened satisfies TpmAccess;
}

test('a response in pieces is put together', async () => {
  const tpm = await connectTo((socket) => {
    socket.setNoDelay(true);
    socket.write(answer.subarray(0, 3));
    setTimeout(() => socket.write(answer.subarray(3, 11)), 20);
    setTimeout(() => socket.write(answer.subarray(11)), 40);
  });
  expect([...(await tpm.transmit(getRandom))]).toEqual([...answer]);
  await tpm.close();
});

test('one command at a time: the second is sent after the first is answered, in order', async () => {
  let underWay = 0;
  const most: number[] = [];
  const tpm = await connectTo((socket, command) => {
    underWay++;
    most.push(underWay);
    setTimeout(() => {
      underWay--;
      const numbered = Uint8Array.from(answer);
      numbered.set(command.subarray(11, 12), 13);
      socket.write(numbered);
    }, 10);
  });
  const commands = [1, 2, 3, 4].map((number) => Uint8Array.from(getRandom).fill(number, 11));
  const answers = await Promise.all(commands.map((command) => tpm.transmit(command)));
  expect(answers.map((octets) => octets[13])).toEqual([1, 2, 3, 4]);
  expect(most).toEqual([1, 1, 1, 1]);
  await tpm.close();
});

test('a TPM that never answers is given up, and a late answer is not taken for the next one', async () => {
  let sent = 0;
  const tpm = await connectTo(() => sent++, 50);
  await expect(tpm.transmit(getRandom)).rejects.toThrow('did not answer within 0.05 s');
  await expect(tpm.transmit(getRandom)).rejects.toThrow('did not answer');
  expect(sent).toBe(1);
  await tpm.close();
});

test.each<[string, (socket: Socket) => void, RegExp]>([
  [
    'more octets than it said',
    (socket) => socket.write(Buffer.concat([answer, answer])),
    /sent 28 octets .* of 14/,
  ],
  [
    'a size beyond any TPM',
    (socket) => socket.write(Buffer.from('800100001001000000000000', 'hex')),
    /of 4097/,
  ],
  ['the end of the connection', (socket) => socket.end(), /closed the connection/],
  ['a reset', (socket) => socket.resetAndDestroy(), /closed the connection|ECONNRESET/],
])('%s is a rejection, and so is every later command', async (_, serve, problem) => {
  const tpm = await connectTo(serve);
  await expect(tpm.transmit(getRandom)).rejects.toThrow(problem);
  await expect(tpm.transmit(getRandom)).rejects.toThrow();
  await tpm.close();
});

test('nothing listens: failed, with advice', async () => {
  const opened = await openTpmSocket({ host: '127.0.0.1', port: 1 });
  expect(opened).toEqual({
    state: 'failed',
    reason: 'no TPM emulator answers (ECONNREFUSED)',
    advice: expect.stringMatching(/\.$/),
  });
});
