import fastify from 'fastify';
import { expect, test } from 'vitest';
import { methodsOf, routesOf } from './routes.ts';

test('the methods of a path are those of every route that it fits', async () => {
  const app = fastify();
  const routes = routesOf(app);
  app.get('/v1/things/:thing_id', () => null);
  app.delete('/v1/things/:thing_id', () => null);
  app.put('/v1/things/all', () => null);
  app.get('/a.b/*', () => null);
  app.options('*', () => null);
  await app.ready();
  expect(methodsOf(routes, '/v1/things/x').toSorted()).toEqual(['DELETE', 'GET', 'HEAD']);
  expect(methodsOf(routes, '/v1/things/all').toSorted()).toEqual(['DELETE', 'GET', 'HEAD', 'PUT']);
  expect(methodsOf(routes, '/a.b/c/d')).toContain('GET');
  for (const path of ['/v1/things', '/v1/things/x/y', '/v1/things/', '/axb/c', '/'])
    expect(methodsOf(routes, path)).toEqual([]);
  await app.close();
});
