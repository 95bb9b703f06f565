/** A file of the page as the build leaves it: compressed beforehand, since the box's processor has other work. */
export interface PageFile {
  /** `/` for the page itself, which `pagePaths` lead to; all others carry a hash of their content in their name. */
  readonly path: string;
  readonly contentType: string;
  readonly text: string;
  readonly gzipBase64: string;
  readonly brotliBase64: string;
  /** Strong validator without quotes (RFC 9110 § 8.8.3). */
  readonly etag: string;
}

/** Views of the page have addresses of their own; each is answered with the page itself. */
export const pagePaths: readonly string[] = [
  '/',
  '/network',
  '/overlay',
  '/devices',
  '/policy',
  '/flows',
  '/trust',
  '/system',
  '/setup',
  '/sign-in',
];

interface Encoded {
  readonly encoding: 'br' | 'gzip' | null;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

interface ServedFile {
  readonly file: PageFile;
  readonly encoded: readonly Encoded[];
}

export type PageFiles = ReadonlyMap<string, ServedFile>;

export function preparePageFiles(files: readonly PageFile[]): PageFiles {
  const served = new Map<string, ServedFile>();
  for (const file of files) {
    const encoded: Encoded[] = [
      { encoding: 'br', bytes: octets(file.brotliBase64) },
      { encoding: 'gzip', bytes: octets(file.gzipBase64) },
      { encoding: null, bytes: new TextEncoder().encode(file.text) },
    ];
    const paths = file.path === '/' ? pagePaths : [file.path];
    for (const path of paths) served.set(path, { file, encoded });
  }
  return served;
}

function octets(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/** The answer to GET or HEAD of a file of the page, or null where there is no such file. */
export function servePageFile(files: PageFiles, request: Request): Response | null {
  const served = files.get(new URL(request.url).pathname);
  if (served === undefined) return null;
  const { file } = served;
  const accepted = acceptedEncodings(request.headers.get('accept-encoding') ?? '');
  const chosen = served.encoded.find(({ encoding }) => encoding === null || accepted.has(encoding));
  if (chosen === undefined) return null;
  const { encoding, bytes } = chosen;
  // Each encoding is another representation and has a validator of its own (RFC 9110 § 8.8.3.3).
  const etag = `"${file.etag}${encoding === null ? '' : `-${encoding}`}"`;
  const headers: Record<string, string> = {
    'cache-control': file.path === '/' ? 'no-cache' : 'public, max-age=31536000, immutable',
    etag,
    vary: 'accept-encoding',
  };
  if (matches(request.headers.get('if-none-match'), etag))
    return new Response(null, { status: 304, headers });
  headers['content-type'] = file.contentType;
  headers['content-length'] = String(bytes.length);
  if (encoding !== null) headers['content-encoding'] = encoding;
  return new Response(request.method === 'HEAD' ? null : bytes, { headers });
}

/** RFC 9110 § 12.5.3, as far as browsers use it: names with an optional weight, of which 0 refuses. */
function acceptedEncodings(header: string): Set<string> {
  const accepted = new Set<string>();
  for (const item of header.toLowerCase().split(',')) {
    const [name = '', ...parameters] = item.split(';').map((part) => part.trim());
    if (!parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter))) accepted.add(name);
  }
  return accepted;
}

function matches(header: string | null, etag: string): boolean {
  if (header === null) return false;
  return header.split(',').some((candidate) => ['*', etag].includes(candidate.trim().replace(/^W\//, '')));
}
