/** What the quickstart measured, as it is written to .verge/quickstart/report.json. */
import { z } from 'zod';

export const Report = z.strictObject({
  steps: z.array(z.strictObject({ name: z.string(), ok: z.boolean(), seconds: z.number() })),
  models: z.array(
    z.strictObject({
      name: z.string(),
      /** teacher, student-distilled, student-plain, or artifact. */
      role: z.string(),
      bytes: z.int(),
      parameters: z.int(),
      /** Top-1 on the test part, a fraction. */
      accuracy: z.number(),
      p50Ms: z.number(),
      p95Ms: z.number(),
      peakRssBytes: z.int(),
    }),
  ),
  devices: z.array(
    z.strictObject({ id: z.string(), class: z.string(), artifact: z.string(), served: z.int(), correct: z.int() }),
  ),
  /** Inferences sent to the agents, inferences that the control plane counted, telemetry records counted twice. */
  telemetry: z.strictObject({ sent: z.int(), received: z.int(), duplicates: z.int() }),
  refusals: z.array(
    z.strictObject({ name: z.string(), refused: z.boolean(), servingBefore: z.string(), servingAfter: z.string() }),
  ),
  ok: z.boolean(),
});
export type Report = z.infer<typeof Report>;

export const emptyReport = (): Report => ({
  steps: [],
  models: [],
  devices: [],
  telemetry: { sent: 0, received: 0, duplicates: 0 },
  refusals: [],
  ok: false,
});
