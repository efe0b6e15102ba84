import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { OPERATING_SYSTEMS } from '../src/clients/client.ts';
import { clientById } from '../src/clients/index.ts';
import { renderPayload } from '../src/clients/render.ts';
import { Payload } from '../src/core/payload.ts';
import { NATIVE_FACTS, type NativeFacts } from './support/native-facts.ts';
import { at, entriesIn, type Native } from './support/native-file.ts';

/** For each client: what it can say is said in its field, its unit and its polarity; what it cannot say is told. */

function render(facts: NativeFacts, entry: object, name = 'it', inputs?: object) {
  const client = clientById(facts.id);
  if (client === undefined) throw new Error(`no client ${facts.id}`);
  const payload = Payload.parse({ mcpServers: { [name]: entry }, ...(inputs && { inputs }) });
  const { native_text, findings } = renderPayload(payload, client, { os: 'linux', launcher: 'l' });
  const told = findings.map(
    ({ severity, code, path }) => `${severity} ${code} ${path.slice(`/mcpServers/${name}`.length)}`,
  );
  return { native: entriesIn(facts, native_text)[name] as Native | undefined, told, findings };
}

const local = { command: 'node', args: ['x.js'] };
const remote = { type: 'http', url: 'https://a.example.com/mcp' };
const stream = { type: 'sse', url: 'https://a.example.com/sse' };
const LOST = (path: string) => `warning LOSSY_RENDERING /${path}`;
/** Every key of an entry, on all levels. */
const keysIn = (value: unknown): string[] =>
  typeof value !== 'object' || value === null
    ? []
    : Object.entries(value).flatMap(([key, below]) => [...(Array.isArray(value) ? [] : [key]), ...keysIn(below)]);

describe.each(NATIVE_FACTS)('$id', (facts) => {
  const { timeout, off, allow, deny, stdio } = facts;

  describe('a timeout', () => {
    const can = (kind: 'stdio' | 'http') => timeout !== undefined && (timeout.only ?? kind) === kind;
    test.each([
      ['stdio', local],
      ['http', facts.http ? remote : local],
    ] as const)(
      'of a server of %s has its unit, rounded so that it gets no less time, or is told to be left out',
      (_, entry) => {
        const kind = 'url' in entry ? 'http' : 'stdio';
        for (const [timeout_ms, seconds] of [
          [1, 1],
          [1000, 1],
          [1001, 2],
          [60_000, 60],
        ] as const) {
          const { native, told } = render(facts, { ...entry, timeout_ms });
          if (can(kind)) {
            expect([native?.[timeout?.field ?? ''], told]).toEqual([timeout?.unit === 's' ? seconds : timeout_ms, []]);
          } else {
            expect(told).toEqual([LOST('timeout_ms')]);
            expect(keysIn(native).filter((key) => /time/i.test(key))).toEqual([]);
          }
        }
      },
    );

    test('beyond what the client takes is cut, and that is told', () => {
      const most = timeout?.max;
      const entry = timeout?.only === 'http' ? remote : local;
      const timeout_ms = 3_000_000_000;
      const { native, told } = render(facts, { ...entry, timeout_ms });
      const wanted = timeout?.unit === 's' ? timeout_ms / 1000 : timeout_ms;
      expect(told).toEqual(timeout === undefined || most !== undefined ? [LOST('timeout_ms')] : []);
      if (timeout !== undefined) expect(native?.[timeout.field]).toBe(most ?? wanted);
    });
  });

  test('an entry that is switched off says so with the right value, or is left out, and that is told', () => {
    for (const entry of [local, remote, stream]) {
      const { native, told } = render(facts, { ...entry, disabled: true });
      if (off === undefined) expect([native, told]).toEqual([undefined, [LOST('disabled')]]);
      else expect([at(native, off[0]), told]).toEqual([off[1], []]);
      const on = render(facts, { ...entry, disabled: false });
      expect(on.told).toEqual([]);
      if (off !== undefined) expect([undefined, !off[1]]).toContain(at(on.native, off[0]));
    }
  });

  test('tools are filtered in its fields, and a filter that it has not is told', () => {
    const tools = { allow: ['read', 'a b'], deny: ['delete'] };
    for (const entry of [local, ...(facts.http ? [remote] : [])]) {
      const { native, told } = render(facts, { ...entry, tools });
      expect(told).toEqual([...(allow ? [] : [LOST('tools/allow')]), ...(deny ? [] : [LOST('tools/deny')])]);
      if (allow) expect(at(native, allow)).toEqual(tools.allow);
      if (deny) expect(at(native, deny)).toEqual(tools.deny);
      if (!allow && !deny) expect(JSON.stringify(native)).not.toMatch(/delete|"read"/);
    }
    // No filter is no list: an empty one would mean that nothing may be used.
    const bare = render(facts, local).native;
    if (allow && facts.id !== 'github-copilot-cli') expect(at(bare, allow)).toBeUndefined();
    if (deny) expect(at(bare, deny)).toBeUndefined();
    if (allow) expect(at(render(facts, { ...local, tools: { allow: [] } }).native, allow)).toEqual([]);
  });

  test('a working directory has its field, or is told to be left out', () => {
    const { native, told } = render(facts, { ...local, cwd: '/srv/a b' });
    if (stdio.cwd) expect([native?.[stdio.cwd], told]).toEqual(['/srv/a b', []]);
    else {
      expect(told).toEqual([LOST('cwd')]);
      expect(JSON.stringify(native)).not.toContain('/srv');
    }
  });

  test('each transport is its own, or goes through the bridge', () => {
    for (const [kind, entry] of [
      ['http', remote],
      ['sse', stream],
    ] as const) {
      const { native, told } = render(facts, { ...entry, headers: { 'X-A': 'a b' } });
      const own = facts[kind];
      expect(told).toEqual([]);
      if (own === undefined) {
        expect(JSON.stringify(native)).toContain('mcp-remote@');
        continue;
      }
      expect([native?.[own.url], at(native, own.headers)]).toEqual([entry.url, { 'X-A': 'a b' }]);
      if (own.tag)
        expect(own.tag.values).toContain(native?.[own.tag.field] ?? (own.tag.required ? null : own.tag.values[0]));
      expect(native).not.toHaveProperty(stdio.command);
    }
  });

  test('a reference is in its own syntax, or the launcher starts the server', () => {
    const spelled: Partial<Record<NativeFacts['expands'], string>> = {
      'env-colon': '${env:TOKEN}',
      'dollar-brace': '${TOKEN}',
      'dollar-percent': '${TOKEN}',
      'double-brace': '${TOKEN}',
    };
    const { native } = render(facts, { ...local, env: { A: 'x ${env:TOKEN}' } });
    const value = (native?.[stdio.env] as Native | undefined)?.['A'];
    if (value === undefined) expect(JSON.stringify(native)).toContain('exec-server');
    else expect(value).toBe(`x ${spelled[facts.expands]}`);
    for (const text of ['${secret:key}', '${input:key}']) {
      const declared = { key: { description: 'd', required: true } };
      const said = render(facts, { ...local, env: { A: text } }, 'it', declared).native;
      const asks = facts.id.startsWith('vscode') && text.includes('input');
      expect(JSON.stringify(said).includes('exec-server')).toBe(!asks);
      expect(JSON.stringify(said).includes(text)).toBe(asks);
    }
  });

  test('a name of a server that it would not take is refused by name, any other is written as it is', () => {
    const { also, reserved } = facts.names ?? { also: '*', reserved: [] };
    const names = ['my-server', 'my_server', 'a.b', 'a b', 'a/b', 'Aä', '1', 'x'.repeat(128), ...reserved];
    for (const name of names) {
      const legal =
        !reserved.includes(name) &&
        [...name].every((char) => /[A-Za-z0-9]/.test(char) || also === '*' || also.includes(char));
      const path = `/mcpServers/${name.replaceAll('/', '~1')}`;
      const { native, findings } = render(facts, local, name);
      const faults = findings.filter((finding) => finding.code === 'SERVER_NAME_UNSUPPORTED');
      const portable = /^[a-z0-9][a-z0-9-]{0,63}$/.test(name);
      expect([name, native !== undefined]).toEqual([name, legal]);
      if (!portable || !legal) expect(faults).toMatchObject([{ severity: legal ? 'warning' : 'error', path }]);
      else expect(faults).toEqual([]);
    }
  });
});

