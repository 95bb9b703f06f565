import { useMemo, useRef } from 'preact/hooks';
import type { FlowsPage, FlowsStatus } from '../../api/flows-route.ts';
import { addressWith } from '../address-with.ts';
import { Answer } from '../parts/answer.tsx';
import { Chips } from '../parts/chips.tsx';
import { ProblemNotice } from '../parts/notice.tsx';
import { Page } from '../parts/page.tsx';
import { navigate, useRoute } from '../router.tsx';
import type { Summary } from '../summary.ts';
import { texts } from '../texts.ts';
import { useBoxNow } from '../use-now.ts';
import { useQuery } from '../use-query.ts';
import { apiFilter, readFilter } from './flows/filter.ts';
import { FilterBar } from './flows/filter-bar.tsx';
import { flowName } from './flows/flow-names.ts';
import { LiveList } from './flows/live-list.tsx';
import { RecordedList } from './flows/recorded-list.tsx';
import { Records } from './flows/records.tsx';

const text = texts.flows;
const recentMs = 300_000;
const recentMost = 100;
const statusEvery = 10_000;

export function Flows() {
  const { query } = useRoute();
  const isLive = query.get('view') === 'live';
  const now = useBoxNow();
  const filter = useMemo(() => readFilter(query), [query]);
  const key = JSON.stringify(filter);
  // The last five minutes are those before the filter was set: while it is read on, rows must not fall out of it.
  const asked = useMemo(() => apiFilter(filter, now, isLive), [key, isLive]);
  const {
    value: status,
    problem,
    refresh,
  } = useQuery<FlowsStatus>('/api/v1/flows/status', {
    every: statusEvery,
  });
  const recent = useRecentlyDenied(now);
  const opened = Number(query.get('flow') ?? Number.NaN);

  if (problem !== null && status === null)
    return (
      <Page name="flows">
        <ProblemNotice problem={problem} onRetry={refresh} />
      </Page>
    );
  return (
    <Page name="flows" what={{ term: text.term, meaning: text.meaning }}>
      <Answer {...summaryOf(status, recent)} />
      <Chips
        legend={text.view}
        name="view"
        choices={[
          { value: 'recorded', label: text.views.recorded },
          { value: 'live', label: text.views.live },
        ]}
        value={isLive ? 'live' : 'recorded'}
        onChoose={(view) => navigate(addressWith({ view: view === 'live' ? view : null, flow: null }))}
      />
      <FilterBar filter={filter} isLive={isLive} />
      {isLive ? (
        <LiveList filter={asked} />
      ) : (
        <RecordedList
          filter={filter}
          asked={asked}
          opened={Number.isSafeInteger(opened) && opened >= 0 ? opened : null}
        />
      )}
      {status !== null && <Records status={status} />}
    </Page>
  );
}

/** What was denied lately, looked at anew every minute; the last answer stays until the next one is there. */
function useRecentlyDenied(now: number): FlowsPage | null {
  const since = Math.floor(now / 60_000) * 60_000 - recentMs;
  const { value } = useQuery<FlowsPage>(`/api/v1/flows?verdict=deny&since=${since}&limit=${recentMost}`);
  const last = useRef(value);
  if (value !== null) last.current = value;
  return last.current;
}

function summaryOf(status: FlowsStatus | null, recent: FlowsPage | null): Summary {
  if (status !== null && !status.recording)
    return { mark: 'attention', sentence: text.notRecording, advice: text.notRecordingAdvice };
  if (recent === null) return { mark: 'off', sentence: text.loading, advice: null };
  const [newest] = recent.flows;
  if (newest === undefined) return { mark: 'up', sentence: text.noneDenied, advice: null };
  const sentence = text.denied(recent.flows.length, recent.before !== null, flowName(newest));
  return { mark: 'degraded', sentence, advice: text.deniedAdvice };
}
