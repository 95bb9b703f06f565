import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Gives an emulated TPM endorsement keys with certificates of a local authority, as its vendor would: an ECC key, and an
 * RSA one beside it unless only the ECC one is wanted.
 */
export const manufacture =
  ({ state = '.', only = [] }: { readonly state?: string; readonly only?: readonly '--ecc'[] } = {}) =>
  async (directory: string): Promise<void> => {
    const authority = join(directory, 'authority');
    await mkdir(authority, { recursive: true });
    await mkdir(join(directory, state), { recursive: true });
    const [settings, options, setup] = ['localca.conf', 'localca.options', 'setup.conf'].map((name) =>
      join(authority, name),
    ) as [string, string, string];
    const lines = ['signkey', 'issuercert', 'certserial'];
    const [key, certificate, serial] = lines.map((name) => join(authority, name)) as [string, string, string];
    await writeFile(
      settings,
      `statedir = ${authority}\nsigningkey = ${key}\nissuercert = ${certificate}\ncertserial = ${serial}\n`,
    );
    await writeFile(options, '');
    await writeFile(
      setup,
      [
        'create_certs_tool = /usr/bin/swtpm_localca',
        `create_certs_tool_config = ${settings}`,
        `create_certs_tool_options = ${options}`,
        // The PCR bank that is attested, beside the others that a TPM has.
        'active_pcr_banks = sha1,sha256,sha384',
        '',
      ].join('\n'),
    );
    const folders = ['--tpmstate', join(directory, state), '--config', setup];
    await run('swtpm_setup', ['--tpm2', '--create-ek-cert', '--overwrite', ...only, ...folders]);
  };

/** The authority's certificates in PEM, as a verifier is told of them. */
export const authorityOf = (directory: string): Promise<string> =>
  readFile(join(directory, 'authority', 'issuercert'), 'utf8');
