import { useEffect, useState } from 'preact/hooks';
import type { LogEntry } from '../../api/status-schema.ts';
import { formatAbsolute, formatTime } from '../format.ts';
import { Empty, Section, State } from '../parts.tsx';
import type { MarkName } from '../summary.ts';
import { Cell, Row, Table } from '../table.tsx';
import { texts } from '../texts.ts';
import { useBoxNow } from '../use-now.ts';

const text = texts.log;
const levels = ['debug', 'info', 'warning', 'error'] as const;
type Level = LogEntry['level'];
const marks: Partial<Record<Level, MarkName>> = { warning: 'attention', error: 'down' };
const parameter = 'log';

/** Newest first. Lines that come while the page is open wait until they are asked for, so that nothing moves under the eye. */
export function Log({ entries }: { entries: readonly LogEntry[] }) {
  const [level, setLevel] = useLevelInUrl();
  const [shown, setShown] = useState(entries);
  const atLeast = (entry: LogEntry) => levels.indexOf(entry.level) >= levels.indexOf(level);
  const lines = shown.filter(atLeast);
  const newest = shown.at(-1);
  const waiting =
    newest === undefined ? entries : entries.slice(entries.findLastIndex((each) => same(each, newest)) + 1);
  const waitingLines = waiting.filter(atLeast).length;
  const { columns } = text;
  const now = useBoxNow();
  return (
    <Section id="log">
      <div class="log-head">
        <fieldset class="chips">
          <legend>{text.filter}</legend>
          {levels.map((each) => (
            <label key={each}>
              <input type="radio" name="level" checked={each === level} onChange={() => setLevel(each)} />
              <span class="chip">{text.levels[each]}</span>
            </label>
          ))}
        </fieldset>
        <button type="button" class="waiting" disabled={waitingLines === 0} onClick={() => setShown(entries)}>
          {text.showNew(waitingLines)}
        </button>
      </div>
      {lines.length === 0 ? (
        <Empty title={shown.length === 0 ? text.none : text.noneOfLevel} />
      ) : (
        <Table label={texts.sections.log} kind="log-lines" columns={Object.values(columns)}>
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
                {entry.message}
              </Cell>
            </Row>
          ))}
        </Table>
      )}
    </Section>
  );
}

function Severity({ level }: { level: Level }) {
  const mark = marks[level];
  return mark === undefined ? (
    <span class="quiet">{text.level[level]}</span>
  ) : (
    <State mark={mark} word={text.level[level]} />
  );
}

function same(left: LogEntry, right: LogEntry): boolean {
  return left.time === right.time && left.message === right.message && left.source === right.source;
}

/** `?log=warning`: a filtered log can be sent to a colleague, and the browser's back button undoes a filter. */
function useLevelInUrl(): [Level, (level: Level) => void] {
  const [level, setLevel] = useState(levelInUrl);
  useEffect(() => {
    const follow = () => setLevel(levelInUrl());
    addEventListener('popstate', follow);
    return () => removeEventListener('popstate', follow);
  }, []);
  const choose = (next: Level) => {
    const url = new URL(location.href);
    if (next === 'debug') url.searchParams.delete(parameter);
    else url.searchParams.set(parameter, next);
    url.hash = 'log';
    history.pushState(null, '', url);
    setLevel(next);
  };
  return [level, choose];
}

function levelInUrl(): Level {
  const asked = new URL(location.href).searchParams.get(parameter);
  return levels.find((level) => level === asked) ?? 'debug';
}
