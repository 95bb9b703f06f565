import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BuildError } from './build-error.ts';

type Source = {
  readonly urls: readonly string[];
  readonly components: readonly string[];
  readonly signedBy: string | undefined;
};

const words = (text = '') => text.split(/\s+/).filter((word) => word !== '');

/** sources.list(5), one-line style: `deb [options] URL suite component…`. */
function oneLineSources(text: string): Source[] {
  const lines = text.matchAll(
    /^\s*deb(?:\s+\[(?<options>[^\]\n]*)\])?[ \t]+(?<url>\S+)[ \t]+\S+(?<rest>.*)$/gm,
  );
  return [...lines].map(({ groups = {} }) => ({
    urls: words(groups['url']),
    components: words(groups['rest']),
    signedBy: /signed-by=(\S+)/.exec(groups['options'] ?? '')?.[1],
  }));
}

/** sources.list(5), deb822 style, and python-apt's templates, whose field is `BaseURI`. */
function stanzaSources(text: string): Source[] {
  return text.split(/\n[ \t]*\n/).flatMap((stanza) => {
    const fields = new Map(
      [...stanza.matchAll(/^([A-Za-z-]+):[ \t]*(.*(?:\n[ \t]+\S.*)*)/gm)].map(([, name = '', value = '']) => [
        name.toLowerCase(),
        value,
      ]),
    );
    const template = fields.get('baseuri');
    if (template !== undefined) return [{ urls: words(template), components: ['main'], signedBy: undefined }];
    if (!words(fields.get('types')).includes('deb') || /^(no|false)$/i.test(fields.get('enabled') ?? ''))
      return [];
    return [
      {
        urls: words(fields.get('uris')),
        components: words(fields.get('components')),
        signedBy: fields.get('signed-by'),
      },
    ];
  });
}

/**
 * The first Debian archive that a text names: apt's sources in either style, or one of python-apt's templates. Its URL
 * ends in `/debian` (the security archive is found from it) and no key but Debian's signs it, which leaves out other
 * people's packages for Debian.
 */
export function mirrorIn(text: string): string | undefined {
  const uncommented = text.replace(/^[ \t]*#.*\n?/gm, '');
  return [...oneLineSources(uncommented), ...stanzaSources(uncommented)]
    .filter(
      ({ components, signedBy }) =>
        components.includes('main') && (signedBy === undefined || signedBy.includes('debian-archive')),
    )
    .flatMap(({ urls }) => urls)
    .map((url) => url.replace(/\/$/, ''))
    .find((url) => /^[a-z][a-z0-9+.-]*:.*\/debian$/.test(url));
}

/**
 * The Debian mirror that this machine's own apt uses: the base URL of its main archive.
 *
 * @throws BuildError `mirror` if it uses none
 */
export function machineMirror(): string {
  const lists = '/etc/apt/sources.list.d';
  const files = [
    '/etc/apt/sources.list',
    ...(existsSync(lists)
      ? readdirSync(lists)
          .sort()
          .map((name) => join(lists, name))
      : []),
    // A machine whose own distribution is not Debian still knows where Debian is from python-apt's templates.
    '/usr/share/python-apt/templates/Debian.info',
  ];
  for (const file of files.filter((path) => existsSync(path))) {
    const mirror = mirrorIn(readFileSync(file, 'utf8'));
    if (mirror !== undefined) return mirror;
  }
  throw new BuildError(
    'mirror',
    "No Debian mirror stands in this machine's apt sources. Name one with --mirror URL.",
  );
}
