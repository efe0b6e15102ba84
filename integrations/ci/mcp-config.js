#!/usr/bin/env node
// Keeps what a server publishes in step with payloads in a repository, one file each: DIRECTORY/CLIENT/PROFILE.json
//
//   mcp-config.js validate DIRECTORY   without a server
//   mcp-config.js drift    DIRECTORY   is what is published what stands here?
//   mcp-config.js publish  DIRECTORY   what is the same already stays as it is
//
// MCP_CONFIG_URL and MCP_CONFIG_TOKEN say which server (scope config:read for drift, config:publish for publish), and
// MCP_CONFIG_CHANGELOG what is signed with the releases. Every file is tried; the exit code is that of the first that
// fails, with the meaning that it has on the command line: 6 not valid, 7 not the same, 3 not allowed, and so on.
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createClient, McpOrchestrationError } from 'mcp-orchestration/sdk';

const [task = '', directory = ''] = process.argv.slice(2);
const { MCP_CONFIG_URL, MCP_CONFIG_TOKEN, MCP_CONFIG_CHANGELOG, ...environment } = process.env;
const TASKS = { validate, drift, publish };
const EXIT_OF_STATUS = { 400: 2, 401: 3, 403: 3, 404: 4, 405: 2, 406: 2, 409: 5, 412: 5, 413: 2, 415: 2, 422: 6 };

/** One line each. A line of its own could be a command to the CI that shows it, and names come from others. */
const shown = (text) => text.replaceAll(/\p{C}|[\u2028\u2029]/gu, (sign) => `\\u{${sign.codePointAt(0).toString(16)}}`);
const say = (text) => console.log(shown(text));
const complain = (text) => console.error(shown(text));

/** Only when a server is asked: validation must go without its address and credentials. */
function server() {
  if (!MCP_CONFIG_URL || !MCP_CONFIG_TOKEN)
    throw new Error('MCP_CONFIG_URL and MCP_CONFIG_TOKEN must say which server');
  if (!URL.canParse(MCP_CONFIG_URL)) throw new Error('MCP_CONFIG_URL is no address such as https://mcp.example');
  return createClient({ url: MCP_CONFIG_URL, token: MCP_CONFIG_TOKEN });
}

function validate({ file, client_id }) {
  const program = fileURLToPath(import.meta.resolve('mcp-orchestration/package.json'));
  const command = [join(dirname(program), 'bin/mcp-orchestration.js'), 'validate-payload', '--client', client_id];
  // The token stays out of a program that has no use for it.
  return spawnSync(process.execPath, [...command, '--file', file], { env: environment, stdio: 'inherit' }).status ?? 1;
}

async function drift({ client_id, profile_id, payload }) {
  const { status, diff } = await server().diffConfig({ client_id, profile_id, local_payload: payload() });
  say(status);
  for (const name of diff.servers_added) say(`+ ${name} is published, and not here`);
  for (const name of diff.servers_removed) say(`- ${name} is here, and not published`);
  for (const { server_id } of diff.servers_modified) say(`~ ${server_id} differs`);
  for (const { path } of diff.payload_changes) say(`~ ${path} differs`);
  return status === 'up-to-date' ? 0 : 7;
}

async function publish({ client_id, profile_id, payload }) {
  const changelog = MCP_CONFIG_CHANGELOG || undefined;
  const { status, sequence } = await server().publishConfig({ client_id, profile_id, payload: payload(), changelog });
  say(`${status}, release ${sequence}`);
  return 0;
}

function refusal(error) {
  if (error instanceof McpOrchestrationError) {
    const { code, message, hint, status, request_id } = error;
    complain(`${code}: ${message} ${hint}${request_id ? ` (${request_id})` : ''}`);
    return EXIT_OF_STATUS[status] ?? 1;
  }
  complain(error.message);
  return 2;
}

/** A file that is no JSON is a failure of that file. */
function fileAt(file) {
  const [profile = '', client_id = ''] = file.split(sep).reverse();
  const payload = () => JSON.parse(readFileSync(file, 'utf8'));
  return { file, client_id, profile_id: profile.replace(/\.json$/, ''), payload };
}

const files =
  directory === ''
    ? []
    : globSync(join(directory, '*', '*.json'))
        .sort()
        .map(fileAt);
if (!Object.hasOwn(TASKS, task) || directory === '') {
  complain('usage: mcp-config.js validate|drift|publish DIRECTORY, which has files CLIENT/PROFILE.json');
  process.exitCode = 2;
} else if (files.length === 0) {
  complain(`There is no file CLIENT/PROFILE.json in ${resolve(directory)}`);
  process.exitCode = 2;
}
for (const one of process.exitCode ? [] : files) {
  say(`== ${one.client_id}/${one.profile_id}`);
  const code = await Promise.resolve(one).then(TASKS[task]).catch(refusal);
  if (code !== 0 && !process.exitCode) process.exitCode = code;
}
