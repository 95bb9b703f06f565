import { useEffect, useRef } from 'preact/hooks';
import { Empty } from '../../parts/empty.tsx';
import { ProblemNotice } from '../../parts/notice.tsx';
import { ShowNew } from '../../parts/show-new.tsx';
import { Link } from '../../router.tsx';
import { texts } from '../../texts.ts';
import { useBoxNow } from '../../use-now.ts';
import { type Filter, withFilter } from './filter.ts';
import { FlowPanel } from './flow-panel.tsx';
import { FlowTable } from './flow-table.tsx';
import { useRecorded } from './use-recorded.ts';

const text = texts.flows.recorded;

/** What was recorded, newest first, read on as the end comes into view. */
export function RecordedList({
  filter,
  asked,
  opened,
}: {
  filter: Filter;
  /** The same, as the API takes it. */
  asked: string;
  /** The number of the flow whose panel is open. */
  opened: number | null;
}) {
  const { shown, waiting, missed, before, loading, problem, more, showNew, again } = useRecorded(asked);
  const now = useBoxNow();
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const watched = end.current;
    if (watched === null) return;
    const observer = new IntersectionObserver(
      (entries) => {
        if (entries.some(({ isIntersecting }) => isIntersecting)) more();
      },
      { rootMargin: '1500px' },
    );
    observer.observe(watched);
    return () => observer.disconnect();
    // Where a page did not fill the window the end is still in view, and is looked at anew.
  }, [more, shown.length]);

  const isOpen = opened !== null;
  const fields = filter.fields.length > 0 || filter.last !== 'all';
  return (
    <>
      <div class="list-head">
        <ShowNew count={waiting.length} onShow={showNew} />
        {missed > 0 && (
          <button type="button" class="plain" onClick={again}>
            {text.missed(missed)}
          </button>
        )}
        <p class="exports">
          {text.export} <a href={`/api/v1/flows/export?${asked}&format=csv`}>CSV</a>{' '}
          <a href={`/api/v1/flows/export?${asked}&format=jsonl`}>{text.jsonLines}</a>
        </p>
      </div>
      {loading && <p class="quiet">{texts.flows.loading}</p>}
      {shown.length > 0 && <FlowTable flows={shown} now={now} />}
      {problem !== null && <ProblemNotice problem={problem} onRetry={shown.length === 0 ? again : more} />}
      {shown.length === 0 && !loading && problem === null && (
        <Empty
          title={filter.verdict === 'deny' ? text.noneDenied : text.none}
          advice={fields ? text.noneAdvice : undefined}
        >
          {filter.verdict !== 'all' && <Link to={withFilter('verdict', 'all')}>{text.showAll}</Link>}
        </Empty>
      )}
      <div ref={end} class="list-end quiet">
        {before !== null && text.reading}
        {before === null && shown.length > 0 && text.end(shown.length)}
      </div>
      {isOpen && <FlowPanel key={opened} id={opened} listed={shown.find(({ id }) => id === opened)} />}
    </>
  );
}
