import { limits } from '../../limits.ts';
import { decodedUserData, type UserData } from '../metadata-http.ts';

/** Where custom data stands in the environment: names of elements without their namespaces' prefixes. */
const customDataPath = 'Environment/ProvisioningSection/LinuxProvisioningConfigurationSet/CustomData';

/**
 * One piece of XML (XML 1.0 §2.4 to §2.7, §3.1): comment, instruction, literal section, tag or text. Each alternative
 * begins otherwise, none can be read in two ways, and reading ends with the first piece that is none of them, so the
 * time is linear.
 */
const piece =
  /<!--.*?-->|<\?.*?\?>|<!\[CDATA\[(?<literal>.*?)\]\]>|<(?<end>\/?)(?:[^\s<>/!?:]+:)?(?<name>[^\s<>/!?:]+)(?=[\s/>])(?:[^<>"'/]|"[^"<]*"|'[^'<]*'|\/(?!>))*(?<empty>\/?)>|(?<text>[^<]+)/sy;

const failed = (what: string): UserData => ({
  ...{ state: 'failed', reason: `its ovf-env.xml ${what}`, lasting: true },
});

/**
 * The custom data of an instance from the environment document on its provisioning disc. There are no entities and no
 * document type definition in what the platform writes, and none are read here.
 *
 * @param environment at most `limits.provisioningOctets`
 * @see DMTF DSP0243 §11, the OVF environment; Microsoft, "Custom data and cloud-init on Azure Virtual Machines"
 */
export function customDataOf(environment: Uint8Array): UserData {
  let document: string;
  try {
    document = new TextDecoder('utf-8', { fatal: true }).decode(environment);
  } catch {
    return failed('is not text in UTF-8');
  }
  const open: string[] = [];
  let found: string | null = null;
  for (let place = 0; place < document.length; ) {
    piece.lastIndex = place;
    const groups = piece.exec(document)?.groups;
    if (groups === undefined && piece.lastIndex === 0) return failed(`is no XML from character ${place} on`);
    place = piece.lastIndex;
    const { name, end, empty, text, literal } = groups ?? {};
    if (open.join('/') === customDataPath) found = (found ?? '') + (text ?? literal ?? '');
    if (name === undefined) continue;
    if (end !== '/') open.push(name);
    if ((end === '/' || empty === '/') && open.pop() !== name)
      return failed(`closes ${name}, which is not open`);
    if (open.length > limits.provisioningDepth)
      return failed(`has more than ${limits.provisioningDepth} elements within one another`);
  }
  if (open.length > 0) return failed(`does not close ${open.at(-1)}`);
  return decodedUserData(
    found === null ? { state: 'absent' } : { state: 'found', octets: new TextEncoder().encode(found) },
  );
}
