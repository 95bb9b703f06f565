import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import type { DiagnosticPorts } from '../netd/overlay/diagnosis.ts';
import type { HostIdentitySigner } from '../netd/overlay/ports.ts';
import { hipCrypto } from './hip-crypto.ts';
import { openDiagnosticHipSocket } from './hip-socket.ts';
import { softwareSigner } from './host-identity-file.ts';
import { timeAndNames } from './overlay-system.ts';

/** The operating system for a command that tries exchanges, without privileges; `port` 0 takes any. Rejects with the system's error. */
export async function openDiagnosticPorts(
  signer: HostIdentitySigner,
  port: number,
): Promise<{ readonly ports: DiagnosticPorts; readonly port: number }> {
  const opened = await openDiagnosticHipSocket(port);
  return {
    ports: { socket: opened.socket, crypto: hipCrypto, signer, ...timeAndNames },
    port: opened.port,
  };
}

/** An identity that is forgotten with the process. */
export function throwAwaySigner(): HostIdentitySigner {
  return softwareSigner(newKey());
}

/** Reads an ECDSA P-256 key in PKCS #8 PEM, or makes it where there is no such file. Throws an `Error` that names the file. */
export function signerInFile(path: string): HostIdentitySigner {
  let pem: string;
  try {
    pem = readFileSync(path, 'utf8');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    const key = newKey();
    writeFileSync(path, key.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600, flag: 'wx' });
    return softwareSigner(key);
  }
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    // Without the cause: it might quote what it could not parse.
    throw new Error(`${path} holds no private key in PEM`);
  }
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    throw new Error(`${path} holds a key that is not ECDSA P-256`);
  return softwareSigner(key);
}

/** This machine's addresses, those that others can use first: no link-local ones, whose zone a locator has no place for. */
export function ownAddresses(): readonly string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const usable = all.filter(({ address }) => !address.startsWith('fe80:'));
  return [...usable.filter(({ internal }) => !internal), ...usable.filter(({ internal }) => internal)].map(
    ({ address }) => address,
  );
}

function newKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
}
