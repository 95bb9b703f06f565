import type { PageFile } from '../firmware/webui/server/page-files.ts';
import { buildClient, packClient } from './client.ts';

/** What `#webui-client` is when the firmware runs from its sources: the page, built when it is first asked for. */
export const pageFiles: readonly PageFile[] = packClient(await buildClient());
