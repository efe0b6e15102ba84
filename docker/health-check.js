// The health check of the container: 0 while its server answers. Node is there anyway; curl is not.
// The settings are those of the server. Whom its certificate names does not matter: it is the same container.
const { MCP_ORCHESTRATION_PORT, MCP_ORCHESTRATION_TLS_CERT } = process.env;
const { get } = await import(MCP_ORCHESTRATION_TLS_CERT ? 'node:https' : 'node:http');
const where = { host: '127.0.0.1', port: MCP_ORCHESTRATION_PORT || 8000, path: '/healthz' };
const request = get({ ...where, rejectUnauthorized: false, timeout: 4_000 }, (response) => {
  response.pipe(process.stdout);
  process.exitCode = response.statusCode === 200 ? 0 : 1;
});
request.on('timeout', () => request.destroy(new Error('no answer within 4 s')));
request.on('error', (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});
