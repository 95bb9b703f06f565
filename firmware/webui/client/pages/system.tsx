import { Answer } from '../parts/answer.tsx';
import { Page } from '../parts/page.tsx';
import { Tabs } from '../parts/tabs.tsx';
import { useRoute } from '../router.tsx';
import type { Summary } from '../summary.ts';
import { texts } from '../texts.ts';
import { type Box, useBox } from '../use-box.ts';
import { AccessControl } from './system/access-control.tsx';
import { BoxFacts } from './system/box-facts.tsx';
import { Diagnostics } from './system/diagnostics.tsx';
import { Log } from './system/log.tsx';
import { SavedSettings } from './system/saved-settings.tsx';
import { Upkeep } from './system/upkeep.tsx';

const text = texts.system;

const tabs = {
  box: BoxFacts,
  settings: SavedSettings,
  log: Log,
  diagnostics: Diagnostics,
  access: AccessControl,
  upkeep: Upkeep,
} as const;
type Tab = keyof typeof tabs;
const names = Object.keys(tabs) as Tab[];

export function System() {
  const { query } = useRoute();
  const current = names.find((name) => name === query.get('tab')) ?? 'box';
  const Content = tabs[current];
  const { status } = useBox();
  return (
    <Page name="system">
      <Answer {...summaryOf(status)} />
      <Tabs
        label={text.tabsLabel}
        tabs={names.map((name) => ({ name, label: text.tabs[name] }))}
        current={current}
        to={(name) => (name === 'box' ? '/system' : `/system?tab=${name}`)}
      />
      <Content />
    </Page>
  );
}

function summaryOf({ image, trial }: Box['status']): Summary {
  const sentence = text.runs(image.version, image.slot);
  if (trial !== null) return { mark: 'attention', sentence, advice: text.trial };
  if (image.development) return { mark: 'attention', sentence, advice: text.developmentAdvice };
  return { mark: 'up', sentence, advice: null };
}
