/** What is said about low-rank adapters (Hu et al., "LoRA", arXiv:2106.09685). Field names are those of `TrainingConfig`. */

export interface LoraSpec {
  /** Names of weights of MatMul, Gemm and Conv in the file; `*` stands for any run of characters. */
  readonly match: readonly string[];
  /** Rows of A and columns of B. */
  readonly rank: number;
  /** The layer uses W + (alpha / rank) * B A. */
  readonly alpha: number;
  /** Probability with which an element of what A reads is left out in training; 0 when absent. */
  readonly dropout?: number;
  /** Of the initial values of A; 1 when absent. */
  readonly seed?: number;
}

/** Fields out of range, each named. */
export function loraProblems({ match, rank, alpha, dropout = 0, seed = 1 }: LoraSpec): string[] {
  const problems: string[] = [];
  if (match.length === 0) problems.push('lora.match: expected at least one name');
  if (!(Number.isInteger(rank) && rank >= 1)) problems.push(`lora.rank: expected a whole number from 1, not ${rank}`);
  if (!(Number.isFinite(alpha) && alpha > 0)) problems.push(`lora.alpha: expected a number above 0, not ${alpha}`);
  if (!(dropout >= 0 && dropout < 1))
    problems.push(`lora.dropout: expected a number from 0 to below 1, not ${dropout}`);
  if (!(Number.isInteger(seed) && seed >= 0)) problems.push(`lora.seed: expected a whole number from 0, not ${seed}`);
  return problems;
}
