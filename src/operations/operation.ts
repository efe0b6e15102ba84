import type { z } from 'zod';
import type { Binding } from '../core/binding.ts';
import { AppError, ERRORS, type ErrorCode, type Problem, problemOf } from '../core/errors.ts';
import type { EventType } from '../core/event.ts';
import { isId } from '../core/id-rules.ts';
import { safeParse } from '../core/safe-parse.ts';
import type { Scope } from '../core/scopes.ts';
import { failpoint } from '../io/failpoint.ts';
import type { AuditRow, EventRow } from '../stores/rows.ts';
import type { Store } from '../stores/store.ts';
import { admitted } from './admission.ts';
import type { Asker } from './asker.ts';
import { auditRowOf, eventRowOf, factsOf } from './records.ts';
import type { Services } from './services.ts';

/** Who acts, and how far they may go. */
export interface Principal {
  /** `local:<os user>`, `token:<token_id>` or `api-key`: what the audit row says. */
  actor: string;
  kind: 'user' | 'agent';
  scopes: ReadonlySet<Scope>;
  /** The part of the workspace beyond which nothing is shown to it or done for it. */
  binding: Binding;
}

export type Door = 'cli' | 'mcp' | 'rest';

/** Everything an operation may use besides its input. Made anew for every call. */
export interface Context {
  store: Store;
  workspace: string;
  principal: Principal;
  door: Door;
  request_id: string;
  /** The only clock that operations know. */
  now(): Date;
  services: Services;
  /** Whether the credential of the caller is one still: asked by what waits. Absent where there is none that could end. */
  stillAccepted?: () => Promise<boolean>;
  /** Tells a waiting person in a few words what is being done now. Absent where nobody watches. Never with a secret. */
  progress?: (doing: string) => void;
}

export interface Target {
  client_id: string;
  profile_id: string;
}

/** What the operation's `run` gets: the context, and the audit row that an `own` transaction has to append itself. */
export interface RunContext extends Context {
  /** `target` for an operation that is about several: the one that the row is about. */
  auditRow(facts: AuditRow['facts'], target?: Target): AuditRow;
  /** Tells who watches, with what is written in the same transaction. Gives the number of the event. */
  emit(store: Store, happening: Happening): Promise<number>;
}

/** An event without what every one has: number, time and actor. */
export interface Happening {
  type: EventType;
  /** Where it happens, when that is not the workspace of the caller. */
  workspace?: string;
  target?: Target;
  artifact_id?: string;
  sequence?: number;
  /** Names and numbers; never a value of a payload. */
  data?: EventRow['data'];
}

/** About so many events of a workspace are kept for who was away. */
const EVENTS_KEPT = 10_000;

export interface RestBinding {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Path with `{field}` parts; every other field comes from the query (GET, DELETE) or the body. */
  path: string;
  /** The field that the whole body is, where a body is no object of fields; the others come from the query. */
  body?: string;
  /** The statuses of success that exist; 200 when left out. With several, `status` chooses. */
  statuses?: readonly number[];
  status?: (output: never) => number;
  /** How long it may take, in milliseconds; ten seconds when left out. */
  handler_ms?: number;
  /** Strong entity tag of the answer, without quotes. */
  etag?: (output: never) => string;
  /** False of an output whose tag another content can have as well: it is never answered with 304. */
  revalidates?: (output: never) => boolean;
  /** True of an answer with a secret that is shown once: such an answer is never stored, not even to be sent again. */
  showsSecret?: (output: never) => boolean;
}

/** Groups of tools: `core` is always on, the others are switched on by name, so that a model's context stays small. */
export const TOOLSETS = ['core', 'releases', 'machine', 'governance'] as const;

export interface McpBinding {
  /** Public tool name; an operation may be a resource only. */
  tool?: string;
  toolset?: (typeof TOOLSETS)[number];
  /** Resource (or template) whose contents are this operation's output. */
  resource?: {
    name: string;
    uri: string;
    /** Of a template whose instances are listed: the values of its variables for each that exists, in their order. */
    existing?: (context: Context) => Promise<readonly Readonly<Record<string, string>>[]>;
  };
}

