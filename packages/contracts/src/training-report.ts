/** What a training did with each parameter, and what it had to decide and mend before. */
import { z } from 'zod';

const ParameterLine = z
  .object({
    name: z.string().describe('as in the trained file'),
    shape: z.array(z.int().min(0)),
    elements: z.int().min(0),
    fate: z
      .enum(['moves', 'frozen', 'left-out'])
      .describe('frozen: could move, and was asked not to; left-out: is no parameter, why says what it is'),
    why: z.string().describe('empty for what moves'),
    adapter: z
      .object({ rank: z.int().min(1), elements: z.int().min(1) })
      .optional()
      .describe('the low-rank adapter that moves in its place'),
    readers: z.int().min(1).optional().describe('nodes that read it, where there are several'),
    storedAs: z.string().optional().describe('element type of the file, where that is not float32'),
    untiedFrom: z.string().optional().describe('the constant of the given file that held its values along with others'),
  })
  .meta({ id: 'ParameterLine' });

export const TrainingReport = z
  .object({
    parameters: z.array(ParameterLine),
    repairs: z
      .array(z.object({ code: z.string(), where: z.string(), message: z.string(), legal: z.boolean() }))
      .describe('what of the ONNX file was mended before the first step; legal: it was within the rules as it was'),
    assumed: z.array(z.string()).describe('what the file left open and was decided, in words'),
  })
  .meta({ id: 'TrainingReport' });
export type TrainingReport = z.infer<typeof TrainingReport>;
