/** What a message of RFC 5424 says. */
export type ReadMessage = {
  readonly facility: number;
  readonly severity: number;
  readonly time: string;
  readonly host: string;
  readonly appName: string;
  readonly id: string;
  readonly params: Readonly<Record<string, string>>;
  readonly text: string;
};

/** Reads a message by the grammar of RFC 5424 § 6 with one element of structured data; undefined where it does not fit. */
export function parseSyslog(message: string): ReadMessage | undefined {
  const field = String.raw`([\x21-\x7e]+)`;
  const param = String.raw` ([\x21\x23-\x3c\x3e-\x5c\x5e-\x7e]{1,32})="((?:[^"\\\]]|\\["\\\]])*)"`;
  const element = String.raw`\[([\x21\x23-\x3c\x3e-\x5c\x5e-\x7e]{1,32})((?:${param.replaceAll('(', '(?:').replaceAll('(?:?:', '(?:')})*)\]`;
  const whole = new RegExp(
    String.raw`^<(\d{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,6}Z) ${field} ${field} ${field} ${field} ${element} (?:\u{feff}(.*)|([\x00-\x7f]*))$`,
    'su',
  );
  const [, priority, time, host, appName, , id, , params, utf8, ascii] = whole.exec(message) ?? [];
  if (priority === undefined || time === undefined || host === undefined) return undefined;
  const pairs = [...(params ?? '').matchAll(new RegExp(param, 'gsu'))].map(([, name = '', value = '']) => [
    name,
    value.replaceAll(/\\(["\\\]])/g, '$1'),
  ]);
  return {
    facility: Number(priority) >> 3,
    severity: Number(priority) & 7,
    ...{ time, host, appName: appName ?? '', id: id ?? '' },
    params: Object.fromEntries(pairs),
    text: utf8 ?? ascii ?? '',
  };
}
