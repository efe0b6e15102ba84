import type { Part } from './part.ts';

/** The releases of the schema of server.json. Newer and unknown ones are read by the rules of the newest that is known. */

const NEWEST = '2025-12-11';
const OLDER = ['2025-07-09', '2025-09-16', '2025-09-29', '2025-10-11', '2025-10-17'];
const RELEASE = /^https:\/\/static\.modelcontextprotocol\.io\/schemas\/([\w.-]+)\/server\.schema\.json$/;
const DRAFT = /\/server-json\/draft\/server\.schema\.json$/;

/** Reports the release that a document claims to be of, where that is not the newest. */
export function readSchema(part: Part): void {
  const { findings } = part;
  const url = part.text('$schema');
  const path = part.at('$schema');
  if (url === undefined) {
    findings.warn('MISSING_SCHEMA', path, `is missing; the document was read as of ${NEWEST}`);
    return;
  }
  const release = RELEASE.exec(url)?.[1];
  if (release === NEWEST) return;
  if (release !== undefined && OLDER.includes(release))
    findings.warn('OLDER_SCHEMA', path, `is of ${release}; the document was read as of ${NEWEST}`);
  else if (release === 'draft' || DRAFT.test(url)) findings.warn('DRAFT_SCHEMA', path, 'is a draft, and not released');
  else findings.warn('UNKNOWN_SCHEMA', path, `is unknown; the document was read as of ${NEWEST}`);
}
