import type { z } from 'zod';
import { DEFAULT_WORKSPACE, isBound, reaches, touches } from '../core/binding.ts';
import { AppError } from '../core/errors.ts';
import { assertJsonValue } from '../core/json-value.ts';
import { safeParse } from '../core/safe-parse.ts';
import type { Context, Operation, Principal } from './operation.ts';

/** Who may call what, and for which part: the rule in front of every operation, on every door. */

/** What can be asked for, and by whom: an operation, or something beside them that keeps the same rules. */
type Asked = Pick<Operation, 'input' | 'permission'>;

/** Whether a credential may call this at all; for what it may is asked when the input is known. */
export function mayCall({ permission }: Pick<Operation, 'permission'>, principal: Principal): boolean {
  const agentBarred = principal.kind === 'agent' && permission.agents === false;
  return principal.scopes.has(permission.needs) && !agentBarred;
}

/** The input of a call that may be made. Throws FORBIDDEN before it is read for who may not ask at all, then INVALID_INPUT. */
export function admitted(asked: Asked, context: Context, raw: unknown): Record<string, unknown> {
  authorise(asked, context.principal);
  return withinReach(asked, context, parseInput(asked, raw));
}

function authorise(operation: Asked, principal: Principal): void {
  if (mayCall(operation, principal)) return;
  const { needs } = operation.permission;
  throw new AppError('FORBIDDEN', `This credential lacks the scope ${needs}.`, { needs, kind: principal.kind });
}

/** The input as this caller may mean it. Throws FORBIDDEN for what lies beyond the caller's workspace or binding. */
function withinReach(
  { permission, input: { shape } }: Asked,
  { workspace, principal: { binding } }: Context,
  input: Record<string, unknown>,
): Record<string, unknown> {
  const { installation, targets } = permission;
  const isOfInstallation = typeof installation === 'function' ? installation(input as never) : installation === true;
  if (isOfInstallation && workspace !== DEFAULT_WORKSPACE) {
    const message = `This is about the whole installation, and is done in the workspace ${DEFAULT_WORKSPACE} only.`;
    throw beyondReach(message, { workspace });
  }
  if (!isBound(binding) || permission.bound === 'open') return input;
  const narrowed = permission.bound === 'narrowed';
  const meant = targets?.(input as never) ?? [input];
  if (permission.bound === 'never' || !meant.every((target) => (narrowed ? touches : reaches)(binding, target))) {
    throw beyondReach('This credential is bound to a part of the workspace, and this is about more or another one.', {
      bound_to: { client_id: binding.client_id ?? null, profile_id: binding.profile_id ?? null },
    });
  }
  const filters = Object.entries(binding).filter(([name, value]) => value !== undefined && Object.hasOwn(shape, name));
  return { ...input, ...Object.fromEntries(filters) };
}

const beyondReach = (message: string, details: Record<string, unknown>) =>
  new AppError('FORBIDDEN', message, details, { hint: 'Use a credential that reaches as far, or ask for one.' });

function parseInput(operation: Asked, raw: unknown): Record<string, unknown> {
  assertJsonValue(raw);
  const parsed = safeParse(operation.input, raw ?? {});
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map((issue) => ({
    path: issue.path.map(String).join('.') || ('keys' in issue ? String(issue.keys[0]) : ''),
    message: isMissing(issue, raw) ? 'is required' : issue.message,
  }));
  const first = issues[0] ?? { path: '', message: 'invalid input' };
  throw new AppError('INVALID_INPUT', first.path ? `${first.path}: ${first.message}` : first.message, {
    field: first.path,
    reason: first.message,
    issues,
  });
}

/** Zod says "expected string, received undefined" of what is simply not there. */
const isMissing = ({ path: [name, ...below] }: z.core.$ZodIssue, raw: unknown): boolean =>
  typeof name === 'string' &&
  below.length === 0 &&
  !(typeof raw === 'object' && raw !== null && Object.hasOwn(raw, name));
