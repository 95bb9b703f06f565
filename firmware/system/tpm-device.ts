import { access, open } from 'node:fs/promises';
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import type { TpmAccess } from '../boot/tpm-status.ts';
import { limits } from '../tpm/limits.ts';
import { errorCode } from './error-code.ts';

/**
 * A TPM gets this long for one command. The longest are key generations: an ECC key takes seconds at most, an RSA key
 * on a slow chip half a minute, and the kernel itself gives up after minutes only.
 */
const commandTimeoutMs = 60_000;

/**
 * Opens the kernel's resource manager device, which keeps this program's objects apart from others'. `absent` where the
 * kernel has found no TPM 2.0; `failed` where there is one that cannot be opened.
 */
export async function openTpmDevice(path = '/dev/tpmrm0', rawPath = '/dev/tpm0'): Promise<TpmAccess> {
  try {
    const handle = await open(path, 'r+');
    const exchange = async (command: Uint8Array) => {
      // A character device has no position. The kernel takes a command whole with one write, and executes it then.
      const { bytesWritten } = await handle.write(command, 0, command.length, null);
      if (bytesWritten !== command.length)
        throw new Error(`the device took ${bytesWritten} of ${command.length} octets`);
      const response = new Uint8Array(limits.frameSize);
      const { bytesRead } = await handle.read(response, 0, response.length, null);
      return response.subarray(0, bytesRead);
    };
    return { state: 'open', ...oneAtATime(exchange, () => handle.close()) };
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT') {
      return { state: 'absent', reason: await reasonForAbsence(path, rawPath) };
    }
    return { state: 'failed', reason: `${path} cannot be opened (${code})`, advice: adviceFor(code) };
  }
}

/**
 * Connects to an emulated TPM that takes plain TPM commands on a socket (swtpm's `--server`), for development and tests.
 * Nothing in the firmware turns to this by itself: any local process could listen there.
 */
export async function openTpmSocket(
  address: NetConnectOpts,
  timeoutMs = commandTimeoutMs,
): Promise<TpmAccess> {
  const socket = connect(address);
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve).once('error', reject);
    });
  } catch (error) {
    const reason = `no TPM emulator answers (${errorCode(error)})`;
    return { state: 'failed', reason, advice: 'Start the emulator, or correct its address.' };
  }
  // An error while no command is under way is seen at the next one, which finds the socket destroyed.
  socket.on('error', () => {});
  const close = async () => {
    socket.destroy();
  };
  return { state: 'open', ...oneAtATime((command) => exchangeOverSocket(socket, command), close, timeoutMs) };
}

type Exchange = (command: Uint8Array) => Promise<Uint8Array>;

/**
 * Puts calls in a row. A command whose answer does not come in time closes the transport for good: a late answer would be
 * taken for that of the next command.
 */
function oneAtATime(exchange: Exchange, close: () => Promise<void>, timeoutMs = commandTimeoutMs) {
  let last: Promise<unknown> = Promise.resolve();
  let broken: Error | undefined;
  let timedOut = false;
  const run = async (command: Uint8Array): Promise<Uint8Array> => {
    if (broken !== undefined) throw broken;
    const timeout = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      timedOut = true;
      broken = new Error(`the TPM did not answer within ${timeoutMs / 1000} s`);
      timeout.reject(broken);
    }, timeoutMs);
    try {
      return await Promise.race([exchange(command), timeout.promise]);
    } catch (error) {
      broken ??= error instanceof Error ? error : new Error(String(error));
      throw error;
    } finally {
      clearTimeout(timer);
    }
  };
  return {
    transmit(command: Uint8Array): Promise<Uint8Array> {
      const next = last.then(() => run(command));
      last = next.catch(() => undefined);
      return next;
    },
    async close(): Promise<void> {
      broken ??= new Error('the transport is closed');
      const closed = close();
      // Closing waits for the command that never ended; nobody else shall.
      if (timedOut) closed.catch(() => undefined);
      else await closed;
    },
  };
}

/** Responses carry their own size (octets 2 to 5): the stream has no other frame. */
function exchangeOverSocket(socket: Socket, command: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    let response = Buffer.alloc(0);
    const settle = (outcome: () => void) => {
      socket.off('data', onData).off('error', onError).off('close', onClose);
      outcome();
    };
    const onError = (error: Error) => settle(() => reject(error));
    const onClose = () => settle(() => reject(new Error('the TPM emulator closed the connection')));
    const onData = (chunk: Uint8Array) => {
      response = Buffer.concat([response, chunk]);
      if (response.length < limits.headerSize) return;
      const size = response.readUInt32BE(2);
      if (size > limits.frameSize || response.length > size) {
        settle(() =>
          reject(new Error(`the TPM emulator sent ${response.length} octets of a response of ${size}`)),
        );
      } else if (response.length === size) {
        settle(() => resolve(response));
      }
    };
    if (socket.destroyed) {
      onClose();
      return;
    }
    socket.on('data', onData).on('error', onError).on('close', onClose);
    socket.write(command);
  });
}

async function reasonForAbsence(path: string, rawPath: string): Promise<string> {
  try {
    await access(rawPath);
    return `${rawPath} is there but not ${path}: the chip is a TPM 1.2, which cannot attest this system`;
  } catch {
    return `${path} is not there: the kernel found no TPM 2.0`;
  }
}

function adviceFor(code: string): string {
  if (code === 'EBUSY') return 'Another program holds the TPM; end it, or restart the box.';
  if (code === 'EACCES' || code === 'EPERM')
    return 'The runtime may not open the TPM; it has to run as root.';
  return 'Switch the box off and on; if it stays so, look for the TPM in the firmware settings.';
}
