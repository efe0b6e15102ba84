import type { DraftPayload } from '../payload.ts';
import type { Collector, Keys } from './collector.ts';
import { hiddenCharacter, visible } from './invisible.ts';
import { packageOf } from './packages.ts';
import { checkArgumentReferences } from './places.ts';
import { isObject } from './shape.ts';

const REMEDY = { npm: '`name@1.2.3`', pypi: '`name==1.2.3`', image: '`image:1.2.3` or `image@sha256:...`' } as const;

/** A runner names its package among its first arguments. */
const LOOKED_AT = 256;

function checkPackage(found: Collector, server: string, { command, args }: Record<string, unknown>): void {
  if (typeof command !== 'string' || !Array.isArray(args)) return;
  const texts = args.slice(0, LOOKED_AT).map((arg: unknown) => (typeof arg === 'string' ? arg : ''));
  const fetched = packageOf(command, texts);
  if (fetched === undefined || fetched.pinned) return;
  const message = `\`${visible(fetched.spec)}\` has no exact version: what runs can change without a new release.`;
  const hint = `Write ${REMEDY[fetched.kind]}.`;
  found.add('UNPINNED_PACKAGE', ['mcpServers', server, 'args', fetched.index], { message, hint, severity: 'warning' });
}

function checkText(found: Collector, keys: Keys, text: unknown, what: string, strict: boolean): void {
  const hidden = typeof text === 'string' ? hiddenCharacter(text, strict) : undefined;
  if (hidden === undefined) return;
  const message = `${what} holds the invisible character ${hidden}.`;
  found.add('INVISIBLE_TEXT', keys, { message, hint: 'Write the text anew, without copying it.' });
}

/** Names decide what a value means, so they are read strictly; the values may hold lines. */
function checkMap(found: Collector, keys: Keys, map: unknown, what: string): void {
  if (!isObject(map)) return;
  for (const [name, text] of Object.entries(map)) {
    if (found.isFull('INVISIBLE_TEXT')) return;
    checkText(found, [...keys, name], name, `A name under \`${what}\``, true);
    checkText(found, [...keys, name], text, `A value under \`${what}\``, false);
  }
}

function checkInvisible(found: Collector, server: string, entry: Record<string, unknown>): void {
  const keys = ['mcpServers', server];
  checkText(found, keys, server, 'The name of the server', true);
  checkText(found, [...keys, 'command'], entry.command, '`command`', true);
  checkText(found, [...keys, 'url'], entry.url, '`url`', true);
  checkText(found, [...keys, 'cwd'], entry.cwd, '`cwd`', false);
  const args: unknown = entry.args;
  for (const [index, arg] of Array.isArray(args) ? args.entries() : []) {
    if (found.isFull('INVISIBLE_TEXT')) return;
    checkText(found, [...keys, 'args', index], arg, `Argument ${index + 1}`, true);
  }
  checkMap(found, [...keys, 'env'], entry.env, 'env');
  checkMap(found, [...keys, 'headers'], entry.headers, 'headers');
}

/** Versions that float, references on command lines, and text that hides. */
export function checkSecurity(found: Collector, payload: DraftPayload): void {
  checkArgumentReferences(found, payload);
  for (const [server, entry] of Object.entries(payload.mcpServers)) {
    checkPackage(found, server, entry);
    checkInvisible(found, server, entry);
  }
}