test('Gemini CLI is told by its own name what becomes of a name with an underscore', () => {
  const gemini = NATIVE_FACTS.find(({ id }) => id === 'gemini-cli');
  if (gemini === undefined) throw new Error('no Gemini CLI');
  expect(render(gemini, local, 'my_server').findings).toMatchObject([
    { code: 'SERVER_NAME_UNSUPPORTED', severity: 'warning', message: expect.stringContaining('Gemini CLI') },
  ]);
});

describe('fields that only one client knows', () => {
  test('never get into the file of another (property)', () => {
    const secretive = fc.record({
      owner: fc.constantFrom(...NATIVE_FACTS.map(({ id }) => id)),
      reader: fc.constantFrom(...NATIVE_FACTS),
      entry: fc.constantFrom(local, remote, stream, {
        ...local,
        disabled: true,
        tools: { allow: ['a'] },
        timeout_ms: 5,
      }),
      field: fc.stringMatching(/^own[A-Za-z]{1,6}$/),
      value: fc.oneof(fc.boolean(), fc.integer(), fc.constant('own-value'), fc.constant({ ownDeep: ['own-value'] })),
      os: fc.constantFrom(...OPERATING_SYSTEMS),
    });
    const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
    fc.assert(
      fc.property(secretive, ({ owner, reader, entry, field, value, os }) => {
        const client = clientById(reader.id);
        if (client === undefined || owner === reader.id) return;
        const of = (more: object) =>
          renderPayload(Payload.parse({ mcpServers: { it: { ...entry, ...more } } }), client, { os, launcher: 'l' });
        const [own, bare] = [of({ 'x-client': { [owner]: { [field]: value } } }), of({})];
        expect(own.native_text).toBe(bare.native_text);
        expect(own.findings).toEqual(bare.findings);
      }),
      { numRuns: Number(process.env['PROPERTY_RUNS'] ?? 300), seed },
    );
  });

  test.each(NATIVE_FACTS)('of all others together leave the file of $id as it is', ({ id }) => {
    const client = clientById(id);
    if (client === undefined) throw new Error(`no client ${id}`);
    const others = NATIVE_FACTS.filter((facts) => facts.id !== id).map((facts) => [
      facts.id,
      { ownField: facts.id, trust: true },
    ]);
    const text = (more: object) =>
      renderPayload(Payload.parse({ mcpServers: { it: { ...local, ...more } } }), client, { os: 'linux' }).native_text;
    expect(text({ 'x-client': Object.fromEntries(others) })).toBe(text({}));
  });
});
