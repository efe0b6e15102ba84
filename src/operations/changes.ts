import { z } from 'zod';
import { AppError, invalidInput } from '../core/errors.ts';
import { Event, type EventFilter, eventId, isWanted, numberOfEvent, typesOf } from '../core/event.ts';
import { ClientId, ProfileId } from '../core/ids.ts';
import type { EventRow } from '../stores/rows.ts';
import type { Store } from '../stores/store.ts';
import { type Context, defineOperation } from './operation.ts';

/** What `changes` and the event stream take alike. */
export const WatchInput = z.strictObject({
  since: z
    .string()
    .max(64)
    .optional()
    .meta({ description: 'The id of the last event that was seen, or `next` of the answer before.' }),
  types: z
    .string()
    .max(500)
    .optional()
    .meta({ description: 'A comma list of event types; all of them when left out.' }),
  client_id: ClientId.optional().meta({ description: 'Only what is about this client.' }),
  profile_id: ProfileId.optional().meta({ description: 'Only what is about profiles of this name.' }),
});

/** The event stream is no operation, and is for the same callers as `changes`. */
export const WATCH = { input: WatchInput, permission: { needs: 'events:read', bound: 'narrowed' } } as const;

/** Where a watcher begins, and what it wants. Throws INVALID_INPUT. */
export function watchOf(input: Partial<z.output<typeof WatchInput>>): {
  from: number | undefined;
  filter: EventFilter;
} {
  const from = input.since === undefined ? undefined : numberOfEvent(input.since);
  if (input.since !== undefined && from === undefined) throw invalidInput('since', 'it is not the id of an event');
  const types = input.types === undefined ? undefined : typesOf(input.types);
  if (input.types !== undefined && types === undefined) throw invalidInput('types', 'one of them is no type of event');
  return { from, filter: { types, client_id: input.client_id, profile_id: input.profile_id } };
}

export const eventOf = (workspace: string, { number, ...row }: EventRow): Event => ({
  id: eventId(number),
  type: row.type,
  time: row.time,
  workspace,
  client_id: row.client_id,
  profile_id: row.profile_id,
  artifact_id: row.artifact_id,
  sequence: row.sequence,
  actor: row.actor,
  data: row.data,
});

/** Events between the one that was seen and the first that is kept are lost; so are all when the store is an older one. */
export const isLost = (from: number, { oldest, newest }: { oldest: number; newest: number }): boolean =>
  from < oldest - 1 || from > newest;

/** How many events are read at once. */
export const EVENT_PAGE = 200;

export const listChanges = defineOperation({
  id: 'events.list',
  summary: 'List what has happened since an event, or wait for the next',
  description:
    'Ask again with `next`. With `wait` the answer comes as soon as something happens. `resync`: events between the two were removed, so read the state anew.',
  effect: 'read',
  // It waits: inside a transaction nobody else could write for as long.
  transaction: 'own',
  input: WatchInput.extend({
    wait: z.int().min(0).max(30).default(0).meta({ description: 'Seconds to wait when nothing has happened yet.' }),
  }),
  example: { since: '0000000000000000', types: 'config.published' },
  output: z.object({ changes: z.array(Event), next: z.string(), resync: z.boolean() }),
  errors: [],
  permission: WATCH.permission,
  rest: { method: 'GET', path: '/v1/changes', handler_ms: 40_000 },
  mcp: { tool: 'list_changes', toolset: 'releases' },
  cli: {
    verb: 'list-changes',
    flags: { client_id: 'client', profile_id: 'profile' },
    text: ({ changes, next }, style) => ({
      out: style.table(
        ['time', 'event', 'about', 'by'],
        changes.map(({ time, type, client_id, profile_id, actor }) => [
          time,
          style.bold(type),
          client_id === null ? '' : `${client_id}/${profile_id}`,
          actor,
        ]),
      ),
      note: `Later: mcp-orchestration list-changes --since ${next}`,
    }),
  },
  async run(context, input) {
    const { from, filter } = watchOf(input);
    const deadline = performance.now() + input.wait * 1000;
    let waited = false;
    for (let after = from; ; ) {
      const version = context.services.bell.version();
      const seen = await look(context, after, filter);
      // It may have been revoked, or have expired, while this waited: what happened since is not for its holder.
      if (waited) await assertStillAccepted(context);
      const left = deadline - performance.now();
      if (seen.changes.length > 0 || seen.resync || left <= 0) return seen;
      after = numberOfEvent(seen.next);
      if (!(await context.services.bell.changed(version, left))) return seen;
      waited = true;
    }
  },
});

async function assertStillAccepted({ stillAccepted }: Context): Promise<void> {
  if (stillAccepted === undefined || (await stillAccepted())) return;
  throw new AppError('INVALID_CREDENTIALS', 'The credentials are not accepted.');
}

async function look({ store, workspace }: Context, from: number | undefined, filter: EventFilter) {
  const range = await store.events.range(workspace);
  const resync = from !== undefined && isLost(from, range);
  const start = from === undefined ? range.oldest - 1 : resync ? range.newest : from;
  const { rows, last } = await wanted(store, workspace, start, filter);
  return { changes: rows.map((row) => eventOf(workspace, row)), next: eventId(last), resync };
}

/** Reads on until there is something wanted, or nothing more. */
async function wanted(store: Store, workspace: string, from: number, filter: EventFilter) {
  for (let last = from; ; ) {
    const page = await store.events.since(workspace, last, EVENT_PAGE);
    const rows = page.filter((row) => isWanted(row, filter));
    last = page.at(-1)?.number ?? last;
    if (rows.length > 0 || page.length < EVENT_PAGE) return { rows, last };
  }
}
