import { z } from 'zod';
import { AppError, type ErrorCode, invalidInput, type Problem } from '../core/errors.ts';
import { nearest } from '../core/nearest.ts';
import { AnyJson } from '../core/payload.ts';
import {
  answer,
  type Context,
  defineOperation,
  invoke,
  type Operation,
  refusal,
  statusOf,
  type TextStyle,
} from './operation.ts';
import { counted } from './words.ts';

const MAX_ITEMS = 100;

/** What people call the three things that batches are mostly made of. */
const SHORT = { validate: 'validate_config', publish: 'publish_config', deploy: 'deploy_config' };

/** Any JSON, so that one item with a wrong shape is told in its own row and the others run. */
const Item = AnyJson.meta({
  description:
    'What to call, and with what: {operation, ...fields} or {operation, input: {...fields}}. `operation` is the name of a tool, or validate, publish, deploy.',
  type: 'object',
  properties: { operation: { type: 'string' }, input: { type: 'object' } },
  required: ['operation'],
});

const Result = z.object({
  index: z.int().meta({ description: 'The place of the item, from 0.' }),
  operation: z
    .string()
    .nullable()
    .meta({ description: 'As the item names it; null when it names none that there could be.' }),
  status: z.int().meta({ description: 'The HTTP status that the call by itself would have had.' }),
  body: z
    .record(z.string(), z.unknown())
    .meta({ description: 'The output of the call, or its error object as `error`.' }),
});
type Result = z.infer<typeof Result>;

/** One item, read. */
interface Part {
  operation: Operation;
  input: unknown;
}
type Named = ReadonlyMap<string, Operation>;

function namesOf(operations: readonly Operation[]): Named {
  const named = new Map<string, Operation>();
  for (const operation of operations) if (operation.mcp?.tool) named.set(operation.mcp.tool, operation);
  for (const [short, tool] of Object.entries(SHORT)) {
    const operation = named.get(tool);
    if (operation) named.set(short, operation);
  }
  return named;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Only what could be a name is told again: whatever else stands there may be meant for nobody. */
const nameIn = (item: unknown): string | null =>
  isRecord(item) && typeof item['operation'] === 'string' && /^[a-z][a-z_]{0,63}$/.test(item['operation'])
    ? item['operation']
    : null;

/** Throws INVALID_INPUT for an item that says nothing that can be called. */
function partOf(named: Named, item: unknown): Part {
  const name = nameIn(item);
  if (!isRecord(item) || name === null)
    throw invalidInput('operation', 'an item is an object that names its operation');
  const operation = named.get(name);
  if (!operation) throw invalidInput('operation', unknownName(named, name));
  const { operation: _, ...fields } = item;
  if (!Object.hasOwn(fields, 'input')) return prompt({ operation, input: fields });
  const { input, ...others } = fields;
  const [other] = Object.keys(others);
  if (other !== undefined) throw invalidInput(other, 'goes into `input`, or the fields of `input` go beside it');
  return prompt({ operation, input });
}

/** A hundred items that wait, one after the other, would go on long after there is nobody left who hears the answer. */
function prompt(part: Part): Part {
  const { operation, input } = part;
  const wait = isRecord(input) && Object.hasOwn(operation.input.shape, 'wait') ? input['wait'] : undefined;
  if (wait === undefined || wait === 0) return part;
  throw invalidInput('wait', 'nothing in a batch waits: leave it out, or call this alone');
}

function unknownName(named: Named, name: string): string {
  if (name === 'batch') return 'a batch has no batch inside it';
  const near = nearest(name, [...named.keys()]);
  return near.length > 0 ? `there is none of that name; near are ${near.join(', ')}` : 'there is none of that name';
}

/** The same failure, saying which item it is about. A fault of ours stays one. */
function ofItem(index: number, error: unknown): unknown {
  if (!(error instanceof AppError)) return error;
  const { code, message, details, hint, cause } = error;
  const options = { hint, ...(cause !== undefined && { cause }) };
  return new AppError(code, `items.${index}: ${message}`, { ...details, index }, options);
}

async function about<T>(index: number, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw ofItem(index, error);
  }
}

/** Each by itself: what fails is told in its row, and the others go on. */
async function oneByOne(context: Context, named: Named, items: readonly unknown[]): Promise<Result[]> {
  const results: Result[] = [];
  for (const [index, item] of items.entries()) {
    results.push({ index, operation: nameIn(item), ...(await answered(context, named, item)) });
  }
  return results;
}

