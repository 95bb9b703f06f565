import { Fact, Facts } from '../../parts/facts.tsx';
import { Section } from '../../parts/page.tsx';
import { put } from '../../settings/document.ts';
import { changeSettings } from '../../settings/settings-change.tsx';
import { texts } from '../../texts.ts';
import { useMay } from '../../use-may.ts';
import type { HostNetwork, PolicyDocument } from './use-policy.ts';

const text = texts.policy.ground;

interface GroundRulesProps {
  document: PolicyDocument;
  onChanged: () => void;
}

/** What holds where no rule speaks: for unknown devices, for the gateway's own services, between ports of a network. */
export function GroundRules({ document: { policy, network }, onChanged }: GroundRulesProps) {
  const set = async (title: string, path: readonly string[], value: string) => {
    const { outcome } = await changeSettings({ title, edit: ({ saved }) => put(saved, path, value) });
    if (outcome === 'on-trial') onChanged();
  };
  const networks: readonly (readonly [string, readonly string[], HostNetwork])[] = [
    [text.lan, ['network', 'lan'], network.lan],
    ...Object.entries(network.networks ?? {}).map(
      ([name, each]) => [text.network(name), ['network', 'networks', name], each] as const,
    ),
  ];
  return (
    <Section id="ground" title={text.title}>
      <p class="lead">{text.lead}</p>
      <Facts>
        <Fact name={text.unheard}>{text.unheardAnswer}</Fact>
        <Choice
          name={text.unknownDevices.title}
          words={text.unknownDevices.words}
          value={policy.unknownDevices}
          onChoose={(value) => void set(text.unknownDevices.title, ['policy', 'unknownDevices'], value)}
        />
        <Choice
          name={text.ownServices.title}
          words={text.ownServices.words}
          value={policy.ownServices ?? 'accepted'}
          onChoose={(value) => void set(text.ownServices.title, ['policy', 'ownServices'], value)}
        />
        {networks.map(([name, path, { segmentation = 'none' }]) => (
          <Choice
            key={name}
            name={text.segmentation.title(name)}
            words={text.segmentation.words}
            value={segmentation}
            onChoose={(value) => void set(text.segmentation.title(name), [...path, 'segmentation'], value)}
          />
        ))}
      </Facts>
    </Section>
  );
}

interface ChoiceProps<Value extends string> {
  name: string;
  words: Readonly<Record<Value, { readonly is: string; readonly make: string }>>;
  value: Value;
  onChoose: (value: Value) => void;
}

/** How it is, and a button for how else it may be. */
function Choice<Value extends string>({ name, words, value, onChoose }: ChoiceProps<Value>) {
  const mayChange = useMay('change');
  const others = (Object.keys(words) as Value[]).filter((each) => mayChange && each !== value);
  return (
    <Fact name={name}>
      <span class="ground-is">{words[value].is}</span>
      {others.map((other) => (
        <button key={other} type="button" class="plain" onClick={() => onChoose(other)}>
          {words[other].make}
        </button>
      ))}
    </Fact>
  );
}
