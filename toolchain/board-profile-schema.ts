import { writeFileSync } from 'node:fs';
import { z } from 'zod';
import { boardProfile } from '../firmware/boot/board-profile-schema.ts';

/** The text of board-profiles/schema.json: what an editor and other people's tools check a profile against. */
export function renderBoardProfileSchema(): string {
  const schema = { title: 'Hithe board profile', ...z.toJSONSchema(boardProfile, { io: 'input' }) };
  return `${JSON.stringify(schema, null, 2)}\n`;
}

if (import.meta.main) {
  writeFileSync(new URL('../board-profiles/schema.json', import.meta.url), renderBoardProfileSchema());
}