async function answered(context: Context, named: Named, item: unknown): Promise<Pick<Result, 'status' | 'body'>> {
  let part: Part;
  try {
    part = partOf(named, item);
  } catch (error) {
    const { status, problem } = refusal(error, context);
    return { status, body: { error: problem } };
  }
  const result = await answer(part.operation, context, part.input);
  if (!result.ok) return { status: result.status, body: { error: result.problem } };
  return { status: statusOf(part.operation, result.output), body: result.output };
}

/** All in one transaction, or nothing. Whether every item can take part is asked before the first one runs. */
async function together(context: Context, named: Named, items: readonly unknown[]): Promise<Result[]> {
  const parts: Part[] = [];
  for (const [index, item] of items.entries()) parts.push(await about(index, () => transactional(partOf(named, item))));
  return context.store.transaction(async (store) => {
    const results: Result[] = [];
    for (const [index, { operation, input }] of parts.entries()) {
      const body = await about(index, () => invoke(operation, { ...context, store }, input));
      results.push({ index, operation: nameIn(items[index]), status: statusOf(operation, body), body });
    }
    return results;
  });
}

function transactional(part: Part): Part {
  if (part.operation.transaction !== 'own') return part;
  const { tool } = part.operation.mcp ?? {};
  throw invalidInput(
    'operation',
    `${tool} waits, or does what no transaction takes back; call it alone, or leave out atomic`,
  );
}

function textOf(results: readonly Result[], style: TextStyle): { out: string; note: string } {
  const failed = results.filter(({ body }) => 'error' in body);
  const rows = results.map(({ index, operation, status, body }) => {
    const { message } = (body['error'] ?? {}) as Partial<Problem>;
    const what = message ?? (typeof body['status'] === 'string' ? body['status'] : '');
    const tone = status < 400 ? style.good : style.bad;
    return [String(index), operation ?? '', tone(String(status)), what];
  });
  return {
    out: results.length > 0 ? style.table(['item', 'operation', 'status', 'what'], rows) : 'There was nothing to do.',
    note: `${counted(results.length - failed.length, 'item')} done, ${failed.length} failed.`,
  };
}

/** Several of the given operations in one call. It is not one of them, so no batch stands inside another. */
export function batchOf(operations: readonly Operation[]): Operation {
  const named = namesOf(operations);
  const isSecret = ({ operation, status, body }: Result) =>
    status < 400 && named.get(operation ?? '')?.rest?.showsSecret?.(body as never) === true;
  return defineOperation({
    id: 'batch.run',
    summary: 'Call several operations, in order',
    description:
      'Each item needs the scope of what it calls. Without `atomic` every item stands alone: what fails is told in its row, and the others go on. With it all is done or nothing, and the first failure is the failure of the whole.',
    effect: 'write',
    transaction: 'own',
    delegates: true,
    input: z.strictObject({
      items: z
        .array(Item)
        .max(MAX_ITEMS)
        .meta({ description: `At most ${MAX_ITEMS}: {operation, ...fields} or {operation, input}.` }),
      atomic: z.boolean().default(false).meta({
        description: 'All in one transaction. Refuses what no transaction takes back, such as deploy, and what waits.',
      }),
    }),
    example: {
      items: [
        { operation: 'validate', client_id: 'cursor' },
        { operation: 'get_latest', client_id: 'cursor' },
      ],
    },
    output: z.object({ results: z.array(Result), succeeded: z.int(), failed: z.int() }),
    errors: [],
    passesOn: codesOf(named),
    permission: { needs: 'config:read', bound: 'open' },
    rest: {
      method: 'POST',
      path: '/v1/config/batch',
      body: 'items',
      // As long as a hundred of the slowest may take on a busy machine.
      handler_ms: 60_000,
      showsSecret: ({ results }) => results.some(isSecret),
    },
    mcp: { tool: 'batch', toolset: 'releases' },
    cli: {
      verb: 'batch',
      flags: { items: 'file' },
      text: ({ results }, style) => textOf(results, style),
      exit: ({ failed }) => (failed > 0 ? 1 : 0),
    },
    async run(context, { items, atomic }) {
      const results = await (atomic ? together : oneByOne)(context, named, items);
      const succeeded = results.filter(({ status }) => status < 400).length;
      return { results, succeeded, failed: results.length - succeeded };
    },
  });
}

/** What can make an atomic batch fail. */
const codesOf = (named: Named): ErrorCode[] => [
  ...new Set([...named.values()].flatMap(({ transaction, errors }) => (transaction === 'own' ? [] : errors))),
];
