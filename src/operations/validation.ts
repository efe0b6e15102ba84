import { z } from 'zod';
import type { ClientDefinition } from '../clients/client.ts';
import { renderFindings } from '../clients/render.ts';
import { serverNames } from '../core/draft.ts';
import { Finding } from '../core/finding.ts';
import { ClientId, ProfileId, Timestamp } from '../core/ids.ts';
import { nearest } from '../core/nearest.ts';
import { type DraftPayload, Payload } from '../core/payload.ts';
import { safeParse } from '../core/safe-parse.ts';
import { assertDraftShape } from '../core/validation/shape.ts';
import { validatePayload, validationReport } from '../core/validation/validate.ts';
import { clientsOf, knownClient } from './added-clients.ts';
import { currentDraft } from './current.ts';
import { type Context, defineOperation, type Target, type TextStyle } from './operation.ts';
import type { Services } from './services.ts';
import { findClient, findTarget, PayloadInput, TargetInput } from './shapes.ts';
import { counted } from './words.ts';

export const CheckOptions = z.strictObject({
  check_schema: z
    .boolean()
    .default(true)
    .meta({ description: 'Structure, names and what this client cannot express.' }),
  check_limits: z.boolean().default(true).meta({ description: 'Counts of servers, variables and arguments.' }),
  check_security: z.boolean().default(true).meta({ description: 'Secrets, unpinned packages, invisible text.' }),
});

interface ReviewSettings {
  options?: z.output<typeof CheckOptions>;
  allow_empty?: boolean;
  /** Literal secrets were looked for before, and there are none. */
  searched?: boolean;
}

/**
 * All findings about a payload that is meant for a client: what the payload itself gets wrong, and what the client
 * could not express (found by rendering it, so that validation and deployment cannot disagree). `payload`: the draft as
 * releases have it, where it was read as one.
 */
export function reviewFor(
  client: ClientDefinition,
  draft: DraftPayload,
  services: Pick<Services, 'os'>,
  settings: ReviewSettings = {},
): { findings: Finding[]; payload?: Payload } {
  const options = settings.options ?? { check_schema: true, check_limits: true, check_security: true };
  const findings = validatePayload(draft, {
    client_id: client.client_id,
    options,
    allow_empty: settings.allow_empty ?? false,
    searched: settings.searched ?? false,
    ...(client.limits.servers !== null && { limits: { max_servers: client.limits.servers } }),
  });
  // Beyond its limits a payload is not looked into: reading 40,000 faulty entries takes seconds, in which nobody else is served.
  const isLarge = findings.some(({ code }) => code.startsWith('TOO_MANY_'));
  const strict = options.check_schema && client.dialect && !isLarge ? safeParse(Payload, draft) : undefined;
  if (!strict?.success) return { findings };
  const rendered = renderFindings(strict.data, client, { os: services.os }).map(asForecast);
  return { findings: mostSevere([...findings, ...rendered]), payload: strict.data };
}

/** Of several findings about one thing the gravest stays: a client may forbid what is only a warning elsewhere. */
function mostSevere(findings: readonly Finding[]): Finding[] {
  const kept = new Map<string, Finding>();
  for (const finding of findings) {
    const before = kept.get(keyOf(finding));
    if (before === undefined || (before.severity === 'warning' && finding.severity === 'error')) {
      kept.set(keyOf(finding), finding);
    }
  }
  return [...kept.values()];
}

const keyOf = (finding: Finding) => `${finding.code} ${finding.path}`;

/** A reference that this client cannot resolve stops the deployment there, not the release: others may read the same payload. */
const asForecast = (finding: Finding): Finding =>
  finding.code === 'SECRET_NOT_RENDERABLE' ? { ...finding, severity: 'warning' } : finding;

/** What the clients of profiles that follow this one cannot express, as far as it is not wrong here as well. */
async function findingsOfFollowers(
  context: Context,
  { client_id, profile_id }: Target,
  draft: DraftPayload,
  { own, settings }: { own: readonly Finding[]; settings: ReviewSettings | undefined },
): Promise<Finding[]> {
  const said = ({ code, path, message }: Finding) => JSON.stringify([code, path, message]);
  const known = new Set(own.map(said));
  const links = await context.store.links.followers(context.workspace, client_id, profile_id);
  const followers = await Promise.all(
    links.map(async (link) => ({ link, client: await findClient(context, link.client_id) })),
  );
  return followers.flatMap(({ link, client }) =>
    reviewFor(client, draft, context.services, settings)
      .findings.filter((finding) => !known.has(said(finding)))
      .map((finding) => ({
        ...finding,
        message: `${link.client_id}/${link.profile_id} follows this profile: ${finding.message}`,
      })),
  );
}

const ValidationOutput = z.object({
  valid: z.boolean(),
  errors: z.array(Finding),
  warnings: z.array(Finding),
  server_count: z.int(),
  client_id: ClientId,
  profile_id: ProfileId,
  validated_at: Timestamp,
});

