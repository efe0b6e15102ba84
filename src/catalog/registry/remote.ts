import type { RemoteTransport } from '../server.ts';
import { type Field, readInput, variablesOf } from './fields.ts';
import { Parameters } from './parameters.ts';
import type { Part } from './part.ts';

/** A remote of the document as an address that a client connects to. */

type Header = RemoteTransport['headers'][number];

const TYPES = new Map<string, RemoteTransport['type']>([
  ['streamable-http', 'streamable-http'],
  ['streamable', 'streamable-http'],
  ['streamable_http', 'streamable-http'],
  ['http', 'streamable-http'],
  ['sse', 'sse'],
]);

const UNSAID = 'The document names no credentials; the server may still ask to sign in (OAuth).';

/** Undefined when there is no address that a client could use; the findings say why. */
export function readRemote(part: Part): RemoteTransport | undefined {
  const { findings } = part;
  const said = part.needed('type');
  const address = part.needed('url');
  const parameters = new Parameters(findings);
  const variables = variablesOf(part);
  const url =
    address && parameters.template({ text: address, variables, path: part.at('url'), undeclared: 'required' }).text;
  const headers = part.parts('headers').flatMap((header) => headerOf(header, parameters) ?? []);
  part.end();
  const type = typeOf(part, said, address);
  if (url === undefined || address === undefined || !isUsable(part, address)) return undefined;
  const auth = authOf(headers);
  const note = auth === 'none' ? { note: UNSAID } : {};
  return { type, url, auth, headers, parameters: requireInUrl(url, parameters), ...note };
}

function typeOf(part: Part, said: string | undefined, address = ''): RemoteTransport['type'] {
  const { findings } = part;
  const path = part.at('type');
  const type = TYPES.get(said?.toLowerCase() ?? '') ?? (/\/sse\/?(\?|$)/.test(address) ? 'sse' : 'streamable-http');
  if (said !== undefined && type !== said) findings.warn('BAD_FORMAT', path, `was read as ${type}`);
  if (type === 'sse') findings.warn('DEPRECATED_TRANSPORT', path, 'the protocol has given up HTTP+SSE');
  if (type === 'sse' && /\/mcp\/?(\?|$)/.test(address))
    findings.warn('SSE_ON_MCP_URL', path, 'the address looks like one of Streamable HTTP');
  return type;
}

/** A variable stands for one character: enough to see whether the rest is an address. */
function isUsable(part: Part, address: string): boolean {
  const { findings } = part;
  const path = part.at('url');
  const probe = URL.parse(address.replaceAll(/^\{[^{}]*\}/g, 'https://h').replaceAll(/\{[^{}]*\}/g, '1'));
  if (probe === null || !/^https?:$/.test(probe.protocol) || /\s/.test(address)) {
    findings.unusable('NOT_REACHABLE', path, 'is no http or https address');
    return false;
  }
  if (probe.username !== '' || probe.password !== '') {
    findings.unusable('NOT_REACHABLE', path, 'holds a user name or password');
    return false;
  }
  if (probe.protocol === 'http:') findings.warn('PLAIN_HTTP', path, 'is not encrypted on its way');
  return true;
}

/** An address without one of its parts is another address. */
function requireInUrl(url: string, { list }: Parameters) {
  for (const parameter of list)
    if (url.includes(`{${parameter.name}}`) && parameter.default === undefined) parameter.required = true;
  return list;
}

function headerOf(part: Part, parameters: Parameters): Header | undefined {
  const { findings } = part;
  const name = part.needed('name') ?? '';
  const input = readInput(part, name);
  part.end();
  if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name)) {
    findings.unusable('BAD_FORMAT', part.at('name'), 'is no name of a header');
    return undefined;
  }
  const { field, value, variables } = input;
  const about = { name, description: field.description, ...(field.required && { required: true }) };
  if (value === undefined) {
    const parameter = parameters.own(name, secretLike(name, field));
    return { ...about, value: `{${parameter.name}}`, ...(parameter.secret && { secret: true }) };
  }
  const filled = parameters.template({ text: value, variables, path: part.at('value'), undeclared: 'required' });
  if (filled.parameters.length === 0 && field.secret) {
    findings.warn('SECRET_WITH_VALUE', part.at('value'), 'is a secret with a value for everybody; it is asked for');
    const parameter = parameters.own(name, field);
    return { ...about, value: `{${parameter.name}}`, secret: true };
  }
  for (const parameter of filled.parameters) Object.assign(parameter, secretLike(name, inherit(parameter, field)));
  const secret = filled.parameters.some((parameter) => parameter.secret);
  return { ...about, value: filled.text, ...(secret && { secret }) };
}

/** What the header says of its whole value holds for what it is made of, too. */
const inherit = <F extends Pick<Field, 'required' | 'secret'>>(parameter: F, { required, secret }: Field): F => ({
  ...parameter,
  ...(required && { required }),
  ...(secret && { secret }),
});

/** Nothing else than a credential is sent under this name, whatever the document says. */
const secretLike = <F extends Pick<Field, 'secret'>>(header: string, field: F): F =>
  header.toLowerCase() === 'authorization' ? { ...field, secret: true } : field;

function authOf(headers: readonly Header[]): RemoteTransport['auth'] {
  const secret = headers.filter((header) => header.secret);
  if (secret.length === 0) return 'none';
  const isBearer = secret.some(({ name, value }) => name.toLowerCase() === 'authorization' && /^bearer /i.test(value));
  return isBearer ? 'bearer' : 'header';
}
