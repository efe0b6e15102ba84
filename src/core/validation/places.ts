import type { DraftPayload } from '../payload.ts';
import { parseReferences, type ReferenceField, referenceFields, spellReference } from '../references.ts';
import { findSecrets } from '../secrets/detector.ts';
import type { Collector, Keys } from './collector.ts';
import { visible } from './invisible.ts';

/** References: where they are read, whether they are well formed and whether what they name is declared. */

const OPEN = '${';

/** `${HOME}` is shown, for its name is what has to be mended; anything that may hold a value is not. */
function shownProblem(text: string): string {
  const isName = /^\$\{[A-Za-z_][A-Za-z0-9_.]{0,40}\}$/.test(text);
  return isName && findSecrets(text, { field: '', position: 'other' }).length === 0 ? ` (\`${text}\`)` : '';
}

function hintFor(text: string): string {
  const name = /^\$\{([A-Z_][A-Z0-9_]{0,127})\}$/.exec(text)?.[1];
  const wish =
    name === undefined
      ? '`${env:NAME}`, `${secret:NAME}` or `${input:NAME}`'
      : `\`${spellReference({ kind: 'env', name })}\``;
  return `Write ${wish}; where the text itself is meant, write \`$\${\` instead of \`\${\`.`;
}

/** In places where nothing is resolved, a legal reference is as wrong as a broken one. */
function checkUnresolved(found: Collector, keys: Keys, text: string, what: string): void {
  if (!text.includes(OPEN)) return;
  const { parts, problems } = parseReferences(text);
  if (problems.length === 0 && parts.every((part) => part.kind === 'text')) return;
  const message = `A reference in ${what} is never resolved.`;
  found.add('UNKNOWN_REFERENCE', keys, { message, hint: 'References work in args, env values, url, headers and cwd.' });
}

function checkField(found: Collector, server: string, { keys, text }: ReferenceField, inputs: unknown): void {
  const place = ['mcpServers', server, ...keys];
  const { parts, problems } = parseReferences(text);
  const [problem] = problems;
  if (problem !== undefined) {
    const count = problems.length === 1 ? 'Something here looks' : `${problems.length} things here look`;
    const message = `${count} like a reference and is none${shownProblem(problem.text)}, at character ${problem.at + 1}.`;
    found.add('UNKNOWN_REFERENCE', place, { message, hint: hintFor(problem.text) });
  }
  for (const part of parts) {
    if (part.kind !== 'input' || (typeof inputs === 'object' && inputs !== null && Object.hasOwn(inputs, part.name)))
      continue;
    const message = `The input \`${part.name}\` is not declared.`;
    found.add('UNKNOWN_REFERENCE', place, {
      message,
      hint: `Declare it under \`inputs.${part.name}\` with a description.`,
    });
    if (found.isFull('UNKNOWN_REFERENCE')) return;
  }
}

/** UNKNOWN_REFERENCE for each value that holds one. */
export function checkReferences(found: Collector, payload: DraftPayload): void {
  for (const [server, entry] of Object.entries(payload.mcpServers)) {
    checkUnresolved(found, ['mcpServers', server], server, 'the name of a server');
    const { command } = entry;
    if (typeof command === 'string') checkUnresolved(found, ['mcpServers', server, 'command'], command, '`command`');
    for (const field of ['env', 'headers'] as const) {
      const map = entry[field];
      if (typeof map !== 'object' || map === null || Array.isArray(map)) continue;
      for (const name of Object.keys(map)) {
        checkUnresolved(found, ['mcpServers', server, field, name], name, `a name under \`${field}\``);
      }
    }
    for (const place of referenceFields(entry)) {
      if (place.text.includes(OPEN)) checkField(found, server, place, payload.inputs);
    }
  }
}

/** SECRET_IN_ARGUMENT: what is put into args or a url ends on a command line, which other users of the machine can read. */
export function checkArgumentReferences(found: Collector, payload: DraftPayload): void {
  for (const [server, entry] of Object.entries(payload.mcpServers)) {
    for (const { field, keys, text } of referenceFields(entry)) {
      if ((field !== 'args' && field !== 'url') || !text.includes(OPEN)) continue;
      const secret = parseReferences(text).parts.find((part) => part.kind === 'secret' || part.kind === 'env');
      if (secret === undefined || secret.kind === 'text') continue;
      const message = `\`${visible(spellReference(secret))}\` in \`${field}\` ends up on a command line, readable by others on the machine.`;
      const hint =
        field === 'url' ? 'Use a header, if the server takes one.' : 'Use `env`, if the server reads a variable.';
      found.add('SECRET_IN_ARGUMENT', ['mcpServers', server, ...keys], { message, hint, severity: 'warning' });
    }
  }
}
