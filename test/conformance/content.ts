import { setTimeout as sleep } from 'node:timers/promises';
import { completable, type McpServer, ResourceTemplate, type ServerContext } from '@modelcontextprotocol/server';
import { z } from 'zod';

/** Tools, resources and prompts of the public conformance suite that only answer. Names and texts are the suite's. */

/** One red pixel, and a sound without samples. */
const IMAGE = {
  type: 'image' as const,
  mimeType: 'image/png',
  data: 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==',
};
const AUDIO = {
  type: 'audio' as const,
  mimeType: 'audio/wav',
  data: 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=',
};
export const text = (text: string) => ({ type: 'text' as const, text });
const embedded = (uri: string, mimeType: string, content: string) => ({
  type: 'resource' as const,
  resource: { uri, mimeType, text: content },
});
const PAUSE_MS = 50;

export function registerContentTools(server: McpServer): void {
  const answering = (name: string, ...content: Content[]) =>
    server.registerTool(name, { description: `Answers ${name}` }, () => ({ content }));
  answering('test_simple_text', text('This is a simple text response for testing.'));
  answering('test_image_content', IMAGE);
  answering('test_audio_content', AUDIO);
  answering(
    'test_embedded_resource',
    embedded('test://embedded-resource', 'text/plain', 'This is an embedded resource content.'),
  );
  answering(
    'test_multiple_content_types',
    text('Multiple content types test:'),
    IMAGE,
    embedded('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}'),
  );
  server.registerTool('test_error_handling', { description: 'Always fails' }, () => {
    throw new Error('This tool intentionally returns an error for testing');
  });
  server.registerTool('test_tool_with_progress', { description: 'Tells how far it is' }, async (context) => {
    const progressToken = context.mcpReq._meta?.progressToken;
    for (const progress of [0, 50, 100]) {
      if (progressToken !== undefined) {
        await context.mcpReq.notify({
          method: 'notifications/progress',
          params: { progressToken, progress, total: 100 },
        });
      }
      await sleep(PAUSE_MS);
    }
    return { content: [text('Done.')] };
  });
  for (const name of ['test_tool_with_logging', 'test_logging_tool']) {
    server.registerTool(name, { description: 'Says what it does' }, async ({ mcpReq }) => {
      for (const line of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
        await mcpReq.log('info', line);
        await sleep(PAUSE_MS);
      }
      return { content: [text('Done.')] };
    });
  }
  const region = z.string().meta({ 'x-mcp-header': 'Region' });
  server.registerTool(
    'test_custom_header',
    { description: 'Takes a value that a header repeats', inputSchema: z.object({ region }) },
    ({ region }) => ({ content: [text(region)] }),
  );
  server.registerTool(
    'json_schema_2020_12_tool',
    { description: 'Tool with JSON Schema 2020-12 features', inputSchema: SCHEMA_2020_12 },
    () => ({ content: [text('Done.')] }),
  );
}

type Content = ReturnType<typeof text> | typeof IMAGE | typeof AUDIO | ReturnType<typeof embedded>;

/** A schema that goes out as it is. */
const SCHEMA_2020_12 = {
  '~standard': {
    version: 1 as const,
    vendor: 'test',
    validate: (value: unknown) => ({ value }),
    jsonSchema: {
      input: () => ({
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        type: 'object',
        $defs: {
          address: {
            $anchor: 'addressDef',
            type: 'object',
            properties: { street: { type: 'string' }, city: { type: 'string' } },
          },
        },
        properties: {
          name: { type: 'string' },
          address: { $ref: '#/$defs/address' },
          contactMethod: { type: 'string', enum: ['phone', 'email'] },
          phone: { type: 'string' },
          email: { type: 'string' },
        },
        allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
        if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
        // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
        then: { required: ['phone'] },
        else: { required: ['email'] },
        additionalProperties: false,
      }),
      output: () => ({}),
    },
  },
};

export function registerResources(server: McpServer): void {
  const constant = (name: string, mimeType: string, body: { text: string } | { blob: string }) => {
    const uri = `test://${name}`;
    server.registerResource(name, uri, { mimeType }, () => ({ contents: [{ uri, mimeType, ...body }] }));
  };
  constant('static-text', 'text/plain', { text: 'This is the content of the static text resource.' });
  constant('static-binary', 'image/png', { blob: IMAGE.data });
  constant('watched-resource', 'text/plain', { text: 'Watched resource content' });
  const template = new ResourceTemplate('test://template/{id}/data', { list: undefined });
  server.registerResource('template', template, { mimeType: 'application/json' }, ({ href: uri }, { id }) => ({
    contents: [
      {
        uri,
        mimeType: 'application/json',
        text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` }),
      },
    ],
  }));
}

export function registerPrompts(server: McpServer): void {
  const user = (content: Content) => ({ role: 'user' as const, content });
  server.registerPrompt('test_simple_prompt', { description: 'Without arguments' }, () => ({
    messages: [user(text('This is a simple prompt for testing.'))],
  }));
  const word = completable(z.string(), (value) =>
    ['paris', 'park', 'party'].filter((one) => one.startsWith(value ?? '')),
  );
  server.registerPrompt(
    'test_prompt_with_arguments',
    { description: 'With arguments', argsSchema: z.object({ arg1: word, arg2: z.string() }) },
    ({ arg1, arg2 }) => ({ messages: [user(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`))] }),
  );
  server.registerPrompt(
    'test_prompt_with_embedded_resource',
    { description: 'With a resource', argsSchema: z.object({ resourceUri: z.string() }) },
    ({ resourceUri }) => ({
      messages: [
        user(embedded(resourceUri, 'text/plain', 'Embedded resource content for testing.')),
        user(text('Please process the embedded resource above.')),
      ],
    }),
  );
  server.registerPrompt('test_prompt_with_image', { description: 'With an image' }, () => ({
    messages: [user(IMAGE), user(text('Please analyze the image above.'))],
  }));
}

/** What the client says of itself, in either era. */
export const capabilitiesOf = (server: McpServer, { mcpReq }: ServerContext): Record<string, unknown> =>
  (mcpReq._meta?.['io.modelcontextprotocol/clientCapabilities'] as Record<string, unknown> | undefined) ??
  server.server.getClientCapabilities() ??
  {};