export interface CliBinding {
  verb: string;
  /** Fields that may be given without a flag, in order. */
  positional?: readonly string[];
  /** The field that is read from standard input, or asked for without showing it; never a flag, which others can see. */
  secret?: string;
  /** Short names of flags: field -> flag without dashes. */
  flags?: Readonly<Record<string, string>>;
  /** Fields whose text is a path that becomes absolute: `~` and relative forms are resolved against HOME and the working directory. */
  paths?: readonly string[];
  /** What a shell completes a field with, where its name does not say it: field -> kind of value (`completions.ts`). */
  completes?: Readonly<Record<string, string>>;
  /** Input that this door adds before parsing: defaults of the terminal, absolute paths inside parameters. */
  prepare?: (input: Record<string, unknown>, absolute: (path: string) => string) => Record<string, unknown>;
  /**
   * Talks with the person before the operation is called, and returns the input as it is to be: asks for what is
   * missing, or for leave to do more than was typed. Runs after `prepare` for every call of the verb, also in a script,
   * where `ask` answers by itself. Gives the verb the flag `--yes`. Ask everything first, then act: who breaks off has
   * changed nothing. The input is not parsed yet. `context` is for calls of other operations through `invoke`.
   */
  interact?: (input: Record<string, unknown>, ask: Asker, context: Context) => Promise<Record<string, unknown>>;
  /**
   * For a verb that goes on: what it waits for between two calls, asked after the first one. With a field `watch` it goes on
   * when that is said, without one unless `once` is said, until `signal` ends it. The input is not parsed yet, but a call with it was not refused for that.
   */
  watch?: (input: unknown, context: Context, signal: AbortSignal) => Promise<Watch>;
  /** What `--yes` agrees to, for the help. */
  yes?: string;
  /**
   * Text for a person. `out` goes to stdout, `note` to stderr. `target` is ` --client X --profile Y` as far as it was typed,
   * for the commands that are named as next ones.
   */
  text?: (output: never, style: TextStyle, target: string) => { out: string; note?: string };
  /** Exit code of a success; 0 when it is left out. */
  exit?: (output: never) => number;
}

/** When a verb that goes on is called again. */
export interface Watch {
  /** Resolves when it is due; false: it is to stop. It is told what the call before came to. */
  next(before: 'news' | 'nothing' | 'failed'): Promise<boolean>;
  /** Whether a success is worth telling. */
  isNews(output: Record<string, unknown>): boolean;
  /** What it noticed while it waited, in words for the person who watches; once for each `next`. */
  remarks?(): readonly string[];
}

/** How the CLI lets an operation write for a person: plain text when stdout is not a terminal. */
export interface TextStyle {
  bold(text: string): string;
  dim(text: string): string;
  good(text: string): string;
  bad(text: string): string;
  warn(text: string): string;
  table(head: string[], rows: string[][]): string;
}

/** Who may call an operation, and for what. `invoke` sees to it. */
export interface Permission {
  needs: Scope;
  /** False: never for credentials of kind `agent`. */
  agents?: boolean;
  /**
   * What a credential that is bound to a client or profile can call this for. Left out: for the client and profile that
   * the input names. `narrowed`: filters that the input leaves open are those of the binding, and `run` shows no more than
   * the binding reaches. `open`: it is about nobody's configuration. `never`: it is about more than a part.
   */
  bound?: 'narrowed' | 'open' | 'never';
  /** The clients and profiles that a call is about, where the input names not just one. */
  targets?: (input: never) => readonly Target[];
  /** About this machine or the whole installation: only for the workspace `default`. */
  installation?: true | ((input: never) => boolean);
}

/** One operation: defined once, and derived from it CLI verb, MCP tool, REST route, OpenAPI and reference pages. */
export interface Operation<I extends z.ZodObject = z.ZodObject, O extends z.ZodType = z.ZodType> {
  /** `noun.verbObject`. */
  id: string;
  summary: string;
  description?: string;
  effect: 'read' | 'write' | 'delete';
  /** True when repeating the call with the same input changes nothing more (an MCP annotation). */
  idempotent?: boolean;
  input: I;
  output: O;
  /** An input that shows the use, for documents; left out, one is made of what has to be there. */
  example?: Record<string, unknown>;
  /** Codes that a caller can meet here, besides those that every operation shares. */
  errors: readonly ErrorCode[];
  /** Codes of other operations that come through here. */
  passesOn?: readonly ErrorCode[];
  /**
   * For a read that is made of the store and the input alone: the instant (RFC 3339) until which the answer holds while
   * nothing is committed; null: for ever. A door may keep such an answer. Undefined: this one may not be kept.
   */
  holdsUntil?: (output: never) => string | null | undefined;
  permission: Permission;
  /** `own`: `run` touches files or the network, or waits for others, and opens its transactions itself. */
  transaction?: 'own';
  /** It changes something only through other operations, and each of those is refused, or not, for itself. */
  delegates?: true;
  rest?: RestBinding;
  mcp?: McpBinding;
  cli?: CliBinding;
  run(context: RunContext, input: z.output<I>): Promise<z.input<O>>;
}

/** Keeps the exact types of one definition while the list holds them as `Operation`. */
export function defineOperation<I extends z.ZodObject, O extends z.ZodType>(
  operation: Omit<Operation<I, O>, 'rest' | 'cli' | 'holdsUntil' | 'permission' | 'example'> & {
    permission: Omit<Permission, 'targets' | 'installation'> & {
      targets?: (input: z.output<I>) => readonly Target[];
      installation?: true | ((input: z.output<I>) => boolean);
    };
    example?: z.input<I>;
    holdsUntil?: (output: z.output<O>) => string | null | undefined;
    rest?: Omit<RestBinding, 'status' | 'etag' | 'revalidates' | 'showsSecret'> & {
      status?: (output: z.output<O>) => number;
      etag?: (output: z.output<O>) => string;
      revalidates?: (output: z.output<O>) => boolean;
      showsSecret?: (output: z.output<O>) => boolean;
    };
    cli?: Omit<CliBinding, 'text' | 'exit'> & {
      text?: (output: z.output<O>, style: TextStyle, target: string) => { out: string; note?: string };
      exit?: (output: z.output<O>) => number;
    };
  },
): Operation {
  return operation as unknown as Operation;
}

