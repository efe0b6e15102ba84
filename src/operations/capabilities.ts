import { z } from 'zod';
import { defineOperation } from './operation.ts';

export const describeSelf = defineOperation({
  id: 'capabilities.describe',
  summary: 'Say what this server is and offers',
  effect: 'read',
  input: z.strictObject({}),
  output: z.object({
    name: z.string(),
    version: z.string(),
    mode: z.enum(['local', 'server']),
    tools: z.array(z.string()),
    resources: z.array(z.string()),
    toolsets: z.array(z.string()),
    signature_algorithms: z.array(z.string()),
    payload_schema: z.string(),
  }),
  errors: [],
  permission: { needs: 'config:read', bound: 'open' },
  mcp: { resource: { name: 'server capabilities', uri: 'capabilities://server' } },
  async run({ services }) {
    return {
      name: 'mcp-orchestration',
      version: services.version,
      mode: services.mode,
      ...(await services.describeSelf()),
      signature_algorithms: ['ed25519', 'ecdsa-p256'],
      payload_schema: '/schemas/payload-v1.json',
    };
  },
});
