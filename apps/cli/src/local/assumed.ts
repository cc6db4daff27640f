/** What a verb repaired in a model, and which of its declarations do not hold. */
import type { Claim, Repair } from '@verge/onnx';

/** Rows for `fields`; none where the model was as it should be. */
export function assumedFields(report: {
  readonly repairs: readonly Repair[];
  readonly claims: readonly Claim[];
}): [string, string][] {
  const said = (list: readonly { message: string }[]): string => list.map((one) => one.message).join('; ');
  return [
    ...(report.repairs.length > 0 ? [['repaired', said(report.repairs)] as [string, string]] : []),
    ...(report.claims.length > 0 ? [['not as declared', said(report.claims)] as [string, string]] : []),
  ];
}