function validationText(
  { valid, errors, warnings, server_count }: z.infer<typeof ValidationOutput>,
  style: TextStyle,
  target: string,
): { out: string; note?: string } {
  const line = (finding: Finding) =>
    `${finding.severity === 'error' ? style.bad('error  ') : style.warn('warning')} ${style.bold(finding.code)} ${style.dim(finding.path)}\n        ${finding.message}${finding.hint ? `\n        ${style.dim(finding.hint)}` : ''}`;
  const verdict = valid ? style.good('Valid') : style.bad('Not valid');
  return {
    out: [...errors, ...warnings]
      .map(line)
      .concat(
        `${verdict}: ${counted(server_count, 'server')}, ${counted(errors.length, 'error')}, ${counted(warnings.length, 'warning')}.`,
      )
      .join('\n'),
    ...(valid && { note: `Next: mcp-orchestration publish-config${target}` }),
  };
}

const exitOf = ({ valid }: { valid: boolean }) => (valid ? 0 : 6);

/** What is wrong with a payload for a client, and for those whose profiles follow. */
async function reportOn(
  context: Context,
  {
    client,
    target,
    draft,
    options,
  }: { client: ClientDefinition; target: Target; draft: DraftPayload; options: Options },
): Promise<z.infer<typeof ValidationOutput>> {
  const settings = options && { options };
  const { findings: own } = reviewFor(client, draft, context.services, settings);
  const findings = [...own, ...(await findingsOfFollowers(context, target, draft, { own, settings }))];
  return reportOf(context, target, draft, findings);
}

type Options = z.output<typeof CheckOptions> | undefined;

function reportOf(context: Context, { client_id, profile_id }: Target, draft: DraftPayload, findings: Finding[]) {
  context.services.observer.found(findings);
  return {
    ...validationReport(findings),
    server_count: serverNames(draft).length,
    client_id,
    profile_id,
    validated_at: context.now().toISOString(),
  };
}

export const validateConfig = defineOperation({
  id: 'drafts.validate',
  summary: 'Validate a draft, or a payload that is not stored',
  effect: 'read',
  input: TargetInput.extend({
    payload: PayloadInput.optional(),
    options: CheckOptions.optional().meta({ description: 'Which checks are made; all when left out.' }),
  }),
  output: ValidationOutput,
  errors: ['CLIENT_NOT_FOUND', 'PROFILE_NOT_FOUND', 'SIGNATURE_INVALID'],
  permission: { needs: 'config:write' },
  rest: { method: 'POST', path: '/v1/config/{client_id}/{profile_id}/validate' },
  mcp: { tool: 'validate_config' },
  cli: {
    verb: 'validate-config',
    flags: { client_id: 'client', profile_id: 'profile', payload: 'file' },
    exit: exitOf,
    text: validationText,
  },
  async run(context, input) {
    const client = await findTarget(context, input);
    const draft =
      input.payload === undefined ? (await currentDraft(context, input)).payload : assertDraftShape(input.payload);
    const report = await reportOn(context, { client, target: input, draft, options: input.options });
    const { valid, errors, warnings, server_count } = report;
    const data = { valid, error_count: errors.length, warning_count: warnings.length, server_count };
    await context.emit(context.store, { type: 'config.validated', target: input, data });
    return report;
  },
});

/** For a caller that keeps its configurations elsewhere: nothing needs to exist here, and nothing is stored. */
export const validatePayloadRemotely = defineOperation({
  id: 'payloads.validate',
  summary: 'Validate a payload for a client, without storing anything',
  description:
    'The report of `validate_config`. An unknown client is a finding, and the payload is checked all the same.',
  effect: 'read',
  input: TargetInput.extend({
    payload: PayloadInput,
    options: CheckOptions.optional().meta({ description: 'Which checks are made; all when left out.' }),
  }),
  example: {
    client_id: 'cursor',
    profile_id: 'default',
    payload: {
      mcpServers: { memory: { command: 'npx', args: ['-y', '@modelcontextprotocol/server-memory@2026.8.31'] } },
    },
    options: { check_limits: false },
  },
  output: ValidationOutput,
  errors: [],
  permission: { needs: 'config:write' },
  rest: { method: 'POST', path: '/v1/config/validate' },
  mcp: { tool: 'validate_payload', toolset: 'releases' },
  cli: {
    verb: 'validate-payload',
    flags: { client_id: 'client', profile_id: 'profile', payload: 'file' },
    exit: exitOf,
    // The payload is no draft: what to do next is for whoever has it.
    text: (output, style) => ({ out: validationText(output, style, '').out }),
  },
  async run(context, input) {
    const draft = assertDraftShape(input.payload);
    const { client_id, options } = input;
    const client = await knownClient(context, client_id);
    if (client) return reportOn(context, { client, target: input, draft, options });
    const near = nearest(
      client_id,
      (await clientsOf(context)).map((known) => known.client_id),
    );
    const unknown: Finding = {
      code: 'UNKNOWN_CLIENT',
      severity: 'error',
      path: '',
      message: `There is no client "${client_id}".`,
      ...(near[0] !== undefined && { hint: `Did you mean "${near[0]}"?` }),
    };
    return reportOf(context, input, draft, [
      unknown,
      ...validatePayload(draft, { client_id, ...(options && { options }) }),
    ]);
  },
});
