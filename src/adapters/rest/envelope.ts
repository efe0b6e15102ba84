import { z } from 'zod';
import { Timestamp } from '../../core/ids.ts';

export const ErrorEnvelope = z
  .object({
    error: z.object({
      code: z.string(),
      message: z.string(),
      details: z.record(z.string(), z.json()),
      hint: z.string(),
      timestamp: Timestamp,
      request_id: z.string(),
    }),
  })
  .meta({ id: 'Error', description: 'The one shape of every refusal.' });
