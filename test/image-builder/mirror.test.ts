import { describe, expect, test } from 'vitest';
import { mirrorIn } from '../../image-builder/mirror.ts';

describe('sources.list(5), one line', () => {
  test.each([
    ['plain', 'deb http://mirror.example/debian trixie main contrib'],
    ['with a closing slash', 'deb http://mirror.example/debian/ trixie main'],
    ['indented, with tabs', '  deb\thttp://mirror.example/debian\ttrixie\tmain'],
    ['options in brackets', 'deb [arch=amd64 trusted=no] http://mirror.example/debian trixie main'],
    [
      'spaces inside the brackets, Debian as signer',
      'deb [ signed-by=/usr/share/keyrings/debian-archive-keyring.gpg ] http://mirror.example/debian trixie main',
    ],
    [
      'after others',
      [
        '# deb http://old.example/debian sid main',
        'deb-src http://source.example/debian trixie main',
        'deb http://mirror.example/debian-security trixie-security main',
        'deb http://mirror.example/debian trixie main',
        'deb http://second.example/debian trixie main',
      ].join('\n'),
    ],
  ])('%s', (_, text) => {
    expect(mirrorIn(`${text}\n`)).toBe('http://mirror.example/debian');
  });

  test('a path before /debian and other schemes are kept', () => {
    expect(mirrorIn('deb https://mirror.example/pub/debian trixie main')).toBe(
      'https://mirror.example/pub/debian',
    );
    expect(mirrorIn('deb file:/srv/debian trixie main')).toBe('file:/srv/debian');
  });
});

describe('deb822', () => {
  const stanza = (fields: Record<string, string>) =>
    Object.entries({
      Types: 'deb',
      URIs: 'http://mirror.example/debian',
      Suites: 'trixie trixie-updates',
      Components: 'main',
      ...fields,
    })
      .map(([name, value]) => `${name}: ${value}\n`)
      .join('');

  test.each([
    ['plain', stanza({})],
    ['sources too', stanza({ Types: 'deb deb-src' })],
    ['comment within', stanza({}).replace('URIs', '# Snapshot http://old.example/debian\nURIs')],
    ['Debian as signer', stanza({ 'Signed-By': '/usr/share/keyrings/debian-archive-keyring.pgp' })],
    ['more URIs', stanza({ URIs: 'http://mirror.example/debian/ http://second.example/debian' })],
    ['value on the next line', stanza({ URIs: '\n http://mirror.example/debian' })],
    ['second stanza', `${stanza({ URIs: 'http://mirror.example/debian-security' })}\n${stanza({})}`],
    [
      'after one that is off',
      `${stanza({ Enabled: 'no', URIs: 'http://off.example/debian' })}\n${stanza({})}`,
    ],
    [
      'after source packages',
      `${stanza({ Types: 'deb-src', URIs: 'http://src.example/debian' })}\n${stanza({})}`,
    ],
  ])('%s', (_, text) => {
    expect(mirrorIn(text)).toBe('http://mirror.example/debian');
  });
});

test("python-apt's template", () => {
  const text = [
    'ChangelogURI: https://changes.example/changelogs/%s/%s/%s/%s_%s_changelog',
    '',
    'Suite: {series}',
    'RepositoryType: deb',
    'BaseURI: https://mirror.example/debian/',
    'MatchURI: ((http|https|ftp)[0-9]*)debian\\.example',
    'MirrorsFile: Debian.mirrors',
    'Component: main',
    '',
    'Suite: {series}-security',
    'BaseURI: https://security.example/',
  ].join('\n');
  expect(mirrorIn(text)).toBe('https://mirror.example/debian');
});

describe('what names no Debian archive', () => {
  test.each([
    ['nothing', ''],
    ['Ubuntu, one line', 'deb http://mirror.example/ubuntu noble main universe\n'],
    ['Ubuntu, deb822', 'Types: deb\nURIs: http://mirror.example/ubuntu/\nSuites: noble\nComponents: main\n'],
    ['security alone', 'deb http://mirror.example/debian-security trixie-security main\n'],
    ['a path that begins alike', 'deb http://mirror.example/debian/12/prod bookworm main\n'],
    ['not a URL', 'deb /debian trixie main\n'],
    [
      "somebody's packages for Debian",
      'deb [arch=amd64 signed-by=/etc/apt/keyrings/other.asc] https://other.example/linux/debian trixie main\n',
    ],
    ["somebody's packages without main", 'deb https://other.example/linux/debian trixie stable\n'],
    [
      "somebody's key within the stanza",
      'Types: deb\nURIs: https://other.example/debian\nSuites: trixie\nComponents: main\nSigned-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQ==\n',
    ],
  ])('%s', (_, text) => {
    expect(mirrorIn(text)).toBeUndefined();
  });
});
