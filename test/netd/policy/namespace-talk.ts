// Runs in a network namespace: one TCP connection, on which each line of standard input (a JSON text) is said and the
// answer, or `silent`, printed.
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

/** What was heard, or `silent`. */
export type TalkAnswer = string;

/** Long enough for a local answer, with one repetition of TCP's. */
const silenceMs = 1500;

const [host = '', port = ''] = process.argv.slice(2);
const socket = connect({ host, port: Number(port) });
socket.setNoDelay(true);
socket.on('error', () => {});
let heard = '';
let wake = () => {};
socket.setEncoding('utf8').on('data', (text: string) => {
  heard += text;
  wake();
});

for await (const line of createInterface(process.stdin)) {
  heard = '';
  socket.write(`${JSON.parse(line)}`);
  const answered = await new Promise<boolean>((resolve) => {
    const timer = setTimeout(() => resolve(false), silenceMs);
    wake = () => {
      if (!heard.includes('echo')) return;
      clearTimeout(timer);
      resolve(true);
    };
  });
  process.stdout.write(`${JSON.stringify(answered ? heard.replace('here', '') : 'silent')}\n`);
}
socket.destroy();
