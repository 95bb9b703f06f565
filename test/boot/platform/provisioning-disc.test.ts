import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { limits } from '../../../firmware/boot/limits.ts';
import { customDataOf } from '../../../firmware/boot/platform/azure/provisioning-disc.ts';

const octets = (text: string) => new TextEncoder().encode(text);
const userData = '{"version":1,"hostname":"gate-8"}';
const encoded = Buffer.from(userData).toString('base64');

/** An environment document as the platform writes it, around one configuration set's content. */
const environment = (content: string) => `\ufeff<?xml version="1.0" encoding="utf-8"?>
<ns0:Environment xmlns:ns0="http://schemas.dmtf.org/ovf/environment/1" xmlns:ns1='http://schemas.microsoft.com/windowsazure'>
  <!-- <CustomData>AAAA</CustomData> -->
  <ns1:ProvisioningSection>
    <ns1:Version>1.0</ns1:Version>
    <ns1:LinuxProvisioningConfigurationSet a="x > y">${content}</ns1:LinuxProvisioningConfigurationSet>
  </ns1:ProvisioningSection>
  <ns1:PlatformSettingsSection><ns1:GuestAgentPackageName xsi:nil="true" /></ns1:PlatformSettingsSection>
</ns0:Environment>
`;
const read = (content: string) => customDataOf(octets(environment(content)));
const found = { state: 'found', octets: octets(userData) };

describe('DSP0243 §11: custom data in the environment of a provisioning disc', () => {
  test.each([
    ['with a prefix', `<ns1:HostName>x</ns1:HostName><ns1:CustomData>${encoded}</ns1:CustomData>`],
    ['without', `<CustomData>${encoded}</CustomData>`],
    ['in lines', `<CustomData>\n${encoded.slice(0, 8)}\n${encoded.slice(8)}\n</CustomData>`],
    ['as a literal section', `<CustomData><![CDATA[${encoded}]]></CustomData>`],
  ])('%s', (_, content) => {
    expect(read(content)).toEqual(found);
  });

  test.each([
    ['none', ''],
    ['an empty one', '<CustomData />'],
    ['one elsewhere', `<Other><CustomData>${encoded}</CustomData></Other>`],
  ])('%s: the instance has none', (_, content) => {
    expect(read(content)).toEqual({ state: 'absent' });
  });

  test.each([
    ['something else than base64', '<CustomData>{"version":1}</CustomData>', /not base64/],
    ['an entity', '<CustomData>&data;</CustomData>', /not base64/],
    ['a document type', '<!DOCTYPE x [<!ENTITY data "AAAA">]>', /no XML/],
    ['a comment without an end', '<!-- ', /no XML/],
    ['an element that is not open', '</Other>', /closes Other/],
    ['an element that stays open', '<Other>', /closes Linux/],
  ])('%s is refused', (_, content, reason) => {
    expect(read(content)).toMatchObject({ state: 'failed', reason: expect.stringMatching(reason) });
  });

  test('elements within one another are bounded', () => {
    const nested = (depth: number) => customDataOf(octets('<a>'.repeat(depth) + '</a>'.repeat(depth)));
    expect(nested(limits.provisioningDepth)).toEqual({ state: 'absent' });
    expect(nested(limits.provisioningDepth + 1)).toMatchObject({ state: 'failed' });
  });

  test('whatever stands there gives an answer, in a time that grows as the document does', () => {
    const pieces = [
      '<',
      '>',
      '/',
      '"',
      "'",
      '<a',
      '<!--',
      '-->',
      '<![CDATA[',
      ']]>',
      '<?',
      ' ',
      'x:',
      'CustomData',
    ];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 60 }), (words) => {
        expect(['found', 'absent', 'failed']).toContain(customDataOf(octets(words.join(''))).state);
      }),
    );
    for (const word of pieces) {
      const most = octets(word.repeat(Math.floor(limits.provisioningOctets / word.length)));
      expect(customDataOf(most).state).not.toBe('found');
      expect(customDataOf(octets(`<${new TextDecoder().decode(most)}`)).state).not.toBe('found');
    }
    expect(customDataOf(Uint8Array.of(0x3c, 0xff))).toMatchObject({ state: 'failed' });
  });
});
