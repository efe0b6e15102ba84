import { Command } from 'commander';
import { type LocalVerb, YES } from '../../src/adapters/cli/cli.ts';
import { flagsOf } from '../../src/adapters/cli/flags.ts';
import { completionVerb } from '../../src/adapters/cli/local/completion.ts';
import { initVerb } from '../../src/adapters/cli/local/init.ts';
import { openApi } from '../../src/adapters/rest/openapi.ts';
import { ERRORS } from '../../src/core/errors.ts';
import { backupVerb } from '../../src/main/verbs/backup.ts';
import { execServer } from '../../src/main/verbs/exec-server.ts';
import { migrateDatabaseVerb } from '../../src/main/verbs/migrate-database.ts';
import { migrateStoreVerb } from '../../src/main/verbs/migrate-store.ts';
import { restoreVerb } from '../../src/main/verbs/restore.ts';
import { serve } from '../../src/main/verbs/serve.ts';
import { serveHttp } from '../../src/main/verbs/serve-http.ts';
import { fieldsOf } from '../../src/operations/fields.ts';
import { OPERATIONS } from '../../src/operations/index.ts';
import type { Operation } from '../../src/operations/operation.ts';
import { defaultOf, inputTable, outputTable } from './fields.ts';
import { code, codes, page, plain, table } from './markdown.ts';

/** The pages about the three doors: command line, MCP and REST. */

const LOCALS: readonly LocalVerb[] = [
  initVerb(() => Promise.reject(new Error('only described'))),
  serve,
  serveHttp,
  backupVerb,
  restoreVerb,
  execServer,
  migrateDatabaseVerb,
  migrateStoreVerb,
  completionVerb,
];

const sentence = ({ summary, description }: Operation) =>
  [summary, description].flatMap((text) => (text ? [plain(text).replace(/\.?$/, '.')] : [])).join(' ');

function meets({ errors, passesOn }: Operation): string {
  if (passesOn) return 'Errors: those of the operations that it calls.';
  return errors.length > 0 ? `Errors of its own: ${codes(errors)}.` : '';
}

export function cliPage(): string {
  return page('Command line', 'the operations and the local verbs', [
    'Every verb is called as `mcp-orchestration VERB`. In a checkout: `npx mcp-orchestration VERB`. `--help` after a verb shows its flags.',
    '`--json` prints exactly the output object on stdout, and nothing else. Messages for people go to stderr. A refusal prints its code, message and hint on stderr; with `--json` also the error object on stdout.',
    exitCodes(),
    '## Verbs of this machine',
    ...LOCALS.flatMap(localVerb),
    '## Verbs that are operations',
    'They do the same as the MCP tool and the REST route of the same operation.',
    ...OPERATIONS.filter(({ cli }) => cli).flatMap(operationVerb),
  ]);
}

function exitCodes(): string {
  const byExit = Map.groupBy(Object.entries(ERRORS), ([, { exit }]) => exit);
  const rows = [...byExit]
    .toSorted(([a], [b]) => a - b)
    .map(([exit, entries]) => [String(exit), codes(entries.map(([name]) => name))]);
  return table(
    ['exit code', 'meaning'],
    [['0', 'done'], ...rows, ['7', 'differences found, for commands that are used as checks']],
  );
}

function localVerb(local: LocalVerb): string[] {
  const command = new Command(local.verb);
  local.declare(command);
  const words = command.registeredArguments.map((argument) => [
    code(`<${argument.name()}>`),
    '',
    [plain(argument.description), argument.argChoices ? `one of ${codes(argument.argChoices)}` : '']
      .filter(Boolean)
      .join(': '),
  ]);
  const flags = command.options.map((option) => [
    code(option.flags),
    option.defaultValue === undefined ? '' : code(String(option.defaultValue)),
    plain(option.description),
  ]);
  const rows = [...words, ...flags];
  return [`### ${local.verb}`, `${plain(local.summary)}.`, table(['flag', 'default', 'meaning'], rows)];
}

function operationVerb(operation: Operation): string[] {
  const { cli } = operation;
  if (!cli) return [];
  const words = (cli.positional ?? []).map((name) => ` [${name}]`).join('');
  const rows = flagsOf(operation)
    .filter(({ option }) => !option.hidden)
    .map(({ option, field }) => [
      code(option.flags),
      defaultOf(field),
      [plain(field.description ?? ''), field.choices ? `One of ${codes(field.choices)}.` : '']
        .filter(Boolean)
        .join(' '),
    ]);
  if (cli.interact) rows.push([code('--yes'), '', plain(cli.yes ?? YES)]);
  return [
    `### ${cli.verb}`,
    `${code(`mcp-orchestration ${cli.verb}${words} [flags]`)}`,
    sentence(operation),
    table(['flag', 'default', 'meaning'], rows),
    meets(operation),
  ];
}

