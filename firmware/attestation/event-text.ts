import type { EventDetail } from './event-detail.ts';
import type { VariableValue } from './uefi-variable.ts';

/** What an event says, in one line of printable text. */
export function eventText(detail: EventDetail): string {
  switch (detail.kind) {
    case 'log-header':
      return `log header, ${detail.specification}`;
    case 'startup-locality':
      return `TPM started from locality ${detail.locality}`;
    case 'separator':
      return detail.meaning === 'error' ? 'separator: the firmware reports an error' : 'separator';
    case 'text':
      return detail.text === '' ? 'empty' : `“${detail.text}”`;
    case 'section':
      return `section ${detail.name} of the kernel image`;
    case 'tagged':
      return `${detail.tag} “${detail.text}”`;
    case 'variable':
      return `${detail.name}: ${valueText(detail.value)}`;
    case 'partition-table':
      return `partition table of disk ${detail.diskGuid}: ${detail.partitions.map(({ name, type }) => name || type).join(', ')}`;
    case 'image':
      return detail.path === '' ? 'an image without a path' : detail.path;
    case 'firmware-blob':
      return `${detail.name || 'firmware'}, ${detail.length} octets at ${detail.address}`;
    case 'tables':
      return `tables: ${detail.tables.join(', ')}`;
    case 'octets':
      return `octets ${shortened(detail.hex)}`;
    case 'malformed':
      return `malformed: ${detail.problem}`;
  }
}

function valueText(value: VariableValue): string {
  switch (value.kind) {
    case 'absent':
      return 'absent';
    case 'switch':
      return value.on ? 'on' : 'off';
    case 'signatures': {
      const named = value.certificates.map(({ subject }) => subject).join('; ');
      return [named, value.hashes > 0 ? `${value.hashes} hashes` : ''].filter(Boolean).join('; ') || 'empty';
    }
    case 'authority':
      return `let an image start: ${value.subject}`;
    case 'boot-order':
      return value.entries.join(', ');
    case 'boot-entry':
      return `${value.description}${value.active ? '' : ' (inactive)'}, ${value.path}`;
    case 'text':
      return `“${value.text}”`;
    case 'octets':
      return `octets ${shortened(value.hex)}`;
  }
}

const shortened = (hex: string) => (hex.length > 64 ? `${hex.slice(0, 64)}…` : hex);
