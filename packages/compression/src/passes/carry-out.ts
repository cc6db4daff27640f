/** One pass carried out, and what it did as a report has it. */
import type { DeviceClass, PassReport, RecipePass } from '@verge/contracts';
import { assertLegal, type Model, type Scratch } from '@verge/onnx';
import type { MeasuredModel } from '@verge/training';
import { checkCancelled, CompressionError } from '../errors.js';
import { heldModel, sizeOf } from '../held-model.js';
import type { PassContext, PassResult } from './pass.js';
import { runPass } from './table.js';

export interface CarriedOut {
  readonly held: MeasuredModel;
  readonly report: PassReport;
}

/** Every pass must leave a legal model. */
function finish({ model }: PassResult, pass: string, scratch: Scratch | undefined): Promise<MeasuredModel> {
  try {
    assertLegal(model);
  } catch (cause) {
    throw new CompressionError('illegal-result', `the pass '${pass}' left an illegal model`, { cause });
  }
  return heldModel(model, scratch);
}

function notesOf(moved: string | null, own: readonly string[] = []): { notes?: string[] } {
  const notes = [...(moved === null ? [] : [moved]), ...own];
  return notes.length > 0 ? { notes } : {};
}

/**
 * @param given what the pass works on, and how many bytes that is as a file
 * @param moved why it runs at another place than the recipe has it
 */
export async function carryOutPass(
  given: { model: Model; size: number },
  pass: RecipePass,
  target: DeviceClass,
  context: PassContext,
  moved: string | null = null,
): Promise<CarriedOut> {
  checkCancelled(context.signal);
  context.onProgress?.(0);
  const from = performance.now();
  const result = await runPass(given.model, pass, target, context);
  const held = await finish(result, pass.pass, context.scratch);
  const report = {
    pass: pass.pass,
    seconds: (performance.now() - from) / 1000,
    bytesBefore: given.size,
    bytesAfter: sizeOf(held),
    changes: result.changes,
    declined: result.declined,
    ...notesOf(moved, result.notes),
    ...(result.units && { units: result.units }),
    ...(result.sensitivity && { sensitivity: result.sensitivity }),
  };
  context.onProgress?.(1);
  return { held, report };
}
