import { AppError, invalidInput } from '../core/errors.ts';
import { own } from '../core/null-record.ts';
import type { Payload } from '../core/payload.ts';
import { parseReferences, type Reference } from '../core/references.ts';

/** Where the values of references come from on this machine. */
export interface Sources {
  env: Readonly<Record<string, string | undefined>>;
  inputs: Readonly<Record<string, string>>;
  /** What the release declares. */
  declared: Payload['inputs'];
  secret(name: string): Promise<string | undefined>;
}

/** A text with every reference replaced by its value, and `$${` by `${`. Throws with the name of what has no value. */
export async function resolveText(text: string, sources: Sources): Promise<string> {
  const parts = parseReferences(text).parts.map((part) => (part.kind === 'text' ? part.text : valueIn(part, sources)));
  return (await Promise.all(parts)).join('');
}

export async function resolveRecord(
  record: Readonly<Record<string, string>> | undefined,
  sources: Sources,
): Promise<Record<string, string>> {
  const resolved: Record<string, string> = Object.create(null);
  for (const [name, text] of Object.entries(record ?? {})) resolved[name] = await resolveText(text, sources);
  return resolved;
}

async function valueIn({ kind, name }: Reference, sources: Sources): Promise<string> {
  if (kind === 'env') return own(sources.env, name) ?? missingVariable(name);
  if (kind === 'secret') return (await sources.secret(name)) ?? missingSecret(name);
  const given = own(sources.inputs, name) ?? own(sources.declared ?? {}, name)?.default;
  if (given !== undefined) return given;
  throw invalidInput(`inputs.${name}`, 'this input has no value on this machine', {
    hint: `Give it when you deploy: mcp-orchestration deploy-config --input ${name}=VALUE`,
  });
}

function missingVariable(name: string): never {
  throw new AppError(
    'SECRET_NOT_FOUND',
    `The variable ${name} is not set where this server is started.`,
    { kind: 'env', name },
    {
      hint: `Set ${name} in the environment of the client. Applications that are not started from a terminal have only the variables of the session.`,
    },
  );
}

function missingSecret(name: string): never {
  throw new AppError(
    'SECRET_NOT_FOUND',
    `There is no secret "${name}" on this machine.`,
    { kind: 'secret', name },
    {
      hint: `Store it: mcp-orchestration set-secret ${name}`,
    },
  );
}
