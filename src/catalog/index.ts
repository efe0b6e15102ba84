import type { CatalogServer } from './server.ts';
import { AUTOMATION } from './servers/automation.ts';
import { BUSINESS } from './servers/business.ts';
import { CLOUD } from './servers/cloud.ts';
import { COMMUNICATION } from './servers/communication.ts';
import { DATABASES } from './servers/databases.ts';
import { DEVELOPMENT } from './servers/development.ts';
import { DOCUMENTATION } from './servers/documentation.ts';
import { LEGACY } from './servers/legacy.ts';
import { OBSERVABILITY } from './servers/observability.ts';
import { PROJECTS } from './servers/projects.ts';
import { REFERENCE } from './servers/reference.ts';
import { SEARCH } from './servers/search.ts';
import { TEMPLATES } from './servers/templates.ts';
import { WEB } from './servers/web.ts';

/** Every server that is known out of the box. Checked when the tests run, not when the program starts. */
export const CATALOG: readonly CatalogServer[] = [
  ...REFERENCE,
  ...SEARCH,
  ...WEB,
  ...DEVELOPMENT,
  ...PROJECTS,
  ...COMMUNICATION,
  ...OBSERVABILITY,
  ...DATABASES,
  ...CLOUD,
  ...DOCUMENTATION,
  ...AUTOMATION,
  ...BUSINESS,
  ...LEGACY,
  ...TEMPLATES,
];

const BY_ID: ReadonlyMap<string, CatalogServer> = new Map(CATALOG.map((server) => [server.server_id, server]));

export function serverById(server_id: string): CatalogServer | undefined {
  return BY_ID.get(server_id);
}

/** Names that a server of the catalog went by before. */
const PAST_IDS: ReadonlyMap<string, string> = new Map([['todoist-ai', 'todoist']]);

/** The server to use instead: for an archived or deprecated server, and for an id of the past. */
export function successorOf(server_id: string): string | undefined {
  return BY_ID.get(server_id)?.replaced_by ?? PAST_IDS.get(server_id);
}
