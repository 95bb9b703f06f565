import type { FlowsStatus } from '../../../api/flows-route.ts';
import { formatMemory } from '../../format.ts';
import { Fact, Facts } from '../../parts/facts.tsx';
import { texts } from '../../texts.ts';

const text = texts.flows.records;

function lostInAll({ lost: { kernel, tracker, unwritten } }: FlowsStatus): number {
  return kernel.connections + kernel.packets + tracker.denied + tracker.records + unwritten;
}

/** How many records there are, where, and what was not recorded, by where it was lost. */
export function Records({ status }: { status: FlowsStatus }) {
  const { records, octets, persistent, lost } = status;
  const inAll = lostInAll(status);
  return (
    <details class="disclosure flow-records">
      <summary>{text.summary(records, formatMemory(octets), persistent, inAll)}</summary>
      <Facts>
        <Fact name={text.where}>{persistent ? text.onDisk : text.inMemory}</Fact>
        <Fact name={text.connections}>{lost.kernel.connections}</Fact>
        <Fact name={text.packets}>{lost.kernel.packets}</Fact>
        <Fact name={text.kinds}>{lost.tracker.denied}</Fact>
        <Fact name={text.tooFast}>{lost.tracker.records}</Fact>
        <Fact name={text.unwritten}>{lost.unwritten}</Fact>
      </Facts>
      <p class="quiet">{text.honest}</p>
    </details>
  );
}
