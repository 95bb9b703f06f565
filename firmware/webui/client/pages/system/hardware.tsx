import type { StatusUpdate } from '../../../api/status-schema.ts';
import { formatMemory } from '../../format.ts';
import { Empty } from '../../parts/empty.tsx';
import { Fact, Facts } from '../../parts/facts.tsx';
import { Section } from '../../parts/page.tsx';
import { Cell, Row, Table } from '../../parts/table.tsx';
import { texts } from '../../texts.ts';

const text = texts.hardware;

interface HardwareProps {
  devices: StatusUpdate['devices'];
  inventory: StatusUpdate['inventory'];
}

export function Hardware({ devices, inventory }: HardwareProps) {
  const { columns } = text;
  return (
    <Section id="hardware" title={text.title}>
      {inventory === null ? <Empty title={text.listing} /> : <Inventory inventory={inventory} />}
      <h3>{text.drivers}</h3>
      {devices.length === 0 ? (
        <Empty title={text.none} />
      ) : (
        <Table label={text.drivers} kind="devices" columns={Object.values(columns)}>
          {devices.map(({ device, description, driver, modules }) => (
            <Row key={device}>
              <Cell name={columns.device} line="lead">
                <code>{device}</code>
              </Cell>
              <Cell name={columns.description} line="lead">
                {description}
              </Cell>
              <Cell name={columns.driver} named>
                {driver === null ? <span class="quiet">{text.noDriver}</span> : <code>{driver}</code>}
              </Cell>
              <Cell name={columns.modules} named>
                {modules.length === 0 ? (
                  <span class="quiet">{texts.none}</span>
                ) : (
                  <code>{modules.join(' ')}</code>
                )}
              </Cell>
            </Row>
          ))}
        </Table>
      )}
    </Section>
  );
}

function Inventory({ inventory }: { inventory: NonNullable<StatusUpdate['inventory']> }) {
  const { cpu, cores, disks, serialPorts, hidDevices } = inventory;
  return (
    <Facts>
      <Fact name={text.cpu}>
        {cpu}, {text.cores(cores)}
      </Fact>
      <Fact name={text.disks}>
        {disks.length === 0 && <span class="quiet">{text.noDisks}</span>}
        {disks.map(({ name, model, sizeBytes }) => (
          <span key={name}>
            <code>{name}</code> {model} <span class="figure">{formatMemory(sizeBytes)}</span>
          </span>
        ))}
      </Fact>
      <Names title={text.serial} names={serialPorts} />
      <Names title={text.hid} names={hidDevices} />
    </Facts>
  );
}

function Names({ title, names }: { title: string; names: readonly string[] }) {
  return (
    <Fact name={title}>
      {names.length === 0 && <span class="quiet">{texts.none}</span>}
      {names.map((name) => (
        <code key={name}>{name}</code>
      ))}
    </Fact>
  );
}