/**
 * What a door writes together with an operation's change, or not at all: called with the output, inside the transaction
 * that `invoke` opens. Not called where it opens none.
 */
export type Alongside = (store: Store, output: Record<string, unknown>) => Promise<void>;

/**
 * The only way in. Authorises, parses, opens the transaction, runs, checks the output, audits: in this order, so that
 * nothing of a refused call is seen by the operation and no acknowledged change lacks its audit row.
 */
export function invoke(
  operation: Operation,
  context: Context,
  raw: unknown,
  alongside?: Alongside,
): Promise<Record<string, unknown>> {
  const { door, request_id, services } = context;
  const activity = { kind: 'operation', operation: operation.id, door, request_id, target: () => idsIn(raw) } as const;
  return services.observer.during(activity, () => carryOut(operation, context, raw, alongside));
}

async function carryOut(
  operation: Operation,
  context: Context,
  raw: unknown,
  alongside?: Alongside,
): Promise<Record<string, unknown>> {
  const input = admitted(operation, context, raw);
  // Before a file or a key is touched, which no transaction would give back.
  const { refusal } = context.store;
  if (refusal && operation.effect !== 'read' && !operation.delegates) throw refusal();
  const auditRow = (facts: AuditRow['facts'], target?: Target) =>
    auditRowOf(operation, context, { ...input, ...target }, facts);
  const emit = (store: Store, happening: Happening) =>
    store.events.append(happening.workspace ?? context.workspace, eventRowOf(context, happening), EVENTS_KEPT);
  const run = async (store: Store) => {
    const output = await operation.run({ ...context, store, auditRow, emit }, input);
    return checkOutput(operation, output);
  };
  if (operation.effect === 'read' || operation.transaction === 'own') return run(context.store);
  const output = await context.store.transaction(async (store) => {
    const output = await run(store);
    await store.audit.append(context.workspace, auditRow(factsOf(output)));
    await alongside?.(store, output);
    failpoint('operation.before-commit');
    return output;
  });
  failpoint('operation.after-commit');
  return output;
}

export type Answer =
  | { ok: true; output: Record<string, unknown> }
  | { ok: false; problem: Problem; status: number; exit: number };

/** `invoke`, with every failure turned into the one public shape. Unexpected ones are logged with their cause, never shown. */
export async function answer(
  operation: Operation,
  context: Context,
  raw: unknown,
  alongside?: Alongside,
): Promise<Answer> {
  try {
    return { ok: true, output: await invoke(operation, context, raw, alongside) };
  } catch (error) {
    return refusal(error, context);
  }
}

/** The public form of a failure, for what goes wrong before an operation is known as well. */
export function refusal(
  error: unknown,
  context: Pick<Context, 'now' | 'request_id'> & { services: Pick<Services, 'log'> },
): Answer & { ok: false } {
  if (!(error instanceof AppError)) {
    context.services.log.error({ err: error, request_id: context.request_id }, 'unexpected error');
  } else if (error.cause !== undefined) {
    const fields = { err: error.cause, code: error.code, request_id: context.request_id };
    context.services.log.warn(fields, 'a call could not be carried out');
  }
  const problem = problemOf(error, { timestamp: context.now().toISOString(), request_id: context.request_id });
  const { status, exit } = ERRORS[problem.code as ErrorCode];
  return { ok: false, problem, status, exit };
}

/** The HTTP status of a success. */
export function statusOf({ rest }: Operation, output: Record<string, unknown>): number {
  return rest?.status?.(output as never) ?? rest?.statuses?.[0] ?? 200;
}

/** Of an input that was not parsed yet. */
function idsIn(raw: unknown): Partial<Target> {
  const ids: Partial<Target> = {};
  for (const name of ['client_id', 'profile_id'] as const) {
    const value: unknown = raw instanceof Object && Object.hasOwn(raw, name) ? Reflect.get(raw, name) : undefined;
    if (typeof value === 'string' && isId(value)) ids[name] = value;
  }
  return ids;
}

/** An output that breaks its own schema is a bug of ours: the caller gets INTERNAL_ERROR, the transaction is undone. */
function checkOutput(operation: Operation, output: unknown): Record<string, unknown> {
  const checked = safeParse(operation.output, output);
  if (checked.success) return checked.data as Record<string, unknown>;
  throw new Error(`${operation.id} returned what its schema does not allow`, { cause: checked.error });
}
