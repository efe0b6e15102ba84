import { describe, expect, it } from 'vitest';
import { CATALOG, serverById } from './index.ts';
import type { CatalogServer } from './server.ts';
import { givenSecrets, wantedFields, withValue } from './wanted.ts';

const server = (server_id: string): CatalogServer => {
  const found = serverById(server_id);
  if (found === undefined) throw new Error(`no server ${server_id}`);
  return found;
};
const NOTHING = { params: {}, env: {} };
const TOKEN = `ghp_${'a1B2c3D4e5F6'.repeat(3)}`;
const URL = 'postgresql://ann:made-up-4711@db.example/orders';

describe('what is wanted', () => {
  const names = (server_id: string, input = NOTHING) => {
    const { fields, groups } = wantedFields(server(server_id), input);
    return { fields: fields.map(({ map, field }) => `${map}.${field.name}`), groups: groups.map((one) => one.length) };
  };

  it('are the fields without a value, in the order of the catalog', () => {
    expect(names('brave-search')).toEqual({ fields: ['env_vars.BRAVE_API_KEY'], groups: [] });
    expect(names('elasticsearch')).toEqual({ fields: ['params.kibana_url', 'params.api_key'], groups: [] });
    expect(names('memory')).toEqual({ fields: [], groups: [] });
  });

  it('are groups of variables where one of them is enough', () => {
    expect(names('mongodb')).toEqual({ fields: [], groups: [1, 2] });
    expect(names('mongodb', { params: {}, env: { MDB_MCP_CONNECTION_STRING: '${env:M}' } }).groups).toEqual([]);
  });

  it('know what is no answer', () => {
    const [wanted] = wantedFields(server('elasticsearch'), NOTHING).fields;
    expect(wanted?.check('kibana')).toContain('give a URL');
    expect(wanted?.check('https://kibana.example')).toBeUndefined();
  });

  it('can be told of every server', () => {
    for (const one of CATALOG) expect(wantedFields(one, NOTHING).fields).toBeInstanceOf(Array);
  });
});

describe('secrets that were given', () => {
  it('are literal values of fields that are declared secret, under the name that the caller used', () => {
    const input = { params: {}, env: { BRAVE_API_KEY: 'plain words' } };
    expect(givenSecrets(server('brave-search'), input)).toEqual([
      { map: 'env_vars', name: 'BRAVE_API_KEY', value: 'plain words' },
    ]);
    expect(givenSecrets(server('brave-search'), { params: {}, env: { BRAVE_API_KEY: '${env:B}' } })).toEqual([]);
  });

  it('are also values that look like one: alone, inside a list, inside a URL, and not their neighbours', () => {
    expect(givenSecrets(server('memory'), { params: {}, env: { A: 'harmless', B: TOKEN } })).toEqual([
      { map: 'env_vars', name: 'B', value: TOKEN },
    ]);
    const list = { params: { allowed_directories: ['/a', `/b/${TOKEN}`] }, env: {} };
    expect(givenSecrets(server('filesystem'), list)).toEqual([
      { map: 'params', name: 'allowed_directories', index: 1, value: `/b/${TOKEN}` },
    ]);
    expect(givenSecrets(server('postgres-legacy'), { params: { connection_string: URL }, env: {} })).toEqual([
      { map: 'params', name: 'connection_string', value: URL },
    ]);
  });

  it('are none where no reference may stand', () => {
    const input = { params: { command: `run-${TOKEN}` }, env: {} };
    expect(givenSecrets(server('custom-stdio'), input)).toEqual([]);
  });

  it('are replaced where they stand', () => {
    const input = { params: { a: ['1', '2'], b: '3' }, env: { C: '4' } };
    const a = { map: 'params' as const, name: 'a', index: 1, value: '2' };
    expect(withValue(input, a, 'new')).toEqual({ params: { a: ['1', 'new'], b: '3' }, env: { C: '4' } });
    expect(withValue(input, { map: 'params', name: 'b', value: '3' }, 'new').params).toMatchObject({ b: 'new' });
    expect(withValue(input, { map: 'env_vars', name: 'C', value: '4' }, 'new').env).toMatchObject({ C: 'new' });
  });
});