export function mcpPage(): string {
  const tools = OPERATIONS.filter(({ mcp }) => mcp?.tool !== undefined);
  const resources = OPERATIONS.flatMap((operation) => {
    const resource = operation.mcp?.resource;
    return resource ? [[code(resource.uri), plain(resource.name), plain(operation.summary)]] : [];
  });
  return page('MCP tools and resources', 'the operations', [
    'Start the server with `mcp-orchestration serve`. It speaks MCP over stdin and stdout. [How to register it in an AI client](../how-to/use-from-an-ai-client.md).',
    'A tool answers with its output object, as structured content and as text. A refusal is a result with `isError`; its text is the [error object](errors.md).',
    '## Resources',
    'Each returns the same object as the operation that it belongs to.',
    table(['URI', 'name', 'content'], resources),
    '## Tools',
    table(
      ['tool', 'effect', 'scope', 'what it does'],
      tools.map((operation) => [
        `[${code(operation.mcp?.tool ?? '')}](#${operation.mcp?.tool})`,
        operation.effect,
        code(operation.permission.needs),
        plain(operation.summary),
      ]),
    ),
    ...tools.flatMap((operation) => [
      `### ${operation.mcp?.tool}`,
      sentence(operation),
      `Effect: ${operation.effect}. Scope: ${code(operation.permission.needs)}.${operation.permission.agents === false ? ' Never for credentials of kind `agent`.' : ''}`,
      inputTable(operation) && `Input:\n\n${inputTable(operation)}`,
      `Output:\n\n${outputTable(operation)}`,
      meets(operation),
    ]),
  ]);
}

export function restPage(): string {
  const { paths = {} } = openApi({ operations: OPERATIONS, version: '', open: true, legacy_sse: true }) as {
    paths?: Record<string, Record<string, { summary?: string; security?: unknown[] }>>;
  };
  const open = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, { summary, security }]) =>
      security?.length === 0 ? [[code(`${method.toUpperCase()} ${path}`), plain(summary ?? '')]] : [],
    ),
  );
  return page('REST API', 'the operations', [
    'Start the server with `mcp-orchestration serve-http`. [How to use it](../how-to/use-the-http-api.md). The same description as OpenAPI 3.1: `GET /openapi.json`; as a page: `/docs`. Both are open in local mode and need credentials in server mode.',
    'Send `Authorization: Bearer TOKEN`, or the same token as `X-API-Key: TOKEN`. That header takes the key of `MCP_ORCHESTRATION_API_KEY` as well, when the server was started with one. Bodies are JSON with `Content-Type: application/json`, at most 1 MiB. An unknown field is refused. Every refusal is an [error object](errors.md). Every answer has an `X-Request-Id`.',
    'With an `Idempotency-Key` (at most 255 characters, chosen by you) every POST is carried out once: the same request with the same key gets the same answer again for 24 hours, with `Idempotency-Replayed: true`. Another request with that key, or the same one while the first is being worked on, gets 409 `IDEMPOTENCY_CONFLICT`. Answers 401, 403, 429 and 5xx are not kept.',
    '## Open routes',
    'They need no credentials.',
    table(['route', 'what it answers'], open),
    '## Routes',
    ...OPERATIONS.filter(({ rest }) => rest).flatMap(route),
  ]);
}

function route(operation: Operation): string[] {
  const { rest } = operation;
  if (!rest) return [];
  const inPath = new Set([...rest.path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? ''));
  const hasBody = rest.method === 'POST' || rest.method === 'PUT';
  const where = rest.body
    ? `The body is ${code(rest.body)}; the others come from the query`
    : hasBody
      ? 'Body'
      : 'Query';
  const statuses = (rest.statuses ?? [200]).join(' or ');
  const revision = fieldsOf(operation).some(({ name }) => name === 'if_revision');
  const others = inputTable(operation, inPath);
  return [
    `### ${rest.method} ${rest.path}`,
    sentence(operation),
    `Scope: ${code(operation.permission.needs)}. Answers ${statuses}${rest.etag ? ' with a strong `ETag`; 304 on `If-None-Match`' : ''}.${revision ? ' `If-Match` with the ETag of the draft is the same as `if_revision`; a stale one is then 412.' : ''}`,
    others && `${where}:\n\n${others}`,
    `Answer:\n\n${outputTable(operation)}`,
    failures(operation),
  ];
}

function failures(operation: Operation): string {
  if (operation.passesOn) return 'Errors: those of the operations that it calls.';
  if (operation.errors.length === 0) return '';
  return `Errors of its own: ${operation.errors.map((name) => `${ERRORS[name].status} ${code(name)}`).join(', ')}.`;
}
