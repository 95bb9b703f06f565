import { Section } from '../../parts/page.tsx';
import { texts } from '../../texts.ts';
import { useBox } from '../../use-box.ts';
import { useMay } from '../../use-may.ts';
import { Capture } from './capture.tsx';
import { Ping } from './ping.tsx';
import { Traceroute } from './traceroute.tsx';

const text = texts.diagnostics;
const ends = 'diagnosis-ends';

/** Looking into what does not work, from this box. */
export function Diagnostics() {
  const { status } = useBox();
  if (!useMay('diagnose'))
    return (
      <Section id="diagnostics" title={text.title}>
        <p class="prose quiet">{text.notAllowed}</p>
      </Section>
    );
  return (
    <>
      <Section id="ping" title={text.ping.title}>
        <p class="prose">{text.ping.meaning}</p>
        <Ping ends={ends} />
      </Section>
      <Section id="traceroute" title={text.traceroute.title}>
        <p class="prose">{text.traceroute.meaning}</p>
        <Traceroute ends={ends} />
      </Section>
      <Section id="capture" title={text.capture.title}>
        <p class="prose">{text.capture.meaning}</p>
        <Capture />
      </Section>
      <datalist id={ends}>
        {status.tunnels.map(({ peer }) => (
          <option key={peer} value={peer} />
        ))}
      </datalist>
    </>
  );
}
