import { keyOf, type TableName } from './tables.ts';

/** Everything that can be wrong with what is stored, and what to do about it. Codes are public. */
const CATALOGUE = {
  DATABASE_DAMAGED: ['error', 'The file itself is damaged. Stop everything that uses it and restore a backup.'],
  TABLE_UNREADABLE: ['error', 'The rest of the table was not looked at. Restore a backup.'],
  ROW_DAMAGED: ['error', 'Restore a backup, or mend the row by hand if you know what it was.'],
  WORKSPACE_UNKNOWN: ['error', 'Nobody can reach this row. Restore a backup from before the workspace was lost.'],
  NUMBER_MISSING: ['error', 'Rows were taken out past the product. Find out by whom; a backup may have them.'],
  NUMBER_ABOVE_COUNTER: ['error', 'The next row would take a number again. Restore a backup.'],
  ARTIFACT_DAMAGED: ['error', 'It is not served. Publish the configuration again, or restore a backup.'],
  ARTIFACT_NOT_CANONICAL: ['error', 'It was not written by this product. Publish the configuration again.'],
  ARTIFACT_UNUSED: ['warning', 'No release carries it; nothing is wrong with what is published.'],
  ARTIFACT_MISSING: ['error', 'The release cannot be served. Publish the configuration again, or restore a backup.'],
  RELEASE_UNVERIFIED: ['error', 'It is not served. Publish the configuration again, or restore a backup.'],
  RELEASE_ROW_DIFFERS: ['error', 'What is signed counts. Publish again, or restore a backup.'],
  RELEASE_MISSING: ['error', 'A number of the profile has no release. Restore a backup that has it.'],
  RELEASE_CHAIN_BROKEN: ['error', 'It names another predecessor than the one that is here. Restore a backup.'],
  RELEASE_NOT_AUDITED: ['error', 'Nobody knows who published it. Find out how it came here; a backup may know more.'],
  RELEASE_NOT_TOLD: ['error', 'Who watches was not told of it. Publish the next one, so that they look again.'],
  POINTER_UNVERIFIED: ['error', 'It is not served. A running server signs a new one; or publish the next release.'],
  POINTER_ROW_DIFFERS: ['error', 'It is not served. A running server signs a new one; or publish the next release.'],
  POINTER_WITHOUT_RELEASE: ['error', 'It names a release that is not here. Restore a backup that has it.'],
  AUDIT_WITHOUT_RELEASE: ['error', 'A release that was acknowledged is gone. Restore a backup that has it.'],
  EVENT_WITHOUT_RELEASE: ['error', 'A release that was told of is gone. Restore a backup that has it.'],
  KEY_DAMAGED: ['error', 'What it signed cannot be verified. Restore a backup.'],
  LINK_BROKEN: ['error', 'Unlink the profile and link it again.'],
  PULL_WITHOUT_RELEASE: ['error', 'Pull the profile again after `unpull`.'],
  PROFILE_UNKNOWN: ['error', 'Create the profile again: `create-profile`.'],
  DEPLOYMENT_WITHOUT_RELEASE: ['error', 'It cannot be started or undone by its release. Deploy again.'],
  DEPLOYMENT_WITHOUT_PREVIOUS: ['warning', 'Undoing it gives nothing back. Deploy what should be in force.'],
  DELIVERY_WITHOUT_WEBHOOK: ['error', 'It is never sent. Restore a backup, or subscribe the webhook again.'],
} as const satisfies Record<string, readonly ['error' | 'warning', string]>;
export type StoreProblemCode = keyof typeof CATALOGUE;

export interface StoreProblem {
  code: StoreProblemCode;
  severity: 'error' | 'warning';
  /** Null: it is about the whole file. */
  table: TableName | null;
  /** The primary key, its parts with slashes between. */
  key: string | null;
  message: string;
  hint: string;
}

/** A store whose every row is damaged must not fill the memory with the news. */
const KEPT_OF_EACH = 50;

export class Problems {
  readonly list: StoreProblem[] = [];
  readonly #counts = new Map<StoreProblemCode, number>();

  /** `at`: the row, or the text of its key. */
  add(code: StoreProblemCode, table: TableName | null, at: object | string | null, message: string): void {
    const count = (this.#counts.get(code) ?? 0) + 1;
    this.#counts.set(code, count);
    if (count > KEPT_OF_EACH) return;
    const [severity, hint] = CATALOGUE[code];
    // No `instanceof`: rows have a null prototype.
    const key = table !== null && typeof at === 'object' && at !== null ? keyOf(table, at) : (at as string | null);
    this.list.push({ code, severity, table, key, message, hint });
  }

  /** How many more there are of a kind than are listed. */
  leftOut(): { code: StoreProblemCode; count: number }[] {
    return [...this.#counts]
      .filter(([, count]) => count > KEPT_OF_EACH)
      .map(([code, count]) => ({ code, count: count - KEPT_OF_EACH }));
  }
}
