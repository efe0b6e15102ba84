import { expect, test } from 'vitest';
import { OPERATIONS } from '../../operations/index.ts';
import { openApi } from './openapi.ts';

interface Route {
  security?: unknown[];
  parameters?: { name: string; in: string; required?: boolean; schema: object }[];
  requestBody?: { required: boolean; content: Record<string, { schema: object }> };
  responses: Record<string, unknown>;
  'x-required-scopes'?: string[];
}
const settings = { operations: OPERATIONS, version: '1.2.3', open: true, legacy_sse: false };
const document = openApi(settings) as {
  openapi: string;
  info: { version: string };
  security: unknown[];
  paths: Record<string, Record<string, Route>>;
};
const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, route]) => ({ path, method, route })),
);

test('the document says what it is and that every route needs one of two credentials', () => {
  expect([document.openapi, document.info.version]).toEqual(['3.1.0', '1.2.3']);
  expect(document.security).toEqual([{ bearerAuth: [] }, { apiKeyAuth: [] }]);
  const openOf = (paths: typeof document.paths) =>
    Object.keys(paths).filter((path) => paths[path]?.['get']?.security?.length === 0);
  const wellKnown = ['/.well-known/mcp-server.json', '/.well-known/oauth-protected-resource/mcp'];
  const always = ['/health', '/healthz', '/readyz', ...wellKnown];
  const pages = ['/openapi.json', '/schemas/payload-v1.json', '/docs/'];
  expect(openOf(document.paths).toSorted()).toEqual([...always, ...pages].toSorted());
  const closed = openApi({ ...settings, open: false }) as typeof document;
  expect(openOf(closed.paths).toSorted()).toEqual(always.toSorted());
});

test('HTTP+SSE is described only where it is switched on', () => {
  const added = (legacy_sse: boolean) =>
    Object.keys((openApi({ ...settings, legacy_sse }) as typeof document).paths).filter((path) =>
      /sse|messages/.test(path),
    );
  expect([added(false), added(true)]).toEqual([[], ['/sse', '/messages']]);
});

test('every operation with a route is there, with its scope and its refusals', () => {
  for (const { rest, permission } of OPERATIONS) {
    if (!rest) continue;
    const route = document.paths[rest.path]?.[rest.method.toLowerCase()];
    expect(route?.['x-required-scopes']).toEqual([permission.needs]);
    expect(Object.keys(route?.responses ?? {})).toEqual(expect.arrayContaining(['400', '401', '403', '500']));
  }
});

test('every part of a path is a required parameter', () => {
  for (const { path, route } of routes) {
    const parts = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
    const declared = (route.parameters ?? []).filter((parameter) => parameter.in === 'path');
    expect(declared.map(({ name }) => name).toSorted()).toEqual(parts.toSorted());
    expect(declared.every(({ required }) => required)).toBe(true);
  }
});

test('only what can do without a body says so', () => {
  expect(document.paths['/v1/keys/initialize']?.['post']?.requestBody?.required).toBe(false);
  expect(document.paths['/v1/config/{client_id}/{profile_id}/draft']?.['put']?.requestBody?.required).toBe(true);
});

test('every POST of an operation, and nothing else, takes an Idempotency-Key and can answer 409 to it', () => {
  for (const { path, method, route } of routes.filter(({ path }) => path.startsWith('/v1/'))) {
    const key = route.parameters?.find(({ name }) => name === 'Idempotency-Key');
    const conflict = JSON.stringify(route.responses['409'] ?? '').includes('IDEMPOTENCY_CONFLICT');
    const expected = method === 'post' ? { in: 'header', schema: { minLength: 1, maxLength: 255 } } : undefined;
    if (expected) expect(key, path).toMatchObject(expected);
    else expect(key, `${method} ${path}`).toBeUndefined();
    expect([path, conflict]).toEqual([path, method === 'post']);
    if (method !== 'post') continue;
    const [[, success] = []] = Object.entries(route.responses);
    expect(success, path).toMatchObject({ headers: { 'Idempotency-Replayed': {} } });
  }
});

test('the body of a batch is a list, its other field is in the query, and every failure of an item is there', () => {
  const batch = document.paths['/v1/config/batch']?.['post'];
  expect(batch?.requestBody).toMatchObject({
    required: true,
    content: { 'application/json': { schema: { type: 'array', maxItems: 100, items: { required: ['operation'] } } } },
  });
  expect(batch?.parameters?.filter((parameter) => parameter.in === 'query')).toMatchObject([{ name: 'atomic' }]);
  expect(Object.keys(batch?.responses ?? {})).toEqual(expect.arrayContaining(['404', '409', '422']));
});
