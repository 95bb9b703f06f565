import { formatAbsolute, formatDuration, formatMemory } from '../../format.ts';
import { Digest } from '../../parts/digest.tsx';
import { Fact, Facts } from '../../parts/facts.tsx';
import { Section } from '../../parts/page.tsx';
import { texts } from '../../texts.ts';
import { useBox, useUptime } from '../../use-box.ts';
import { useBoxNow } from '../../use-now.ts';
import { Hardware } from './hardware.tsx';

const text = texts.system;

/** What runs here, and on what. */
export function BoxFacts() {
  const { status } = useBox();
  const { image, platform, memory } = status;
  const uptimeSeconds = useUptime();
  const now = useBoxNow();
  return (
    <>
      <Section id="image" title={text.image}>
        <Facts>
          <Fact name={text.version}>
            {image.development ? `${image.version} · ${text.development}` : image.version}
          </Fact>
          <Fact name={text.rootHash}>
            {image.rootHash === null ? (
              text.noRootHash
            ) : (
              <Digest hex={image.rootHash} label={`${texts.copy} ${text.rootHash}`} />
            )}
          </Fact>
          <Fact name={text.slot}>{image.slot ?? texts.unknown}</Fact>
          <Fact name={text.kernel}>{image.kernel}</Fact>
          <Fact name={text.bundle}>
            {image.bundleSha256 === null ? (
              texts.unknown
            ) : (
              <Digest hex={image.bundleSha256} label={`${texts.copy} ${text.bundle}`} />
            )}
          </Fact>
        </Facts>
      </Section>
      <Section id="machine" title={text.machine}>
        <Facts>
          <Fact name={text.platform}>
            {platform.platform} · {texts.platform.kind[platform.kind]}
          </Fact>
          <Fact name={text.decidedBy}>{platform.decidedBy}</Fact>
          <Fact name={text.vendor}>{platform.vendor ?? texts.unknown}</Fact>
          <Fact name={text.product}>{platform.product ?? texts.unknown}</Fact>
          <Fact name={text.serial}>{platform.serial ?? texts.unknown}</Fact>
          <Fact name={text.profile}>{platform.boardProfile}</Fact>
          <Fact name={text.dataSource}>{platform.dataSource ?? texts.none}</Fact>
          <Fact name={text.uptime}>
            <span class="figure">{formatDuration(uptimeSeconds)}</span>
          </Fact>
          <Fact name={text.memory}>
            <Bar part={memory.usedBytes / Math.max(1, memory.totalBytes)} />
            <span class="figure">
              {text.memoryUsed(formatMemory(memory.usedBytes), formatMemory(memory.totalBytes))}
            </span>
          </Fact>
          <Fact name={text.time}>
            <time class="figure" dateTime={status.time}>
              {formatAbsolute(now)}
            </time>
          </Fact>
        </Facts>
      </Section>
      <Hardware devices={status.devices} inventory={status.inventory} />
      <Section id="programs" title={text.programs}>
        <ul class="links">
          <li>
            <a href="/api/v1/status">{text.statusJson}</a>
          </li>
          <li>
            <a href="/api">{text.openapi}</a>
          </li>
        </ul>
      </Section>
    </>
  );
}

/** How full, beside the figure that says it. */
function Bar({ part }: { part: number }) {
  return (
    <svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
      <rect class="track" width="100" height="6" />
      <rect class="fill" width={Math.min(100, Math.max(0, part * 100)).toFixed(1)} height="6" />
    </svg>
  );
}
