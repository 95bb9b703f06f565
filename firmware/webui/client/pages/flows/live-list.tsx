import { useEffect, useState } from 'preact/hooks';
import type { Flow } from '../../../api/flows-route.ts';
import { Empty } from '../../parts/empty.tsx';
import { ProblemNotice } from '../../parts/notice.tsx';
import { ShowNew } from '../../parts/show-new.tsx';
import { texts } from '../../texts.ts';
import { useBoxNow } from '../../use-now.ts';
import { useQuery } from '../../use-query.ts';
import { FlowTable, type Listed } from './flow-table.tsx';

const text = texts.flows.live;
const every = 5_000;
/** As many as one answer of the box holds. */
const most = 1_000;

/** Connections that live, largest first when they are first seen; from then on each row keeps its place. */
export function LiveList({ filter }: { filter: string }) {
  const { value, problem, loading, refresh } = useQuery<{ readonly flows: readonly Flow[] }>(
    `/api/v1/flows/live?${filter}&limit=${most}`,
    { every },
  );
  const now = useBoxNow();
  const living = named(value?.flows ?? []);
  const [order, setOrder] = useState<readonly string[] | null>(null);
  const sorted = () =>
    [...living.values()].toSorted((one, other) => bytes(other) - bytes(one)).map(({ key }) => key);
  useEffect(() => {
    if (value !== null && order === null) setOrder(sorted());
  }, [value, order]);
  useEffect(() => setOrder(null), [filter]);

  if (problem !== null && value === null) return <ProblemNotice problem={problem} onRetry={refresh} />;
  if (loading || order === null) return <p class="quiet">{texts.flows.loading}</p>;
  const shown = order.flatMap((key) => living.get(key) ?? []);
  const ended = order.length - shown.length;
  const fresh = living.size - shown.length;
  return (
    <>
      <div class="list-head">
        <p class="quiet" role="status">
          {text.count(shown.length, living.size >= most)} {ended > 0 && text.ended(ended)}
        </p>
        <ShowNew count={fresh} onShow={() => setOrder(sorted())} />
      </div>
      {shown.length === 0 ? <Empty title={text.none} /> : <FlowTable flows={shown} now={now} />}
    </>
  );
}

type LiveFlow = Extract<Listed, { readonly id: null }>;

const bytes = ({ sent, received }: Flow) => sent.bytes + received.bytes;

/** Each with a name that it keeps; two between the same ends that began at once are told apart by their order. */
function named(flows: readonly Flow[]): ReadonlyMap<string, LiveFlow> {
  const found = new Map<string, LiveFlow>();
  for (const flow of flows) {
    const base = `${flow.start} ${flow.from.address} ${flow.to.address} ${flow.protocol} ${flow.port}`;
    let key = base;
    for (let count = 2; found.has(key); count++) key = `${base} ${count}`;
    found.set(key, { ...flow, key, id: null });
  }
  return found;
}
