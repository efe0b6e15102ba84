import { z } from 'zod';

/** One line of a validation report (DESIGN 4.4). Errors forbid publishing or deploying, warnings only say what is lost. */
export const Finding = z
  .strictObject({
    code: z.string().regex(/^[A-Z][A-Z0-9_]*$/),
    message: z.string().min(1),
    severity: z.enum(['error', 'warning']),
    /** The name of the entry, where the finding is about one. */
    server: z.string().optional(),
    /** JSON Pointer from the payload root; `""` is the whole payload. */
    path: z.string(),
    hint: z.string().optional(),
  })
  .meta({ id: 'Finding', description: 'What is wrong, where, and what to do about it.' });
export type Finding = z.infer<typeof Finding>;
