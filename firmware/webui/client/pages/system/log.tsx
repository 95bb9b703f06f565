import { useEffect, useMemo, useState } from 'preact/hooks';
import type { LogEntry } from '../../../api/status-schema.ts';
import { addressWith } from '../../address-with.ts';
import { formatAbsolute, formatTime } from '../../format.ts';
import { CheckField } from '../../parts/check-field.tsx';
import { Chips } from '../../parts/chips.tsx';
import { Empty } from '../../parts/empty.tsx';
import { Section } from '../../parts/page.tsx';
import { ShowNew } from '../../parts/show-new.tsx';
import { State } from '../../parts/state.tsx';
import { Cell, Row, Table } from '../../parts/table.tsx';
import { verbatim } from '../../parts/verbatim.ts';
import { navigate, useRoute } from '../../router.tsx';
import { saveFile } from '../../save-file.ts';
import type { MarkName } from '../../summary.ts';
import { texts } from '../../texts.ts';
import { useBox } from '../../use-box.ts';
import { useBoxNow } from '../../use-now.ts';
import { useQuery } from '../../use-query.ts';
import { type LogFilter, linesAfter, logLevels, matches, sourcesOf } from './log-filter.ts';

const text = texts.log;
type Level = LogEntry['level'];
const marks: Partial<Record<Level, MarkName>> = { warning: 'attention', error: 'down' };
const choices = logLevels.map((level) => ({ value: level, label: text.levels[level] }));

/** The filter stands in the address: it can be sent to a colleague, and back undoes it. */
function filterOf(query: URLSearchParams): LogFilter {
  return {
    level: logLevels.find((each) => each === query.get('level')) ?? 'debug',
    source: query.get('from') ?? '',
    words: query.get('words') ?? '',
  };
}

/** All lines that the box keeps, and those that came since. */
function useLines(): readonly LogEntry[] {
  const { log } = useBox();
  const { value } = useQuery<{ readonly entries: readonly LogEntry[] }>('/api/v1/log');
  return useMemo(
    () => (value === null ? log : [...value.entries, ...linesAfter(value.entries, log)]),
    [value, log],
  );
}

/** Newest first. New lines wait until they are asked for, so that nothing moves under the eye, or come as they do. */
export function Log() {
  const entries = useLines();
  const { query } = useRoute();
  const { status } = useBox();
  const filter = filterOf(query);
  const [follow, setFollow] = useState(false);
  /** The newest line that is shown; what came later waits. */
  const [seen, setSeen] = useState<LogEntry | null>(null);
  const newest = entries.at(-1) ?? null;
  useEffect(() => {
    if (follow || seen === null) setSeen(newest);
  }, [newest, follow]);
  const later = follow || seen === null ? [] : linesAfter([seen], entries);
  const held = entries.slice(0, entries.length - later.length);
  const lines = held.filter((entry) => matches(entry, filter));
  const waiting = later.filter((entry) => matches(entry, filter)).length;
  const set = (changes: Readonly<Record<string, string>>) =>
    navigate(addressWith(changes), { replace: 'words' in changes });
  const now = useBoxNow();
  const { columns } = text;
  return (
    <Section id="log" title={text.title}>
      <search class="log-filter" aria-label={text.filter}>
        <Chips
          legend={text.filter}
          name="level"
          choices={choices}
          value={filter.level}
          onChoose={(level) => set({ level: level === 'debug' ? '' : level })}
        />
        <div class="log-find">
          <select
            aria-label={text.columns.source}
            value={filter.source}
            onChange={({ currentTarget }) => set({ from: currentTarget.value })}
          >
            <option value="">{text.everySource}</option>
            {sourcesOf(entries, filter.source).map((source) => (
              <option key={source} value={source}>
                {source}
              </option>
            ))}
          </select>
          <input
            type="search"
            aria-label={text.words}
            value={filter.words}
            placeholder={text.words}
            maxLength={64}
            {...verbatim}
            onInput={({ currentTarget }) => set({ words: currentTarget.value })}
          />
        </div>
      </search>
      <div class="log-head">
        <ShowNew count={waiting} onShow={() => setSeen(newest)} />
        <CheckField path="follow" label={text.follow} checked={follow} onChecked={setFollow} />
        <button
          type="button"
          class="plain"
          onClick={() => saveFile(`${status.hostname}.log`, 'text/plain', lines.map(lineText).join(''))}
        >
          {text.download(lines.length)}
        </button>
      </div>
      {lines.length === 0 ? (
        <Empty title={held.length === 0 ? text.none : text.noneOfLevel} />
      ) : (
        <Table label={text.title} kind="log-lines" columns={Object.values(columns)}>
          {lines.toReversed().map((entry, index) => (
            <Row key={`${entry.time} ${lines.length - index}`}>
              <Cell name={columns.time}>
                <time dateTime={entry.time} title={formatAbsolute(Date.parse(entry.time))}>
                  {formatTime(Date.parse(entry.time), now)}
                </time>
              </Cell>
              <Cell name={columns.level}>
                <Severity level={entry.level} />
              </Cell>
              <Cell name={columns.source}>{entry.source}</Cell>
              <Cell name={columns.message} line="wide">
                <bdi>{entry.message}</bdi>
              </Cell>
            </Row>
          ))}
        </Table>
      )}
    </Section>
  );
}

function lineText({ time, level, source, message }: LogEntry): string {
  return `${time} ${level} ${source}: ${message}\n`;
}

function Severity({ level }: { level: Level }) {
  const mark = marks[level];
  return mark === undefined ? (
    <span class="quiet">{text.level[level]}</span>
  ) : (
    <State mark={mark} word={text.level[level]} />
  );
}
