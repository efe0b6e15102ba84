import { type Binding, reaches } from '../../core/binding.ts';
import type { Event } from '../../core/event.ts';
import { mayCall } from '../../operations/admission.ts';
import type { Context, Operation, Principal } from '../../operations/operation.ts';
import { warnRarely } from '../../operations/rarely.ts';

/** The resources whose contents an event has changed. */
export function resourcesAbout({
  type,
  client_id,
  profile_id,
}: Pick<Event, 'type' | 'client_id' | 'profile_id'>): string[] {
  const changed: Partial<Record<Event['type'], readonly string[]>> = {
    'config.draft_changed': ['draft'],
    'config.published': ['latest', 'draft', 'deployed'],
    'config.deployed': ['deployed'],
    'config.drift_detected': ['deployed'],
  };
  if (client_id === null || profile_id === null) return [];
  return (changed[type] ?? []).map((resource) => `config://${client_id}/${profile_id}/${resource}`);
}

/** The first release of a profile makes its resources exist (`resources/list` names them from then on). */
export const changesList = ({ type, sequence }: Pick<Event, 'type' | 'sequence'>): boolean =>
  type === 'config.published' && sequence === 1;

/** Who is told of what happens to the resources of a workspace. */
export interface ResourceListener {
  updated(uri: string): void;
  listChanged(): void;
  revoked?(token_id: string): void;
}

const PAGE = 1_000;

type Happened = Pick<Event, 'type' | 'client_id' | 'profile_id' | 'sequence'>;

export interface ResourceWatch {
  /** Resolves when nothing is missed that is committed from then on. Rejects when the store cannot be read. */
  ready(): Promise<void>;
  stop(): void;
}

/**
 * Tells of everything that any process commits from now on, in order, until it is stopped: of what this caller may read, and
 * of every token that is revoked.
 */
export function watchResources(context: Context, listener: ResourceListener): ResourceWatch {
  const { store, workspace, services, principal } = context;
  const mayHear = (event: Happened) => principal.scopes.has('config:read') && reaches(principal.binding, event);
  let last: number | undefined;
  let reading: Promise<void> = Promise.resolve();
  const begin = async () => {
    if (last !== undefined) return last;
    const { newest } = await store.events.range(workspace);
    // Who asked at the same time may be further by now.
    last ??= newest;
    return last;
  };
  const read = async () => {
    let position = await begin();
    for (;;) {
      const events = await store.events.since(workspace, position, PAGE);
      for (const event of events) {
        position = event.number;
        last = position;
        if (event.type === 'token.revoked') listener.revoked?.(String(event.data['token_id']));
        if (mayHear(event)) tell(event, listener);
      }
      if (events.length < PAGE) return;
    }
  };
  const next = () => {
    reading = reading.then(read).catch((err: unknown) => warnRarely(services.log, { err }, 'events could not be read'));
  };
  next();
  return { ready: async () => void (await begin()), stop: services.bell.listen(next) };
}

function tell(event: Happened, listener: ResourceListener): void {
  for (const uri of resourcesAbout(event)) listener.updated(uri);
  if (changesList(event)) listener.listChanged();
}

/** Whether this credential may read what stands at the address; undefined where no resource stands. */
export function mayRead(operations: readonly Operation[], principal: Principal, uri: string): boolean | undefined {
  const operation = operations.find(({ mcp }) => mcp?.resource && matches(mcp.resource.uri, uri));
  return operation && mayCall(operation, principal) && reaches(principal.binding, placeIn(uri));
}

/** Whose resource it is, where it is one of a client and profile. */
function placeIn(uri: string): Binding {
  const [, client_id, profile_id] = /^config:\/\/([^/]+)\/([^/]+)\//.exec(uri) ?? [];
  return { client_id, profile_id };
}

/** `{name}` stands for one part of the path, as in RFC 6570. */
function matches(template: string, uri: string): boolean {
  const [wanted, given] = [template.split('/'), uri.split('/')];
  return (
    wanted.length === given.length &&
    wanted.every((part, at) => (part.startsWith('{') ? given[at] !== '' : part === given[at]))
  );
}
