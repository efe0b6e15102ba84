import { createServer } from 'node:https';
import { text } from 'node:stream/consumers';
import { expect, it, onTestFinished } from 'vitest';
import { makeCertificate } from '../support/certificate.ts';
import { listenWhenFree } from '../support/listen.ts';
import { startHttp } from '../support/process.ts';
import { signatureOf } from '../support/receivers.ts';
import { testWorkspace } from '../support/workspace.ts';

it('in server mode only https is used, with a certificate that is trusted', async () => {
  const workspace = await testWorkspace();
  const { key, cert, cert_path } = makeCertificate(workspace.home, 'receiver');
  const came = Promise.withResolvers<{ id: string; timestamp: number; signature: string; body: string }>();
  let requests = 0;
  const receiver = createServer({ key, cert }, async (request, response) => {
    requests += 1;
    const header = (name: string) => String(request.headers[name]);
    const body = await text(request);
    response.writeHead(204).end();
    came.resolve({
      id: header('webhook-id'),
      timestamp: Number(header('webhook-timestamp')),
      signature: header('webhook-signature'),
      body,
    });
  });
  await listenWhenFree(receiver, 8443);
  onTestFinished(() => {
    receiver.closeAllConnections();
    receiver.close();
  });
  const url = 'https://127.0.0.1:8443/hook';
  const allow = { MCP_ORCHESTRATION_WEBHOOK_ALLOW: '127.0.0.1:8443' };
  const start = (env: Record<string, string>) =>
    startHttp(workspace, { args: ['--host', '0.0.0.0'], env: { ...allow, ...env } });

  const distrusting = await start({});
  const { token = null } = distrusting;
  const subscribe = (to: string) =>
    distrusting.ask('POST', '/v1/webhooks', { token, body: { url: to, events: ['key.rotated'] } });
  for (const refused of ['http://127.0.0.1:8443/hook', 'https://127.0.0.1/hook', 'https://localhost:8443/hook'])
    expect((await subscribe(refused)).status).toBe(422);
  const { status, body: hook } = await subscribe(url);
  expect([status, hook['url']]).toEqual([201, url]);
  const path = `/v1/webhooks/${hook['webhook_id']}`;
  await distrusting.ask('POST', `${path}/test`, { token });
  const deliveries = async () => (await distrusting.ask('GET', `${path}/deliveries`, { token })).body['deliveries'];
  await expect.poll(deliveries).toMatchObject([{ status: 'pending', attempts: 1, response_status: null }]);
  expect(requests).toBe(0);
  await distrusting.stop();

  await start({ NODE_EXTRA_CA_CERTS: cert_path });
  const message = await came.promise;
  expect(message.signature).toBe(signatureOf(String(hook['secret']), message));
  expect(JSON.parse(message.body).type).toBe('webhook.test');
});
