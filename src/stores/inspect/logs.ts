import type { Tables } from '../sql/schema.ts';
import { type Look, targetOf, walk } from './walk.ts';

/** Audit, events and the counters that number them; read first, because releases are compared with what they say. */

/** Lists of which no row is ever taken away, but from the oldest end on. */
const WITHOUT_GAPS = new Set<Numbered>(['audit', 'events']);
type Numbered = 'audit' | 'events' | 'tokens' | 'webhooks' | 'deployments' | 'catalog';

export async function lookAtLogs(look: Look): Promise<void> {
  const counters = new Map<string, number>();
  await walk(look, 'counters', ({ workspace, counter, value }) => {
    counters.set(`${workspace}/${counter}`, value);
  });
  const audit = numbersOf(look, 'audit', 1);
  await walk(look, 'audit', (row) => lookAtAudit(look, row), audit.page);
  audit.end(counters);
  const events = numbersOf(look, 'events');
  await walk(
    look,
    'events',
    (row) => {
      if (!look.first_events.has(row.workspace)) look.first_events.set(row.workspace, row);
      if (row.type === 'config.published') look.told.add(targetOf(row), Number(row.sequence));
    },
    events.page,
  );
  events.end(counters);
}

/** What it says of releases. A row of another version may have less in it. */
function lookAtAudit(look: Look, row: Tables['audit']): void {
  const { status, sequence } = JSON.parse(row.facts) as Record<string, unknown>;
  const target = targetOf(row);
  if (row.operation === 'links.create') look.linked.add(target);
  if (typeof sequence !== 'number') return;
  if (row.operation === 'releases.publish' || row.operation === 'releases.revert') look.published.add(target, sequence);
  if (row.operation === 'deployments.pull' && status === 'accepted') look.adopted.add(target, sequence);
}

/** After the releases: what the logs say of releases that are not there. */
export function compareLogs({ found, published, told, adopted, releases }: Look): void {
  const sides = [
    ['AUDIT_WITHOUT_RELEASE', 'audit', published],
    ['AUDIT_WITHOUT_RELEASE', 'audit', adopted],
    ['EVENT_WITHOUT_RELEASE', 'events', told],
  ] as const;
  for (const [code, table, said] of sides) {
    for (const [target, numbers] of said.entries()) {
      for (const sequence of numbers.without(releases.of(target), 10)) {
        found.add(code, table, `${target}/${sequence}`, `Release ${sequence} of ${target} is not there.`);
      }
    }
  }
}

/** Follows the numbers of a list that comes in their order, workspace by workspace. `first`: where it has to begin. */
function numbersOf(look: Look, table: 'audit' | 'events', first?: number) {
  const last = new Map<string, number>();
  return {
    async page(_sound: unknown, all: readonly (Tables['audit'] | Tables['events'])[]) {
      for (const row of all) {
        const before = last.get(row.workspace) ?? (first === undefined ? undefined : first - 1);
        if (before !== undefined && row.number !== before + 1) {
          const missing = row.number - before - 1;
          look.found.add('NUMBER_MISSING', table, row, `${missing} rows before number ${row.number} are not there.`);
        }
        last.set(row.workspace, row.number);
      }
    },
    end(counters: ReadonlyMap<string, number>) {
      for (const workspace of look.workspaces)
        compareWithCounter(look, table, workspace, last.get(workspace), counters);
    },
  };
}

/** Of the other lists, whose rows may be taken away: no number is above what was given out. */
export async function lookAtCounters(look: Look): Promise<void> {
  const counters = new Map<string, number>();
  const given = await look.db.selectFrom('counters').selectAll().execute();
  for (const { workspace, counter, value } of given) counters.set(`${workspace}/${counter}`, Number(value));
  for (const table of ['tokens', 'webhooks', 'deployments', 'catalog'] as const) {
    const highest = await look.db
      .selectFrom(table)
      .select(({ fn }) => ['workspace', fn.max<number>('number').as('number')])
      .groupBy('workspace')
      .execute();
    for (const { workspace, number } of highest) compareWithCounter(look, table, workspace, Number(number), counters);
  }
}

function compareWithCounter(
  { found }: Look,
  table: Numbered,
  workspace: string,
  last: number | undefined,
  counters: ReadonlyMap<string, number>,
): void {
  const key = `${workspace}/${table}`;
  const counter = counters.get(key) ?? 0;
  if ((last ?? 0) > counter) {
    found.add('NUMBER_ABOVE_COUNTER', 'counters', key, `Number ${last} was used; the counter is at ${counter}.`);
  } else if (WITHOUT_GAPS.has(table) && (last ?? 0) < counter) {
    const missing = counter - (last ?? 0);
    found.add('NUMBER_MISSING', table, key, `${missing} rows up to number ${counter} are not there.`);
  }
}
