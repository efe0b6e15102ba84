import { AppError } from '../errors.ts';
import type { Finding } from '../finding.ts';
import { type DraftPayload, Payload } from '../payload.ts';
import { safeParse } from '../safe-parse.ts';
import { secretFindings } from '../secrets/detector.ts';
import { Collector, MAX_PER_CODE } from './collector.ts';
import { visible } from './invisible.ts';
import { checkReferences } from './places.ts';
import { checkSecurity } from './security.ts';
import { isObject } from './shape.ts';
import { checkStructure } from './structure.ts';

/** More than these are findings (SECURITY-BAR T16). */
const MAX_SERVERS = 1000;
const MAX_ENV_VARS = 256;
const MAX_ARGS = 256;

export interface CheckOptions {
  /** Structure, names and references. */
  check_schema: boolean;
  /** Counts. */
  check_limits: boolean;
  /** Secrets, unpinned packages, references on command lines, invisible text. */
  check_security: boolean;
}

export interface ValidationSettings {
  client_id: string;
  /** What this client can take, where it is less than we can. */
  limits?: { max_servers?: number };
  options?: CheckOptions;
  /** Makes EMPTY_CONFIG a warning. */
  allow_empty?: boolean;
  /** Literal secrets were looked for before, and there are none. */
  searched?: boolean;
}

const EVERYTHING: CheckOptions = { check_schema: true, check_limits: true, check_security: true };

function checkLimits(found: Collector, payload: DraftPayload, { client_id, limits }: ValidationSettings): void {
  const servers = Object.entries(payload.mcpServers);
  const max = Math.min(limits?.max_servers ?? MAX_SERVERS, MAX_SERVERS);
  if (servers.length > max) {
    const whose = max < MAX_SERVERS ? `${client_id} takes` : 'allowed are';
    const message = `There are ${servers.length} servers; ${whose} at most ${max}.`;
    found.add('TOO_MANY_SERVERS', ['mcpServers'], { message, hint: 'Split them over several profiles.' });
  }
  for (const [name, { args, env }] of servers) {
    const variables = isObject(env) ? Object.keys(env).length : 0;
    if (variables > MAX_ENV_VARS) {
      const message = `\`${visible(name)}\` has ${variables} variables; allowed are ${MAX_ENV_VARS}.`;
      found.add('TOO_MANY_ENV_VARS', ['mcpServers', name, 'env'], { message });
    }
    if (Array.isArray(args) && args.length > MAX_ARGS) {
      const message = `\`${visible(name)}\` has ${args.length} arguments; allowed are ${MAX_ARGS}.`;
      found.add('TOO_MANY_ARGS', ['mcpServers', name, 'args'], { message });
    }
  }
}

type DraftEntry = DraftPayload['mcpServers'][string];

function headOfEntry(entry: DraftEntry): DraftEntry {
  const { args, env } = entry;
  const longArgs = Array.isArray(args) && args.length > MAX_ARGS;
  const longEnv = isObject(env) && Object.keys(env).length > MAX_ENV_VARS;
  if (!longArgs && !longEnv) return entry;
  return {
    ...entry,
    ...(longArgs && { args: args.slice(0, MAX_ARGS) }),
    ...(longEnv && { env: Object.fromEntries(Object.entries(env).slice(0, MAX_ENV_VARS)) }),
  };
}

/** The draft within the limits: what is too much is counted and searched for secrets, and not looked into further. */
function headOf(draft: DraftPayload): DraftPayload {
  const all = Object.entries(draft.mcpServers);
  const servers = all.slice(0, MAX_SERVERS).map(([name, entry]) => [name, headOfEntry(entry)] as const);
  const isWhole = servers.length === all.length && servers.every(([, entry], index) => entry === all[index]?.[1]);
  return isWhole ? draft : { ...draft, mcpServers: Object.fromEntries(servers) };
}

/**
 * All findings about a draft, in payload order; of each code at most 200. Whatever the options say, counts beyond the
 * limits are reported, because what lies beyond is not looked into. Time is linear in the payload.
 */
export function validatePayload(draft: DraftPayload, settings: ValidationSettings): Finding[] {
  const { check_schema, check_limits, check_security } = settings.options ?? EVERYTHING;
  const found = new Collector();
  const head = headOf(draft);
  if (check_schema) {
    checkStructure(found, head, { allow_empty: settings.allow_empty ?? false });
    checkReferences(found, head);
  }
  if (check_limits || head !== draft) checkLimits(found, draft, settings);
  if (check_security) {
    if (settings.searched !== true) {
      for (const finding of secretFindings(draft, MAX_PER_CODE)) found.addFinding(finding);
    }
    checkSecurity(found, head);
  }
  return found.inOrderOf(draft);
}

export interface ValidationReport {
  /** No errors; warnings do not count. */
  valid: boolean;
  errors: Finding[];
  warnings: Finding[];
}

export function validationReport(findings: readonly Finding[]): ValidationReport {
  const errors = findings.filter(({ severity }) => severity === 'error');
  const warnings = findings.filter(({ severity }) => severity === 'warning');
  return { valid: errors.length === 0, errors, warnings };
}

/**
 * The payload as releases obey it, or VALIDATION_FAILED with every error among its findings in `details.issues`. `read` is
 * the draft as `Payload` has read it, where that was done already.
 */
export function parseStrictPayload(draft: DraftPayload, findings: readonly Finding[], read?: Payload): Payload {
  const { valid, errors } = validationReport(findings);
  if (!valid) throw failed(errors);
  if (read !== undefined) return read;
  const parsed = safeParse(Payload, draft);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map(({ message, path }) => ({ message, path: `/${path.map(String).join('/')}` }));
  throw failed(issues.map((issue) => ({ code: 'INVALID_ENTRY', severity: 'error' as const, ...issue })));
}

function failed(issues: readonly Finding[]): AppError {
  const count = issues.length === 1 ? '1 error' : `${issues.length} errors`;
  return new AppError('VALIDATION_FAILED', `The configuration has ${count}: ${issues[0]?.message ?? ''}`, {
    field: issues[0]?.path.slice(1).replaceAll('/', '.') ?? '',
    reason: issues[0]?.message ?? '',
    issues: [...issues],
  });
}
